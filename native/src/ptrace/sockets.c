/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "sockets.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probes.h"
#include "procfs.h"
#include "unixdiag.h"

/* Of one file: some thousand sockets. What lies behind is shown by its inode alone. */
#define READ_MOST (1024 * 1024)
#define BLOCK 16384
#define LINE_MOST 512
#define REMEMBERED 1024
#define WORDS 160

/* include/net/tcp_states.h */
#define ESTABLISHED 1
#define LISTENING 10

enum family { FAMILY_INET, FAMILY_INET6, FAMILY_UNIX, FAMILY_NETLINK, FAMILY_NONE };

/* By the name that the kernel gives a socket's protocol (the attribute system.sockprotoname, net/socket.c). */
static const struct protocol {
	const char *name, *shown, *file;
	enum family family;
} protocols[] = {
	{"TCP", "TCP", "net/tcp", FAMILY_INET},
	{"TCPv6", "TCPv6", "net/tcp6", FAMILY_INET6},
	{"UDP", "UDP", "net/udp", FAMILY_INET},
	{"UDPv6", "UDPv6", "net/udp6", FAMILY_INET6},
	{"UNIX", "UNIX", "net/unix", FAMILY_UNIX},
	{"UNIX-STREAM", "UNIX-STREAM", "net/unix", FAMILY_UNIX},
	{"NETLINK", "NETLINK", "net/netlink", FAMILY_NETLINK},
	{"RAW", "RAW", NULL, FAMILY_NONE},
	{"RAWv6", "RAWv6", NULL, FAMILY_NONE},
};

/* include/uapi/linux/netlink.h */
static const char *const netlink_names[] = {
	[0] = "ROUTE",    [2] = "USERSOCK",       [4] = "SOCK_DIAG",  [6] = "XFRM",       [7] = "SELINUX",
	[9] = "AUDIT",    [10] = "FIB_LOOKUP",    [11] = "CONNECTOR", [12] = "NETFILTER", [15] = "KOBJECT_UEVENT",
	[16] = "GENERIC", [18] = "SCSITRANSPORT", [19] = "ECRYPTFS",  [20] = "RDMA",      [21] = "CRYPTO",
};

/* Connected ones: their addresses stay what they are. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct remembered {
	uint64_t inode;
	char words[WORDS];
} remembered[REMEMBERED];

/* One socket as a line of /proc has it. */
struct found {
	char words[WORDS];       /* addresses */
	char path[LINE_MOST];    /* of a Unix socket */
	bool connected, settled; /* settled: it does not change without a call that says so */
	unsigned protocol;       /* of a netlink socket */
	uint64_t peer;           /* of a Unix socket, its inode; 0: not known */
};

/* ---- the lines --------------------------------------------------------------------------------------------- */

/* Words of the kernel's byte order, in hexadecimal: net/ipv4/tcp_ipv4.c */
static bool address_of(const char *hex, enum family family, char *out, size_t size, bool *any)
{
	uint32_t words[4] = {0};
	int count = family == FAMILY_INET ? 1 : 4;
	unsigned port;
	char address[INET6_ADDRSTRLEN];

	*any = false;
	for (int i = 0; i < count; i++, hex += 8) {
		if (sscanf(hex, "%8" SCNx32, &words[i]) != 1)
			return false;
		*any |= words[i] != 0;
	}
	if (sscanf(hex, ":%4x", &port) != 1)
		return false;
	*any |= port != 0;
	if (!inet_ntop(family == FAMILY_INET ? AF_INET : AF_INET6, words, address, sizeof(address)))
		return false;
	snprintf(out, size, family == FAMILY_INET ? "%s:%u" : "[%s]:%u", address, port);
	return true;
}

static bool match_inet(const char *line, uint64_t inode, enum family family, struct found *found)
{
	char local[80], remote[80], here[64], there[64];
	unsigned state;
	uint64_t number;
	bool bound, connected;

	if (sscanf(line, " %*u: %79s %79s %x %*s %*s %*s %*u %*u %" SCNu64, local, remote, &state, &number) != 4 ||
	    number != inode || !address_of(local, family, here, sizeof(here), &bound) ||
	    !address_of(remote, family, there, sizeof(there), &connected) || (!bound && !connected))
		return false;
	if (connected)
		snprintf(found->words, sizeof(found->words), "%s->%s", here, there);
	else
		snprintf(found->words, sizeof(found->words), "%s", here);
	found->connected = connected && state == ESTABLISHED;
	found->settled = state == ESTABLISHED || state == LISTENING;
	return true;
}

static bool match_unix(const char *line, uint64_t inode, struct found *found)
{
	uint64_t number;
	int path = 0;

	if (sscanf(line, "%*x: %*x %*x %*x %*x %*x %" SCNu64 " %n", &number, &path) != 1 || number != inode)
		return false;
	if (path)
		snprintf(found->path, sizeof(found->path), "%s", line + path);
	found->settled = true;
	return true;
}

static bool match_netlink(const char *line, uint64_t inode, struct found *found)
{
	unsigned protocol, port;
	uint64_t number;

	if (sscanf(line, "%*x %u %u %*x %*u %*u %*u %*u %*u %" SCNu64, &protocol, &port, &number) != 3 ||
	    number != inode || !port)
		return false;
	const char *name = protocol < sizeof(netlink_names) / sizeof(netlink_names[0]) ? netlink_names[protocol] : NULL;

	if (name)
		snprintf(found->words, sizeof(found->words), "%s:%u", name, port);
	else
		snprintf(found->words, sizeof(found->words), "%u:%u", protocol, port);
	found->protocol = protocol;
	found->settled = true;
	return true;
}

static bool match(const char *line, uint64_t inode, enum family family, struct found *found)
{
	switch (family) {
	case FAMILY_INET:
	case FAMILY_INET6:
		return match_inet(line, inode, family, found);
	case FAMILY_UNIX:
		return match_unix(line, inode, found);
	default:
		return match_netlink(line, inode, found);
	}
}

/* ---- the files ---------------------------------------------------------------------------------------------- */

/* Quick: a line without the inode's digits is not looked at any closer. */
static bool find_in(int fd, uint64_t inode, enum family family, struct found *found)
{
	char block[BLOCK + 1], digits[24];
	size_t kept = 0, total = 0;

	snprintf(digits, sizeof(digits), "%" PRIu64, inode);
	while (total < READ_MOST) {
		ssize_t size = read(fd, block + kept, BLOCK - kept);

		if (size <= 0)
			return false;
		total += (size_t)size;
		block[kept + (size_t)size] = '\0';
		char *line = block, *end;

		while ((end = strchr(line, '\n')) != NULL) {
			*end = '\0';
			if (strstr(line, digits) && match(line, inode, family, found))
				return true;
			line = end + 1;
		}
		kept = strlen(line);
		if (kept >= BLOCK)
			return false;
		memmove(block, line, kept);
	}
	return false;
}

static const struct protocol *protocol_of(pid_t tid, int32_t fd, _Atomic uint64_t *hung_until_ns)
{
	char name[PROBE_PROTOCOL];

	if (probe_socket_protocol(tid, fd, name, hung_until_ns) < 0)
		return NULL;
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (strncmp(protocols[i].name, name, sizeof(name)) == 0)
			return &protocols[i];
	}
	return NULL;
}

static bool recall(uint64_t inode, char words[WORDS])
{
	const struct remembered *entry = &remembered[inode % REMEMBERED];

	pthread_mutex_lock(&lock);
	bool hit = entry->inode == inode;

	if (hit)
		memcpy(words, entry->words, WORDS);
	pthread_mutex_unlock(&lock);
	return hit;
}

static void remember(uint64_t inode, const char *words)
{
	struct remembered *entry = &remembered[inode % REMEMBERED];

	pthread_mutex_lock(&lock);
	entry->inode = inode;
	snprintf(entry->words, sizeof(entry->words), "%s", words);
	pthread_mutex_unlock(&lock);
}

static size_t append(char *text, size_t used, size_t room, char letter, const char *part)
{
	size_t size = strlen(part);

	if (used + size + 2 > room)
		return used;
	text[used++] = '\0';
	text[used++] = letter;
	memcpy(text + used, part, size);
	return used + size;
}

static size_t append_unix(char *text, size_t used, size_t room, const struct protocol *protocol, uint64_t inode,
                          const struct found *found)
{
	char words[WORDS], peer[32] = "";
	bool abstract = *found->path == '@';

	if (found->peer)
		snprintf(peer, sizeof(peer), "->%" PRIu64, found->peer);
	snprintf(words, sizeof(words), "%s:[%" PRIu64 "%s%s", protocol->shown, inode, peer, *found->path ? "," : "]");
	used = append(text, used, room, 's', words);
	if (!*found->path)
		return used;
	used = append(text, used, room, abstract ? '@' : 'q', found->path + abstract);
	return append(text, used, room, 's', "]");
}

size_t describe_socket(const struct socket_of *of, char *text, size_t size, size_t room, bool *stays)
{
	char words[WORDS];
	struct found found = {0};
	uint64_t inode = of->inode;

	*stays = true;
	if (recall(inode, words))
		return append(text, size, room, 's', words);
	const struct protocol *protocol = protocol_of(of->tid, of->fd, of->hung_until_ns);

	if (!protocol)
		return size;
	if (protocol->family == FAMILY_UNIX && unix_diag(inode, &found.peer, found.path, sizeof(found.path)))
		return append_unix(text, size, room, protocol, inode, &found);
	int fd = protocol->file ? task_open(of->tid, protocol->file) : -1;

	if (fd >= 0) {
		*stays = find_in(fd, inode, protocol->family, &found) && found.settled;
		close(fd);
	}
	if (protocol->family == FAMILY_UNIX)
		return append_unix(text, size, room, protocol, inode, &found);
	if (*found.words)
		snprintf(words, sizeof(words), "%s:[%.130s]", protocol->shown, found.words);
	else
		snprintf(words, sizeof(words), "%s:[%" PRIu64 "]", protocol->shown, inode);
	if (found.connected)
		remember(inode, words);
	return append(text, size, room, 's', words);
}

bool netlink_socket(pid_t tid, int32_t fd, _Atomic uint64_t *hung_until_ns, int32_t *protocol)
{
	const struct protocol *of = protocol_of(tid, fd, hung_until_ns);
	struct found found = {0};
	char link[64], text[64] = "";
	uint64_t inode;

	*protocol = -1;
	if (!of || of->family != FAMILY_NETLINK)
		return false;
	task_fd_path(tid, fd, link, sizeof(link));
	ssize_t size = readlink(link, text, sizeof(text) - 1);
	int table = task_open(tid, of->file);

	if (table < 0)
		return true;
	if (size > 0 && sscanf(text, "socket:[%" SCNu64 "]", &inode) == 1 &&
	    find_in(table, inode, FAMILY_NETLINK, &found))
		*protocol = (int32_t)found.protocol;
	close(table);
	return true;
}

/* net/core/dev_addr_lists.c: a line for each address, those of one interface one after another. */
size_t interfaces_of(pid_t tid, struct captured_interface *out, size_t most)
{
	int fd = task_open(tid, "net/dev_mcast");
	FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
	char line[LINE_MOST];
	size_t count = 0;

	if (!file && fd >= 0)
		close(fd);
	while (file && count < most && fgets(line, sizeof(line), file)) {
		struct captured_interface *one = &out[count];

		memset(one, 0, sizeof(*one));
		if (sscanf(line, "%" SCNu32 " %15s", &one->index, one->name) == 2 &&
		    (!count || out[count - 1].index != one->index))
			count++;
	}
	if (file)
		fclose(file);
	return count;
}

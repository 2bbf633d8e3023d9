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

#include "clock.h"
#include "describe.h"
#include "probes.h"
#include "procfs.h"
#include "unixdiag.h"

/* Of one file: some thousand sockets. What lies behind is shown by its inode alone. */
#define READ_MOST (1024 * 1024)
/* Of the netlink sockets' less: it is read whether or not anything of descriptors was asked for. */
#define NETLINK_READ_MOST (64 * 1024)
#define KEPT_NS NS_PER_S
#define MISSES_MOST 3
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

/* What is known of a socket. */
struct facts {
	bool asked;                      /* for its protocol */
	const struct protocol *protocol; /* NULL: none that is shown */
	int32_t netlink;                 /* NETLINK_ROUTE or another; -1: not known */
	uint32_t misses;                 /* how often that was looked for in vain */
	char words[WORDS];               /* of a connected one of TCP: its addresses; "": not known */
	uint64_t changes;                /* how often they had changed */
};

/* For a while only: what changes a socket may be seen by nobody (io_uring(7), a task that is not traced). */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct remembered {
	uint64_t inode, until_ns;
	struct facts facts;
} remembered[REMEMBERED];
/* How often addresses changed: of some sockets, of what may be any, and in all. */
static _Atomic uint64_t changed[REMEMBERED], changed_any, changed_all;

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

struct extent {
	size_t most;                /* bytes */
	struct look_budget *budget; /* NULL: no other bound */
};

/* Quick: a line without the inode's digits is not looked at any closer. */
static bool find_in(int fd, uint64_t inode, enum family family, struct extent extent, struct found *found)
{
	char block[BLOCK + 1], digits[24];
	size_t kept = 0, total = 0;

	snprintf(digits, sizeof(digits), "%" PRIu64, inode);
	while (total < extent.most && !(extent.budget && look_budget_over(extent.budget))) {
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

/* ---- what is remembered --------------------------------------------------------------------------------------- */

uint64_t socket_changes(uint64_t inode)
{
	return inode ? atomic_load(&changed[inode % REMEMBERED]) + atomic_load(&changed_any) : 0;
}

uint64_t sockets_changes(void)
{
	return atomic_load(&changed_all);
}

void socket_changed(uint64_t inode)
{
	atomic_fetch_add(inode ? &changed[inode % REMEMBERED] : &changed_any, 1);
	atomic_fetch_add(&changed_all, 1);
}

uint64_t socket_inode(pid_t tid, int32_t fd)
{
	char link[64], text[64] = "";
	uint64_t inode;

	task_fd_path(tid, fd, link, sizeof(link));
	if (readlink(link, text, sizeof(text) - 1) <= 0 || sscanf(text, "socket:[%" SCNu64 "]", &inode) != 1)
		return 0;
	return inode;
}

static void recall(uint64_t inode, struct facts *facts)
{
	const struct remembered *entry = &remembered[inode % REMEMBERED];

	pthread_mutex_lock(&lock);
	if (entry->inode == inode && clock_ns() < entry->until_ns)
		*facts = entry->facts;
	else
		*facts = (struct facts){.netlink = -1};
	pthread_mutex_unlock(&lock);
	if (facts->changes != socket_changes(inode))
		*facts->words = '\0';
}

static void remember(uint64_t inode, const struct facts *facts)
{
	struct remembered *entry = &remembered[inode % REMEMBERED];
	uint64_t now = clock_ns();

	pthread_mutex_lock(&lock);
	if (entry->inode != inode || now >= entry->until_ns)
		entry->until_ns = now + KEPT_NS;
	entry->inode = inode;
	entry->facts = *facts;
	pthread_mutex_unlock(&lock);
}

static const struct protocol *protocol_of(const struct socket_of *of, struct facts *facts)
{
	char name[PROBE_PROTOCOL];

	if (facts->asked)
		return facts->protocol;
	if (probe_socket_protocol(of->tid, of->fd, name, of->hung_until_ns) < 0)
		return NULL;
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (strncmp(protocols[i].name, name, sizeof(name)) == 0)
			facts->protocol = &protocols[i];
	}
	facts->asked = true;
	remember(of->inode, facts);
	return facts->protocol;
}

/* ---- what is said ------------------------------------------------------------------------------------------- */

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

size_t describe_socket(const struct socket_of *of, struct look_budget *budget, char *text, size_t size, size_t room,
                       bool *stays)
{
	char words[WORDS];
	struct facts facts;
	struct found found = {0};
	uint64_t inode = of->inode;

	*stays = true;
	uint64_t changes = socket_changes(inode);

	recall(inode, &facts);
	if (*facts.words)
		return append(text, size, room, 's', facts.words);
	if (look_budget_over(budget)) {
		*stays = false;
		return size;
	}
	const struct protocol *protocol = protocol_of(of, &facts);

	if (!protocol) {
		*stays = facts.asked;
		return size;
	}
	if (protocol->family == FAMILY_UNIX && unix_diag(inode, &found.peer, found.path, sizeof(found.path)))
		return append_unix(text, size, room, protocol, inode, &found);
	int fd = protocol->file ? task_open(of->tid, protocol->file) : -1;

	if (fd >= 0) {
		*stays = find_in(fd, inode, protocol->family, (struct extent){READ_MOST, budget}, &found) &&
		         found.settled;
		close(fd);
	}
	if (protocol->family == FAMILY_UNIX)
		return append_unix(text, size, room, protocol, inode, &found);
	if (*found.words)
		snprintf(words, sizeof(words), "%s:[%.130s]", protocol->shown, found.words);
	else
		snprintf(words, sizeof(words), "%s:[%" PRIu64 "]", protocol->shown, inode);
	/* One of UDP is connected to others as it likes, connect(2). */
	if (found.connected && strncmp(protocol->name, "TCP", 3) == 0) {
		memcpy(facts.words, words, sizeof(facts.words));
		facts.changes = changes;
		remember(inode, &facts);
	}
	return append(text, size, room, 's', words);
}

static void find_netlink(const struct socket_of *of, struct facts *facts)
{
	struct found found = {0};
	int table = task_open(of->tid, facts->protocol->file);

	if (table < 0)
		return;
	if (find_in(table, of->inode, FAMILY_NETLINK, (struct extent){NETLINK_READ_MOST, NULL}, &found))
		facts->netlink = (int32_t)found.protocol;
	else
		facts->misses++;
	close(table);
	remember(of->inode, facts);
}

bool netlink_socket(pid_t tid, int32_t fd, _Atomic uint64_t *hung_until_ns, int32_t *protocol)
{
	struct socket_of of = {.tid = tid, .fd = fd, .hung_until_ns = hung_until_ns};
	struct facts facts;

	*protocol = -1;
	of.inode = socket_inode(tid, fd);
	if (!of.inode)
		return false;
	recall(of.inode, &facts);
	const struct protocol *is = protocol_of(&of, &facts);

	if (!is || is->family != FAMILY_NETLINK)
		return false;
	/* It has a place in the table from its bind(2) on, or its first send(2): it is looked for more than once. */
	if (facts.netlink < 0 && facts.misses < MISSES_MOST)
		find_netlink(&of, &facts);
	*protocol = facts.netlink;
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static unsigned char bytes[512];

static void get(int fd, int level, int name, socklen_t size)
{
	memset(bytes, 0, sizeof(bytes));
	getsockopt(fd, level, name, bytes, &size);
}

/* Every option by its number, on a descriptor that has none: what is passed is shown all the same. */
static void names(void)
{
	const int levels[] = {0,   1,   6,   17,  41,  58,  132, 255, 263, 264, 268, 269, 270,
	                      271, 272, 273, 274, 276, 278, 279, 280, 281, 282, 283, 999};

	for (unsigned i = 0; i < sizeof(levels) / sizeof(*levels); i++)
		for (int name = 0; name < (levels[i] > 255 ? 30 : 140); name++) {
			setsockopt(-1, levels[i], name, NULL, 0);
			get(-1, levels[i], name, 4);
		}
}

/* On sockets that have them, with the sizes that matter. */
static void values(void)
{
	const socklen_t sizes[] = {0, 3, 4, 8, 12, 16, 24, 200, -1};
	const struct {
		int family, type, level, count;
	} sockets[] = {{AF_UNIX, SOCK_STREAM, SOL_SOCKET, 78},  {AF_INET, SOCK_STREAM, IPPROTO_TCP, 38},
	               {AF_INET, SOCK_STREAM, IPPROTO_IP, 51},  {AF_INET6, SOCK_DGRAM, IPPROTO_IPV6, 79},
	               {AF_INET, SOCK_DGRAM, IPPROTO_UDP, 3},   {AF_PACKET, SOCK_RAW, SOL_PACKET, 25},
	               {AF_NETLINK, SOCK_RAW, SOL_NETLINK, 13}, {AF_INET, SOCK_RAW, SOL_RAW, 3}};

	for (unsigned i = 0; i < sizeof(sockets) / sizeof(*sockets); i++) {
		int fd = socket(sockets[i].family, sockets[i].type,
		                sockets[i].family == AF_INET && sockets[i].type == SOCK_RAW);

		for (int name = 1; name < sockets[i].count; name++) {
			if (sockets[i].level == IPPROTO_TCP &&
			    (name == TCP_INFO || name == TCP_MAXSEG || name == TCP_TIMESTAMP))
				continue;
			if (sockets[i].level == SOL_SOCKET &&
			    (name == 57 || name == 76 || name == 77 || name == SO_BINDTODEVICE))
				continue; /* SO_COOKIE differs, SO_PEERPIDFD and SO_PASSPIDFD are later than strace 6.1 */
			for (unsigned j = 0; j < sizeof(sizes) / sizeof(*sizes); j++)
				get(fd, sockets[i].level, name, sizes[j]);
		}
		close(fd);
	}
}

static void set_values(void)
{
	const int levels[] = {0, 1, 6, 17, 41, 58, 255, 263, 270};

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = i + 1;
	for (unsigned i = 0; i < sizeof(levels) / sizeof(*levels); i++)
		for (int name = 0; name < 80; name++) {
			setsockopt(-1, levels[i], name, bytes, 3);
			setsockopt(-1, levels[i], name, bytes, 4);
			setsockopt(-1, levels[i], name, bytes, 40);
		}
}

static void filters(int fd)
{
	struct sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
	                             BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0xffff),
	                             BPF_STMT(BPF_RET | BPF_K, 0)};
	struct sock_fprog program = {4, code};

	setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
	setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program));
	get(fd, SOL_SOCKET, SO_ATTACH_FILTER, 4);
	get(fd, SOL_SOCKET, SO_ATTACH_FILTER, 0);
	setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, NULL, 0);
	program.filter = NULL;
	setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
	program.filter = (void *)8;
	setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
	setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, 3);
	setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, (void *)8, sizeof(program));
}

static void some(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), packet = socket(AF_PACKET, SOCK_RAW, 0), pair[2];
	struct linger linger = {1, 5};
	struct timeval time = {3, 4};
	struct ip_mreqn group = {{htonl(0xe0000001)}, {htonl(INADDR_LOOPBACK)}, 1};
	struct ipv6_mreq group6 = {IN6ADDR_LOOPBACK_INIT, 1};
	struct group_req any = {1, {AF_INET, {0, 0, (char)224, 0, 0, 1}}};
	struct packet_mreq membership = {1, PACKET_MR_PROMISC, 6, "\1\2\3\4\5\6"};
	struct tpacket_req ring = {4096, 1, 4096, 1};
	struct icmp_filter {
		uint32_t data;
	} icmp = {~((1u << 0) | (1u << 8))};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, 4);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, 9);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, 4);
	setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3);
	setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2);
	setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "a-name-that-is-too-long-for-one", 31);
	setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "", 0);
	setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, NULL, 4);
	get(fd, SOL_SOCKET, SO_BINDTODEVICE, 16);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, (int[]){1}, 4);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, (int[]){1}, -1);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, (void *)8, 4);
	getsockopt(fd, SOL_SOCKET, SO_TYPE, NULL, NULL);
	getsockopt(fd, SOL_SOCKET, SO_TYPE, bytes, (void *)8);
	getsockopt(fd, SOL_SOCKET, SO_ERROR, (void *)8, (socklen_t[]){4});
	setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, (int[]){1}, 4);
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int[]){5000}, 4);
	setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", 4);
	setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group));
	setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, 8);
	setsockopt(fd, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, 7);
	setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof(group));
	setsockopt(fd, IPPROTO_IP, MCAST_JOIN_GROUP, &any, sizeof(any));
	setsockopt(fd, IPPROTO_IP, MCAST_LEAVE_GROUP, &any, 20);
	setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &group6, sizeof(group6));
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, (int[]){1}, 4);
	setsockopt(packet, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership, sizeof(membership));
	setsockopt(packet, SOL_PACKET, PACKET_RX_RING, &ring, sizeof(ring));
	setsockopt(packet, SOL_PACKET, PACKET_VERSION, (int[]){TPACKET_V3}, 4);
	get(packet, SOL_PACKET, PACKET_STATISTICS, 8);
	get(packet, SOL_PACKET, PACKET_STATISTICS, 12);
	setsockopt(fd, SOL_RAW, 1, &icmp, sizeof(icmp));
	filters(fd);
	close(fd);
	close(packet);
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	get(pair[0], SOL_SOCKET, SO_PEERCRED, 12);
	get(pair[0], SOL_SOCKET, SO_PEERCRED, 8);
	get(pair[0], SOL_SOCKET, SO_PEERCRED, 3);
	get(pair[0], SOL_SOCKET, SO_PEERCRED, 100);
	get(pair[0], SOL_SOCKET, SO_PEERGROUPS, 0);
	get(pair[0], SOL_SOCKET, SO_PEERGROUPS, 400);
	get(pair[0], SOL_SOCKET, SO_PROTOCOL, 4);
	get(pair[0], SOL_SOCKET, SO_DOMAIN, 4);
	get(pair[0], SOL_SOCKET, SO_ERROR, 4);
}

int main(void)
{
	names();
	values();
	set_values();
	some();
	return 0;
}

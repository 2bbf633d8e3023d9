/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void one(int family, int type, int protocol)
{
	int fd = socket(family, type, protocol);

	if (fd >= 0)
		close(fd);
}

int main(void)
{
	const int protocols[] = {0,  1,  2,  4,  6,   8,   12,  17,  22,  29,  33,  41,  46,  47,  50,  51,
	                         58, 92, 94, 98, 103, 108, 115, 132, 136, 137, 143, 255, 256, 262, 263, -1};

	for (int family = -1; family < 48; family++)
		one(family, SOCK_STREAM, 0);
	for (int type = -1; type < 12; type++)
		one(AF_INET, type, 0);
	for (unsigned i = 0; i < sizeof(protocols) / sizeof(*protocols); i++) {
		one(AF_INET, SOCK_RAW, protocols[i]);
		one(AF_INET6, SOCK_RAW, protocols[i]);
	}
	for (int protocol = -1; protocol < 24; protocol++)
		one(AF_NETLINK, SOCK_RAW, protocol);
	for (int protocol = 0; protocol < 12; protocol++)
		one(AF_BLUETOOTH, SOCK_RAW, protocol);
	one(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	one(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 1);
	one(AF_UNIX, SOCK_SEQPACKET | 0x100000, 3);
	one(AF_INET, 0x7ffff7f0, 77777);
	one(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	one(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	one(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP));
	one(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ARP));
	one(AF_PACKET, SOCK_RAW, ETH_P_IP);
	one(AF_PACKET, SOCK_RAW, -1);
	one(AF_CAIF, SOCK_STREAM, 2);
	one(AF_IUCV, SOCK_STREAM, 2);
	one(AF_TIPC, SOCK_STREAM, 2);
	one(AF_CAN, SOCK_RAW, 1);
	one(AF_VSOCK, SOCK_STREAM, 2);

	int pair[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair);
	socketpair(AF_INET, SOCK_STREAM, IPPROTO_TCP, pair);
	socketpair(AF_NETLINK, SOCK_RAW, 4, pair);
	socketpair(AF_UNIX, SOCK_STREAM, 0, NULL);
	socketpair(AF_UNIX, SOCK_STREAM, 0, (void *)1);
	socketpair(-1, -1, -1, (void *)-1);
	listen(pair[0], 0);
	listen(pair[0], -1);
	listen(-1, 0x7fffffff);
	shutdown(pair[0], SHUT_RD);
	shutdown(pair[0], SHUT_WR);
	shutdown(pair[1], SHUT_RDWR);
	shutdown(pair[1], 3);
	shutdown(-1, -1);
	return 0;
}

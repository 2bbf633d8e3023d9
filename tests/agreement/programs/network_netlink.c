/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* No interface has it, so that nothing is changed. */
#define NOWHERE 99999

static int fd;
static char buffer[32768];
static struct sockaddr_nl kernel = {AF_NETLINK, 0, 0, 0};

static char request[512];

static struct nlmsghdr *begin(int type, int flags, int size)
{
	struct nlmsghdr *header = (void *)request;

	memset(request, 0, sizeof(request));
	header->nlmsg_len = NLMSG_LENGTH(size);
	header->nlmsg_type = type;
	header->nlmsg_flags = flags;
	header->nlmsg_seq = 1;
	return header;
}

static void attribute(int type, const void *data, int size)
{
	struct nlmsghdr *header = (void *)request;
	struct nlattr *at = (void *)(request + NLMSG_ALIGN(header->nlmsg_len));

	at->nla_type = type;
	at->nla_len = NLA_HDRLEN + size;
	memcpy((char *)at + NLA_HDRLEN, data, size);
	header->nlmsg_len = NLMSG_ALIGN(header->nlmsg_len) + NLA_ALIGN(at->nla_len);
}

static void answers(void)
{
	for (int i = 0; i < 6; i++) {
		struct sockaddr_nl from;
		struct iovec part = {buffer, sizeof(buffer)};
		struct msghdr message = {&from, sizeof(from), &part, 1, NULL, 0, 0};

		if (recvmsg(fd, &message, MSG_DONTWAIT) <= 0)
			break;
	}
}

static void send_it(void)
{
	struct nlmsghdr *header = (void *)request;

	sendto(fd, request, header->nlmsg_len, 0, (void *)&kernel, sizeof(kernel));
	answers();
}

static void dump(int type, int size)
{
	struct nlmsghdr *header = begin(type, NLM_F_REQUEST | NLM_F_DUMP, size);

	header->nlmsg_seq = 7;
	send_it();
}

static void addresses(int flags)
{
	struct ifaddrmsg message = {AF_INET, 24, IFA_F_PERMANENT, RT_SCOPE_HOST, NOWHERE};

	begin(RTM_NEWADDR, NLM_F_REQUEST | NLM_F_ACK | flags, sizeof(message));
	memcpy(request + NLMSG_HDRLEN, &message, sizeof(message));
	attribute(IFA_LOCAL, (uint8_t[]){10, 9, 8, 7}, 4);
	attribute(IFA_ADDRESS, (uint8_t[]){10, 9, 8, 7}, 4);
	attribute(IFA_LABEL, "lo:1", 5);
	send_it();
	begin(RTM_DELADDR, NLM_F_REQUEST | NLM_F_ACK, sizeof(message));
	memcpy(request + NLMSG_HDRLEN, &message, sizeof(message));
	attribute(IFA_LOCAL, (uint8_t[]){10, 9, 8}, 3);
	send_it();
}

static void links(void)
{
	struct ifinfomsg message = {AF_UNSPEC, 0, 0, NOWHERE, IFF_UP, IFF_UP};

	begin(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, sizeof(message));
	memcpy(request + NLMSG_HDRLEN, &message, sizeof(message));
	send_it();
	begin(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_EXCL, sizeof(message));
	memcpy(request + NLMSG_HDRLEN, &message, sizeof(message));
	attribute(IFLA_IFNAME, "dummy0", 7);
	attribute(IFLA_MTU, (uint32_t[]){1400}, 4);
	attribute(IFLA_LINKINFO, "\12\0\1\0nokind", 12);
	send_it();
	begin(RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK, sizeof(message));
	attribute(IFLA_IFNAME, "nothing", 8);
	send_it();
	begin(RTM_GETLINK, NLM_F_REQUEST, sizeof(message));
	attribute(IFLA_IFNAME, "nothing", 8);
	send_it();
}

static void routes(void)
{
	struct rtmsg message = {AF_INET, 24, 0, 0, RT_TABLE_MAIN, RTPROT_STATIC, RT_SCOPE_LINK, RTN_UNICAST, 0};

	begin(RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, sizeof(message));
	memcpy(request + NLMSG_HDRLEN, &message, sizeof(message));
	attribute(RTA_DST, (uint8_t[]){10, 20, 30, 0}, 4);
	attribute(RTA_OIF, (uint32_t[]){NOWHERE}, 4);
	attribute(RTA_PRIORITY, (uint32_t[]){100}, 4);
	send_it();
	begin(RTM_GETROUTE, NLM_F_REQUEST, sizeof(message));
	message.rtm_dst_len = 32;
	message.rtm_flags = RTM_F_CLONED | RTM_F_NOTIFY;
	message.rtm_tos = 0x10;
	memcpy(request + NLMSG_HDRLEN, &message, sizeof(message));
	attribute(RTA_DST, (uint8_t[]){127, 0, 0, 1}, 4);
	send_it();
	message.rtm_family = AF_INET6;
	message.rtm_table = 77;
	message.rtm_protocol = 99;
	message.rtm_scope = 100;
	message.rtm_type = 101;
	begin(RTM_DELROUTE, NLM_F_REQUEST | NLM_F_ACK, sizeof(message));
	memcpy(request + NLMSG_HDRLEN, &message, sizeof(message));
	attribute(RTA_DST, &in6addr_loopback, 16);
	attribute(RTA_GATEWAY, &in6addr_loopback, 16);
	send_it();
}

static void neighbours(void)
{
	struct ndmsg message = {AF_INET, 0, 0, NOWHERE, NUD_PERMANENT, NTF_PROXY, 0};

	begin(RTM_NEWNEIGH, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE, sizeof(message));
	memcpy(request + NLMSG_HDRLEN, &message, sizeof(message));
	attribute(NDA_DST, (uint8_t[]){10, 20, 30, 4}, 4);
	attribute(NDA_LLADDR, "\1\2\3\4\5\6", 6);
	send_it();
}

static void odd(void)
{
	struct nlmsghdr *header = begin(RTM_GETADDR, NLM_F_REQUEST | 0x8000, 4);

	header->nlmsg_len = 16;
	send(fd, request, 32, 0);
	send(fd, request, 40, 0);
	header->nlmsg_type = NLMSG_NOOP;
	send(fd, request, 16, 0);
	header->nlmsg_type = NLMSG_OVERRUN;
	send(fd, request, 16, 0);
	header->nlmsg_type = NLMSG_DONE;
	header->nlmsg_len = 20;
	send(fd, request, 20, 0);
	header->nlmsg_len = 18;
	send(fd, request, 20, 0);
	header->nlmsg_len = 24;
	send(fd, request, 24, 0);
	header->nlmsg_type = NLMSG_ERROR;
	send(fd, request, 24, 0);
	header->nlmsg_len = 18;
	send(fd, request, 24, 0);
	header->nlmsg_len = 20;
	send(fd, request, 24, 0);
	header->nlmsg_len = 60;
	memcpy(request + 20, request, 16);
	send(fd, request, 60, 0);
	header->nlmsg_len = 200;
	header->nlmsg_type = 200;
	memset(request + 16, 'x', 184);
	send(fd, request, 200, 0);
	header->nlmsg_type = 9;
	send(fd, request, 200, 0);
	header->nlmsg_type = RTM_GETADDR;
	header->nlmsg_len = 40;
	send(fd, request, 40, 0);
	memset(request + 16, 0, 184);
	*(uint16_t *)(request + 24) = 3;
	send(fd, request, 40, 0);
	*(uint16_t *)(request + 24) = 300;
	send(fd, request, 40, 0);
	*(uint16_t *)(request + 24) = 4;
	*(uint16_t *)(request + 26) = 0xc001;
	send(fd, request, 40, 0);
	*(uint16_t *)(request + 24) = 12;
	*(uint16_t *)(request + 26) = 0x4001;
	send(fd, request, 40, 0);
	*(uint16_t *)(request + 26) = 99;
	send(fd, request, 38, 0);
	send(fd, NULL, 16, 0);
	send(fd, (void *)8, 100, 0);
	send(fd, buffer, 0, 0);
	answers();
}

/* Of the first interface alone, without what changes. */
static void loopback(void)
{
	struct ifaddrmsg address = {AF_INET, 0, 0, 0, 1};
	int on = 1;

	setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	begin(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, sizeof(address));
	memcpy(request + NLMSG_HDRLEN, &address, sizeof(address));
	send_it();
	address.ifa_family = AF_INET6;
	memcpy(request + NLMSG_HDRLEN, &address, sizeof(address));
	send_it();
}

int main(void)
{
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	begin(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, 4);
	send(fd, request, 20, 0);
	answers();
	links();
	loopback();
	addresses(NLM_F_CREATE | NLM_F_EXCL);
	routes();
	neighbours();
	odd();
	close(fd);
	fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	bind(fd, (void *)&kernel, sizeof(kernel));
	begin(16, NLM_F_REQUEST, 4);
	send_it();
	begin(99, NLM_F_REQUEST, 4);
	send_it();
	close(fd);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	bind(fd, (void *)&kernel, sizeof(kernel));
	dump(RTM_GETADDR, 1);
	dump(RTM_GETADDR, 4);
	dump(RTM_GETROUTE, 1);
	dump(RTM_GETROUTE, 12);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void lengths(const void *address, const int *all, int count)
{
	for (int i = 0; i < count; i++)
		bind(-1, address, all[i]);
}

#define LENGTHS(address, ...) lengths(address, (const int[]){__VA_ARGS__}, sizeof((int[]){__VA_ARGS__}) / sizeof(int))

static void unix_sockets(void)
{
	struct sockaddr_un un = {AF_UNIX, "/nonexistent/socket"};

	LENGTHS(&un, -1, 0, 1, 2, 3, 5, 21, 22, 109, 110, 111, 128, 129, 1000);
	un = (struct sockaddr_un){AF_UNIX, "\0abstract\0\1\377\n"};
	LENGTHS(&un, 2, 3, 4, 11, 16, 110);
	memset(un.sun_path, 'x', sizeof(un.sun_path));
	LENGTHS(&un, 100, 109, 110, 111);
	un.sun_path[0] = 0;
	LENGTHS(&un, 100, 109, 110, 111);
	strcpy(un.sun_path, "quote\"back\\slash\t\303\251");
	LENGTHS(&un, 110);
}

static void internet(void)
{
	struct {
		struct sockaddr_in in;
		char more[20];
	} four = {{AF_INET, htons(80), {htonl(0x01020304)}, {0}}, ""};

	LENGTHS(&four, 2, 4, 7, 8, 15, 16, 17, 28, 128);
	four.in.sin_zero[3] = 7;
	LENGTHS(&four, 16);

	struct {
		struct sockaddr_in6 in6;
		char more[100];
	} six = {{AF_INET6, htons(443), htonl(7), IN6ADDR_LOOPBACK_INIT, 0}, ""};

	LENGTHS(&six, 2, 8, 23, 24, 26, 27, 28, 29, 128);
	inet_pton(AF_INET6, "fe80::1:2", &six.in6.sin6_addr);
	LENGTHS(&six, 24, 28);
	six.in6.sin6_scope_id = 1;
	LENGTHS(&six, 28);
	six.in6.sin6_scope_id = 77;
	LENGTHS(&six, 28);
	inet_pton(AF_INET6, "2001:db8::1", &six.in6.sin6_addr);
	six.in6.sin6_scope_id = 1;
	LENGTHS(&six, 28);
	inet_pton(AF_INET6, "ff02::1", &six.in6.sin6_addr);
	LENGTHS(&six, 28);
	inet_pton(AF_INET6, "ff05::1", &six.in6.sin6_addr);
	LENGTHS(&six, 28);
	inet_pton(AF_INET6, "::ffff:1.2.3.4", &six.in6.sin6_addr);
	LENGTHS(&six, 28);
}

static void others(void)
{
	struct sockaddr_nl nl = {AF_NETLINK, 0, 1234, 0xff};

	LENGTHS(&nl, 2, 8, 11, 12, 16);
	nl.nl_pad = 5;
	LENGTHS(&nl, 12);

	struct sockaddr_ll ll = {AF_PACKET, htons(ETH_P_ALL), 1, 1, PACKET_HOST, 6, "\1\2\3\4\5\6"};

	LENGTHS(&ll, 2, 12, 17, 18, 19, 20, 21);
	ll.sll_halen = 8;
	ll.sll_ifindex = 0;
	ll.sll_pkttype = 99;
	ll.sll_hatype = 9999;
	ll.sll_protocol = 0x1234;
	LENGTHS(&ll, 12, 16, 20);
	ll.sll_halen = 20;
	ll.sll_ifindex = 12345;
	LENGTHS(&ll, 20, 32);
	ll.sll_halen = 0;
	LENGTHS(&ll, 20);

	struct sockaddr_vm vm = {.svm_family = AF_VSOCK, .svm_port = 55, .svm_cid = 2};

	LENGTHS(&vm, 2, 15, 16, 20);
	vm.svm_cid = VMADDR_CID_ANY;
	vm.svm_port = VMADDR_PORT_ANY;
	vm.svm_reserved1 = 3;
	vm.svm_flags = 1;
	LENGTHS(&vm, 16);
	vm.svm_flags = 0x82;
	memset(vm.svm_zero, 9, sizeof(vm.svm_zero));
	LENGTHS(&vm, 16);

	struct sockaddr_storage any;

	memset(&any, 0, sizeof(any));
	for (unsigned i = 0; i < 30; i++)
		((char *)&any)[2 + i] = i * 9;
	for (int family = 0; family < 48; family++)
		if (family != AF_UNIX && family != AF_INET && family != AF_INET6 && family != AF_NETLINK &&
		    family != AF_PACKET && family != AF_VSOCK && family != AF_AX25 && family != AF_IPX &&
		    family != AF_X25 && family != AF_BLUETOOTH && family != AF_NFC && family != AF_QIPCRTR &&
		    family != AF_XDP && family != 45 /* AF_MCTP */) {
			any.ss_family = family;
			LENGTHS(&any, 16);
		}
	any.ss_family = AF_UNSPEC;
	LENGTHS(&any, 1, 2, 3, 18, 128, 129);
	any.ss_family = 0xffff;
	LENGTHS(&any, 2, 3, 18, 40);
}

int main(void)
{
	unix_sockets();
	internet();
	others();

	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sockaddr_in in = {AF_INET, htons(1), {htonl(INADDR_LOOPBACK)}, {0}};

	munmap(page + 4096, 4096);
	memcpy(page + 4096 - sizeof(in), &in, sizeof(in));
	bind(-1, (void *)(page + 4096 - sizeof(in)), sizeof(in));
	bind(-1, (void *)(page + 4096 - sizeof(in)), sizeof(in) + 1);
	bind(-1, (void *)(page + 4096), sizeof(in));
	bind(-1, NULL, 16);
	bind(-1, NULL, 0);
	bind(-1, (void *)1, 16);
	connect(-1, (void *)&in, sizeof(in));
	connect(-1, NULL, 0);
	connect(-1, (void *)-1, -1);
	return 0;
}

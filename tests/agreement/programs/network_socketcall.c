/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <linux/net.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef SYS_socketcall
static long call(int which, long a, long b, long c, long d, long e, long f)
{
	long args[] = {a, b, c, d, e, f};

	return syscall(SYS_socketcall, which, args);
}

static void calls(void)
{
	int pair[2];
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	char buffer[20] = "";
	struct iovec part = {buffer, sizeof(buffer)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	struct sockaddr_in in = {AF_INET, htons(45370), {htonl(INADDR_LOOPBACK)}, {0}};
	int fd = call(SYS_SOCKET, AF_INET, SOCK_DGRAM, 0, 0, 0, 0), on = 1;

	call(SYS_SETSOCKOPT, fd, SOL_SOCKET, SO_REUSEADDR, (long)&on, sizeof(on), 0);
	call(SYS_BIND, fd, (long)&in, sizeof(in), 0, 0, 0);
	call(SYS_GETSOCKNAME, fd, (long)&address, (long)&length, 0, 0, 0);
	length = sizeof(on);
	call(SYS_GETSOCKOPT, fd, SOL_SOCKET, SO_TYPE, (long)&on, (long)&length, 0);
	call(SYS_SENDTO, fd, (long)"datagram", 8, 0, (long)&in, sizeof(in));
	length = sizeof(address);
	call(SYS_RECVFROM, fd, (long)buffer, sizeof(buffer), MSG_DONTWAIT, (long)&address, (long)&length);
	call(SYS_CONNECT, fd, (long)&in, sizeof(in), 0, 0, 0);
	call(SYS_SEND, fd, (long)"more", 4, MSG_NOSIGNAL, 0, 0);
	call(SYS_RECV, fd, (long)buffer, sizeof(buffer), MSG_DONTWAIT, 0, 0);
	call(SYS_RECV, fd, (long)buffer, sizeof(buffer), MSG_DONTWAIT, 0, 0);
	call(SYS_SENDMSG, fd, (long)&message, 0, 0, 0, 0);
	call(SYS_RECVMSG, fd, (long)&message, MSG_DONTWAIT, 0, 0, 0);
	length = sizeof(address);
	call(SYS_GETPEERNAME, fd, (long)&address, (long)&length, 0, 0, 0);
	call(SYS_LISTEN, fd, 3, 0, 0, 0, 0);
	call(SYS_ACCEPT, fd, 0, 0, 0, 0, 0);
	call(SYS_ACCEPT4, fd, (long)&address, (long)&length, SOCK_CLOEXEC, 0, 0);
	call(SYS_SHUTDOWN, fd, SHUT_RD, 0, 0, 0, 0);
	call(SYS_SOCKETPAIR, AF_UNIX, SOCK_STREAM, 0, (long)pair, 0, 0);
	call(SYS_SENDMMSG, pair[0], 0, 0, 0, 0, 0);
	call(SYS_RECVMMSG, pair[0], 0, 1, MSG_DONTWAIT, 0, 0);
	call(0, 1, 2, 3, 4, 5, 6);
	call(21, 1, 2, 3, 4, 5, 6);
	call(-1, 1, 2, 3, 4, 5, 6);
	syscall(SYS_socketcall, SYS_SOCKET, NULL);
	syscall(SYS_socketcall, SYS_BIND, 8);
}

static void old_select(void)
{
	int ends[2];
	fd_set in;
	struct timeval time = {1, 500};
	long args[] = {0, (long)&in, 0, 0, (long)&time};

	pipe(ends);
	FD_ZERO(&in);
	FD_SET(ends[0], &in);
	args[0] = ends[0] + 1;
	write(ends[1], "x", 1);
	syscall(SYS_select, args);
	time.tv_sec = 0;
	FD_ZERO(&in);
	syscall(SYS_select, args);
	syscall(SYS_select, 8);
	syscall(SYS_select, NULL);
}
#endif

int main(void)
{
#ifdef SYS_socketcall
	calls();
	old_select();
#endif
	return 0;
}

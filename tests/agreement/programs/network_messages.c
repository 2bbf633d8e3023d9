/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static char text[] = "a message that is longer than what is shown of it";
static union {
	char bytes[512];
	struct cmsghdr align;
} control, received;

static struct cmsghdr *put(struct msghdr *message, struct cmsghdr *before, int level, int type, const void *data,
                           size_t size)
{
	struct cmsghdr *header = before ? (void *)((char *)before + CMSG_ALIGN(before->cmsg_len)) : &control.align;

	header->cmsg_level = level;
	header->cmsg_type = type;
	header->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(header), data, size);
	message->msg_control = &control;
	message->msg_controllen = (char *)header + CMSG_SPACE(size) - (char *)&control;
	return header;
}

static void receive(int fd, int flags, size_t control_size)
{
	char one[8], two[40];
	struct sockaddr_storage from;
	struct iovec parts[] = {{one, sizeof(one)}, {two, sizeof(two)}};
	struct msghdr message = {&from, sizeof(from), parts, 2, control_size ? &received : NULL, control_size, 0x7f};

	memset(&received, 0, sizeof(received));
	recvmsg(fd, &message, flags | MSG_DONTWAIT);
}

static void unix_messages(void)
{
	int pair[2], on = 1;
	struct iovec parts[3] = {{text, 5}, {text, sizeof(text)}, {NULL, 0}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
	struct ucred me = {getpid(), getuid(), getgid()};

	socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
	sendmsg(pair[0], &message, 0);
	receive(pair[1], 0, 0);
	put(&message, NULL, SOL_SOCKET, SCM_RIGHTS, (int[]){0, 1, pair[0]}, 12);
	sendmsg(pair[0], &message, MSG_NOSIGNAL);
	receive(pair[1], 0, sizeof(received));
	setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	put(&message, put(&message, NULL, SOL_SOCKET, SCM_RIGHTS, (int[]){2}, 4), SOL_SOCKET, SCM_CREDENTIALS, &me,
	    sizeof(me));
	sendmsg(pair[0], &message, 0);
	receive(pair[1], MSG_CMSG_CLOEXEC, sizeof(received));
	sendmsg(pair[0], &message, 0);
	receive(pair[1], 0, 20);
	message.msg_iovlen = 1;
	sendmsg(pair[0], &message, 0);
	receive(pair[1], 0, sizeof(received));
	receive(pair[1], 0, sizeof(received));
	message.msg_controllen = 5;
	sendmsg(pair[0], &message, 0);
	message.msg_controllen = 0;
	sendmsg(pair[0], &message, 0);
	message.msg_control = NULL;
	message.msg_controllen = 7;
	sendmsg(pair[0], &message, 0);
	message.msg_control = (void *)16;
	sendmsg(pair[0], &message, 0);
	message.msg_controllen = 0;
	message.msg_iov = NULL;
	sendmsg(pair[0], &message, 0);
	message.msg_iov = (void *)16;
	sendmsg(pair[0], &message, 0);
	message.msg_iovlen = 0;
	sendmsg(pair[0], &message, 0);
	message.msg_iovlen = 100000;
	sendmsg(pair[0], &message, 0);
	syscall(SYS_sendmsg, pair[0], NULL, 0);
	syscall(SYS_sendmsg, pair[0], 8, 0x8);
	syscall(SYS_recvmsg, pair[0], NULL, MSG_DONTWAIT);
	syscall(SYS_recvmsg, pair[0], 8, MSG_DONTWAIT);
	close(pair[0]);
	close(pair[1]);
}

static void control_messages(void)
{
	struct iovec part = {text, 4};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *last;
	const unsigned char data[64] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

	for (int level = 0; level < 3; level++)
		for (int type = 0; type < 75; type++) {
			put(&message, NULL, level, type, data, 4);
			sendmsg(-1, &message, 0);
			put(&message, NULL, level, type, data, 16);
			sendmsg(-1, &message, 0);
		}
	for (int type = 0; type < 26; type++) {
		put(&message, NULL, SOL_IP, type, data, 0);
		sendmsg(-1, &message, 0);
		put(&message, NULL, SOL_IP, type, data, 3);
		sendmsg(-1, &message, 0);
		put(&message, NULL, SOL_IP, type, data, 40);
		sendmsg(-1, &message, 0);
	}
	for (int type = 1; type < 4; type++) {
		put(&message, NULL, SOL_SOCKET, type, data, 0);
		sendmsg(-1, &message, 0);
		put(&message, NULL, SOL_SOCKET, type, data, 7);
		sendmsg(-1, &message, 0);
		put(&message, NULL, SOL_SOCKET, type, data, 40);
		sendmsg(-1, &message, 0);
	}
	put(&message, NULL, SOL_IPV6, 50, data, 20);
	sendmsg(-1, &message, 0);
	put(&message, NULL, 999, 7, data, 20);
	sendmsg(-1, &message, 0);
	put(&message, NULL, IPPROTO_TCP, 7, data, 20);
	sendmsg(-1, &message, 0);
	last = put(&message, NULL, SOL_IP, IP_TTL, (int[]){64}, 4);
	last = put(&message, last, SOL_IP, IP_TOS, "\7", 1);
	put(&message, last, SOL_SOCKET, SCM_TIMESTAMP, (struct timeval[]){{5, 6}}, sizeof(struct timeval));
	sendmsg(-1, &message, 0);
	control.align.cmsg_len = 0;
	sendmsg(-1, &message, 0);
	control.align.cmsg_len = sizeof(struct cmsghdr) - 1;
	sendmsg(-1, &message, 0);
	control.align.cmsg_len = 1000;
	sendmsg(-1, &message, 0);
	message.msg_name = &(struct sockaddr_in){AF_INET, htons(9), {htonl(INADDR_LOOPBACK)}, {0}};
	message.msg_namelen = 16;
	message.msg_controllen = 0;
	message.msg_flags = MSG_EOR;
	sendmsg(-1, &message, MSG_ZEROCOPY | MSG_FASTOPEN);
	message.msg_namelen = 4;
	sendmsg(-1, &message, 0);
	message.msg_namelen = 0;
	sendmsg(-1, &message, 0);
	message.msg_namelen = -1;
	sendmsg(-1, &message, 0);
	message.msg_name = (void *)16;
	message.msg_namelen = 16;
	sendmsg(-1, &message, 0);
}

static void internet_messages(void)
{
	struct sockaddr_in in = {AF_INET, htons(45330), {htonl(INADDR_LOOPBACK)}, {0}};
	int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;

	bind(fd, (void *)&in, sizeof(in));
	setsockopt(fd, SOL_IP, IP_PKTINFO, &on, sizeof(on));
	setsockopt(fd, SOL_IP, IP_RECVTTL, &on, sizeof(on));
	setsockopt(fd, SOL_IP, IP_RECVTOS, &on, sizeof(on));
	setsockopt(fd, SOL_IP, IP_RECVOPTS, &on, sizeof(on));
	setsockopt(fd, SOL_IP, IP_RECVORIGDSTADDR, &on, sizeof(on));
	connect(fd, (void *)&in, sizeof(in));
	send(fd, "packet", 6, 0);
	receive(fd, 0, sizeof(received));
	send(fd, text, sizeof(text), 0);
	receive(fd, MSG_PEEK, sizeof(received));
	receive(fd, MSG_TRUNC, 40);
	setsockopt(fd, SOL_IP, IP_RECVERR, &on, sizeof(on));
	in.sin_port = htons(45331);
	connect(fd, (void *)&in, sizeof(in));
	send(fd, "refused", 7, 0);
	receive(fd, MSG_ERRQUEUE, sizeof(received));
	receive(fd, MSG_ERRQUEUE, sizeof(received));
	receive(fd, 0, sizeof(received));
	close(fd);
}

static void many_messages(void)
{
	int pair[2];
	char buffers[4][20];
	struct iovec sent[3] = {{"one", 3}, {text, sizeof(text)}, {"three", 5}}, parts[4];
	struct mmsghdr out[3] = {0}, in[4] = {0};
	struct timespec timeout = {0, 100000000};

	socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
	for (int i = 0; i < 3; i++) {
		out[i].msg_hdr.msg_iov = &sent[i];
		out[i].msg_hdr.msg_iovlen = 1;
		out[i].msg_len = 7;
	}
	for (int i = 0; i < 4; i++) {
		parts[i] = (struct iovec){buffers[i], sizeof(buffers[i])};
		in[i].msg_hdr.msg_iov = &parts[i];
		in[i].msg_hdr.msg_iovlen = 1;
	}
	put(&out[1].msg_hdr, NULL, SOL_SOCKET, SCM_RIGHTS, (int[]){0}, 4);
	sendmmsg(pair[0], out, 3, 0);
	recvmmsg(pair[1], in, 2, MSG_DONTWAIT, NULL);
	recvmmsg(pair[1], in, 4, MSG_WAITFORONE | MSG_DONTWAIT, &timeout);
	recvmmsg(pair[1], in, 4, MSG_DONTWAIT, &timeout);
	sendmmsg(pair[0], out, 0, MSG_NOSIGNAL);
	syscall(SYS_sendmmsg, pair[0], NULL, 2, 0);
	syscall(SYS_sendmmsg, pair[0], 8, 2, 0);
	sendmmsg(-1, out, 2, 0);
	sendmmsg(-1, out, 3, 0);
	recvmmsg(-1, in, 2, 0, NULL);
	syscall(SYS_recvmmsg, -1, in, 2, 0, 8);
	syscall(SYS_recvmmsg, pair[1], NULL, 2, MSG_DONTWAIT, NULL);
	syscall(SYS_recvmmsg, pair[1], 8, 2, MSG_DONTWAIT, NULL);
	timeout.tv_nsec = -1;
	recvmmsg(pair[1], in, 2, MSG_DONTWAIT, &timeout);
	timeout.tv_nsec = 0;
	sendmmsg(pair[0], out, 1, 0);
	recvmmsg(pair[1], in, 1, MSG_DONTWAIT, &timeout);
	close(pair[0]);
	out[1].msg_hdr.msg_control = NULL;
	out[1].msg_hdr.msg_controllen = 0;
	sendmmsg(pair[1], out, 3, MSG_NOSIGNAL);
	close(pair[1]);
}

int main(void)
{
	unix_messages();
	control_messages();
	internet_messages();
	many_messages();
	return 0;
}

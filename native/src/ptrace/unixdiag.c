/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "unixdiag.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#define ANSWER_MOST 1024

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int diag = -1;
static uint32_t last_asked;

void unix_diag_open(int fd)
{
	diag = fd;
}

static bool ask(uint32_t inode)
{
	struct {
		struct nlmsghdr header;
		struct unix_diag_req request;
	} message = {
		.header = {sizeof(message), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, ++last_asked, 0},
		.request =
			{
				.sdiag_family = AF_UNIX,
				.udiag_states = UINT32_MAX,
				.udiag_ino = inode,
				.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER,
				.udiag_cookie = {UINT32_MAX, UINT32_MAX},
			},
	};

	return send(diag, &message, sizeof(message), MSG_DONTWAIT) == (ssize_t)sizeof(message);
}

static void take_name(const struct rtattr *attribute, char *name, size_t size)
{
	const char *given = RTA_DATA(attribute);
	size_t length = RTA_PAYLOAD(attribute);

	length = length < size - 1 ? length : size - 1;
	memcpy(name, given, length);
	name[length] = '\0';
	if (length && !*name)
		*name = '@';
}

static bool take(const struct nlmsghdr *header, uint64_t inode, uint64_t *peer, char *name, size_t size)
{
	const struct unix_diag_msg *message = NLMSG_DATA(header);
	int left = (int)(header->nlmsg_len - NLMSG_LENGTH(sizeof(*message)));

	if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY || left < 0 || message->udiag_ino != (uint32_t)inode)
		return false;
	const struct rtattr *attribute = (const struct rtattr *)(message + 1);

	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
		if (attribute->rta_type == UNIX_DIAG_PEER && RTA_PAYLOAD(attribute) >= sizeof(uint32_t))
			*peer = *(const uint32_t *)RTA_DATA(attribute);
		else if (attribute->rta_type == UNIX_DIAG_NAME)
			take_name(attribute, name, size);
	}
	return true;
}

/* The answer is there when the question has been sent: the kernel gives it before send(2) returns. */
static bool hear(uint64_t inode, uint64_t *peer, char *name, size_t size)
{
	union {
		struct nlmsghdr header;
		char bytes[ANSWER_MOST];
	} answer;
	ssize_t length;

	while ((length = recv(diag, &answer, sizeof(answer), MSG_DONTWAIT)) >= 0) {
		if ((size_t)length < sizeof(answer.header) || !NLMSG_OK(&answer.header, (size_t)length))
			return false;
		if (answer.header.nlmsg_seq == last_asked)
			return take(&answer.header, inode, peer, name, size);
	}
	return false;
}

bool unix_diag(uint64_t inode, uint64_t *peer, char *name, size_t size)
{
	*peer = 0;
	*name = '\0';
	if (diag < 0 || inode > UINT32_MAX)
		return false;
	pthread_mutex_lock(&lock);
	bool found = ask((uint32_t)inode) && hear(inode, peer, name, size);

	pthread_mutex_unlock(&lock);
	return found;
}

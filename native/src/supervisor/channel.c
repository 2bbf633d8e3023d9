/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

void channel_open(struct channel *channel, int fd)
{
	memset(channel, 0, sizeof(*channel));
	channel->fd = fd;
}

static void drop_first(struct channel *channel)
{
	int passed = channel->queue[channel->first].passed;

	if (passed >= 0)
		close(passed);
	channel->first = (channel->first + 1) % CHANNEL_QUEUE;
	channel->waiting--;
}

void channel_close(struct channel *channel)
{
	while (channel->waiting)
		drop_first(channel);
	close(channel->fd);
	channel->fd = -1;
}

bool channel_has_room(const struct channel *channel)
{
	return channel->waiting < CHANNEL_QUEUE - CHANNEL_RESERVE;
}

/* 0, or the errno of a send that did not happen */
static int send_one(int fd, struct stl_message *message, int passed)
{
	struct iovec part = {.iov_base = message, .iov_len = sizeof(*message)};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
	union {
		struct cmsghdr aligned;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};

	if (passed >= 0) {
		header.msg_control = control.bytes;
		header.msg_controllen = sizeof(control.bytes);
		struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(rights), &passed, sizeof(passed));
	}
	return sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? errno : 0;
}

void channel_flush(struct channel *channel)
{
	while (channel->waiting && !channel->lost) {
		int error = send_one(channel->fd, &channel->queue[channel->first].message,
		                     channel->queue[channel->first].passed);

		/* ETOOMANYREFS: the agent has not received the descriptors it was sent, unix(7) */
		if (error == EAGAIN || error == EINTR || error == ENOBUFS || error == ENOMEM || error == ETOOMANYREFS)
			return;
		if (error)
			channel->lost = true;
		else
			drop_first(channel);
	}
}

void channel_send(struct channel *channel, const struct stl_message *message, int passed)
{
	if (channel->waiting == CHANNEL_QUEUE || channel->lost) {
		if (passed >= 0)
			close(passed);
		return;
	}
	unsigned last = (channel->first + channel->waiting++) % CHANNEL_QUEUE;
	channel->queue[last].message = *message;
	channel->queue[last].passed = passed;
	channel_flush(channel);
}

bool channel_receive(struct channel *channel, struct stl_message *out)
{
	/* Without a control buffer the kernel closes descriptors that are sent to us: unix(7) */
	struct iovec part = {.iov_base = out, .iov_len = sizeof(*out)};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t size = recvmsg(channel->fd, &header, MSG_DONTWAIT);

	if (size < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ENOMEM && errno != ENOBUFS)
			channel->lost = true; /* ECONNRESET: it left with messages unread */
		return false;
	}
	/* An empty message cannot be told from the hang-up, unix(7); nobody has a reason to send one. */
	if (size == 0)
		channel->lost = true;
	return size == (ssize_t)sizeof(*out) && !(header.msg_flags & MSG_TRUNC);
}

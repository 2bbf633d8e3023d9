/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "connect.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A connected socket or -errno; -EAGAIN: the listener's queue is full, and there is nothing to poll for: connect(2) */
static int connect_once(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

static void answer(struct channel *channel, int64_t index, int fd)
{
	struct stl_message message = {.type = STL_SUP_CONNECTED, .value = index, .detail = fd < 0 ? -fd : 0};

	channel_send(channel, &message, fd < 0 ? -1 : fd);
}

void connects_request(struct connects *connects, const struct supervisor_options *options, int64_t index,
                      struct channel *channel, uint64_t now_ns)
{
	if (index < 0 || index >= options->connects) {
		answer(channel, index, -EINVAL);
		return;
	}
	int fd = connect_once(options->connect[index]);
	for (int i = 0; fd == -EAGAIN && i < CONNECT_WAITING; i++) {
		if (connects->waiting[i].deadline_ns)
			continue;
		connects->waiting[i].index = (int)index;
		connects->waiting[i].deadline_ns = now_ns + CONNECT_NS;
		return;
	}
	answer(channel, index, fd);
}

void connects_retry(struct connects *connects, const struct supervisor_options *options, struct channel *channel,
                    uint64_t now_ns)
{
	for (int i = 0; i < CONNECT_WAITING; i++) {
		if (!connects->waiting[i].deadline_ns)
			continue;
		int index = connects->waiting[i].index;
		int fd = connect_once(options->connect[index]);

		if (fd == -EAGAIN && now_ns < connects->waiting[i].deadline_ns)
			continue;
		connects->waiting[i].deadline_ns = 0;
		answer(channel, index, fd == -EAGAIN ? -ETIMEDOUT : fd);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "describe.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "clock.h"
#include "procfs.h"
#include "sockets.h"

#define DELETED " (deleted)"
#define SECRET "/secretmem (deleted)"
#define PATH_ROOM 4200
/* Of the thread's own time little, so that what is shown does not depend on how busy the machine is; by the clock too,
 * since others are asked meanwhile. */
#define BUDGET_CPU_NS (5 * NS_PER_MS)
#define BUDGET_NS (20 * NS_PER_MS)

bool look_budget_over(struct look_budget *budget)
{
	uint64_t now = clock_ns(), cpu = thread_cpu_ns();

	if (!budget->until_ns)
		*budget = (struct look_budget){cpu + BUDGET_CPU_NS, now + BUDGET_NS};
	return now >= budget->until_ns || cpu >= budget->cpu_until_ns;
}

/* With AT_STATX_DONT_SYNC a file system in user space is not asked: statx(2) */
static bool look(const char *link, struct statx *out)
{
	return statx(AT_FDCWD, link, AT_STATX_DONT_SYNC, STATX_TYPE | STATX_NLINK, out) == 0;
}

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

static bool ends_with(const char *text, size_t size, const char *end)
{
	size_t length = strlen(end);

	return size > length && memcmp(text + size - length, end, length) == 0;
}

static size_t describe_file(const char *link, bool addresses, char *text, size_t size, size_t room)
{
	bool maybe_deleted = ends_with(text, size, DELETED), deleted;
	struct statx status;
	char device[32];

	if ((!maybe_deleted && !addresses) || !look(link, &status))
		return size;
	/* It may be a part of its name. What memfd_secret(2) makes has none, though it counts a link. */
	deleted = maybe_deleted && (status.stx_nlink == 0 || (size == strlen(SECRET) && !memcmp(text, SECRET, size)));
	if (deleted) {
		size -= strlen(DELETED);
		size = append(text, size, room, 'd', "");
	}
	if (!addresses || (!S_ISCHR(status.stx_mode) && !S_ISBLK(status.stx_mode)))
		return size;
	snprintf(device, sizeof(device), "%" PRIu32 ":%" PRIu32, status.stx_rdev_major, status.stx_rdev_minor);
	return append(text, size, room, S_ISCHR(status.stx_mode) ? 'c' : 'b', device);
}

static size_t describe_pidfd(pid_t tid, int32_t fd, char *text, size_t size, size_t room)
{
	char words[32];
	pid_t pid = task_pidfd_pid(tid, fd);

	if (pid <= 0)
		return size;
	snprintf(words, sizeof(words), "pid:%d", pid);
	return append(text, size, room, 's', words);
}

size_t describe_descriptor(const struct descriptor_of *of, char *text, size_t room, bool *stays)
{
	char link[128];

	*stays = true;
	if (of->fd == AT_FDCWD)
		task_path(of->tid, "cwd", link, sizeof(link));
	else
		task_fd_path(of->tid, of->fd, link, sizeof(link));
	ssize_t size = readlink(link, text, room < PATH_ROOM ? room : PATH_ROOM);

	if (size <= 0)
		return 0;
	if (*text == '/')
		return describe_file(link, of->addresses, text, (size_t)size, room);
	if (!of->addresses)
		return (size_t)size;
	if ((size_t)size < room)
		text[size] = '\0';
	if (size > 8 && memcmp(text, "socket:[", 8) == 0) {
		const struct socket_of socket = {of->tid, of->fd, strtoull(text + 8, NULL, 10), of->hung_until_ns};

		return describe_socket(&socket, of->budget, text, (size_t)size, room, stays);
	}
	if (strcmp(text, "anon_inode:[pidfd]") == 0)
		return describe_pidfd(of->tid, of->fd, text, (size_t)size, room);
	return (size_t)size;
}

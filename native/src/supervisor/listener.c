/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "listener.h"
#include "stracelet.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 8

static int remove_stale(const char *path)
{
	struct stat status;

	if (lstat(path, &status) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -EEXIST;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

static int bind_at(int fd, const char *path, uid_t uid)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	/* Who connects has to be able to write the socket, unix(7), and without CAP_CHOWN it is ours: so whoever reaches the
	 * folder may, and whose connection is kept is decided by SO_PEERCRED. The mode is given to the socket, which gives
	 * it to its file (net/unix/af_unix.c, unix_bind_bsd()). A chmod(2) of the path could be led elsewhere by whoever
	 * may write the folder. */
	mode_t mask = umask(0);
	int error = fchmod(fd, uid == geteuid() ? S_IRUSR | S_IWUSR : DEFFILEMODE) < 0 ? -errno : 0;

	if (!error && bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		error = -errno;
	umask(mask);
	return !error && listen(fd, BACKLOG) < 0 ? -errno : error;
}

int listener_open(const char *path, uid_t uid)
{
	int error = remove_stale(path);

	if (error)
		return error;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	error = bind_at(fd, path, uid);
	if (!error)
		return fd;
	close(fd);
	return error;
}

void listener_refuse(int fd, int error, const char *why)
{
	struct stl_message message = {.type = STL_EV_REFUSED, .detail = error};

	snprintf(message.text, sizeof(message.text), "%s", why);
	send(fd, &message, sizeof(message), MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

int listener_accept(int listener, uid_t uid)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return -1;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == uid)
		return fd;
	listener_refuse(fd, EPERM, "this socket is another user's");
	return -1;
}

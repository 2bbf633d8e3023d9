/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "probes.h"

#include "clock.h"
#include "procfs.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#define PROBERS 2
/* The tracee is held meanwhile, and others of its thread: one that took longer is left alone for a while. */
#define PATIENCE_MS 20
#define REST_NS (1 * NS_PER_S)

enum look { LOOK_MEMORY, LOOK_RECEIVE_TIMEOUT, LOOK_SEND_TIMEOUT };

struct request {
	uint64_t serial, where; /* an address, or a descriptor */
	uint32_t size;
	pid_t tid;
	enum look look;
};

struct reply {
	uint64_t serial;
	int32_t error;
	char bytes[PROBE_MOST];
};

static struct prober {
	pthread_mutex_t lock;
	int fd; /* 0: not started */
	uint64_t serial;
	bool owes; /* it has not answered the last request */
	uint64_t rests_until_ns;
} probers[PROBERS];

static int look_at_memory(const struct request *request, char bytes[PROBE_MOST])
{
	size_t wanted = request->size <= PROBE_MOST ? request->size : PROBE_MOST;
	struct iovec local = {bytes, wanted};
	struct iovec remote = {(void *)(uintptr_t)request->where, wanted};
	ssize_t size = process_vm_readv(request->tid, &local, 1, &remote, 1, 0);

	if (size < 0)
		return errno;
	return (size_t)size == wanted ? 0 : EFAULT;
}

/* The time-outs are the socket's, so that a copy of the descriptor tells them (pidfd_getfd(2)). */
static int look_at_socket(const struct request *request, char bytes[PROBE_MOST])
{
	struct timeval timeout;
	socklen_t size = sizeof(timeout);
	int option = request->look == LOOK_SEND_TIMEOUT ? SO_SNDTIMEO : SO_RCVTIMEO;
	/* The copy is closed here, and a file other than a socket may have its close waited for. */
	if (!task_fd_is_socket(request->tid, (int)request->where))
		return ENOTSOCK;
	int pidfd = (int)syscall(SYS_pidfd_open, request->tid, 0x80 /* PIDFD_THREAD, Linux 6.9 */);
	int error = 0;

	if (pidfd < 0)
		pidfd = (int)syscall(SYS_pidfd_open, request->tid, 0);
	if (pidfd < 0)
		return errno;
	int fd = (int)syscall(SYS_pidfd_getfd, pidfd, (int)request->where, 0);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, option, &timeout, &size) < 0)
		error = errno;
	else
		memcpy(bytes, &(int64_t){timeout.tv_sec * INT64_C(1000000000) + timeout.tv_usec * INT64_C(1000)},
		       sizeof(int64_t));
	if (fd >= 0)
		close(fd);
	close(pidfd);
	return error;
}

static void answer(int fd, const struct request *request)
{
	struct reply reply = {.serial = request->serial};

	if (request->look == LOOK_MEMORY)
		reply.error = look_at_memory(request, reply.bytes);
	else
		reply.error = look_at_socket(request, reply.bytes);
	if (send(fd, &reply, sizeof(reply), MSG_NOSIGNAL) < 0)
		_exit(0);
}

static _Noreturn void serve(int fd, pid_t parent, int (*confine)(void))
{
	struct request request;

	/* The tracer's other descriptors tell others that it lives: none may stay open here. */
	if (dup2(fd, 3) < 0 || close_range(4, ~0U, 0) < 0)
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent || confine() < 0)
		_exit(1);
	while (recv(3, &request, sizeof(request), 0) == sizeof(request))
		answer(3, &request);
	_exit(0);
}

void probes_start(int (*confine)(void))
{
	pid_t parent = getpid();

	for (int i = 0; i < PROBERS; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
			return;
		pid_t pid = fork();

		if (pid == 0)
			serve(pair[1], parent, confine);
		close(pair[1]);
		if (pid < 0) {
			close(pair[0]);
			return;
		}
		pthread_mutex_init(&probers[i].lock, NULL);
		probers[i].fd = pair[0];
	}
}

/* Takes answers until the one to the last request; false: it is not there yet. */
static bool take(struct prober *prober, struct reply *reply, int patience_ms)
{
	struct pollfd readable = {.fd = prober->fd, .events = POLLIN};
	uint64_t until = clock_ns() + (uint64_t)patience_ms * NS_PER_MS;

	for (;;) {
		int ready = poll(&readable, 1, patience_ms);

		if (ready > 0 && recv(prober->fd, reply, sizeof(*reply), MSG_DONTWAIT) != sizeof(*reply))
			return false;
		if (ready > 0 && reply->serial == prober->serial) {
			prober->owes = false;
			return true;
		}
		/* A kick ends the poll early. */
		if (ready == 0 || (ready < 0 && errno != EINTR) || (ready < 0 && clock_ns() >= until))
			return false;
	}
}

static int ask(struct prober *prober, struct request *request, struct reply *reply)
{
	if ((prober->owes && !take(prober, reply, 0)) || clock_ns() < prober->rests_until_ns)
		return -EBUSY;
	request->serial = ++prober->serial;
	if (send(prober->fd, request, sizeof(*request), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -EBUSY;
	prober->owes = true;
	if (take(prober, reply, PATIENCE_MS))
		return -reply->error;
	prober->rests_until_ns = clock_ns() + REST_NS;
	return -ETIMEDOUT;
}

static int probe(struct request *request, void *buffer, size_t size)
{
	struct reply reply;
	int error = -EBUSY;

	for (int i = 0; i < PROBERS && error == -EBUSY; i++) {
		if (!probers[i].fd || pthread_mutex_trylock(&probers[i].lock) != 0)
			continue;
		error = ask(&probers[i], request, &reply);
		pthread_mutex_unlock(&probers[i].lock);
	}
	if (error == 0)
		memcpy(buffer, reply.bytes, size);
	return error;
}

int probe_memory(pid_t tid, uint64_t address, void *buffer, size_t size)
{
	struct request request = {.where = address, .size = (uint32_t)size, .tid = tid, .look = LOOK_MEMORY};

	return size <= PROBE_MOST ? probe(&request, buffer, size) : -EINVAL;
}

int probe_socket_timeout(pid_t tid, int descriptor, bool sends, int64_t *timeout_ns)
{
	struct request request = {.where = (uint64_t)descriptor, .tid = tid};

	request.look = sends ? LOOK_SEND_TIMEOUT : LOOK_RECEIVE_TIMEOUT;
	return probe(&request, timeout_ns, sizeof(*timeout_ns));
}

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
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define PROBERS 2
/* The tracee is held meanwhile, and others of its thread: who took longer is left alone for a while. */
#define PATIENCE_MS 20
/* Where the CPUs are full, who looks may not have begun: that is no hang, which is a sleep. */
#define STARVED_MS 100
#define STARVED_LOOK_MS 5
#define TURN_NS 5000000
#define REST_NS (1 * NS_PER_S)
#define HANGS_US 100000
#define RESTART_NS (100 * NS_PER_MS)
#define NEW 0 /* no request's serial: a prober has begun, and whatever the one before it owed is lost */

enum look { LOOK_MEMORY, LOOK_RECEIVE_TIMEOUT, LOOK_SEND_TIMEOUT, LOOK_PROTOCOL };

struct request {
	uint64_t serial, where; /* an address, or a descriptor */
	uint32_t size;
	pid_t tid;
	enum look look;
};

struct reply {
	uint64_t serial;
	int32_t error; /* of NEW: the prober's PID */
	uint32_t size; /* of the bytes that are sent */
	char bytes[PROBE_MOST];
};

#define REPLY_SIZE(bytes_sent) (offsetof(struct reply, bytes) + (bytes_sent))

static struct prober {
	pthread_mutex_t lock;
	int fd;    /* 0: not started */
	pid_t pid; /* 0: it has not begun */
	uint64_t serial;
	bool owes; /* it has not answered the last request */
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

/* net/socket.c, sockfs_xattr_get() */
static int look_at_protocol(const struct request *request, char bytes[PROBE_MOST])
{
	char path[128];

	task_fd_path(request->tid, (int)request->where, path, sizeof(path));
	memset(bytes, 0, PROBE_PROTOCOL);
	return getxattr(path, "system.sockprotoname", bytes, PROBE_PROTOCOL - 1) < 0 ? errno : 0;
}

static void answer(int fd, const struct request *request)
{
	struct reply reply;

	reply.serial = request->serial;
	reply.size = 0;

	if (request->look == LOOK_MEMORY)
		reply.error = look_at_memory(request, reply.bytes);
	else if (request->look == LOOK_PROTOCOL)
		reply.error = look_at_protocol(request, reply.bytes);
	else
		reply.error = look_at_socket(request, reply.bytes);
	if (!reply.error)
		reply.size = request->size;
	if (send(fd, &reply, REPLY_SIZE(reply.size), MSG_NOSIGNAL) < 0)
		_exit(0);
}

static void die_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		_exit(1);
}

static _Noreturn void serve(pid_t parent, int (*confine)(void))
{
	const struct itimerval limit = {.it_value.tv_usec = HANGS_US}, none = {0};
	const struct reply begun = {.serial = NEW, .error = getpid()};
	struct request request;

	die_with(parent);
	signal(SIGALRM, SIG_DFL);
	if (confine() < 0 || send(3, &begun, REPLY_SIZE(0), MSG_NOSIGNAL) < 0)
		_exit(1);
	while (recv(3, &request, sizeof(request), 0) == sizeof(request)) {
		setitimer(ITIMER_REAL, &limit, NULL);
		answer(3, &request);
		setitimer(ITIMER_REAL, &none, NULL);
	}
	_exit(0);
}

/* Looks at nothing itself, and starts a prober anew when a hang has ended it. */
static _Noreturn void keep(int fd, pid_t parent, int (*confine)(void))
{
	const struct timespec pause = {0, RESTART_NS};
	pid_t self = getpid();

	/* The tracer's other descriptors tell others that it lives: none may stay open here. */
	if (dup2(fd, 3) < 0 || close_range(4, ~0U, 0) < 0)
		_exit(1);
	die_with(parent);
	signal(SIGCHLD, SIG_DFL);
	for (;;) {
		pid_t pid = fork();
		int status = 0;

		if (pid == 0)
			serve(self, confine);
		if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
			_exit(0);
		if (!WIFSIGNALED(status))
			nanosleep(&pause, NULL);
	}
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
			keep(pair[1], parent, confine);
		close(pair[1]);
		if (pid < 0) {
			close(pair[0]);
			return;
		}
		pthread_mutex_init(&probers[i].lock, NULL);
		probers[i].fd = pair[0];
	}
}

static bool receive(const struct prober *prober, struct reply *reply)
{
	ssize_t size = recv(prober->fd, reply, sizeof(*reply), MSG_DONTWAIT);

	return size >= (ssize_t)REPLY_SIZE(0) && reply->size <= PROBE_MOST && size == (ssize_t)REPLY_SIZE(reply->size);
}

/* Whether it is the answer to the last request. */
static bool heard(struct prober *prober, const struct reply *reply)
{
	bool answered = reply->serial == prober->serial;

	if (reply->serial == NEW)
		prober->pid = reply->error;
	if (answered || reply->serial == NEW)
		prober->owes = false;
	return answered;
}

/* What has come in since the last request was given up: its answer, or word of a new prober. */
static void catch_up(struct prober *prober)
{
	struct reply reply;

	while (receive(prober, &reply))
		heard(prober, &reply);
}

static bool is_starved(const struct prober *prober)
{
	struct task_status status;

	return prober->pid && task_status_read(prober->pid, &status) == 0 && status.state == 'R';
}

static bool take(struct prober *prober, struct reply *reply)
{
	struct pollfd readable = {.fd = prober->fd, .events = POLLIN};
	uint64_t begun = clock_ns(), until = begun + PATIENCE_MS * NS_PER_MS;

	for (uint64_t now = begun; now < until || (now < begun + STARVED_MS * NS_PER_MS && is_starved(prober));
	     now = clock_ns()) {
		int ready = poll(&readable, 1, now < until ? (int)((until - now) / NS_PER_MS) + 1 : STARVED_LOOK_MS);

		/* A kick ends the poll early. */
		if (ready == 0 || (ready < 0 && errno == EINTR))
			continue;
		if (ready < 0 || !receive(prober, reply))
			return false;
		if (heard(prober, reply))
			return true;
	}
	return false;
}

static int ask(struct prober *prober, struct request *request, struct reply *reply)
{
	catch_up(prober);
	if (prober->owes)
		return -EBUSY;
	request->serial = ++prober->serial;
	if (send(prober->fd, request, sizeof(*request), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -EBUSY;
	prober->owes = true;
	return take(prober, reply) ? -reply->error : -ETIMEDOUT;
}

/* First whoever is free; then whoever will be, for another thread's look is soon over. */
static bool has_lock(struct prober *prober, bool at_once)
{
	struct timespec until;

	if (pthread_mutex_trylock(&prober->lock) == 0)
		return true;
	if (at_once)
		return false;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += TURN_NS;
	if (until.tv_nsec >= (long)NS_PER_S) {
		until.tv_nsec -= (long)NS_PER_S;
		until.tv_sec++;
	}
	return pthread_mutex_timedlock(&prober->lock, &until) == 0;
}

static int probe(struct request *request, void *buffer, size_t size, _Atomic uint64_t *until_ns)
{
	struct reply reply;
	int error = -EBUSY;

	if (clock_ns() < atomic_load(until_ns))
		return -EBUSY;
	for (int i = 0; i < 2 * PROBERS && error == -EBUSY; i++) {
		struct prober *prober = &probers[i % PROBERS];

		if (!prober->fd || !has_lock(prober, i < PROBERS))
			continue;
		error = ask(prober, request, &reply);
		pthread_mutex_unlock(&prober->lock);
	}
	if (error == -ETIMEDOUT)
		atomic_store(until_ns, clock_ns() + REST_NS);
	if (error == 0 && reply.size != size)
		return -EIO;
	if (error == 0)
		memcpy(buffer, reply.bytes, size);
	return error;
}

int probe_memory(pid_t tid, uint64_t address, void *buffer, size_t size, _Atomic uint64_t *until_ns)
{
	struct request request = {.where = address, .size = (uint32_t)size, .tid = tid, .look = LOOK_MEMORY};

	return size <= PROBE_MOST ? probe(&request, buffer, size, until_ns) : -EINVAL;
}

int probe_socket_protocol(pid_t tid, int descriptor, char name[PROBE_PROTOCOL], _Atomic uint64_t *until_ns)
{
	struct request request = {
		.where = (uint64_t)descriptor, .size = PROBE_PROTOCOL, .tid = tid, .look = LOOK_PROTOCOL};

	return probe(&request, name, PROBE_PROTOCOL, until_ns);
}

int probe_socket_timeout(pid_t tid, int descriptor, bool sends, int64_t *timeout_ns, _Atomic uint64_t *until_ns)
{
	struct request request = {.where = (uint64_t)descriptor, .size = sizeof(*timeout_ns), .tid = tid};

	request.look = sends ? LOOK_SEND_TIMEOUT : LOOK_RECEIVE_TIMEOUT;
	return probe(&request, timeout_ns, sizeof(*timeout_ns), until_ns);
}

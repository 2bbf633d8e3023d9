/* SPDX-License-Identifier: Apache-2.0
 *
 * timed CALL MS N [thread]: after the go waits N times for MS in CALL (epoll_wait, semtimedop, sigtimedwait, recv,
 * io_getevents, poll, nanosleep), in a further thread if so asked, and says for each "elapsed US ERRNO". SIGUSR1 is ignored.
 */
#include "tracee.h"
#include <linux/aio_abi.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/sem.h>
#include <sys/socket.h>

static long ms;
static int semaphores = -1;

static long timed_epoll_wait(void)
{
	struct epoll_event event;
	static int fd;

	if (!fd)
		fd = epoll_create1(EPOLL_CLOEXEC);
	return epoll_wait(fd, &event, 1, (int)ms);
}

static struct timespec span(void)
{
	return (struct timespec){ms / 1000, ms % 1000 * 1000000};
}

static long timed_semtimedop(void)
{
	struct sembuf take = {0, -1, 0};
	struct timespec time = span();

	if (semaphores < 0) {
		semaphores = semget(IPC_PRIVATE, 1, 0600);
		CHECK(semaphores >= 0);
	}
	return semtimedop(semaphores, &take, 1, &time);
}

static long timed_sigtimedwait(void)
{
	sigset_t set;
	struct timespec time = span();

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	return sigtimedwait(&set, NULL, &time);
}

static long timed_recv(void)
{
	static int pair[2];
	struct timespec time = span();
	struct timeval limit = {time.tv_sec, time.tv_nsec / 1000};
	char byte;

	if (!pair[0]) {
		CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
		CHECK(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
	}
	return recv(pair[0], &byte, 1, 0);
}

static long timed_io_getevents(void)
{
	static aio_context_t context;
	struct io_event event;
	struct timespec time = span();

	if (!context)
		CHECK(syscall(SYS_io_setup, 1, &context) == 0);
	return syscall(SYS_io_getevents, context, 1, 1, &event, &time);
}

static long timed_poll(void)
{
	return poll(NULL, 0, (int)ms);
}

static long timed_nanosleep(void)
{
	struct timespec time = span();

	return nanosleep(&time, NULL);
}

static const struct {
	const char *name;
	long (*wait)(void);
} calls[] = {
	{"epoll_wait", timed_epoll_wait},     {"semtimedop", timed_semtimedop},
	{"sigtimedwait", timed_sigtimedwait}, {"recv", timed_recv},
	{"io_getevents", timed_io_getevents}, {"poll", timed_poll},
	{"nanosleep", timed_nanosleep},
};

static void *wait_often(void *context)
{
	char **argv = context;
	int n = atoi(argv[3]);

	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		for (int k = 0; k < n && !strcmp(argv[1], calls[i].name); k++) {
			int64_t start = now_us();
			int error = calls[i].wait() < 0 ? errno : 0;

			dprintf(STDOUT_FILENO, "elapsed %lld %d\n", (long long)(now_us() - start), error);
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	char line[16];

	tracee_begin();
	ms = atol(argv[2]);
	signal(SIGUSR1, SIG_IGN);
	await_go();
	if (argc > 4) {
		CHECK(pthread_create(&thread, NULL, wait_often, argv) == 0);
		CHECK(pthread_join(thread, NULL) == 0);
	} else {
		wait_often(argv);
	}
	say("end");
	read(STDIN_FILENO, line, sizeof line);
	if (semaphores >= 0)
		semctl(semaphores, 0, IPC_RMID);
	_exit(7);
}

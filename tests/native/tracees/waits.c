/* SPDX-License-Identifier: Apache-2.0
 *
 * waits KINDS MS TICK_US: a thread for each of KINDS (comma separated) that waits, again and again, for MS milliseconds
 * or without end (-1). With TICK_US a further thread wakes each of them that often. Commands:
 * "status" prints a line "KIND RETURNS EINTR EARLY LATE OTHER HANDLED" for each and "end"; "signal N" sends each thread
 * the signal once it is seen inside its call, and says "sent" or, for SIGUSR2, which has a handler, "interrupted" when
 * every call has ended with EINTR and every handler has run (or "hung KIND" after 2 s). SIGUSR1 is ignored, SIGWINCH at its default.
 */
#include "tracee.h"
#include <linux/aio_abi.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/socket.h>

struct wait {
	const char *name;
	long number;
	int (*setup)(struct wait *);
	long (*wait)(struct wait *);
	void (*wake)(struct wait *);
	long timeout_ms;
	_Atomic int tid;
	int fd, wake_fd;
	aio_context_t aio;
	_Atomic long returns, eintrs, early, late, others, handled;
	_Atomic int last_errno;
	char proc[64]; /* its folder, by the number that /proc's own PID namespace has for it */
};

static __thread struct wait *self;
static int ticking;

static struct timespec span(const struct wait *w)
{
	return (struct timespec){w->timeout_ms / 1000, w->timeout_ms % 1000 * 1000000};
}

static int epoll_setup(struct wait *w)
{
	struct epoll_event event = {.events = EPOLLIN};

	w->fd = epoll_create1(EPOLL_CLOEXEC);
	w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return epoll_ctl(w->fd, EPOLL_CTL_ADD, w->wake_fd, &event);
}

static long drained(struct wait *w, long result)
{
	uint64_t value;
	int saved = errno;

	if (result > 0 && read(w->wake_fd, &value, sizeof value) < 0)
		value = 0;
	errno = saved;
	return result;
}

static long epoll_wait_once(struct wait *w)
{
	struct epoll_event event;

	return drained(w, syscall(SYS_epoll_wait, w->fd, &event, 1, (int)w->timeout_ms));
}

static long epoll_pwait_once(struct wait *w)
{
	struct epoll_event event;

	return drained(w, syscall(SYS_epoll_pwait, w->fd, &event, 1, (int)w->timeout_ms, NULL, 8));
}

static void eventfd_wake(struct wait *w)
{
	uint64_t one = 1;

	CHECK(write(w->wake_fd, &one, sizeof one) == sizeof one || errno == EAGAIN);
}

static int sem_setup(struct wait *w)
{
	w->fd = semget(IPC_PRIVATE, 1, 0600);
	return w->fd < 0 ? -1 : 0;
}

static long semop_once(struct wait *w)
{
	struct sembuf take = {0, -1, 0};

	return syscall(SYS_semop, w->fd, &take, 1);
}

static long semtimedop_once(struct wait *w)
{
	struct sembuf take = {0, -1, 0};
	struct timespec time = span(w);

	return syscall(SYS_semtimedop, w->fd, &take, 1, w->timeout_ms < 0 ? NULL : &time);
}

static void sem_wake(struct wait *w)
{
	struct sembuf give = {0, 1, IPC_NOWAIT};

	semop(w->fd, &give, 1);
}

static int signal_setup(struct wait *w)
{
	sigset_t set;

	(void)w;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	return pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static long sigtimedwait_once(struct wait *w)
{
	struct timespec time = span(w);
	uint64_t set = 1ULL << (SIGRTMIN - 1);

	return syscall(SYS_rt_sigtimedwait, &set, NULL, w->timeout_ms < 0 ? NULL : &time, 8);
}

static void signal_wake(struct wait *w)
{
	syscall(SYS_tgkill, getpid(), (int)w->tid, SIGRTMIN);
}

static int aio_setup(struct wait *w)
{
	return (int)syscall(SYS_io_setup, 8, &w->aio);
}

static long aio_once(struct wait *w)
{
	struct io_event event;
	struct timespec time = span(w);

	return syscall(SYS_io_getevents, w->aio, 1, 1, &event, w->timeout_ms < 0 ? NULL : &time);
}

/* A write to an eventfd completes at once, and its completion wakes the waiter. */
static void aio_wake(struct wait *w)
{
	static uint64_t one = 1;
	struct iocb block = {.aio_lio_opcode = IOCB_CMD_PWRITE, .aio_buf = (uintptr_t)&one, .aio_nbytes = 8};
	struct iocb *blocks[] = {&block};

	if (!w->fd)
		w->fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	block.aio_fildes = w->fd;
	CHECK(syscall(SYS_io_submit, w->aio, 1, blocks) == 1 || errno == EAGAIN);
}

static int recv_setup(struct wait *w)
{
	int pair[2];
	struct timespec time = span(w);
	struct timeval limit = {time.tv_sec, time.tv_nsec / 1000};

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return -1;
	w->fd = pair[0];
	w->wake_fd = pair[1];
	return w->timeout_ms < 0 ? 0 : setsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

static long recv_once(struct wait *w)
{
	char byte;

	return syscall(SYS_recvfrom, w->fd, &byte, 1, 0, NULL, NULL);
}

static void recv_wake(struct wait *w)
{
	send(w->wake_fd, "x", 1, MSG_DONTWAIT);
}

static struct wait waits[] = {
	{.name = "epoll_wait",
         .number = SYS_epoll_wait,
         .setup = epoll_setup,
         .wait = epoll_wait_once,
         .wake = eventfd_wake},
	{.name = "epoll_pwait",
         .number = SYS_epoll_pwait,
         .setup = epoll_setup,
         .wait = epoll_pwait_once,
         .wake = eventfd_wake},
	{.name = "semop", .number = SYS_semop, .setup = sem_setup, .wait = semop_once, .wake = sem_wake},
	{.name = "semtimedop", .number = SYS_semtimedop, .setup = sem_setup, .wait = semtimedop_once, .wake = sem_wake},
	{.name = "sigtimedwait",
         .number = SYS_rt_sigtimedwait,
         .setup = signal_setup,
         .wait = sigtimedwait_once,
         .wake = signal_wake},
	{.name = "io_getevents", .number = SYS_io_getevents, .setup = aio_setup, .wait = aio_once, .wake = aio_wake},
	{.name = "recv", .number = SYS_recvfrom, .setup = recv_setup, .wait = recv_once, .wake = recv_wake},
};
#define KINDS (sizeof waits / sizeof waits[0])

static void handler(int signal)
{
	(void)signal;
	if (self)
		self->handled++;
}

static void *loop(void *argument)
{
	struct wait *w = argument;

	self = w;
	CHECK(w->setup(w) == 0);
	CHECK(readlink("/proc/thread-self", w->proc, sizeof w->proc - 1) > 0);
	w->tid = (int)syscall(SYS_gettid);
	for (;;) {
		int64_t start = now_us();
		long result = w->wait(w);
		int error = result < 0 ? errno : 0;
		int64_t elapsed = now_us() - start;
		/* A time-out is 0 or EAGAIN; recv is never woken by an end of its stream, so 0 is nothing else. */
		int timed_out = w->timeout_ms >= 0 && (result == 0 ? w->wake != sem_wake : error == EAGAIN);

		if (error == EINTR)
			w->eintrs++;
		else if (error && error != EAGAIN)
			w->others++;
		if (timed_out && elapsed < w->timeout_ms * 1000 - 1000)
			w->early++;
		if (timed_out && elapsed > w->timeout_ms * 1000 + 50000)
			w->late++;
		w->last_errno = error;
		w->returns++;
	}
	return NULL;
}

static void *ticker(void *argument)
{
	for (long us = *(long *)argument;;) {
		sleep_us(us);
		for (size_t i = 0; i < KINDS; i++)
			if (waits[i].tid)
				waits[i].wake(&waits[i]);
	}
	return NULL;
}

/* Inside: blocked in the call with this number. While it has not returned since, it still is, as the program sees it. */
static int inside(const struct wait *w)
{
	char path[80], text[32] = "";
	int fd;

	snprintf(path, sizeof path, "/proc/%s/syscall", w->proc);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof text - 1) < 0)
		text[0] = '\0';
	close(fd);
	return text[0] >= '0' && text[0] <= '9' && strtol(text, NULL, 10) == w->number;
}

static const char *interrupted(struct wait *w, int signal)
{
	int64_t limit = now_us() + 2000000;
	long returns, handled = w->handled;

	do {
		returns = w->returns;
		if (now_us() > limit)
			return "never inside ";
	} while (!inside(w) || returns != w->returns);
	CHECK(syscall(SYS_tgkill, getpid(), (int)w->tid, signal) == 0);
	if (signal != SIGUSR2)
		return NULL;
	limit = now_us() + 2000000;
	while (w->returns == returns || w->handled == handled) {
		if (now_us() > limit)
			return w->handled == handled ? "handler did not run " : "hung ";
		sleep_us(100);
	}
	/* Where nothing else ends the call, the signal has ended it. */
	return w->last_errno == EINTR || w->timeout_ms >= 0 || ticking ? NULL : "not interrupted ";
}

static void signal_all(int signal)
{
	for (size_t i = 0; i < KINDS; i++) {
		const char *wrong = waits[i].tid ? interrupted(&waits[i], signal) : NULL;

		if (wrong) {
			dprintf(STDOUT_FILENO, "%s%s\n", wrong, waits[i].name);
			return;
		}
	}
	say(signal == SIGUSR2 ? "interrupted" : "sent");
}

static void status(void)
{
	for (size_t i = 0; i < KINDS; i++) {
		struct wait *w = &waits[i];

		if (w->tid)
			dprintf(STDOUT_FILENO, "%s %ld %ld %ld %ld %ld %ld\n", w->name, w->returns, w->eintrs, w->early,
			        w->late, w->others, w->handled);
	}
	say("end");
}

static int started(const char *kinds)
{
	pthread_t thread;
	int n = 0;

	for (size_t i = 0; i < KINDS; i++) {
		const char *at = strstr(kinds, waits[i].name);
		size_t length = strlen(waits[i].name);

		if (!at || (at[length] && at[length] != ','))
			continue;
		CHECK(pthread_create(&thread, NULL, loop, &waits[i]) == 0);
		while (!waits[i].tid)
			sleep_us(100);
		n++;
	}
	return n;
}

int main(int argc, char **argv)
{
	long tick = argc > 3 ? atol(argv[3]) : 0;
	struct sigaction action = {.sa_handler = handler};
	pthread_t thread;
	char line[64];

	tracee_begin();
	signal(SIGUSR1, SIG_IGN);
	sigaction(SIGUSR2, &action, NULL);
	for (size_t i = 0; i < KINDS; i++)
		waits[i].timeout_ms = atol(argv[2]);
	CHECK(started(argv[1]) > 0);
	ticking = tick > 0;
	if (ticking)
		CHECK(pthread_create(&thread, NULL, ticker, &tick) == 0);
	say("ready");
	while (command(line, sizeof line)) {
		if (!strncmp(line, "signal ", 7))
			signal_all(atoi(line + 7));
		else
			status();
	}
	for (size_t i = 0; i < KINDS; i++)
		if (waits[i].setup == sem_setup && waits[i].tid)
			semctl(waits[i].fd, 0, IPC_RMID);
	_exit(7);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * load busy FILE THREADS IDLE: so many threads call getppid in a tight loop, each counting in a cache line of its own
 * in the shared FILE; so many others wait for ever. The last cache line holds the PID once all of them are there.
 * load mixed FILE THREADS IDLE: the same, of calls as servers make them: with paths, structs, vectors and data.
 * load spin: uses up a CPU and makes no system call.
 * load sleepers COUNT: so many processes wait for ever; a line on stdout says when all of them are there.
 * All die with whoever started them.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define LINE 8 /* 64-bit words */
#define LINES (PAGE / 8 / LINE)

static _Atomic uint64_t *lines;

static void die(const char *what)
{
	perror(what);
	_exit(1);
}

static void *busy(void *argument)
{
	_Atomic uint64_t *line = lines + LINE * (intptr_t)argument;

	for (;;) {
		syscall(SYS_getppid);
		atomic_store_explicit(line, *line + 1, memory_order_relaxed);
	}
	return NULL;
}

static void counted(_Atomic uint64_t *line, long result)
{
	if (result < 0)
		die("a call of the mix");
	atomic_store_explicit(line, *line + 1, memory_order_relaxed);
}

/* Ten calls a turn, none of which waits. */
static void *mixed(void *argument)
{
	_Atomic uint64_t *line = lines + LINE * (intptr_t)argument;
	char data[512];
	struct iovec halves[] = {{data, 256}, {data + 256, 256}};
	struct timespec now;
	struct stat status;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		die("pipe2");
	memset(data, 'x', sizeof(data));
	for (;;) {
		int fd = open("/etc/hostname", O_RDONLY | O_CLOEXEC);
		struct pollfd polled = {.fd = ends[0], .events = POLLIN};

		counted(line, fd);
		counted(line, fstat(fd, &status));
		counted(line, read(fd, data, sizeof(data)));
		counted(line, close(fd));
		counted(line, stat("/etc", &status));
		counted(line, writev(ends[1], halves, 2));
		counted(line, poll(&polled, 1, 0));
		counted(line, read(ends[0], data, sizeof(data)));
		/* Past the vDSO. */
		counted(line, syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now));
		counted(line, syscall(SYS_getppid));
	}
	return NULL;
}

static void *idle(void *argument)
{
	for (;;)
		pause();
	return argument;
}

static void start(void *(*what)(void *), intptr_t number)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, what, (void *)number) != 0)
		die("pthread_create");
}

static void run_threads(void *(*what)(void *), const char *path, int threads, int idlers)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0 || threads < 1 || threads >= LINES)
		die(path);
	lines = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (lines == MAP_FAILED)
		die("mmap");
	for (int i = 0; i < idlers; i++)
		start(idle, i);
	for (int i = 1; i < threads; i++)
		start(what, i);
	lines[LINE * (LINES - 1)] = (uint64_t)getpid();
	what(NULL);
}

static void run_sleepers(int count)
{
	for (int i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			idle(NULL);
		}
	}
	puts("ready");
	fflush(stdout);
	idle(NULL);
}

int main(int argc, char **argv)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (argc == 5 && strcmp(argv[1], "busy") == 0)
		run_threads(busy, argv[2], atoi(argv[3]), atoi(argv[4]));
	if (argc == 5 && strcmp(argv[1], "mixed") == 0)
		run_threads(mixed, argv[2], atoi(argv[3]), atoi(argv[4]));
	if (argc == 3 && strcmp(argv[1], "sleepers") == 0)
		run_sleepers(atoi(argv[2]));
	if (argc == 2 && strcmp(argv[1], "spin") == 0) {
		for (volatile uint64_t turns = 0;; turns++)
			continue;
	}
	fputs("usage: load busy|mixed FILE THREADS IDLE | load spin | load sleepers COUNT\n", stderr);
	return 2;
}

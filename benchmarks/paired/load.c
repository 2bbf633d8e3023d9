/* SPDX-License-Identifier: Apache-2.0
 *
 * load busy FILE THREADS IDLE: so many threads call getppid in a tight loop, each counting in a cache line of its own
 * in the shared FILE; so many others wait for ever. The last cache line holds the PID once all of them are there.
 * load spin: uses up a CPU and makes no system call.
 * load sleepers COUNT: so many processes wait for ever; a line on stdout says when all of them are there.
 * All die with whoever started them.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
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

static void run_threads(const char *path, int threads, int idlers)
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
		start(busy, i);
	lines[LINE * (LINES - 1)] = (uint64_t)getpid();
	busy(NULL);
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
		run_threads(argv[2], atoi(argv[3]), atoi(argv[4]));
	if (argc == 3 && strcmp(argv[1], "sleepers") == 0)
		run_sleepers(atoi(argv[2]));
	if (argc == 2 && strcmp(argv[1], "spin") == 0) {
		for (volatile uint64_t turns = 0;; turns++)
			continue;
	}
	fputs("usage: load busy FILE THREADS IDLE | load spin | load sleepers COUNT\n", stderr);
	return 2;
}

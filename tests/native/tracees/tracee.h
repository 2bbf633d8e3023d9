/* SPDX-License-Identifier: Apache-2.0
 *
 * What every tracee shares. A tracee says "ready" on stdout and waits for a line on stdin, so that no test depends
 * on time; it ends when stdin does, and dies with the process that started it, so that none is left behind.
 * Claims are lines "calls NAME N" and "errors NAME ERRNO N": what it did between the go and the claim.
 */
#ifndef TRACEE_H
#define TRACEE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, strerror(errno));           \
			_exit(99);                                                                                     \
		}                                                                                                      \
	} while (0)

static inline void say(const char *line)
{
	CHECK(dprintf(STDOUT_FILENO, "%s\n", line) > 0);
}

/* One line of stdin without its newline; false at its end. Read byte by byte: nothing is buffered across an exec. */
static inline int command(char *line, size_t size)
{
	size_t length = 0;

	for (;;) {
		char byte;
		ssize_t got = read(STDIN_FILENO, &byte, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return 0;
		if (byte == '\n')
			break;
		if (length + 1 < size)
			line[length++] = byte;
	}
	line[length] = '\0';
	return 1;
}

/* Waits for the go; ends the program when there is none. The go is one byte and a newline in a single read, so that
 * exactly one read is in progress when the tracer attaches. */
static inline void await_go(void)
{
	char line[16];

	say("ready");
	if (read(STDIN_FILENO, line, sizeof line) <= 0)
		_exit(0);
}

static inline void tracee_begin(void)
{
	CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
}

static inline int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static inline void sleep_us(long us)
{
	struct timespec left = {us / 1000000, us % 1000000 * 1000};

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

#endif

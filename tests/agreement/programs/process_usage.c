/* SPDX-License-Identifier: Apache-2.0
 *
 * Resource usage, limits and priorities. What the kernel measures differs from run to run, so only its form agrees.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BAD ((void *)-8L)

static void limits(void)
{
	struct {
		unsigned long current, maximum;
	} limit = {1024, ~0UL}, old;
	struct {
		uint64_t current, maximum;
	} wide = {1 << 20, 1ULL << 40}, before;

	for (int resource = 0; resource < 17; resource++)
		syscall(SYS_prlimit64, 0, resource, NULL, &before);
	syscall(SYS_prlimit64, getpid(), RLIMIT_CORE, &wide, &before);
	wide.current = 1025;
	syscall(SYS_prlimit64, 0, RLIMIT_CORE, &wide, &before);
	wide.maximum = 0;
	syscall(SYS_prlimit64, 0, RLIMIT_CORE, &wide, &before);
	syscall(SYS_prlimit64, 0, RLIMIT_CORE, NULL, NULL);
	syscall(SYS_prlimit64, 0, RLIMIT_CORE, BAD, &before);
	syscall(SYS_prlimit64, 0, RLIMIT_CORE, NULL, BAD);
	syscall(SYS_prlimit64, -1, 99, &wide, &before);
#ifdef SYS_getrlimit
	syscall(SYS_getrlimit, RLIMIT_STACK, &old);
	syscall(SYS_getrlimit, RLIMIT_NOFILE, &old);
	syscall(SYS_getrlimit, 77, &old);
	syscall(SYS_getrlimit, RLIMIT_STACK, NULL);
	syscall(SYS_getrlimit, RLIMIT_STACK, BAD);
	syscall(SYS_setrlimit, RLIMIT_NPROC, &limit);
	limit.current = 2048;
	syscall(SYS_setrlimit, RLIMIT_MEMLOCK, &limit);
	limit.current = ~0UL / 2;
	syscall(SYS_setrlimit, RLIMIT_MEMLOCK, &limit);
	syscall(SYS_setrlimit, RLIMIT_MEMLOCK, NULL);
	syscall(SYS_setrlimit, 16, BAD);
#endif
#ifdef SYS_ugetrlimit
	syscall(SYS_ugetrlimit, RLIMIT_STACK, &old);
	syscall(SYS_ugetrlimit, RLIMIT_STACK, BAD);
#endif
}

static void priorities(void)
{
	syscall(SYS_getpriority, PRIO_PROCESS, 0);
	syscall(SYS_getpriority, PRIO_PGRP, 1);
	syscall(SYS_getpriority, PRIO_USER, 12345);
	syscall(SYS_getpriority, 9, -1);
	syscall(SYS_setpriority, PRIO_PROCESS, 0, 3);
	syscall(SYS_setpriority, PRIO_PROCESS, 0x7fffffff, -3);
	syscall(SYS_setpriority, 9, -1, -1);
	syscall(SYS_ioprio_get, 1, 0);
	syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 5);
	syscall(SYS_ioprio_get, 1, 0);
	syscall(SYS_ioprio_set, 1, 0, 3 << 13);
	syscall(SYS_ioprio_get, 1, 0);
	syscall(SYS_ioprio_set, 2, 0x7fffffff, 1 << 13 | 7);
	syscall(SYS_ioprio_set, 3, 12345, 7 << 13 | 99);
	syscall(SYS_ioprio_set, 4, -1, 0);
	syscall(SYS_ioprio_get, 9, -1);
#ifdef SYS_nice
	syscall(SYS_nice, 1);
	syscall(SYS_nice, -1);
#endif
}

int main(void)
{
	struct rusage usage;

	syscall(SYS_getrusage, RUSAGE_SELF, &usage);
	syscall(SYS_getrusage, RUSAGE_CHILDREN, &usage);
	syscall(SYS_getrusage, 1, &usage);
	syscall(SYS_getrusage, 5, &usage);
	syscall(SYS_getrusage, RUSAGE_SELF, NULL);
	syscall(SYS_getrusage, RUSAGE_SELF, BAD);
	if (!fork())
		_exit(0);
	syscall(SYS_wait4, -1, NULL, 0, &usage);
	if (!fork())
		_exit(0);
	syscall(SYS_waitid, P_ALL, 0, NULL, WEXITED, &usage);
	syscall(SYS_times, BAD);
	limits();
	priorities();
	return 0;
}

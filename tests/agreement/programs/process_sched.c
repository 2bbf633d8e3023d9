/* SPDX-License-Identifier: Apache-2.0
 *
 * Scheduling: policies, parameters, affinity, attributes.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BAD ((void *)-8L)

/* linux/sched/types.h, with room for what a kernel does not know yet. */
struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
	uint64_t more;
};

static void policies(void)
{
	struct sched_param parameter = {7};
	struct timespec interval;

	for (int policy = 0; policy < 9; policy++) {
		syscall(SYS_sched_get_priority_min, policy);
		syscall(SYS_sched_get_priority_max, policy);
	}
	syscall(SYS_sched_getscheduler, 0);
	syscall(SYS_sched_getscheduler, -1);
	syscall(SYS_sched_getparam, 0, &parameter);
	syscall(SYS_sched_getparam, 0, BAD);
	syscall(SYS_sched_getparam, -1, &parameter);
	syscall(SYS_sched_setparam, 0, &parameter);
	parameter.sched_priority = 7;
	syscall(SYS_sched_setparam, 0, &parameter);
	syscall(SYS_sched_setparam, 0, NULL);
	parameter.sched_priority = 0;
	syscall(SYS_sched_setscheduler, 0, SCHED_BATCH, &parameter);
	syscall(SYS_sched_getscheduler, 0);
	syscall(SYS_sched_setscheduler, 0, SCHED_OTHER | SCHED_RESET_ON_FORK, &parameter);
	syscall(SYS_sched_getscheduler, 0);
	syscall(SYS_sched_setscheduler, 0, 77, &parameter);
	syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, BAD);
	syscall(SYS_sched_setscheduler, -1, SCHED_FIFO, NULL);
	syscall(SYS_sched_rr_get_interval, 0, &interval);
	syscall(SYS_sched_rr_get_interval, 0, BAD);
	syscall(SYS_sched_rr_get_interval, -1, &interval);
#ifdef SYS_sched_rr_get_interval_time64
	int64_t wide[2];

	syscall(SYS_sched_rr_get_interval_time64, 0, wide);
	syscall(SYS_sched_rr_get_interval_time64, -1, wide);
#endif
	syscall(SYS_sched_yield);
}

static void affinity(void)
{
	unsigned long mask[16] = {0};

	syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask);
	syscall(SYS_sched_getaffinity, 0, 8, mask);
	syscall(SYS_sched_getaffinity, 0, 1, mask);
	syscall(SYS_sched_getaffinity, 0, 0, mask);
	syscall(SYS_sched_getaffinity, 0, 8, BAD);
	syscall(SYS_sched_getaffinity, -1, 8, mask);
	syscall(SYS_sched_getaffinity, 0, -1, mask);
	syscall(SYS_sched_setaffinity, 0, 8, mask);
	memset(mask, 0, sizeof(mask));
	syscall(SYS_sched_setaffinity, 0, 8, mask);
	mask[0] = 0x80000001;
	mask[3] = 6;
	syscall(SYS_sched_setaffinity, 0x7fffffff, sizeof(mask), mask);
	syscall(SYS_sched_setaffinity, 0x7fffffff, 5, mask);
	syscall(SYS_sched_setaffinity, 0x7fffffff, 0, mask);
	memset(mask, 0xff, sizeof(mask));
	syscall(SYS_sched_setaffinity, 0x7fffffff, 16, mask);
	syscall(SYS_sched_setaffinity, 0, 8, NULL);
	syscall(SYS_sched_setaffinity, 0, 8, BAD);
}

static void attributes(void)
{
	struct attributes a = {0};

	syscall(SYS_sched_getattr, 0, &a, 48, 0);
	syscall(SYS_sched_getattr, 0, &a, 56, 0);
	syscall(SYS_sched_getattr, 0, &a, 64, 0);
	syscall(SYS_sched_getattr, 0, &a, 47, 0);
	syscall(SYS_sched_getattr, 0, &a, 48, 1);
	syscall(SYS_sched_getattr, 0, BAD, 48, 0);
	syscall(SYS_sched_getattr, 0, NULL, 48, 0);
	syscall(SYS_sched_getattr, -1, &a, 48, 0);
	a = (struct attributes){.size = 48};
	syscall(SYS_sched_setattr, 0, &a, 0);
	a = (struct attributes){.size = 48, .policy = 3, .nice = 5, .flags = 1};
	syscall(SYS_sched_setattr, 0, &a, 0);
	a = (struct attributes){.size = 0, .policy = 3, .nice = 5};
	syscall(SYS_sched_setattr, 0, &a, 0);
	a = (struct attributes){
		.size = 56, .policy = 1, .priority = 200, .flags = 0x60, .util_min = 1, .util_max = 1024};
	syscall(SYS_sched_setattr, 0, &a, 0);
	a = (struct attributes){.size = 48, .policy = 6, .runtime = 3, .deadline = 2, .period = 1, .flags = 0x187};
	syscall(SYS_sched_setattr, 0, &a, 0);
	a = (struct attributes){.size = 48, .policy = 99, .flags = ~0ULL};
	syscall(SYS_sched_setattr, 0, &a, 7);
	a = (struct attributes){.size = 64, .policy = 3, .more = 6};
	syscall(SYS_sched_setattr, 0, &a, 0);
	a = (struct attributes){.size = 5};
	syscall(SYS_sched_setattr, 0, &a, 0);
	a = (struct attributes){.size = 8000};
	syscall(SYS_sched_setattr, 0, &a, 0);
	syscall(SYS_sched_setattr, 0, NULL, 0);
	syscall(SYS_sched_setattr, 0, BAD, 0);
}

int main(void)
{
	policies();
	affinity();
	attributes();
	return 0;
}

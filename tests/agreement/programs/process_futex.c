/* SPDX-License-Identifier: Apache-2.0
 *
 * futex: every operation, and the calls that came after it.
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BAD ((void *)-8L)

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

struct waiter {
	uint64_t value, address;
	uint32_t flags, reserved;
};

static uint32_t word, other;

static void operations(int number)
{
	struct timespec moment = {0, 1000};

	for (int op = 0; op < 16; op++) {
		syscall(number, &word, op, 1, NULL, &other, 3);
		syscall(number, &word, op | FUTEX_PRIVATE_FLAG, 2, 1, &other, 0xffffffff);
	}
	syscall(number, &word, FUTEX_WAIT, 0, &moment, NULL, 0);
	syscall(number, &word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME, 0, &moment, NULL, 0);
	syscall(number, &word, FUTEX_WAIT_BITSET, 0, &moment, NULL, 0xffffffff);
	syscall(number, &word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &moment, NULL, 7);
	syscall(number, &word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, BAD, NULL, 0);
	syscall(number, &word, FUTEX_LOCK_PI, 0, &moment, NULL, 0);
	syscall(number, &word, FUTEX_LOCK_PI2, 0, &moment, NULL, 0);
	syscall(number, &word, FUTEX_WAKE_BITSET, 0x7fffffff, NULL, NULL, 0xffffffff);
	syscall(number, &word, FUTEX_WAKE | 0x1000, 0x80000000, NULL, NULL, 0xffffffff);
	syscall(number, &word, -1, -1, NULL, NULL, -1);
	syscall(number, &word, 99, 1, 2, 3, 4);
	for (int op = 0; op < 7; op++)
		syscall(number, &word, FUTEX_WAKE_OP, 1, 2, &other,
		        (unsigned)op << 28 | (unsigned)(6 - op) << 24 | 5 << 12 | 9);
	syscall(number, &word, FUTEX_WAKE_OP, 1, 2, &other, 8u << 28 | 4097 << 12 | 4095);
	syscall(number, &word, FUTEX_WAKE_OP, 1, 2, &other, 0xffffffff);
	syscall(number, NULL, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void vectors(void)
{
	static struct waiter waiters[600] = {{1, 0, 2, 0}, {2, 0, 0x82, 0}, {-1, 0, 0x7fffffff, 5}};
	int64_t moment[2] = {0, 1000};

	waiters[0].address = (uintptr_t)&word;
	waiters[1].address = (uintptr_t)&other;
	syscall(SYS_futex_waitv, waiters, 1, 0, moment, CLOCK_MONOTONIC);
	syscall(SYS_futex_waitv, waiters, 2, 0, NULL, CLOCK_REALTIME);
	syscall(SYS_futex_waitv, waiters, 3, 1, BAD, 99);
	syscall(SYS_futex_waitv, waiters, 0, 0, NULL, 0);
	syscall(SYS_futex_waitv, waiters, 100, 0, NULL, 0);
	syscall(SYS_futex_waitv, NULL, 1, 0, NULL, 0);
	syscall(SYS_futex_waitv, BAD, 1, 0, NULL, 0);
}

int main(void)
{
	void *head;
	size_t size;

	operations(SYS_futex);
#ifdef SYS_futex_time64
	operations(SYS_futex_time64);
#endif
	vectors();
	syscall(SYS_get_robust_list, 0, &head, &size);
	syscall(SYS_get_robust_list, -1, &head, &size);
	syscall(SYS_get_robust_list, 0, NULL, &size);
	syscall(SYS_get_robust_list, 0, BAD, BAD);
	syscall(SYS_set_robust_list, NULL, 24);
	syscall(SYS_set_robust_list, &head, 7);
	return 0;
}

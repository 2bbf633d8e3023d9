/* SPDX-License-Identifier: Apache-2.0
 *
 * spin FILE THREADS [COUNT]: every thread calls getppid in a tight loop and adds to its own counter in the shared FILE (64-bit, one
 * a cache line), so that progress is seen from outside without asking. With COUNT each thread stops after so many calls.
 */
#include "tracee.h"
#include <sys/mman.h>

static _Atomic uint64_t *counters;
static uint64_t limit;

static void *loop(void *argument)
{
	_Atomic uint64_t *counter = counters + 8 * (intptr_t)argument;

	for (uint64_t done = 0; !limit || done < limit; done++) {
		syscall(SYS_getppid);
		atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int fd = open(argv[1], O_RDWR | O_CLOEXEC);
	intptr_t n = atoi(argv[2]);
	pthread_t thread;
	char line[16];

	tracee_begin();
	limit = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
	CHECK(fd >= 0);
	counters = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(counters != MAP_FAILED);
	await_go();
	for (intptr_t i = 0; i < n; i++)
		CHECK(pthread_create(&thread, NULL, loop, (void *)i) == 0);
	say("running");
	while (command(line, sizeof line))
		say("pong");
	_exit(7);
}

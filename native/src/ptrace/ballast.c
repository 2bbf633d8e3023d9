/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "ballast.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <time.h>

#include "clock.h"

#define PERIOD_NS (2 * NS_PER_MS)
#define BUSY_NS (PERIOD_NS / 2)
#define ASKED_NS (20 * NS_PER_MS)
#define REFUSED_NS (5 * NS_PER_S)
#define DISTURBED 4

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t asked = PTHREAD_COND_INITIALIZER;
static atomic_bool started, asleep, over;
static _Atomic int wanted_cpu;
static _Atomic uint64_t wanted_until_ns, refused_until_ns;
static atomic_bool wanted_fully;

static void keep_to(int cpu)
{
	cpu_set_t mask;

	CPU_ZERO(&mask);
	CPU_SET(cpu, &mask);
	sched_setaffinity(0, sizeof(mask), &mask);
}

static void wait_until_asked(void)
{
	pthread_mutex_lock(&lock);
	atomic_store(&asleep, true);
	while (clock_ns() >= atomic_load(&wanted_until_ns) && !atomic_load(&over))
		pthread_cond_wait(&asked, &lock);
	atomic_store(&asleep, false);
	pthread_mutex_unlock(&lock);
}

static uint64_t cpu_time_ns(void)
{
	struct timespec used;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	return (uint64_t)used.tv_sec * NS_PER_S + (uint64_t)used.tv_nsec;
}

/* Whether at least a quarter of the CPU was ours meanwhile. */
static bool spin(void)
{
	uint64_t begin = clock_ns(), cpu = cpu_time_ns();

	while (clock_ns() < begin + BUSY_NS)
		;
	return (cpu_time_ns() - cpu) * 4 > clock_ns() - begin;
}

/* A low priority counts within its own group of the scheduler alone (sched(7)), and the group may weigh as much as a
 * container's. The tracee may come by; who takes most of it again and again has work of his own here. */
static void give_way(bool undisturbed)
{
	static int disturbed;

	disturbed = undisturbed ? 0 : disturbed + 1;
	if (disturbed < DISTURBED)
		return;
	disturbed = 0;
	atomic_store(&refused_until_ns, clock_ns() + REFUSED_NS);
	atomic_store(&wanted_until_ns, 0);
}

static void *run(void *unused)
{
	const struct timespec rest = {0, PERIOD_NS - BUSY_NS};
	int cpu = -1;

	(void)unused;
	/* Of a thread, on Linux: setpriority(2), "C library/kernel differences". */
	setpriority(PRIO_PROCESS, 0, 19);
	while (!atomic_load(&over)) {
		if (clock_ns() >= atomic_load(&wanted_until_ns))
			wait_until_asked();
		if (cpu != atomic_load(&wanted_cpu)) {
			cpu = atomic_load(&wanted_cpu);
			keep_to(cpu);
		}
		give_way(spin());
		if (!atomic_load(&wanted_fully))
			nanosleep(&rest, NULL);
	}
	return NULL;
}

static void start(void)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, 64 * 1024);
	started = pthread_create(&thread, &attributes, run, NULL) == 0;
	pthread_attr_destroy(&attributes);
}

void ballast_ask(int cpu, bool fully, uint64_t now)
{
	if (now < atomic_load(&refused_until_ns))
		return;
	atomic_store(&wanted_fully, fully);
	atomic_store(&wanted_cpu, cpu);
	atomic_store(&wanted_until_ns, now + ASKED_NS);
	if (atomic_load(&started) && !atomic_load(&asleep))
		return;
	/* Whoever has it may be waiting for a CPU, with the lowest of priorities: the next request will do. */
	if (pthread_mutex_trylock(&lock) != 0)
		return;
	if (!started)
		start();
	pthread_cond_signal(&asked);
	pthread_mutex_unlock(&lock);
}

void ballast_end(void)
{
	pthread_mutex_lock(&lock);
	atomic_store(&over, true);
	pthread_cond_signal(&asked);
	pthread_mutex_unlock(&lock);
}

/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "placement.h"

#include <stddef.h>
#include <string.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ballast.h"
#include "clock.h"
#include "procfs.h"

#define RSEQ_SIZE 32
#define SETTLE 16
#define WINDOW 256
#define WINDOW_NS (20 * NS_PER_MS)
#define BACKOFF_MIN_NS (100 * NS_PER_MS)
#define BACKOFF_MAX_NS (5 * NS_PER_S)
/* Below this a stop's cost is no matter, and the windows would measure the workload. */
#define RATE_MIN (2000.0 / (double)NS_PER_S)
/* The scheduler's averages follow what is done only so fast. */
#define STEER_SETTLE_NS (120 * NS_PER_MS)
#define STEER_WORKS 0.7
#define MARGIN 1.05
/* Of a window; a thread that waits so long for a CPU has seen none idle. */
#define FULL 0.25
/* So slowly that whatever is tried after it does as well at first. */
#define STEER_MARGIN 1.2
#define FOLLOW_MIN 16
#define FOLLOW_MAX 1024

/* rseq(2): the C library registers every thread, which then pays at each of its switches; nothing here uses it. It must
 * be taken back with the size that it was registered with, which is at least that of the first version, where
 * __rseq_size may tell only how much of that is in use. */
static void leave_rseq(void)
{
	void *area = (char *)__builtin_thread_pointer() + __rseq_offset;

	syscall(SYS_rseq, area, __rseq_size < RSEQ_SIZE ? RSEQ_SIZE : __rseq_size, RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

void placement_init(struct placement *placement)
{
	leave_rseq();
	CPU_ZERO(&placement->allowed);
	sched_getaffinity(0, sizeof(placement->allowed), &placement->allowed);
	placement->cpus = CPU_COUNT(&placement->allowed);
	placement->cpu = -1;
	if (placement->cpus == 1) {
		for (placement->cpu = 0; !CPU_ISSET(placement->cpu, &placement->allowed); placement->cpu++)
			;
	}
	placement->way = placement->best = WAY_FOLLOW;
	placement->follow_every = FOLLOW_MIN;
	for (int way = 0; way < WAYS; way++)
		placement->backoff_ns[way] = BACKOFF_MIN_NS;
}

static bool keep_to(struct placement *placement, int cpu)
{
	cpu_set_t mask;

	if (cpu < 0) {
		mask = placement->allowed;
	} else {
		CPU_ZERO(&mask);
		CPU_SET(cpu, &mask);
	}
	if (sched_setaffinity(0, sizeof(mask), &mask) < 0)
		return false;
	placement->cpu = cpu;
	return true;
}

bool placement_bring(pid_t tid)
{
	cpu_set_t mask;
	int cpu = sched_getcpu();

	if (cpu < 0)
		return false;
	CPU_ZERO(&mask);
	CPU_SET(cpu, &mask);
	return sched_setaffinity(tid, sizeof(mask), &mask) == 0;
}

void placement_brought(struct placement *placement)
{
	cpu_set_t all;

	if (!keep_to(placement, placement->cpus == 1 ? placement->cpu : -1)) {
		memset(&all, 0xff, sizeof(all)); /* the kernel leaves of it what may be had */
		sched_setaffinity(0, sizeof(all), &all);
	}
	placement->near = false;
	placement->follow_in = 0;
	placement->follow_every = FOLLOW_MIN;
}

static void follow(struct placement *placement, pid_t tid)
{
	struct task_stat stat;

	if (placement->follow_in-- > 0)
		return;
	placement->follow_in = placement->follow_every;
	if (task_stat_read(tid, &stat) < 0 || stat.cpu < 0 || stat.cpu >= CPU_SETSIZE)
		return;
	if (stat.cpu == placement->cpu) {
		placement->near = true;
		if (placement->follow_every < FOLLOW_MAX)
			placement->follow_every *= 2;
		return;
	}
	placement->follow_every = placement->follow_in = FOLLOW_MIN;
	if (CPU_ISSET(stat.cpu, &placement->allowed))
		keep_to(placement, stat.cpu);
	placement->near = stat.cpu == placement->cpu;
}

static void change_way(struct placement *placement, enum way way, double rate, uint64_t now)
{
	if (way == placement->way)
		return;
	placement->way = way;
	placement->near = false;
	placement->follow_in = 0;
	placement->follow_every = FOLLOW_MIN;
	bool still_works = way == placement->best && rate >= placement->rate[WAY_STEER] * STEER_WORKS;

	if (way == WAY_STEER && !still_works)
		placement->steer_from_ns = now + STEER_SETTLE_NS;
	if (way != WAY_FOLLOW && way != WAY_STEER && placement->cpu >= 0)
		keep_to(placement, -1);
}

static void judge(struct placement *placement, double rate, uint64_t now)
{
	enum way way = placement->way, best = placement->best;

	if (way == best) {
		/* What was measured of the others was measured in other times. */
		if (rate * 1.5 < placement->rate[way] || rate > placement->rate[way] * 1.5) {
			for (int other = 0; other < WAYS; other++)
				placement->backoff_ns[other] = BACKOFF_MIN_NS;
		}
	} else if (rate > placement->rate[best] * (best == WAY_STEER ? STEER_MARGIN : MARGIN)) {
		placement->best = way;
		placement->backoff_ns[best] = BACKOFF_MIN_NS;
		placement->retry_ns[best] = now + BACKOFF_MIN_NS;
	} else {
		uint64_t backoff = placement->backoff_ns[way] * (rate < placement->rate[best] * 0.7 ? 4 : 2);

		placement->backoff_ns[way] = backoff < BACKOFF_MAX_NS ? backoff : BACKOFF_MAX_NS;
		placement->retry_ns[way] = now + placement->backoff_ns[way];
	}
	placement->rate[way] = rate;
}

/* What the other two ways gain is that no CPU is idle, or ours is ready at once; where all are busy they cost it twice. */
static bool is_for_full(enum way way)
{
	return way == WAY_FOLLOW || way == WAY_BLOCK;
}

static uint64_t waited_ns(void)
{
	struct task_ran ran;

	return task_ran_read(gettid(), &ran) < 0 ? 0 : ran.waited_ns;
}

static void look_whether_full(struct placement *placement, uint64_t elapsed)
{
	if (is_for_full(placement->way))
		placement->full = (double)(waited_ns() - placement->waited_ns) > FULL * (double)elapsed;
}

static void choose(struct placement *placement, double rate, uint64_t now)
{
	enum way next = placement->best;

	if (placement->way == placement->best && rate > RATE_MIN && placement->cpus > 1) {
		for (int way = 0; way < WAYS; way++) {
			if (way == WAY_STEER && placement->cpus != 2)
				continue;
			if (placement->full && !is_for_full((enum way)way))
				continue;
			if (way != (int)placement->best && now >= placement->retry_ns[way]) {
				next = (enum way)way;
				break;
			}
		}
	}
	change_way(placement, next, rate, now);
}

/* Of two CPUs, the one that we are not on. */
static void steer(const struct placement *placement, uint64_t now)
{
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &placement->allowed) && cpu != placement->cpu) {
			ballast_ask(cpu, now < placement->steer_from_ns, now);
			return;
		}
	}
}

/* A try that is plainly worse need not go on to its end. */
static bool is_hopeless(const struct placement *placement, uint32_t turns, double rate)
{
	return placement->way != placement->best && turns >= 2 * SETTLE &&
	       rate < placement->rate[placement->best] * 0.6;
}

/* Where all CPUs are busy, a shorter window tells only whose slice it fell into (3 to 6 ms: sched(7), EEVDF's base). */
static bool is_over(const struct placement *placement, uint32_t turns, uint64_t elapsed, double rate)
{
	if (elapsed >= WINDOW_NS)
		return true;
	return !placement->full && (turns >= WINDOW || is_hopeless(placement, turns, rate));
}

static void count(struct placement *placement)
{
	uint32_t turns = ++placement->turns;

	if (turns % SETTLE != 0)
		return;
	uint64_t now = clock_ns();

	if (placement->way == WAY_STEER && placement->cpu >= 0)
		steer(placement, now);
	if (!placement->window_ns) {
		if (placement->way == WAY_STEER && now < placement->steer_from_ns)
			return;
		placement->window_ns = now;
		placement->waited_ns = waited_ns();
		placement->turns = 0;
		return;
	}
	uint64_t elapsed = now - placement->window_ns;
	double rate = (double)turns / (double)(elapsed ? elapsed : 1);

	if (!is_over(placement, turns, elapsed, rate))
		return;
	look_whether_full(placement, elapsed);
	judge(placement, rate, now);
	choose(placement, rate, now);
	placement->window_ns = 0;
	placement->turns = 0;
}

void placement_turn(struct placement *placement, pid_t tid)
{
	count(placement);
	if (placement->way == WAY_FOLLOW || placement->way == WAY_STEER)
		follow(placement, tid);
}

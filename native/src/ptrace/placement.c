/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "placement.h"

#include <errno.h>
#include <stddef.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ballast.h"
#include "clock.h"
#include "thread.h"

#define WAIT_OPTIONS (WSTOPPED | WEXITED | WNOWAIT | __WALL | __WNOTHREAD)

#define SPIN_NS 50000
#define FEW 8 /* tracees: a wait for any of so many is as quick as one for a certain one */
#define SETTLE 16
#define WINDOW 256
#define WINDOW_NS (20 * NS_PER_MS)
#define BACKOFF_MIN_NS (100 * NS_PER_MS)
#define BACKOFF_MAX_NS (5 * NS_PER_S)
/* Below this a stop's cost is no matter, and the windows would measure the workload. */
#define RATE_MIN (2000.0 / (double)NS_PER_S)
/* The scheduler's averages follow what is done only so fast. */
#define STEER_SETTLE_NS (120 * NS_PER_MS)
#define FOLLOW_MIN 16
#define FOLLOW_MAX 256
#define SWEEP_EVERY 4
#define SWEEP 4

/* rseq(2): the C library registers every thread, which then pays at each of its switches; nothing here uses it. */
static void leave_rseq(void)
{
	void *area = (char *)__builtin_thread_pointer() + __rseq_offset;

	syscall(SYS_rseq, area, __rseq_size, RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

void placement_init(struct placement *placement)
{
	leave_rseq();
	CPU_ZERO(&placement->allowed);
	sched_getaffinity(0, sizeof(placement->allowed), &placement->allowed);
	placement->cpus = CPU_COUNT(&placement->allowed);
	placement->cpu = -1;
	placement->way = placement->best = placement->cpus > 1 ? WAY_FOLLOW : WAY_BLOCK;
	placement->follow_every = FOLLOW_MIN;
	for (int way = 0; way < WAYS; way++)
		placement->backoff_ns[way] = BACKOFF_MIN_NS;
}

/* The call itself: the library's is a point of cancellation, which costs as much as a tenth of a stop. */
static bool look(idtype_t type, pid_t tid, siginfo_t *info, int flags)
{
	info->si_pid = 0;
	errno = 0;
	return syscall(SYS_waitid, type, tid, info, WAIT_OPTIONS | flags, NULL) == 0 && info->si_pid != 0;
}

bool is_attached(pid_t tid)
{
	siginfo_t info;

	return look(P_PID, tid, &info, WNOHANG) || errno != ECHILD;
}

static void keep_to(struct placement *placement, int cpu)
{
	cpu_set_t mask;

	if (cpu < 0) {
		mask = placement->allowed;
	} else {
		CPU_ZERO(&mask);
		CPU_SET(cpu, &mask);
	}
	if (sched_setaffinity(0, sizeof(mask), &mask) == 0)
		placement->cpu = cpu;
}

static void follow(struct placement *placement, const struct tracee *tracee)
{
	struct task_stat stat;

	if (placement->follow_in-- > 0)
		return;
	placement->follow_in = placement->follow_every;
	if (task_stat_read(tracee->tid, &stat) < 0 || stat.cpu < 0 || stat.cpu >= CPU_SETSIZE)
		return;
	if (stat.cpu == placement->cpu) {
		if (placement->follow_every < FOLLOW_MAX)
			placement->follow_every *= 2;
		return;
	}
	placement->follow_every = placement->follow_in = FOLLOW_MIN;
	if (CPU_ISSET(stat.cpu, &placement->allowed))
		keep_to(placement, stat.cpu);
}

static void change_way(struct placement *placement, enum way way)
{
	if (way == placement->way)
		return;
	placement->way = way;
	placement->follow_in = 0;
	placement->follow_every = FOLLOW_MIN;
	if (way == WAY_STEER)
		placement->steer_from_ns = clock_ns() + STEER_SETTLE_NS;
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
	} else if (rate > placement->rate[best] * 1.05) {
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

static void choose(struct placement *placement, double rate, uint64_t now)
{
	enum way next = placement->best;

	if (placement->way == placement->best && rate > RATE_MIN && placement->cpus > 1) {
		for (int way = 0; way < WAYS; way++) {
			if (way == WAY_STEER && placement->cpus != 2)
				continue;
			if (way != (int)placement->best && now >= placement->retry_ns[way]) {
				next = (enum way)way;
				break;
			}
		}
	}
	change_way(placement, next);
}

/* Of two CPUs, the one that we are not on. */
static void steer(const struct placement *placement, uint64_t now)
{
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &placement->allowed) && cpu != placement->cpu) {
			ballast_ask(cpu, now);
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

static void take_turn(struct placement *placement)
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
		placement->turns = 0;
		return;
	}
	uint64_t elapsed = now - placement->window_ns;
	double rate = (double)turns / (double)(elapsed ? elapsed : 1);

	if (turns < WINDOW && elapsed < WINDOW_NS && !is_hopeless(placement, turns, rate))
		return;

	judge(placement, rate, now);
	choose(placement, rate, now);
	placement->window_ns = 0;
	placement->turns = 0;
}

/* A wait for any finds the first that stopped in the order of attachment: a busy one at its head would hide the rest. */
static bool sweep(struct thread *thread, siginfo_t *info)
{
	const struct tracee_table *table = &thread->tracees;

	for (uint32_t seen = 0, tried = 0; seen < table->size && tried < SWEEP; seen++) {
		for (const struct tracee *tracee = table->buckets[thread->sweep++ & (table->size - 1)]; tracee;
		     tracee = tracee->next_in_bucket) {
			if (tracee == thread->hot || tracee->held_until_ns || !tracee->seized)
				continue;
			if (look(P_PID, tracee->tid, info, WNOHANG))
				return true;
			tried++;
		}
	}
	return false;
}

static bool spin(struct thread *thread, siginfo_t *info)
{
	uint64_t end = clock_ns() + SPIN_NS;
	bool few = thread->tracees.used <= FEW;

	do {
		if (look(few ? P_ALL : P_PID, few ? 0 : thread->hot->tid, info, WNOHANG))
			return true;
	} while (clock_ns() < end);
	return false;
}

bool next_stop(struct thread *thread, siginfo_t *info)
{
	struct placement *placement = &thread->placement;

	if (thread->hot) {
		take_turn(placement);
		if (placement->way == WAY_FOLLOW || placement->way == WAY_STEER)
			follow(placement, thread->hot);
		if (thread->tracees.used > 1 && ++thread->turn % SWEEP_EVERY == 0 && sweep(thread, info))
			return true;
		if (placement->way == WAY_SPIN) {
			if (spin(thread, info))
				return true;
		} else if (thread->tracees.used > FEW && !thread->hot->held_until_ns &&
		           look(P_PID, thread->hot->tid, info, WNOHANG)) {
			return true;
		}
	}
	bool more_to_do = atomic_load_explicit(&thread->has_mail, memory_order_relaxed);

	if (look(P_ALL, 0, info, more_to_do ? WNOHANG : 0))
		return true;
	if (errno == ECHILD)
		nobody_attached(thread);
	return false;
}

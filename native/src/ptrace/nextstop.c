/* SPDX-License-Identifier: Apache-2.0
 *
 * How a tracer thread comes to its next stop: what is asked before it sleeps, and in which order, so that the quick ones
 * cost little and none is left out.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "recording.h"
#include "thread.h"

#define WAIT_OPTIONS (WSTOPPED | WEXITED | WNOWAIT | __WALL | __WNOTHREAD)
#define FEW 8 /* tracees: a wait for any of so many is as quick as one for a certain one */
#define SPIN_NS 50000
#define YIELD_LATE_NS 200000
#define YIELD_BACKOFF_MIN_NS (100 * NS_PER_MS)
#define YIELD_BACKOFF_MAX_NS (5 * NS_PER_S)
#define YIELD_FORGOTTEN_NS (1 * NS_PER_S)
/* Stops between two waits for any, which alone finds a task that is in no table. */
#define QUICK 1024
#define SWEEP 4
#define SWEEP_MAX 15
/* Looks for who goes on while a slow reader is waited for, and the pause behind them: as many times what they took. Linux
 * before 5.13 takes the longer for each the more tracees there are. */
#define LOOKS_AT_ONCE 256
#define READER_NS 200000
#define READER_SHARE 4
#define READER_MOST_NS (20 * NS_PER_MS)

/* The call itself: the library's is a point of cancellation, which costs as much as a tenth of a stop. */
static bool wait_for(idtype_t type, pid_t tid, siginfo_t *info, int flags)
{
	info->si_pid = 0;
	errno = 0;
	return syscall(SYS_waitid, type, tid, info, WAIT_OPTIONS | flags, NULL) == 0 && info->si_pid != 0;
}

bool is_attached(pid_t tid)
{
	siginfo_t info;

	return wait_for(P_PID, tid, &info, WNOHANG) || errno != ECHILD;
}

/* Whether the one that stopped last is at a syscall's stop again: asked for what it has to say, it is not waited for. A
 * request for one that runs fails, and any other stop of it is left to the wait. */
static bool peek(const struct thread *thread, struct stop *stop)
{
	const struct tracee *hot = thread->hot;

	if (hot->held_until_ns || ptrace(PTRACE_GET_SYSCALL_INFO, hot->tid, sizeof(stop->call), &stop->call) <= 0 ||
	    (stop->call.op != PTRACE_SYSCALL_INFO_ENTRY && stop->call.op != PTRACE_SYSCALL_INFO_EXIT))
		return false;
	stop->kind = STOP_SYSCALL;
	stop->tid = hot->tid;
	return true;
}

static bool look(idtype_t type, pid_t tid, struct stop *stop, int flags)
{
	siginfo_t info;

	if (!wait_for(type, tid, &info, flags))
		return false;
	*stop = classify_stop(&info);
	return true;
}

/* Once its threads are gone and one of them has its leader's ID, an exec stops under that. */
static bool look_at(const struct tracee *tracee, struct stop *stop)
{
	return look(P_PID, tracee->tid, stop, WNOHANG) ||
	       (errno == ECHILD && tracee->leader && look(P_PID, tracee->leader, stop, WNOHANG));
}

/* The tracees one after another, over and over; NULL: after so many buckets none. */
static const struct tracee *next_in_round(struct thread *thread)
{
	const struct tracee_table *table = &thread->tracees;

	for (uint32_t buckets = 0; buckets < table->size; buckets++) {
		const struct tracee *tracee = table->buckets[thread->round_bucket & (table->size - 1)];

		for (uint32_t depth = thread->round_depth; tracee && depth > 0; depth--)
			tracee = tracee->next_in_bucket;
		if (tracee) {
			thread->round_depth++;
			return tracee;
		}
		thread->round_bucket++;
		thread->round_depth = 0;
	}
	return NULL;
}

/* A wait for any finds the first that has stopped in the order of attachment: where there are more stops than we can
 * serve, the last would stay stopped for ever. So the others are asked in turn, the more often the more of them wait. */
static bool sweep(struct thread *thread, struct stop *stop)
{
	if (thread->sweep_in-- > 0)
		return false;
	for (int tried = 0; tried < SWEEP; tried++) {
		const struct tracee *tracee = next_in_round(thread);

		if (!tracee)
			break;
		if (tracee == thread->hot || tracee->held_until_ns || !tracee->seized)
			continue;
		if (look_at(tracee, stop)) {
			thread->sweep_in = thread->sweep_every = 0; /* more may wait: on with the round */
			return true;
		}
	}
	if (thread->sweep_every < SWEEP_MAX)
		thread->sweep_every = 2 * thread->sweep_every + 1;
	thread->sweep_in = thread->sweep_every;
	return false;
}

static bool spin(struct thread *thread, struct stop *stop)
{
	uint64_t end = clock_ns() + SPIN_NS;
	bool others = thread->tracees.used > 1 && thread->tracees.used <= FEW;

	do {
		if (peek(thread, stop) || (others && look(P_ALL, 0, stop, WNOHANG)))
			return true;
	} while (clock_ns() < end);
	return false;
}

/* On the tracee's CPU: it runs when it is resumed, or when we yield, and stops while we are awake: no sleep of ours, and
 * no wake-up. Who yields is put behind whoever else wants the CPU: where that takes long, it is left alone for a while. */
static bool yield(struct thread *thread, struct stop *stop)
{
	if (peek(thread, stop))
		return true;
	uint64_t begin = clock_ns();

	if (begin < thread->yield_from_ns)
		return false;
	sched_yield();
	bool found = peek(thread, stop);
	uint64_t now = clock_ns();

	if (now - begin > YIELD_LATE_NS) {
		bool again = begin - thread->yield_from_ns < YIELD_FORGOTTEN_NS;

		thread->yield_backoff_ns = again ? 2 * thread->yield_backoff_ns : YIELD_BACKOFF_MIN_NS;
		if (thread->yield_backoff_ns > YIELD_BACKOFF_MAX_NS)
			thread->yield_backoff_ns = YIELD_BACKOFF_MAX_NS;
		thread->yield_from_ns = now + thread->yield_backoff_ns;
	}
	return found;
}

/* What can be had without a wait for any, which takes the longer the more tracees there are. */
static bool next_of_hot(struct thread *thread, struct stop *stop)
{
	const struct placement *placement = &thread->placement;

	placement_turn(&thread->placement, thread->hot->tid);
	if (thread->tracees.used > 1 && sweep(thread, stop))
		return true;
	if (placement->way == WAY_SPIN)
		return spin(thread, stop);
	if (thread->tracees.used > FEW)
		return peek(thread, stop);
	return placement->way != WAY_BLOCK && placement->near && yield(thread, stop);
}

/* Whether a slow reader is nothing to it: who is let go of, or dies, or has a child, which is in no table before that is
 * told. The child itself, and what its parent does next, wait again. */
static bool goes_on(const struct thread *thread, const struct tracee *tracee, const struct stop *stop)
{
	if (tracee_is_leaving(tracee))
		return true;
	return (stop->kind == STOP_DEATH || stop->kind == STOP_CHILD) && recording_has_room(thread, tracee);
}

static bool find_regardless(struct thread *thread, struct stop *stop)
{
	for (uint32_t looks = 0; looks < LOOKS_AT_ONCE && looks < thread->tracees.used; looks++) {
		const struct tracee *tracee = next_in_round(thread);

		if (!tracee)
			break;
		if (tracee->seized && !tracee->held_until_ns && look_at(tracee, stop) && goes_on(thread, tracee, stop))
			return true;
	}
	/* A child of who died before it could tell of it, if no other stop is in front of it. */
	return look(P_ALL, 0, stop, WNOHANG) && !tracee_find(&thread->tracees, stop->tid) &&
	       (stop->kind == STOP_DEATH || stop->kind == STOP_EVENT);
}

/* While a slow reader is waited for, most stay in their stops, and a wait for any would find the same one over and over; a
 * wait for ends alone finds stops too (kernel/exit.c, wait_task_stopped()). */
static bool next_regardless(struct thread *thread, struct stop *stop)
{
	uint64_t begin = clock_ns();

	if (find_regardless(thread, stop))
		return true;
	uint64_t pause_ns = READER_NS + READER_SHARE * (clock_ns() - begin);
	const struct timespec pause = {0, (long)(pause_ns < READER_MOST_NS ? pause_ns : READER_MOST_NS)};

	atomic_store(&thread->waits, true);
	if (!atomic_load(&thread->has_mail))
		nanosleep(&pause, NULL);
	atomic_store_explicit(&thread->waits, false, memory_order_relaxed);
	return false;
}

bool next_stop(struct thread *thread, struct stop *stop)
{
	if (recording_awaits_reader(thread))
		return next_regardless(thread, stop);
	if (thread->hot && thread->quick-- > 0 && next_of_hot(thread, stop))
		return true;
	thread->quick = QUICK;
	/* In this order: who posts mail after our look at it sees that we wait. A kick between that and the wait is lost:
	 * the control thread's next tick makes up for it. */
	atomic_store(&thread->waits, true);
	bool found = look(P_ALL, 0, stop, atomic_load(&thread->has_mail) ? WNOHANG : 0);

	atomic_store_explicit(&thread->waits, false, memory_order_relaxed);
	if (found)
		return true;
	if (errno == ECHILD)
		nobody_attached(thread);
	return false;
}

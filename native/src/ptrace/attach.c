/* SPDX-License-Identifier: Apache-2.0
 *
 * Seizing a task, and the moment at which its tracing begins. A task must stop once before its syscalls can be
 * traced, and a stop shows in some syscalls (waits.h), so that moment is chosen.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>

#include "clock.h"
#include "moments.h"
#include "notify.h"
#include "regs.h"
#include "thread.h"

#define OPTIONS                                                                                                        \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC)

#define SAMPLE_NS (2 * NS_PER_MS)
/* The more there are to look at, the more seldom each of them: a look costs 5 us, may be needed for hours, and others'
 * stops wait meanwhile. Two looks that lie far apart tell nothing, so of very many some are looked at, then others. */
#define SAMPLES_AT_ONCE 16
#define SAMPLES_AT_MOST (2 * SAMPLES_AT_ONCE)
#define SAMPLE_MAX_NS (32 * NS_PER_MS)
#define WINDOW (SAMPLES_AT_ONCE * SAMPLE_MAX_NS / SAMPLE_NS)
#define WINDOW_NS (8 * SAMPLE_MAX_NS)
#define RETRY_NS (NS_PER_S / 2)
/* How long a seize may wait for an exec. A runtime's own is soon over, and must not be missed; a container can make one
 * that never ends, and then spends but a hundredth of its tracer thread's time. */
#define PATIENCE_NS (200 * 1000)
#define PATIENCE_SETUP_NS (2 * NS_PER_MS)
#define SETUP_EXEC_NS (NS_PER_S / 2)
#define LATE_NS (20 * NS_PER_MS)
#define STUCK_REST_NS (20 * NS_PER_MS)
#define STUCK_BACKOFF_MAX_NS (1 * NS_PER_S)

int tracee_interrupt(struct tracee *tracee)
{
	if (ptrace(PTRACE_INTERRUPT, tracee->tid, NULL, NULL) < 0)
		return -errno;
	tracee->interrupted = true;
	return 0;
}

static void put_last(struct thread *thread, struct tracee *tracee)
{
	tracee->next_pending = NULL;
	tracee->last_pending = thread->last_of_pending;
	*(tracee->last_pending ? &tracee->last_pending->next_pending : &thread->pending) = tracee;
	thread->last_of_pending = tracee;
}

static void take_out(struct thread *thread, struct tracee *tracee)
{
	*(tracee->last_pending ? &tracee->last_pending->next_pending : &thread->pending) = tracee->next_pending;
	*(tracee->next_pending ? &tracee->next_pending->last_pending : &thread->last_of_pending) = tracee->last_pending;
}

static void pend(struct thread *thread, struct tracee *tracee)
{
	if (tracee->pending)
		return;
	tracee->pending = true;
	put_last(thread, tracee);
	atomic_fetch_add(&tracee->container->pending, 1);
	atomic_fetch_add(&tracee->container->slot->pending, 1);
	if (thread->pending_count++ == 0) {
		atomic_store(&thread->wants_ticks, true);
		thread_attention();
	}
}

void attach_forget(struct thread *thread, struct tracee *tracee)
{
	if (!tracee->pending)
		return;
	take_out(thread, tracee);
	tracee->pending = false;
	thread->pending_count--;
	atomic_fetch_sub(&tracee->container->slot->pending, 1);
	if (atomic_fetch_sub(&tracee->container->pending, 1) == 1)
		thread_attention();
}

static uint64_t sample_interval(const struct thread *thread)
{
	uint64_t interval = SAMPLE_NS * (1 + thread->pending_count / SAMPLES_AT_ONCE);

	return interval < SAMPLE_MAX_NS ? interval : SAMPLE_MAX_NS;
}

static bool is_ours(pid_t tracer)
{
	for (uint32_t i = 0; i < STL_THREADS; i++) {
		const struct thread *thread = thread_at(i);

		if (thread && atomic_load(&thread->tid) == tracer)
			return true;
	}
	return false;
}

/* EPERM has many causes (ptrace(2)); strace's diagnosis starts with the tracer that is there already. */
static void give_up(struct thread *thread, struct tracee *tracee, int error)
{
	struct container *container = tracee->container;
	struct task_status status;
	pid_t tid = tracee->tid;

	tracee_lost(thread, tracee);
	if (error == ESRCH || task_status_read(tid, &status) < 0 || status.state == 'Z' || status.state == 'X')
		return;
	/* A child of a tracee is attached before we are told of it. */
	if (status.tracer && is_ours(status.tracer))
		return;
	registry_set(tid, thread->index, container);
	registry_bar(tid, thread->index, clock_ns() + RETRY_NS);
	if (status.tracer)
		notify_failure(container->slot, tid, STL_FAIL_TRACED, status.tracer, NULL);
	else
		notify_failure(container->slot, tid, error == EPERM ? STL_FAIL_PERMISSION : STL_FAIL_OTHER, error,
		               NULL);
}

/* Whose ID it was at the first look may be dead by now, and the ID another's. */
static bool is_same(const struct tracee *tracee)
{
	struct task_stat stat;

	return !tracee->start_ticks ||
	       (task_stat_read(tracee->tid, &stat) == 0 && stat.start_ticks == tracee->start_ticks);
}

/* SEIZE waits for an exec of the same process (kernel/ptrace.c, cred_guard_mutex), and the exec may wait for us to reap
 * its siblings; the wait restarts behind every signal, so a kick jumps out of it: its own, when the time is up. */
static __thread sigjmp_buf escape;
static __thread volatile sig_atomic_t seizing;
static __thread volatile uint64_t seizing_until_ns;

void attach_escape(void)
{
	if (seizing && clock_ns() >= seizing_until_ns)
		siglongjmp(escape, 1);
}

void attach_prepare(struct thread *thread)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};

	event._sigev_un._tid = atomic_load(&thread->tid);
	/* Without it, the control thread's kick ends the wait, later. */
	thread->has_patience = timer_create(CLOCK_MONOTONIC, &event, &thread->patience) == 0;
}

static void be_patient(const struct thread *thread, uint64_t patience_ns)
{
	const struct itimerspec limit = {.it_value.tv_nsec = (long)patience_ns};

	if (thread->has_patience)
		timer_settime(thread->patience, 0, &limit, NULL);
}

static int try_seize(pid_t tid)
{
	if (sigsetjmp(escape, 0) == 0) {
		seizing = 1;
		int error = ptrace(PTRACE_SEIZE, tid, NULL, OPTIONS) < 0 ? errno : 0;

		seizing = 0;
		return error;
	}
	seizing = 0;
	return is_attached(tid) ? 0 : EAGAIN;
}

/* Without the timer, the control thread's next tick has to do. Setting it takes as long as the seize, in a virtual
 * machine, so it is for those that have been waited for. */
static int seize_within(const struct thread *thread, const struct tracee *tracee, uint64_t patience_ns)
{
	bool timed = tracee->backoff_ns || atomic_load(&tracee->container->stuck_until_ns);

	seizing_until_ns = clock_ns() + patience_ns;
	if (timed)
		be_patient(thread, patience_ns);
	int error = try_seize(tracee->tid);

	if (timed)
		be_patient(thread, 0);
	return error;
}

/* It is left for later, and so are the others of its container, which may have as many such tasks as it likes. A
 * runtime's is to be had between this exec and the next. */
static void put_off(struct tracee *tracee)
{
	uint64_t now = clock_ns(), backoff = tracee->backoff_ns ? 2 * tracee->backoff_ns : STUCK_REST_NS;

	if (tracee->state != TRACEE_SETUP)
		atomic_store(&tracee->container->stuck_until_ns, now + STUCK_REST_NS);
	else if (now - tracee->found_ns < SETUP_EXEC_NS)
		backoff = SAMPLE_NS;
	tracee->backoff_ns = backoff < STUCK_BACKOFF_MAX_NS ? backoff : STUCK_BACKOFF_MAX_NS;
	tracee->retry_ns = now + tracee->backoff_ns;
}

static bool belongs(const struct tracee *tracee)
{
	const struct container *container = tracee->container;
	struct task_status status;
	struct task_stat stat;

	if (!container->leader)
		return task_in_container(tracee->tid, container->slot->id);
	if (!container->leader_ticks || container->descendants)
		return true;
	return task_status_read(tracee->tid, &status) == 0 && status.tgid == container->leader &&
	       task_stat_read(container->leader, &stat) == 0 && stat.start_ticks == container->leader_ticks;
}

void tracee_check(struct tracee *tracee)
{
	tracee->checked = true;
	if (!belongs(tracee))
		tracee->leaving = true;
}

static bool seize(struct thread *thread, struct tracee *tracee)
{
	if (!is_same(tracee)) {
		give_up(thread, tracee, ESRCH);
		return false;
	}
	/* Who was found long ago may have left; once attached, a task that sleeps is let go only when it wakes. */
	if (clock_ns() - tracee->found_ns > 2 * SAMPLE_NS && !belongs(tracee)) {
		give_up(thread, tracee, ESRCH);
		return false;
	}
	bool setup = tracee->state == TRACEE_SETUP;

	if (!setup && clock_ns() < atomic_load(&tracee->container->stuck_until_ns))
		return false;
	uint64_t patience_ns = setup && !tracee->backoff_ns ? PATIENCE_SETUP_NS : PATIENCE_NS;
	int error = seize_within(thread, tracee, patience_ns);

	/* Somebody else may have had our CPU meanwhile. */
	if (error == EAGAIN && !tracee->backoff_ns)
		error = seize_within(thread, tracee, patience_ns);
	if (error == EAGAIN) {
		put_off(tracee);
		return false;
	}
	if (error) {
		give_up(thread, tracee, error);
		return false;
	}
	tracee->seized = true;
	if (!is_same(tracee))
		tracee->leaving = true;
	return true;
}

/* Since the last try, or since there could have been one. */
static bool is_late(const struct tracee *tracee)
{
	return clock_ns() - (tracee->retry_ns - tracee->backoff_ns) > LATE_NS;
}

static void seize_setup(struct thread *thread, struct tracee *tracee)
{
	pend(thread, tracee); /* so that there are ticks */
	if (!seize(thread, tracee))
		return;
	attach_forget(thread, tracee);
	/* The exec that was waited for may have been the last: then its own stop is still to come, or the program has only
	 * just begun, and so has whatever call it is in; unless we are late, and that is one that would show a stop. */
	tracee->execed = setup_has_execed(tracee);
	if (!tracee->execed)
		return;
	if (is_late(tracee) || task_is_in_wait(tracee->tid)) {
		notify_late(tracee->container->slot, tracee->tid);
		attach_late(thread, tracee);
		return;
	}
	tracee->began_ns = clock_ns();
	tracee_interrupt(tracee);
}

/* It is not seized before it is interrupted: even a task that is only seized is woken by signals that it ignores. */
static void look_at(struct thread *thread, struct tracee *tracee)
{
	if (tracee->state == TRACEE_SETUP) {
		seize_setup(thread, tracee);
		return;
	}
	bool first = tracee->sampled_ns == 0;
	struct task_syscall seen = {.now = NOW_UNKNOWN};

	switch (moment_of(tracee, sample_interval(thread), &seen)) {
	case MOMENT_NOW:
		if ((tracee->seized || seize(thread, tracee)) && moment_lasts(tracee->tid, &seen))
			tracee_interrupt(tracee);
		return;
	case MOMENT_ELSEWHERE:
		tracee_lost(thread, tracee); /* the next pass over its container finds it again */
		return;
	case MOMENT_LATER:
		break;
	}
	if (first && !tracee->seized) {
		struct task_status status;
		struct task_stat stat;

		if (task_status_read(tracee->tid, &status) == 0 && status.tracer) {
			give_up(thread, tracee, EPERM);
			return;
		}
		if (task_stat_read(tracee->tid, &stat) == 0)
			tracee->start_ticks = stat.start_ticks;
	}
	if (!tracee->delayed && tracee->sampled_ns - tracee->found_ns > 2 * SAMPLE_NS) {
		tracee->delayed = true;
		arena_add(&tracee->container->slot->delayed, 1);
	}
}

static void move_window(struct thread *thread, uint64_t now)
{
	if (thread->pending_count <= WINDOW || now < thread->next_window_ns)
		return;
	thread->next_window_ns = now + WINDOW_NS;
	for (uint32_t i = 0; i < WINDOW; i++) {
		struct tracee *first = thread->pending;

		take_out(thread, first);
		put_last(thread, first);
	}
}

void attach_poll(struct thread *thread, uint64_t now)
{
	if (!thread->pending || now < thread->next_poll_ns)
		return;
	uint64_t interval = sample_interval(thread);
	uint32_t seen = 0, looks = 0;

	thread->next_poll_ns = now + SAMPLE_NS;
	move_window(thread, now);
	for (struct tracee *tracee = thread->pending, *next; tracee; tracee = next) {
		next = tracee->next_pending;
		if (seen++ == WINDOW || looks == SAMPLES_AT_MOST)
			break;
		if (tracee->interrupted || now - tracee->sampled_ns < interval || now < tracee->retry_ns)
			continue;
		look_at(thread, tracee);
		looks++;
	}
}

void attach_begin(struct thread *thread, const struct mail *mail)
{
	struct container *container = mail->container;

	/* Its place was taken in advance, where the mail was written. */
	atomic_fetch_sub(&thread->load, 1);
	/* A child of another thread's tracee is that thread's, whoever found it. */
	if (tracee_find(&thread->tracees, mail->tid) || registry_thread(mail->tid) != thread->index)
		return;
	if (container->leaving || thread->draining) {
		registry_remove(mail->tid, thread->index);
		return;
	}
	struct tracee *tracee = tracee_adopt(thread, mail->tid, container);

	if (!tracee) {
		registry_bar(mail->tid, thread->index, clock_ns() + RETRY_NS);
		notify_failure(container->slot, mail->tid, STL_FAIL_LIMIT, ENOMEM, "out of memory");
		return;
	}
	tracee->found_ns = clock_ns();
	tracee->unseen = mail->unseen;
	if (mail->setup) {
		tracee->state = TRACEE_SETUP;
		tracee->exe = mail->exe;
		tracee->retry_ns = mail->posted_ns;
		registry_set_up(tracee->tid, &tracee->exe);
		task_root_read(tracee->tid, &tracee->root);
		task_ran_read(tracee->tid, &tracee->ran);
	} else {
		pend(thread, tracee);
	}
	look_at(thread, tracee);
}

void attach_late(struct thread *thread, struct tracee *tracee)
{
	tracee->state = TRACEE_ATTACHING;
	registry_set_up(tracee->tid, NULL);
	tracee->found_ns = clock_ns();
	tracee->sampled_ns = 0;
	pend(thread, tracee);
	look_at(thread, tracee);
}

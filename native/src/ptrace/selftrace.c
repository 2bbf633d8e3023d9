/* SPDX-License-Identifier: Apache-2.0
 *
 * Targets that use ptrace(2) themselves: a task has one tracer, and the target's own goes first. At the entry of its
 * ptrace(2) the task that it means is let go, before the call runs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "clock.h"
#include "notify.h"
#include "recording.h"
#include "thread.h"

#define WAIT_NS (100 * NS_PER_MS)
#define RETRY_NS (NS_PER_S / 2)

static bool is_ptrace(const struct tracee *tracee, int number)
{
	switch (tracee->abi) {
	case STL_ABI_X86_64:
		return number == 101;
	case STL_ABI_I386:
		return number == 26;
	case STL_ABI_AARCH64:
		return number == 117;
	default:
		return false;
	}
}

static void bar(const struct thread *thread, pid_t tid, struct container *container)
{
	registry_set(tid, thread->index, container);
	registry_bar(tid, thread->index, clock_ns() + RETRY_NS);
	notify_failure(container->slot, tid, STL_FAIL_TARGET_TRACES, 0, NULL);
}

/* ptrace(2) does not sleep: here alone a detach at an entry stop leaves no EINTR behind. */
static bool let_caller_go(struct thread *thread, struct tracee *tracee)
{
	struct container *container = tracee->container;
	pid_t tid = tracee->tid;

	tracee->entry_ns = clock_ns();
	tracee_book(thread, tracee, tracee->entry_ns, 0);
	recording_exit(thread, tracee, 0, tracee->entry_ns);
	tracee->state = TRACEE_USER;
	if (tracee_detach(thread, tracee, 0) == 0)
		bar(thread, tid, container);
	return true;
}

static void hold(struct thread *thread, struct tracee *tracee)
{
	siginfo_t info;

	/* Consumed, or every wait for any task would find this stop again; there is no signal in it to lose. */
	waitid(P_PID, (id_t)tracee->tid, &info, WSTOPPED | WNOHANG | __WALL | __WNOTHREAD);
	tracee->held_until_ns = clock_ns() + WAIT_NS;
	thread->held++;
}

bool target_traces(struct thread *thread, struct tracee *tracee, int number)
{
	if (!is_ptrace(tracee, number))
		return false;
	long request = (long)tracee->args[0];

	if (request == PTRACE_TRACEME)
		return let_caller_go(thread, tracee);
	if (request != PTRACE_ATTACH && request != PTRACE_SEIZE)
		return false;
	pid_t target = registry_by_ns_pid(tracee->container, tracee->tid, (pid_t)tracee->args[1]);
	uint32_t owner = target ? registry_thread(target) : REGISTRY_NOBODY;

	if (owner == REGISTRY_NOBODY)
		return false;
	struct mail mail = {.kind = MAIL_YIELD, .tid = target, .from = thread->index, .caller = tracee->tid};

	hold(thread, tracee);
	if (owner == thread->index)
		target_traces_yield(thread, &mail);
	else
		thread_post(thread_at(owner), &mail);
	return true;
}

static void answer(uint32_t thread, pid_t caller)
{
	struct mail mail = {.kind = MAIL_YIELDED, .caller = caller};

	thread_post(thread_at(thread), &mail);
}

void target_traces_yield(struct thread *thread, const struct mail *mail)
{
	struct tracee *tracee = tracee_find(&thread->tracees, mail->tid);

	if (!tracee) {
		answer(mail->from, mail->caller);
		return;
	}
	tracee->yield_to_thread = mail->from;
	tracee->yield_to = mail->caller;
	tracee->leaving = true;
	tracee_interrupt(tracee);
}

void target_traces_released(struct thread *thread, const struct tracee *tracee)
{
	if (!tracee->yield_to)
		return;
	bar(thread, tracee->tid, tracee->container);
	answer(tracee->yield_to_thread, tracee->yield_to);
}

void target_traces_resume(struct thread *thread, pid_t caller)
{
	struct tracee *tracee = tracee_find(&thread->tracees, caller);

	if (!tracee || !tracee->held_until_ns)
		return;
	tracee->held_until_ns = 0;
	thread->held--;
	tracee->entry_ns = clock_ns();
	tracee_resume(thread, tracee, 0);
}

struct overdue {
	struct thread *thread;
	uint64_t now;
};

static void resume_overdue(struct tracee *tracee, void *context)
{
	const struct overdue *overdue = context;

	if (tracee->held_until_ns && tracee->held_until_ns <= overdue->now)
		target_traces_resume(overdue->thread, tracee->tid);
}

void target_traces_poll(struct thread *thread, uint64_t now)
{
	struct overdue overdue = {thread, now};

	if (thread->held)
		tracee_each(&thread->tracees, resume_overdue, &overdue);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Letting every task of a thread go. A task that is left at its syscall-entry stop gets an -EINTR, by PTRACE_DETACH
 * and by the thread's exit alike. So each stop is resumed with PTRACE_CONT, which ends the stops of syscalls; a task
 * that blocks in a syscall is left alone; and the exit of the thread detaches what runs or blocks without a trace.
 */
#define _GNU_SOURCE
#include "clock.h"
#include "thread.h"

/* Most tasks come to a stop of their own by then, so that nothing of theirs is interrupted. */
#define PATIENCE_NS (15 * NS_PER_MS)
/* What has not stopped by then is frozen, or starved of a CPU. */
#define DEADLINE_NS (200 * NS_PER_MS)

struct survey {
	struct thread *thread;
	bool interrupt;
	uint32_t unsafe;
};

static void look(struct tracee *tracee, void *context)
{
	struct survey *survey = context;

	switch (tracee->state) {
	case TRACEE_USER:
	case TRACEE_REWOUND:
	case TRACEE_EINTR:
		survey->unsafe++;
		if (survey->interrupt && !tracee->interrupted)
			tracee_interrupt(tracee);
		break;
	case TRACEE_ATTACHING:
	case TRACEE_SETUP:
		if (tracee->interrupted || tracee->watched)
			survey->unsafe++;
		if (tracee->watched && survey->interrupt && !tracee->interrupted)
			tracee_interrupt(tracee);
		break;
	default:
		if (tracee->timed && tracee->state == TRACEE_IN_SYSCALL && !tracee->interrupted)
			tracee_interrupt(tracee);
		/* Who asked for the stop may have been another, a moment ago: audit.c */
		if (tracee->interrupted)
			survey->unsafe++;
		if (tracee->held_until_ns)
			target_traces_resume(survey->thread, tracee->tid);
		break;
	}
}

void drain_begin(struct thread *thread, uint64_t now)
{
	thread->draining = true;
	thread->drain_ns = now;
}

bool drain_done(struct thread *thread, uint64_t now)
{
	struct survey survey = {.thread = thread, .interrupt = now - thread->drain_ns > PATIENCE_NS};

	tracee_each(&thread->tracees, look, &survey);
	return survey.unsafe == 0 || now - thread->drain_ns > DEADLINE_NS;
}

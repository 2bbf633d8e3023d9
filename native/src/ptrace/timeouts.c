/* SPDX-License-Identifier: Apache-2.0
 *
 * Time-outs of calls that were rewound for a signal that the task ignores: made again, such a call has its whole
 * time-out before it. At the deadline of its first entry it is interrupted, and given the time-out's own result.
 */
#define _GNU_SOURCE
#include "clock.h"
#include "thread.h"

void timeout_set(struct thread *thread, struct tracee *tracee, uint64_t deadline_ns)
{
	tracee->deadline_ns = deadline_ns;
	if (tracee->timed)
		return;
	tracee->timed = true;
	tracee->last_timed = NULL;
	tracee->next_timed = thread->timed;
	if (thread->timed)
		thread->timed->last_timed = tracee;
	thread->timed = tracee;
	atomic_store(&thread->wants_ticks, true);
	thread_attention();
}

void timeout_clear(struct thread *thread, struct tracee *tracee)
{
	tracee->deadline_ns = 0;
	tracee->expired = false;
	if (!tracee->timed)
		return;
	if (tracee->next_timed)
		tracee->next_timed->last_timed = tracee->last_timed;
	*(tracee->last_timed ? &tracee->last_timed->next_timed : &thread->timed) = tracee->next_timed;
	tracee->timed = false;
}

void timeout_poll(struct thread *thread, uint64_t now)
{
	for (struct tracee *tracee = thread->timed; tracee; tracee = tracee->next_timed) {
		if (tracee->expired || now < tracee->deadline_ns || tracee->state != TRACEE_IN_SYSCALL)
			continue;
		tracee->expired = true;
		tracee_interrupt(tracee);
	}
}

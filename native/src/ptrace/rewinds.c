/* SPDX-License-Identifier: Apache-2.0
 *
 * An -EINTR that only tracing caused is undone: the program counter goes back over the syscall instruction, and the
 * call is made again. An -EINTR that the program would have had without us stays its own.
 */
#define _GNU_SOURCE
#include <errno.h>

#include "clock.h"
#include "recording.h"
#include "regs.h"
#include "thread.h"

/* At our end, a call that has waited for longer gets the -EINTR rather than its whole time-out once more. */
#define LENGTHENED_NS (40 * NS_PER_MS)

bool wait_rewinds(const struct wait_call *wait)
{
	return wait && wait->kind != WAIT_TRANSFER;
}

static bool rewind_call(const struct tracee *tracee, const struct call_regs *regs)
{
	uint64_t first_arg = tracee->state == TRACEE_EINTR ? tracee->args[0] : regs->args[0];

	return regs_rewind(tracee->tid, regs->number, first_arg) == 0;
}

/* At a stop that is not a syscall's: a call that tracing interrupted is made to start again. */
void rewind_if_interrupted(struct thread *thread, struct tracee *tracee)
{
	struct call_regs regs;

	if (regs_read(tracee->tid, &regs) < 0 || regs.number < 0)
		return;
	const struct wait_call *wait = wait_call_find(regs.abi, (int)regs.number);

	if (regs.result == -EINTR && wait_rewinds(wait)) {
		if (!rewind_call(tracee, &regs))
			return;
		tracee->state = TRACEE_REWOUND;
		tracee->counted = false;
		tracee->abi = regs.abi;
		tracee->number = (int)regs.number;
		tracee->entry_ns = tracee->began_ns ? tracee->began_ns : clock_ns();
		tracee->exit_ns = clock_ns();
		int64_t timeout =
			wait_call_timeout(wait, regs.abi, tracee->tid, regs.args, &tracee->container->hung_until_ns);

		if (timeout >= 0 && timeout != WAIT_FOREVER)
			timeout_set(thread, tracee, tracee->entry_ns + (uint64_t)timeout);
	} else if (regs.result <= -512 && regs.result >= -516) {
		tracee->resumed = (int)regs.number; /* the kernel itself makes it again */
	}
}

/* The pending -EINTR is the program's to see. */
void settle_eintr(struct thread *thread, struct tracee *tracee)
{
	tracee_book(thread, tracee, tracee->exit_ns, EINTR);
	recording_exit(thread, tracee, -EINTR, tracee->exit_ns);
	timeout_clear(thread, tracee);
	tracee->state = TRACEE_USER;
}

/* The pending -EINTR came of tracing alone. */
void undo_eintr(struct thread *thread, struct tracee *tracee)
{
	const struct wait_call *wait = wait_call_find(tracee->abi, tracee->number);
	int64_t timeout =
		wait_call_timeout(wait, tracee->abi, tracee->tid, tracee->args, &tracee->container->hung_until_ns);
	struct call_regs regs;

	bool too_long = thread->draining && tracee->timed && clock_ns() - tracee->entry_ns > LENGTHENED_NS;

	if (timeout == WAIT_UNKNOWN || too_long) {
		arena_add(&tracee->container->slot->eintr_passed, 1);
		settle_eintr(thread, tracee);
		return;
	}
	if (regs_read(tracee->tid, &regs) < 0 || regs.number != tracee->number || regs.result != -EINTR ||
	    !rewind_call(tracee, &regs)) {
		settle_eintr(thread, tracee);
		return;
	}
	tracee->state = TRACEE_REWOUND;
	if (timeout != WAIT_FOREVER && !tracee->deadline_ns)
		timeout_set(thread, tracee, tracee->entry_ns + (uint64_t)timeout);
}

/* signal(7), "Signal dispositions": what does nothing unless it is caught. */
static bool ignored_by_default(int signal)
{
	return signal == SIGCHLD || signal == SIGURG || signal == SIGWINCH || signal == SIGCONT;
}

static bool ignores(const struct task_status *status, int signal)
{
	uint64_t bit = UINT64_C(1) << (signal - 1);

	if (status->ignored & bit)
		return true;
	if (status->caught & bit)
		return false;
	/* pid_namespaces(7): the init process of a namespace gets no signal that it has no handler for. */
	return ignored_by_default(signal) || (status->ns_tgid == 1 && signal != SIGKILL && signal != SIGSTOP);
}

bool signal_is_ignored(pid_t tid, int signal)
{
	struct task_status status;

	return task_status_read(tid, &status) == 0 && ignores(&status, signal);
}

bool signal_is_due(pid_t tid)
{
	struct task_status status;

	if (task_status_read(tid, &status) < 0)
		return true;
	uint64_t due = status.pending & ~status.blocked;

	for (int signal = 1; signal <= 64; signal++) {
		if ((due >> (signal - 1) & 1) && !ignores(&status, signal))
			return true;
	}
	return false;
}

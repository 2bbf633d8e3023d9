/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "moments.h"

#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "regs.h"

/* A task that used so much of a CPU without a sleep is in no call that would sleep, or has been in it for long. */
#define AWAKE_NS (1 * NS_PER_MS)
/* Past two looks: a call that began within this may be begun again, its time-out grows by no more. */
#define FRESH_SLACK_NS (2 * NS_PER_MS)
/* What can only be guessed at is interrupted after this. */
#define GUESS_NS (1 * NS_PER_S)

/* Running, or waiting for a CPU, maybe in the midst of a call that goes on to sleep: a task that sleeps now and then is
 * soon seen to. That it did not sleep tells nothing of one that had no CPU meanwhile. */
static enum moment moment_running(struct tracee *tracee, bool first)
{
	struct task_status status;

	if (first && task_ran_read(tracee->tid, &tracee->ran) < 0)
		tracee->ran.slices = 0;
	if (task_status_read(tracee->tid, &status) < 0)
		return MOMENT_NOW;
	if (first || status.voluntary != tracee->voluntary) {
		tracee->voluntary = status.voluntary;
		tracee->awake_cpu_ns = tracee->ran.cpu_ns;
		return MOMENT_LATER;
	}
	if (!tracee->ran.slices) /* the kernel does not tell */
		return MOMENT_NOW;
	return tracee->ran.cpu_ns - tracee->awake_cpu_ns >= AWAKE_NS ? MOMENT_NOW : MOMENT_LATER;
}

/* The call that it waits in, if that is one that would show the stop. /proc gives the number without its ABI. */
static const struct wait_call *wait_of(pid_t tid, int number, int *abi)
{
	bool two = abi_native() == STL_ABI_X86_64;

	*abi = abi_native();
	if (!wait_call_find(*abi, number) && !(two && wait_call_find(STL_ABI_I386, number)))
		return NULL;
	if (two && task_exe_bits(tid) == 32)
		*abi = STL_ABI_I386;
	return wait_call_find(*abi, number);
}

/* By a signal, which has interrupted its call already. */
static bool is_stopped(pid_t tid)
{
	struct task_status status;

	return task_status_read(tid, &status) == 0 && status.state == 'T';
}

static enum moment moment_inside(struct tracee *tracee, const struct task_syscall *call, bool fresh, uint64_t now)
{
	int abi;
	const struct wait_call *wait = wait_of(tracee->tid, call->number, &abi);
	bool guessed_long_enough = now - tracee->found_ns >= GUESS_NS;

	if (!wait || is_stopped(tracee->tid))
		return MOMENT_NOW;
	tracee->settled = true;
	if (wait->kind == WAIT_TRANSFER)
		return MOMENT_LATER;
	if (wait->flags_arg >= 0 && (call->args[wait->flags_arg] & MSG_WAITALL))
		return MOMENT_LATER;
	int64_t timeout = wait_call_timeout(wait, abi, tracee->tid, call->args, &tracee->container->hung_until_ns);

	tracee->settled = timeout != WAIT_UNKNOWN;
	if (timeout == WAIT_FOREVER || fresh || (timeout == WAIT_UNKNOWN && guessed_long_enough))
		return MOMENT_NOW;
	return MOMENT_LATER;
}

enum ran { RAN_NOT, RAN_LATELY, RAN_SOMETIME };

/* What ran between two samples that are close together began its present call between them. */
static enum ran ran_since(struct tracee *tracee, uint64_t interval_ns)
{
	uint64_t close = 2 * interval_ns + FRESH_SLACK_NS;
	struct task_ran ran;

	if (task_ran_read(tracee->tid, &ran) < 0)
		return RAN_SOMETIME;
	uint64_t before = tracee->ran.slices;

	tracee->ran = ran;
	if (before == ran.slices)
		return RAN_NOT;
	return before && clock_ns() - tracee->sampled_ns <= close ? RAN_LATELY : RAN_SOMETIME;
}

enum moment moment_of(struct tracee *tracee, uint64_t interval_ns, struct task_syscall *seen)
{
	bool first = tracee->sampled_ns == 0;
	int error = task_syscall_read(tracee->tid, seen);
	enum ran ran = first ? RAN_SOMETIME : ran_since(tracee, interval_ns);
	uint64_t now = clock_ns();

	tracee->sampled_ns = now;
	tracee->began_ns = ran == RAN_LATELY ? now : 0;
	if (error < 0)
		return MOMENT_NOW;
	if (ran == RAN_NOT && tracee->settled)
		return MOMENT_LATER;
	tracee->settled = false;
	switch (seen->now) {
	case NOW_RUNNING:
		return first && tracee->unseen && !tracee->seized ? MOMENT_ELSEWHERE : moment_running(tracee, first);
	case NOW_INSIDE:
		return moment_inside(tracee, seen, ran == RAN_LATELY, now);
	default:
		return MOMENT_NOW;
	}
}

/* Between the look and the interrupt lies the seize, in which a sleep may end and a transfer begin. */
bool moment_lasts(pid_t tid, const struct task_syscall *seen)
{
	struct task_syscall call;

	if (task_syscall_read(tid, &call) < 0)
		return true;
	return call.now == seen->now && (call.now != NOW_INSIDE || (call.number == seen->number &&
	                                                            !memcmp(call.args, seen->args, sizeof(call.args))));
}

bool task_is_in_wait(pid_t tid)
{
	struct task_syscall call;
	int abi;

	return task_syscall_read(tid, &call) == 0 && call.now == NOW_INSIDE && wait_of(tid, call.number, &abi);
}

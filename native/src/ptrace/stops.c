/* SPDX-License-Identifier: Apache-2.0
 *
 * What is done at each stop of a tracee. A stop is looked at without being consumed (WNOWAIT): a tracer that dies
 * between a consuming wait and the resume takes the stop's signal with it. The resume consumes it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "clock.h"
#include "notify.h"
#include "recording.h"
#include "regs.h"
#include "thread.h"

/* ---- bookkeeping -------------------------------------------------------------------------------------- */

struct tracee *tracee_adopt(struct thread *thread, pid_t tid, struct container *container)
{
	struct tracee *tracee = tracee_add(&thread->tracees, tid);

	if (!tracee)
		return NULL;
	tracee->container = container;
	tracee->state = TRACEE_ATTACHING;
	tracee->resume_ns = clock_ns();
	atomic_fetch_add(&thread->load, 1);
	atomic_fetch_add(&container->tracees, 1);
	atomic_fetch_add(&container->slot->tracees, 1);
	registry_set(tid, thread->index, container);
	return tracee;
}

void tracee_lost(struct thread *thread, struct tracee *tracee)
{
	struct container *container = tracee->container;

	overhead_flush(tracee);
	attach_forget(thread, tracee);
	timeout_clear(thread, tracee);
	recording_lost(thread, tracee);
	if (tracee->held_until_ns)
		thread->held--;
	if (thread->hot == tracee)
		thread->hot = NULL;
	tracee_unlink(&thread->tracees, tracee);
	registry_remove(tracee->tid, thread->index);
	target_traces_released(thread, tracee);
	atomic_fetch_sub(&container->slot->tracees, 1);
	atomic_fetch_sub(&thread->load, 1);
	if (atomic_fetch_sub(&container->tracees, 1) == 1)
		thread_attention();
	free(tracee);
}

/* The container's word is read where it counts: a copy of it would be late both ways. */
bool tracee_is_leaving(const struct tracee *tracee)
{
	return tracee->leaving || atomic_load_explicit(&tracee->container->leaving, memory_order_relaxed);
}

static void book(const struct thread *thread, const struct tracee *tracee, int abi, int number, uint64_t duration,
                 int error)
{
	struct stl_row *row = row_find(thread->rows, tracee->container->slot, abi, number);

	if (row)
		row_book(thread->rows, row, duration, error);
}

void tracee_book(struct thread *thread, struct tracee *tracee, uint64_t now, int error)
{
	if (tracee->counted && !tracee_is_leaving(tracee))
		book(thread, tracee, tracee->abi, tracee->number, now - tracee->entry_ns, error);
	tracee->counted = false;
}

/* ---- resuming ------------------------------------------------------------------------------------------ */

int tracee_detach(struct thread *thread, struct tracee *tracee, int signal)
{
	if (ptrace(PTRACE_DETACH, tracee->tid, NULL, signal) < 0)
		return -errno; /* ESRCH: killed meanwhile; its death is still to be waited for */
	recording_detached(thread, tracee, clock_ns());
	tracee_lost(thread, tracee);
	return 0;
}

static bool may_leave(const struct thread *thread, const struct tracee *tracee)
{
	if (thread->draining)
		return false; /* CONT and the thread's end let it go, in whatever it is */
	/* The command's set-up may be at the entry of its exec. */
	if (tracee->state == TRACEE_SETUP && tracee->watched)
		return false;
	/* A call that was rewound keeps its deadline only as long as we are there to see to it. */
	return tracee_is_leaving(tracee) && tracee->state != TRACEE_IN_SYSCALL && tracee->state != TRACEE_EINTR &&
	       !(tracee->state == TRACEE_REWOUND && tracee->timed);
}

void tracee_resume(struct thread *thread, struct tracee *tracee, int signal)
{
	long request = PTRACE_SYSCALL;

	if (may_leave(thread, tracee) && tracee_detach(thread, tracee, signal) == 0)
		return;
	if (tracee->state == TRACEE_ATTACHING || (tracee->state == TRACEE_SETUP && !tracee->watched)) {
		request = PTRACE_CONT;
	} else if (thread->draining) {
		request = PTRACE_CONT;
		if (tracee->state != TRACEE_EINTR)
			tracee->state = TRACEE_RELEASED;
	}
	ptrace(request, tracee->tid, NULL, signal);
}

/* ---- the stops ----------------------------------------------------------------------------------------- */

static bool restarts(int abi, int number)
{
	static int numbers[STL_ABI_UNKNOWN] = {-2, -2, -2};

	if (abi >= STL_ABI_UNKNOWN)
		return false;
	if (numbers[abi] == -2)
		numbers[abi] = stl_syscall_number(abi, "restart_syscall");
	return number == numbers[abi];
}

/* signal(7): no error is meant by what rt_sigreturn leaves in the result's register. */
static bool returns_from_signal(int abi, int number)
{
	switch (abi) {
	case STL_ABI_X86_64:
		return number == 15;
	case STL_ABI_I386:
		return number == 173 || number == 119;
	default:
		return number == 139;
	}
}

/* Of the command's set-up its exec alone is of interest. */
static void on_setup_syscall(struct thread *thread, struct tracee *tracee, const struct __ptrace_syscall_info *info,
                             uint64_t now)
{
	if (info->op == PTRACE_SYSCALL_INFO_ENTRY) {
		const char *name = NULL;

		tracee->abi = abi_of(info->arch, info->entry.nr);
		if (info->entry.nr < STL_MAX_NUMBER)
			name = stl_syscall_name(tracee->abi, (int)info->entry.nr);
		if (name && strcmp(name, "execve") == 0)
			recording_entry(thread, tracee, info, now, false);
	} else {
		recording_forget(thread, tracee);
	}
	tracee_resume(thread, tracee, 0);
}

static void on_entry(struct thread *thread, struct tracee *tracee, const struct __ptrace_syscall_info *info,
                     uint64_t now)
{
	int number = info->entry.nr < STL_MAX_NUMBER ? (int)info->entry.nr : STL_NUMBER_UNKNOWN;
	int abi = abi_of(info->arch, info->entry.nr);

	if (tracee->state == TRACEE_EINTR)
		settle_eintr(thread, tracee);
	bool again = tracee->state == TRACEE_REWOUND && number == tracee->number;
	bool in_progress = false;

	overhead_entry(tracee, now);
	if (!again) {
		timeout_clear(thread, tracee);
		in_progress = number == tracee->resumed || (tracee->resumed != RESUMED_NONE && restarts(abi, number));
		tracee->counted = !in_progress;
		tracee->abi = abi;
		tracee->number = number;
	}
	if (tracee->counted && !tracee->checked)
		tracee_check(tracee);
	for (int i = 0; i < 6; i++)
		tracee->args[i] = info->entry.args[i];
	tracee->resumed = RESUMED_NONE;
	tracee->state = TRACEE_IN_SYSCALL;
	if (recording_is_on() && is_exec(abi, number))
		exec_begins(tracee);
	if (recording_is_of(tracee) && !(again && tracee->recording && recording_goes_on(tracee)))
		recording_entry(thread, tracee, info, now, in_progress || again);
	if (target_traces(thread, tracee, number))
		return;
	uint64_t resume = clock_ns();

	if (!again)
		tracee->entry_ns = resume;
	tracee->held_ns += resume - now;
	tracee_resume(thread, tracee, 0);
}

static int error_of(const struct tracee *tracee, const struct __ptrace_syscall_info *info)
{
	int64_t result = info->exit.rval;

	if (result < -STL_MAX_ERRNO || result >= 0 || returns_from_signal(tracee->abi, tracee->number))
		return 0;
	/* include/linux/errno.h: restarts of the kernel's own, which no program sees; 515 is not one of them. */
	if (result <= -512 && result >= -516 && result != -515)
		return 0;
	return (int)-result;
}

static void on_exit_stop(struct thread *thread, struct tracee *tracee, const struct __ptrace_syscall_info *info,
                         uint64_t now)
{
	int64_t result = info->exit.rval;
	int error = error_of(tracee, info);

	if (tracee->state == TRACEE_IN_SYSCALL) {
		const struct wait_call *wait = error == EINTR ? wait_call_find(tracee->abi, tracee->number) : NULL;

		if (tracee->expired && error == EINTR) {
			result = wait->timed_out;
			error = -wait->timed_out;
			regs_set_result(tracee->tid, wait->timed_out);
			wait = NULL;
		}
		if (wait_rewinds(wait)) {
			tracee->exit_ns = now;
			tracee->state = TRACEE_EINTR;
			/* What interrupted it may be another thread's by now, and no stop will tell of it any more. */
			if (!signal_is_due(tracee->tid))
				undo_eintr(thread, tracee);
		} else {
			tracee_book(thread, tracee, now, error);
			recording_exit(thread, tracee, result, now);
			if (tracee->timed)
				timeout_clear(thread, tracee);
			tracee->state = TRACEE_USER;
		}
	}
	overhead_exit(tracee);
	tracee->resume_ns = clock_ns();
	tracee->held_ns += tracee->resume_ns - now;
	tracee_resume(thread, tracee, 0);
}

static void on_syscall(struct thread *thread, struct tracee *tracee, const struct stop *stop, uint64_t now)
{
	struct __ptrace_syscall_info info = stop->call;

	if (info.op == PTRACE_SYSCALL_INFO_NONE &&
	    ptrace(PTRACE_GET_SYSCALL_INFO, tracee->tid, sizeof(info), &info) < 0)
		return; /* killed meanwhile */
	if (tracee->state == TRACEE_RELEASED)
		tracee_resume(thread, tracee, 0);
	else if (tracee->state == TRACEE_SETUP)
		on_setup_syscall(thread, tracee, &info, now);
	else if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		on_entry(thread, tracee, &info, now);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		on_exit_stop(thread, tracee, &info, now);
	else
		tracee_resume(thread, tracee, 0);
}

void tracee_begin(struct thread *thread, struct tracee *tracee)
{
	tracee->state = TRACEE_USER;
	attach_forget(thread, tracee);
	recording_attached(thread, tracee, clock_ns());
}

static void on_signal(struct thread *thread, struct tracee *tracee, int signal)
{
	if (!tracee_is_leaving(tracee) && tracee->state != TRACEE_SETUP)
		book(thread, tracee, STL_ABI_SIGNAL, signal, 0, 0);
	switch (tracee->state) {
	case TRACEE_EINTR:
		if (signal_is_ignored(tracee->tid, signal))
			undo_eintr(thread, tracee);
		else
			settle_eintr(thread, tracee);
		break;
	case TRACEE_REWOUND:
		if (!signal_is_ignored(tracee->tid, signal)) {
			regs_unrewind(tracee->tid, -EINTR);
			settle_eintr(thread, tracee);
		}
		break;
	case TRACEE_USER:
	case TRACEE_IN_SYSCALL:
	case TRACEE_LISTENING:
		tracee->resumed = RESUMED_NONE;
		break;
	case TRACEE_ATTACHING:
		tracee_begin(thread, tracee);
		if (signal_is_ignored(tracee->tid, signal))
			rewind_if_interrupted(thread, tracee);
		break;
	default:
		/* No stop of its syscall has told of an -EINTR, but that it was attached made it see the signal. */
		if (signal_is_ignored(tracee->tid, signal)) {
			enum tracee_state state = tracee->state;

			rewind_if_interrupted(thread, tracee);
			tracee->state = state;
		}
	}
	if (tracee->state != TRACEE_SETUP)
		recording_signal(thread, tracee, signal, clock_ns());
	tracee_resume(thread, tracee, signal);
}

void serve_event_stop(struct thread *thread, struct tracee *tracee)
{
	switch (tracee->state) {
	case TRACEE_ATTACHING:
		tracee_begin(thread, tracee);
		rewind_if_interrupted(thread, tracee);
		break;
	case TRACEE_EINTR:
		undo_eintr(thread, tracee);
		break;
	case TRACEE_LISTENING:
		tracee->state = TRACEE_USER;
		break;
	case TRACEE_USER:
	case TRACEE_RELEASED: {
		enum tracee_state state = tracee->state;

		rewind_if_interrupted(thread, tracee);
		if (state == TRACEE_RELEASED)
			tracee->state = state;
		break;
	}
	default:
		break;
	}
	tracee->resume_ns = clock_ns();
	tracee_resume(thread, tracee, 0);
}

static void on_group_stop(struct thread *thread, struct tracee *tracee, int signal)
{
	/* signal(7): a stop, too, ends some calls with -EINTR. Where another thread took the signal, nothing told of it. */
	if (tracee->state == TRACEE_REWOUND) {
		regs_unrewind(tracee->tid, -EINTR);
		tracee->state = TRACEE_EINTR;
	}
	if (tracee->state == TRACEE_EINTR)
		settle_eintr(thread, tracee);
	if (tracee_is_leaving(tracee) && !thread->draining && tracee_detach(thread, tracee, 0) == 0)
		return;
	if (tracee->state == TRACEE_ATTACHING)
		tracee_begin(thread, tracee);
	if (tracee->state != TRACEE_SETUP && tracee->state != TRACEE_RELEASED) {
		tracee->state = TRACEE_LISTENING;
		recording_stopped(thread, tracee, signal, clock_ns());
	}
	ptrace(PTRACE_LISTEN, tracee->tid, NULL, NULL);
}

void tracee_retire(struct thread *thread, struct tracee *tracee, uint64_t now)
{
	recording_death(thread, tracee, 0, true, now);
	if (tracee->state == TRACEE_IN_SYSCALL || tracee->state == TRACEE_EINTR)
		tracee_book(thread, tracee, now, tracee->state == TRACEE_EINTR ? EINTR : 0);
	tracee->cpu_known = false;
	tracee_lost(thread, tracee);
}

static void on_death(struct thread *thread, const struct stop *stop, struct tracee *tracee, uint64_t now)
{
	siginfo_t info;

	if (tracee) {
		if (tracee->state == TRACEE_IN_SYSCALL)
			tracee_book(thread, tracee, now, 0);
		else if (tracee->state == TRACEE_EINTR)
			settle_eintr(thread, tracee);
		if (tracee->state != TRACEE_SETUP)
			recording_death(thread, tracee, stop->status, false, now);
		else if (tracee->execed)
			notify_late(tracee->container->slot, tracee->tid);
		overhead_flush(tracee); /* as long as /proc still has it */
	}
	waitid(P_PID, (id_t)stop->tid, &info, WEXITED | WNOHANG | __WALL | __WNOTHREAD);
	if (tracee)
		tracee_lost(thread, tracee);
}

static void resume_stranger(const struct stop *stop)
{
	/* Nobody knows any more whose it is: the next look at its container finds it. */
	if (stop->kind == STOP_EXEC)
		ptrace(PTRACE_DETACH, stop->tid, NULL, NULL);
	else if (stop->kind == STOP_GROUP)
		ptrace(PTRACE_LISTEN, stop->tid, NULL, NULL);
	else
		ptrace(PTRACE_CONT, stop->tid, NULL, stop->kind == STOP_SIGNAL ? stop->signal : 0);
}

/* Many are attached at once, and most of them have nothing to do for long. The second stop is that of the call which
 * the first one interrupted: made again it is not counted, and what ends it is a stop of its own. */
static bool is_of_attach(const struct tracee *tracee, const struct stop *stop)
{
	if (tracee->state == TRACEE_ATTACHING)
		return stop->kind == STOP_EVENT;
	return stop->kind == STOP_SYSCALL && tracee_makes_again(tracee);
}

void serve_stop(struct thread *thread, const struct stop *stop, uint64_t now)
{
	struct tracee *tracee = tracee_find(&thread->tracees, stop->tid);

	if (stop->kind == STOP_EXEC)
		tracee = exec_take_over(thread, stop->tid, now);
	if (stop->kind == STOP_EVENT && (!tracee || newcomer_forget_found(thread, tracee))) {
		newcomer_park(thread, stop->tid);
		return;
	}
	if (stop->kind == STOP_DEATH) {
		on_death(thread, stop, tracee, now);
		return;
	}
	if (!tracee) {
		resume_stranger(stop);
		return;
	}
	/* Any stop takes a request to stop with it (kernel/signal.c, ptrace_stop()). */
	tracee->interrupted = false;
	if (!is_of_attach(tracee, stop)) {
		thread->hot = tracee;
		if (!tracee->checked)
			tracee_check(tracee);
	}
	if (tracee->state == TRACEE_SETUP && tracee->execed && stop->kind != STOP_EXEC) {
		registry_set_up(tracee->tid, NULL);
		tracee->state = TRACEE_ATTACHING;
		if (!regs_are_new(tracee->tid))
			notify_late(tracee->container->slot, tracee->tid);
	}
	switch (stop->kind) {
	case STOP_SYSCALL:
		on_syscall(thread, tracee, stop, now);
		break;
	case STOP_SIGNAL:
		on_signal(thread, tracee, stop->signal);
		break;
	case STOP_GROUP:
		on_group_stop(thread, tracee, stop->signal);
		break;
	case STOP_EVENT:
		serve_event_stop(thread, tracee);
		break;
	case STOP_CHILD:
		newcomer_told(thread, tracee);
		break;
	case STOP_EXEC:
		exec_serve(thread, tracee, now);
		break;
	default:
		tracee_resume(thread, tracee, 0);
	}
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * What an exec is to us: the end of a runtime's set-up, and a thread that takes its leader's ID.
 */
#define _GNU_SOURCE
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "clock.h"
#include "recording.h"
#include "regs.h"
#include "thread.h"

bool is_exec(int abi, int number)
{
	if (abi < 0 || abi >= STL_ABI_UNKNOWN || number < 0 || number >= STL_MAX_NUMBER)
		return false;
	enum call_id call = call_of(abi, number);

	return call == CALL_execve || call == CALL_execveat;
}

void exec_begins(struct tracee *tracee)
{
	struct task_status status;

	if (task_status_read(tracee->tid, &status) == 0)
		tracee->leader = status.tgid;
}

static bool has_become_other(const struct tracee *tracee, const struct file_identity *exe, bool in_memory)
{
	/* runc runs from a sealed copy of itself in memory (CVE-2019-5736), to which it changes at its start. */
	return !file_is(exe, &tracee->exe) && !in_memory && !task_is_runtime(tracee->tid);
}

bool setup_has_execed(const struct tracee *tracee)
{
	struct file_identity exe;
	bool in_memory;

	return task_exe_read(tracee->tid, &exe, &in_memory) == 0 && has_become_other(tracee, &exe, in_memory);
}

/* The runtime's process became something else: from here on it is the container's. */
static bool setup_is_over(struct tracee *tracee)
{
	struct file_identity exe, root;
	bool in_memory;

	if (tracee->container->leader || task_exe_read(tracee->tid, &exe, &in_memory) < 0)
		return true;
	/* What has the container's files for its own is started by the container, whatever it calls itself. */
	if (task_root_read(tracee->tid, &root) == 0 && !file_is(&root, &tracee->root))
		return true;
	return has_become_other(tracee, &exe, in_memory);
}

static void first_exec(struct thread *thread, struct tracee *tracee, uint64_t now)
{
	struct call_regs regs;

	if (!setup_is_over(tracee))
		return;
	registry_set_up(tracee->tid, NULL);
	tracee->abi = abi_native();
	tracee->number = regs_read(tracee->tid, &regs) == 0 && regs.number >= 0 ? (int)regs.number : -1;
	if (tracee->number >= STL_MAX_NUMBER || !stl_syscall_name(tracee->abi, tracee->number))
		tracee->number = stl_syscall_number(tracee->abi, "execve");
	tracee->state = TRACEE_IN_SYSCALL;
	tracee->counted = true;
	tracee->entry_ns = now;
	if (tracee_is_leaving(tracee))
		tracee->state = TRACEE_USER;
	else
		recording_first_exec(thread, tracee, now);
}

/* A thread that execs takes the leader's ID: the leader is gone without a word to whoever traced it. */
struct tracee *exec_take_over(struct thread *thread, pid_t tid, uint64_t now)
{
	unsigned long former = 0;
	struct tracee *tracee;
	siginfo_t info;

	/* Until this stop is consumed, every request for a task whose ID has changed is ESRCH (kernel commit
	 * dbb5afad100a, looks_like_a_spurious_pid()). There is no signal in it to lose. */
	waitid(P_PID, (id_t)tid, &info, WSTOPPED | WNOHANG | __WALL | __WNOTHREAD);
	if (ptrace(PTRACE_GETEVENTMSG, tid, NULL, &former) < 0)
		return NULL;
	tracee = tracee_find(&thread->tracees, (pid_t)former);
	if ((pid_t)former == tid || !tracee)
		return tracee_find(&thread->tracees, tid);
	uint32_t owner = registry_thread(tid);

	if (owner == thread->index) {
		struct tracee *leader = tracee_find(&thread->tracees, tid);

		if (leader)
			tracee_retire(thread, leader, now);
	} else if (owner != REGISTRY_NOBODY) {
		struct mail mail = {.kind = MAIL_RETIRE, .tid = tid};

		thread_post(thread_at(owner), &mail);
	}
	registry_remove(tracee->tid, thread->index);
	tracee_relink(&thread->tracees, tracee, tid);
	registry_set(tid, thread->index, tracee->container);
	if (tracee->state == TRACEE_SETUP)
		registry_set_up(tid, &tracee->exe);
	return tracee;
}

void exec_serve(struct thread *thread, struct tracee *tracee, uint64_t now)
{
	unsigned long former = 0;

	if (tracee->state == TRACEE_SETUP)
		first_exec(thread, tracee, now);
	else if (tracee->state == TRACEE_ATTACHING)
		tracee_begin(thread, tracee);
	if (tracee->state != TRACEE_SETUP && ptrace(PTRACE_GETEVENTMSG, tracee->tid, NULL, &former) == 0)
		recording_exec(thread, tracee, (pid_t)former, now);
	tracee_resume(thread, tracee, 0);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * A new child is attached by the kernel, and its first stop may be seen before its parent's, which tells whose it is:
 * with CLONE_PARENT, and among threads, nothing else does for certain. Till then the child stays in its stop.
 */
#define _GNU_SOURCE
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "clock.h"
#include "recording.h"
#include "thread.h"

/* A parent that was killed in its fork(2) tells nothing. */
#define PATIENCE_NS (50 * NS_PER_MS)

bool newcomer_unpark(struct thread *thread, pid_t tid)
{
	for (int i = 0; thread->parked_count && i < PARKED; i++) {
		if (thread->parked[i].tid != tid)
			continue;
		thread->parked[i].tid = 0;
		thread->parked_count--;
		return true;
	}
	return false;
}

struct tracee *tracee_adopt_child(struct thread *thread, struct tracee *parent, pid_t tid)
{
	if (!parent->checked)
		tracee_check(parent);
	struct tracee *child = tracee_adopt(thread, tid, parent->container);

	if (!child)
		return NULL;
	child->seized = child->checked = true;
	child->leaving = parent->leaving;
	child->cpu_known = parent->state != TRACEE_SETUP;
	if (parent->state == TRACEE_SETUP) {
		child->state = TRACEE_SETUP;
		child->exe = parent->exe;
		child->root = parent->root;
		child->found_ns = parent->found_ns; /* as long as its parent has been at it */
		registry_set_up(tid, &child->exe);
	}
	return child;
}

/* A look at the container may find a child before its parent's stop tells of it, and takes it for the container's own
 * where that stop would say that it is the runtime's. What we have not seized is attached as a child alone. */
bool newcomer_forget_found(struct thread *thread, struct tracee *tracee)
{
	if (!tracee || tracee->seized)
		return false;
	tracee_lost(thread, tracee);
	return true;
}

void newcomer_told(struct thread *thread, struct tracee *parent)
{
	unsigned long child = 0;

	if (parent->state == TRACEE_ATTACHING)
		tracee_begin(thread, parent);
	if (ptrace(PTRACE_GETEVENTMSG, parent->tid, NULL, &child) == 0 && child)
		newcomer_forget_found(thread, tracee_find(&thread->tracees, (pid_t)child));
	/* It may be gone by now: let go as an orphan, or killed while it was parked. */
	if (child && !tracee_find(&thread->tracees, (pid_t)child) && is_attached((pid_t)child)) {
		struct tracee *added = tracee_adopt_child(thread, parent, (pid_t)child);

		if (parent->state != TRACEE_SETUP)
			recording_fork(thread, parent, (pid_t)child, added, clock_ns());
		if (newcomer_unpark(thread, (pid_t)child)) {
			if (added)
				serve_event_stop(thread, added);
			else
				ptrace(PTRACE_CONT, (pid_t)child, NULL, NULL);
		}
	}
	tracee_resume(thread, parent, 0);
}

struct relatives {
	pid_t tgid, ppid;
	struct tracee *found;
};

static void compare(struct tracee *tracee, void *context)
{
	struct relatives *relatives = context;

	if (tracee->tid == relatives->tgid || (!relatives->found && tracee->tid == relatives->ppid))
		relatives->found = tracee;
}

/* The parent is dead, so its next of kin has to do; failing that, it goes untraced, and unharmed. */
static void adopt_orphan(struct thread *thread, pid_t tid)
{
	struct task_status status;
	struct relatives relatives = {0};

	if (task_status_read(tid, &status) == 0) {
		relatives.tgid = status.tgid != tid ? status.tgid : 0;
		relatives.ppid = status.ppid;
		tracee_each(&thread->tracees, compare, &relatives);
	}
	struct tracee *tracee = relatives.found ? tracee_adopt_child(thread, relatives.found, tid) : NULL;

	if (tracee) {
		struct stop stop = {.kind = STOP_EVENT, .tid = tid};

		serve_stop(thread, &stop, clock_ns());
	} else {
		ptrace(PTRACE_DETACH, tid, NULL, NULL);
	}
}

void newcomer_park(struct thread *thread, pid_t tid)
{
	siginfo_t info;

	for (int i = 0; i < PARKED; i++) {
		struct parked *parked = &thread->parked[i];

		if (parked->tid)
			continue;
		/* Consumed, or every wait would find it again; there is no signal in it to lose. */
		waitid(P_PID, (id_t)tid, &info, WSTOPPED | WNOHANG | __WALL | __WNOTHREAD);
		parked->tid = tid;
		parked->until_ns = clock_ns() + PATIENCE_NS;
		thread->parked_count++;
		atomic_store(&thread->wants_ticks, true);
		return;
	}
	adopt_orphan(thread, tid);
}

void newcomers_poll(struct thread *thread, uint64_t now)
{
	for (int i = 0; thread->parked_count && i < PARKED; i++) {
		pid_t tid = thread->parked[i].tid;

		if (!tid || now < thread->parked[i].until_ns)
			continue;
		newcomer_unpark(thread, tid);
		adopt_orphan(thread, tid);
	}
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * From a container's cgroups to its tasks: which are not attached yet, which are the runtime's own, which are busy.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cgroups.h"
#include "clock.h"
#include "latestart.h"
#include "notify.h"
#include "target.h"
#include "threads.h"

/* A container that is only created so far has one process, the runtime's. */
#define CREATED_PROCESSES 1
#define MAX_DEPTH 64
#define WORK_AT_ONCE 64
#define SAMPLED_TASKS 64
#define SAMPLE_NS (3 * NS_PER_MS)
#define YOUNG_TICKS 100

enum origin {
	ORIGIN_CONTAINER,
	ORIGIN_SETUP, /* the runtime's, on its way to its first exec in the container */
	ORIGIN_BEGUN, /* it was, a moment ago: its first exec was missed */
};

struct pass {
	struct target *target;
	bool joined;        /* something has just entered the cgroup */
	bool first;         /* of the target's passes */
	pid_t process;      /* whose tasks are being listed */
	enum origin origin; /* of that process */
	struct file_identity exe;
	struct candidate *candidates;
	size_t count, room;
	uint32_t processes, depth;
};

static void note_task(pid_t tid, void *context)
{
	struct pass *pass = context;

	if (!registry_open(tid))
		return;
	if (pass->count == pass->room) {
		size_t room = pass->room ? pass->room * 2 : 64;
		struct candidate *larger = reallocarray(pass->candidates, room, sizeof(*larger));

		if (!larger)
			return; /* the next pass tries again */
		pass->candidates = larger;
		pass->room = room;
	}
	pass->candidates[pass->count++] = (struct candidate){
		.tid = tid, .process = pass->process, .setup = pass->origin == ORIGIN_SETUP, .exe = pass->exe};
}

enum load { LOAD_IDLE, LOAD_BUSY, LOAD_UNSEEN };

/* A runtime's process is one thread's: all but one of its tasks are gone with its exec. */
static struct thread *pick(const struct candidate *candidate, enum load load)
{
	static struct thread *thread;
	static pid_t process;

	if (!candidate->setup)
		return threads_pick(load == LOAD_BUSY);
	if (candidate->process != process || !thread)
		thread = threads_pick(true);
	process = candidate->process;
	return thread;
}

static void seize(struct target *target, const struct candidate *candidate, enum load load)
{
	struct thread *thread = pick(candidate, load);

	if (!thread) {
		notify_failure(target->container->slot, candidate->tid, STL_FAIL_LIMIT, 0,
		               "no tracer thread could be made");
		return;
	}
	enum registry_place place = registry_reserve(candidate->tid, thread->index, target->container);

	if (place == REGISTRY_TAKEN)
		return;
	if (candidate->setup && place == REGISTRY_NEW)
		registry_set_up(candidate->tid, &candidate->exe);
	bool here = candidate->setup && thread_bring_here(thread);
	struct mail mail = {
		.kind = MAIL_SEIZE,
		.tid = candidate->tid,
		.container = target->container,
		.setup = candidate->setup && place == REGISTRY_NEW,
		.unseen = load == LOAD_UNSEEN,
		.here = here,
		.exe = candidate->exe,
		.posted_ns = clock_ns(),
	};

	atomic_fetch_add(&thread->load, 1);
	atomic_fetch_add(&target->container->seizing, 1);
	thread_post(thread, &mail);
	/* The runtime's last exec may be a fifth of a millisecond away, and no other CPU free or soon awake. */
	if (here)
		sched_yield();
}

static bool is_root_of(pid_t pid, const struct file_identity *root)
{
	struct file_identity other;

	return task_root_read(pid, &other) == 0 && file_is(&other, root);
}

/* It runs a file of a root that is not the machine's: it is no runtime's any more. */
static bool runs_what_is_inside(pid_t pid, const struct file_identity *exe, struct file_identity *root)
{
	return task_root_read(pid, root) == 0 && exe->device == root->device && !is_root_of(getpid(), root) &&
	       !is_root_of(1, root);
}

static bool is_young(pid_t pid)
{
	struct task_stat stat;

	return task_stat_read(pid, &stat) == 0 && boot_ticks() - stat.start_ticks <= YOUNG_TICKS;
}

static bool runs_what_parent_runs(pid_t parent, const struct file_identity *exe)
{
	struct file_identity theirs;
	bool in_memory;

	return task_exe_read(parent, &theirs, &in_memory) == 0 && file_is(&theirs, exe);
}

static enum origin origin_of(const struct pass *pass, pid_t pid, struct file_identity *exe)
{
	const struct target *target = pass->target;
	struct task_status status;
	struct file_identity root;
	bool in_memory;

	if (target->attaching && pass->processes >= CREATED_PROCESSES && !task_is_runtime(pid))
		return ORIGIN_CONTAINER;
	/* A tracee's child is none of a runtime's, though it was not attached with it: CLONE_UNTRACED, clone(2). */
	if (task_exe_read(pid, exe, &in_memory) < 0 || task_status_read(pid, &status) < 0 ||
	    registry_thread(status.ppid) != REGISTRY_NOBODY)
		return ORIGIN_CONTAINER;
	/* What was there when tracing began is the container's own, unless that is only created so far. What enters
	 * later, and is no child of a tracee, comes from outside to become something else. */
	if (target->setup || task_is_runtime(pid))
		return ORIGIN_SETUP;
	if (target->attaching && !pass->joined)
		return ORIGIN_CONTAINER;
	/* Runtimes start what is to enter by a fork, and stay outside. */
	bool outside = !task_in_container(status.ppid, target->id);

	if (in_memory || (outside && runs_what_parent_runs(status.ppid, exe)))
		return ORIGIN_SETUP;
	/* Found late, it may have become that already. */
	if (runs_what_is_inside(pid, exe, &root) && !(outside && is_root_of(status.ppid, &root)))
		return outside && is_young(pid) ? ORIGIN_BEGUN : ORIGIN_CONTAINER;
	return pass->joined ? ORIGIN_SETUP : ORIGIN_CONTAINER;
}

static void visit_process(pid_t pid, void *context)
{
	struct pass *pass = context;

	if (pid == getpid() || pid == getppid())
		return;
	switch (late_start_of(pid)) {
	case LATE_NOT_YET:
		return;
	case LATE_NOW:
		pass->origin = ORIGIN_CONTAINER;
		notify_failure(pass->target->container->slot, pid, STL_FAIL_LATE, 0, NULL);
		break;
	default:
		/* A thread that was born before its process was seized is on the same way. */
		if (registry_thread(pid) != REGISTRY_NOBODY)
			pass->origin = registry_is_set_up(pid, &pass->exe) ? ORIGIN_SETUP : ORIGIN_CONTAINER;
		else
			pass->origin = origin_of(pass, pid, &pass->exe);
		if (pass->origin == ORIGIN_SETUP && registry_thread(pid) == REGISTRY_NOBODY &&
		    late_start_await(pid, &pass->exe))
			return;
	}
	if (pass->origin == ORIGIN_BEGUN && registry_open(pid))
		notify_late(pass->target->container->slot, pid);
	pass->process = pid;
	if (++pass->processes % WORK_AT_ONCE == 0)
		control_beat();
	if (count_tasks(pid) == 1)
		note_task(pid, pass);
	else
		list_tasks(pid, note_task, pass);
}

/* After a tracer's death alone; bounded, since each level takes some of the stack. */
static void visit_descendants(pid_t pid, void *context)
{
	struct pass *pass = context;

	visit_process(pid, context);
	if (++pass->depth < MAX_DEPTH)
		list_children(pid, visit_descendants, context);
	pass->depth--;
}

static bool is_running(pid_t tid)
{
	struct task_syscall call;

	return task_syscall_read(tid, &call) == 0 && call.now == NOW_RUNNING;
}

/* Busy is who runs, or runs within a few ms: a task that sleeps and wakes all the time is seldom caught running. Of many
 * that are found at once nearly all sleep: they go to the pool, which has to look at each anyhow, and gives back who
 * runs. */
static void give_away(struct target *target, struct pass *pass)
{
	bool sample = pass->count <= SAMPLED_TASKS, unseen = pass->first && !sample;
	size_t kept = 0;

	for (size_t i = 0; i < pass->count; i++) {
		struct candidate *candidate = &pass->candidates[i];

		if (unseen)
			seize(target, candidate, LOAD_UNSEEN);
		else if (candidate->setup)
			seize(target, candidate, LOAD_IDLE);
		else if (is_running(candidate->tid))
			seize(target, candidate, LOAD_BUSY);
		else if (!sample || task_ran_read(candidate->tid, &candidate->ran) < 0)
			seize(target, candidate, LOAD_IDLE);
		else
			pass->candidates[kept++] = *candidate;
	}
	if (kept) {
		target->sleeping = pass->candidates;
		target->sleeping_count = kept;
		target->sleeping_since = clock_ns();
		pass->candidates = NULL;
	}
}

static bool is_still(pid_t pid, uint64_t start_ticks)
{
	struct task_stat stat;

	return task_stat_read(pid, &stat) == 0 && stat.start_ticks == start_ticks;
}

void find_tasks(struct target *target, bool joined)
{
	struct pass pass = {.target = target, .joined = joined, .first = target->attaching && !target->had_tasks};

	find_carry_on(target, UINT64_MAX);
	if (target->start_ticks && !is_still(target->pid, target->start_ticks))
		return;
	if (target->pid && target->descendants)
		visit_descendants(target->pid, &pass);
	else if (target->pid)
		visit_process(target->pid, &pass);
	else
		cgroups_each_process(target->id, visit_process, &pass);
	target->found = (uint32_t)pass.count;
	target->had_tasks |= pass.count > 0;
	give_away(target, &pass);
	free(pass.candidates);
}

bool find_carry_on(struct target *target, uint64_t now)
{
	struct task_ran ran;

	if (!target->sleeping)
		return false;
	if (now - target->sleeping_since < SAMPLE_NS)
		return true;
	for (size_t i = 0; i < target->sleeping_count; i++) {
		const struct candidate *candidate = &target->sleeping[i];

		bool ran_since = task_ran_read(candidate->tid, &ran) == 0 && ran.slices != candidate->ran.slices;

		seize(target, candidate, ran_since ? LOAD_BUSY : LOAD_IDLE);
	}
	find_forget(target);
	return false;
}

void find_forget(struct target *target)
{
	free(target->sleeping);
	target->sleeping = NULL;
	target->sleeping_count = 0;
}

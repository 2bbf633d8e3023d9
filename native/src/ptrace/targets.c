/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "targets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroups.h"
#include "clock.h"
#include "notify.h"
#include "threads.h"

#define PROVISIONAL_NS (2 * NS_PER_S)
#define ATTACH_REPORT_NS (100 * NS_PER_MS)
#define RESCAN_NS (1 * NS_PER_S)
/* A process that clone3(2) puts into a populated cgroup leaves no event. */
#define POLL_NS (20 * NS_PER_MS)
#define COMMAND_ID "command"
/* How long, and for how many tasks at most, it is looked who is busy. */
#define SAMPLE_NS (3 * (long)NS_PER_MS)
#define SAMPLED_TASKS 64

struct target {
	char id[STL_ID_SIZE];
	struct container *container; /* NULL: waited for */
	bool wanted, provisional, discard;
	bool attaching; /* passes go on until one finds nothing new */
	bool reported;  /* EV_ATTACHED was sent for all that is attached */
	bool polled, ended, had_tasks;
	pid_t pid;  /* of a process that was named, or 0 */
	bool setup; /* that process has not exec'ed yet */
	bool descendants;
	uint64_t since, next_scan, pass_since, traced_since;
	uint32_t found; /* new tasks in the present pass */
	uint32_t failed;
	uint32_t forgets[STL_THREADS]; /* what each thread's count has to reach before the slot is free */
	bool releasing;
	uint64_t release_serial;
};

static struct target targets[STL_SLOTS];
static struct container containers[STL_SLOTS];
static uint32_t posted_forgets[STL_THREADS];
static struct stl_arena *arena;
static const struct tracer_options *options;
static bool policy;

void targets_open(struct stl_arena *mapped, const struct tracer_options *given)
{
	arena = mapped;
	options = given;
}

static struct target *find(const char *id)
{
	for (int i = 0; i < STL_SLOTS; i++) {
		if (targets[i].id[0] && strcmp(targets[i].id, id) == 0)
			return &targets[i];
	}
	return NULL;
}

static struct target *make(const char *id)
{
	for (int i = 0; i < STL_SLOTS; i++) {
		if (!targets[i].id[0]) {
			memset(&targets[i], 0, sizeof(targets[i]));
			snprintf(targets[i].id, sizeof(targets[i].id), "%s", id);
			return &targets[i];
		}
	}
	notify(STL_EV_REFUSED, NULL, id, 0, 0, ENOSPC, "too many containers are traced or waited for");
	return NULL;
}

static bool open_slot(struct target *target, bool provisional)
{
	struct stl_slot *slot = arena_slot_open(arena, target->id);

	if (!slot) {
		notify(STL_EV_REFUSED, NULL, target->id, 0, 0, ENOSPC, "the table of containers is full");
		return false;
	}
	struct container *container = &containers[arena_slot_index(arena, slot)];

	if (container->slot != slot) {
		memset(container, 0, sizeof(*container));
		container->slot = slot;
	}
	atomic_store(&container->leaving, false);
	atomic_store(&slot->end_ns, 0);
	if (!atomic_load(&slot->first_ns))
		atomic_store(&slot->first_ns, wall_ns());
	atomic_store(&slot->state, provisional ? STL_SLOT_PROVISIONAL : STL_SLOT_TRACED);
	target->container = container;
	target->provisional = provisional;
	target->since = clock_ns();
	target->ended = target->had_tasks = target->reported = target->discard = false;
	target->traced_since = 0;
	return true;
}

/* ---- finding tasks ------------------------------------------------------------------------------------- */

/* A task that is not attached yet. */
struct candidate {
	pid_t tid;
	bool setup, busy;
	struct file_identity exe;
	struct task_ran ran;
};

struct pass {
	struct target *target;
	bool joined; /* something has just entered the cgroup */
	bool setup;  /* of the process whose tasks are being listed */
	struct file_identity exe;
	struct candidate *candidates;
	size_t count, room;
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
	pass->candidates[pass->count++] = (struct candidate){.tid = tid, .setup = pass->setup, .exe = pass->exe};
}

static void seize(struct target *target, const struct candidate *candidate)
{
	struct thread *thread = threads_pick(candidate->busy || candidate->setup);

	if (!thread) {
		notify_failure(target->container->slot, candidate->tid, STL_FAIL_LIMIT, 0,
		               "no tracer thread could be made");
		return;
	}
	enum registry_place place = registry_reserve(candidate->tid, thread->index, target->container);

	if (place == REGISTRY_TAKEN)
		return;
	struct mail mail = {
		.kind = MAIL_SEIZE,
		.tid = candidate->tid,
		.container = target->container,
		.setup = candidate->setup && place == REGISTRY_NEW,
		.exe = candidate->exe,
	};

	target->found += place == REGISTRY_NEW;
	target->had_tasks = true;
	atomic_fetch_add(&thread->load, 1);
	atomic_fetch_add(&target->container->seizing, 1);
	thread_post(thread, &mail);
}

/* Busy is who runs, or who ran within a few ms: a task that sleeps and wakes all the time is seldom caught running. */
static void find_busy(struct pass *pass)
{
	struct timespec wait = {0, SAMPLE_NS};
	struct task_syscall call;
	struct task_ran ran;
	bool sample = pass->count <= SAMPLED_TASKS;
	size_t sleeping = 0;

	for (size_t i = 0; i < pass->count; i++) {
		struct candidate *candidate = &pass->candidates[i];

		if (candidate->setup)
			continue;
		candidate->busy = task_syscall_read(candidate->tid, &call) == 0 && call.now == NOW_RUNNING;
		if (!candidate->busy && sample && task_ran_read(candidate->tid, &candidate->ran) == 0)
			sleeping++;
	}
	if (!sleeping)
		return;
	nanosleep(&wait, NULL);
	for (size_t i = 0; i < pass->count; i++) {
		struct candidate *candidate = &pass->candidates[i];

		if (!candidate->busy && !candidate->setup && task_ran_read(candidate->tid, &ran) == 0)
			candidate->busy = ran.slices != candidate->ran.slices;
	}
}

/* Whether a process is still the runtime's, on its way to the container's first exec. */
static bool is_setup(const struct pass *pass, pid_t pid, struct file_identity *exe)
{
	const struct target *target = pass->target;
	struct task_status status;
	struct file_identity parent;
	bool in_memory, parent_in_memory;

	if (task_exe_read(pid, exe, &in_memory) < 0)
		return false;
	/* What was there when tracing began is the container's own, unless that is only created so far. What enters
	 * later, and is no child of a tracee, comes from outside to become something else. */
	if (target->setup || pass->joined || task_is_runtime(pid))
		return true;
	if (target->attaching)
		return false;
	/* Found late: it may have become that already, so only what shows that it has not counts. */
	return in_memory ||
	       (task_status_read(pid, &status) == 0 && status.ppid && registry_thread(status.ppid) == REGISTRY_NOBODY &&
	        task_exe_read(status.ppid, &parent, &parent_in_memory) == 0 && parent.device == exe->device &&
	        parent.inode == exe->inode);
}

static void visit_process(pid_t pid, void *context)
{
	struct pass *pass = context;

	if (pid == getpid() || pid == getppid())
		return;
	pass->setup = registry_thread(pid) == REGISTRY_NOBODY && is_setup(pass, pid, &pass->exe);
	list_tasks(pid, note_task, pass);
}

static void visit_descendants(pid_t pid, void *context)
{
	visit_process(pid, context);
	list_children(pid, visit_descendants, context);
}

static void look_for_tasks(struct target *target, bool joined)
{
	struct pass pass = {.target = target, .joined = joined};

	if (target->pid && target->descendants)
		visit_descendants(target->pid, &pass);
	else if (target->pid)
		visit_process(target->pid, &pass);
	else
		cgroups_each_process(target->id, visit_process, &pass);
	find_busy(&pass);
	target->found = 0;
	for (size_t i = 0; i < pass.count; i++)
		seize(target, &pass.candidates[i]);
	free(pass.candidates);
}

/* fresh: its cgroup was made just now, so that whoever is in it has just joined. */
static void begin(struct target *target, bool fresh)
{
	uint64_t now = clock_ns();

	target->attaching = !fresh;
	target->pass_since = now;
	target->next_scan = now + RESCAN_NS;
	if (!target->pid)
		target->polled = cgroups_follow(target->id);
	look_for_tasks(target, fresh);
	thread_attention();
}

/* ---- requests ------------------------------------------------------------------------------------------ */

void target_trace(const char *id)
{
	struct target *target = find(id);

	if (!target && !(target = make(id)))
		return;
	target->wanted = true;
	target->discard = false;
	if (target->releasing)
		return; /* it begins anew when its slot is free */
	target->release_serial = 0;
	if (target->container && target->provisional) {
		target->provisional = false;
		atomic_store(&target->container->slot->state, STL_SLOT_TRACED);
		target->reported = false;
		thread_attention();
		return;
	}
	if (target->container && !target->ended && !target->container->leaving) {
		target->reported = false; /* asked again: say again what is attached */
		thread_attention();
		return;
	}
	if (!cgroups_has(id)) {
		notify(STL_EV_WAITING, NULL, id, 0, 0, 0, NULL);
		return;
	}
	if (target->container && target->container->leaving) {
		struct mail mail = {.kind = MAIL_LEAVE, .container = target->container};

		atomic_store(&target->container->leaving, false);
		threads_post_all(&mail);
	}
	if (open_slot(target, false))
		begin(target, false);
}

void target_trace_pid(pid_t pid, uint64_t start_ticks)
{
	char id[STL_ID_SIZE];
	uint64_t ticks;
	int cpu;

	snprintf(id, sizeof(id), "pid:%d", pid);
	if (!options->allow_pid) {
		notify(STL_EV_REFUSED, NULL, id, pid, 0, EPERM, "processes outside of containers are not traced here");
		return;
	}
	if (task_start_read(pid, &ticks, &cpu) < 0 || (start_ticks && ticks != start_ticks)) {
		notify(STL_EV_REFUSED, NULL, id, pid, 0, ESRCH, "no such process");
		return;
	}
	struct target *target = find(id);

	if (target && target->container && !target->ended)
		return;
	if (!target && !(target = make(id)))
		return;
	target->wanted = true;
	target->pid = pid;
	target->descendants = atomic_load(&arena->generation) > 1;
	if (open_slot(target, false))
		begin(target, false);
}

void target_command(pid_t pid, bool running)
{
	struct target *target = make(COMMAND_ID);

	if (!target)
		return;
	target->wanted = true;
	target->pid = pid;
	target->setup = !running;
	target->descendants = running;
	if (open_slot(target, false))
		begin(target, false);
}

bool target_command_seized(void)
{
	const struct target *target = find(COMMAND_ID);

	return target && target->container && atomic_load(&target->container->tracees) > 0;
}

static void leave(struct target *target)
{
	struct container *container = target->container;
	struct mail mail = {.kind = MAIL_LEAVE, .container = container};

	target->wanted = target->provisional = false;
	if (!target->pid)
		cgroups_unfollow(target->id);
	atomic_store(&container->leaving, true);
	if (atomic_load(&container->slot->state) != STL_SLOT_ENDED)
		atomic_store(&container->slot->state, STL_SLOT_LEAVING);
	threads_post_all(&mail);
}

void target_drop(const char *id, bool discard)
{
	struct target *target = find(id);

	if (!target)
		return;
	if (!target->container) {
		target->id[0] = '\0';
		return;
	}
	target->discard = discard;
	leave(target);
}

static struct target *of_container(const struct container *container)
{
	for (int i = 0; i < STL_SLOTS; i++) {
		if (targets[i].id[0] && targets[i].container == container)
			return &targets[i];
	}
	return NULL;
}

static void start_release(struct target *target)
{
	struct mail mail = {.kind = MAIL_FORGET, .container = target->container};

	registry_forget(target->container);
	target->releasing = true;
	for (uint32_t i = 0; i < threads_count(); i++) {
		target->forgets[i] = ++posted_forgets[i];
		thread_post(thread_at(i), &mail);
	}
}

void target_release(uint32_t index, uint64_t serial)
{
	struct stl_slot *slot = arena_slot_at(arena, index);

	if (!slot || slot->serial != serial)
		return;
	struct target *target = of_container(&containers[index]);

	if (containers[index].slot != slot || !target) {
		arena_slot_release(arena, slot); /* an earlier tracer's: no thread of ours ever wrote to it */
		return;
	}
	if (!target->wanted || target->ended)
		target->release_serial = serial;
	thread_attention();
}

void targets_policy(bool new_containers)
{
	policy = new_containers;
}

/* ---- the cgroup tree ----------------------------------------------------------------------------------- */

void target_appeared(const char *id, const char *path)
{
	struct target *target = find(id);

	if (target && target->wanted) {
		if ((!target->container || target->ended) && open_slot(target, false))
			begin(target, true);
		return;
	}
	if (!policy || target) {
		notify(STL_EV_SEEN, NULL, id, 0, 0, 0, path);
		return;
	}
	target = make(id);
	if (!target || !open_slot(target, true)) {
		if (target)
			target->id[0] = '\0';
		return;
	}
	notify(STL_EV_NEW, target->container->slot, NULL, 0, 0, 0, path);
	begin(target, true);
}

void target_gone(const char *id)
{
	notify(STL_EV_GONE, NULL, id, 0, 0, 0, NULL);
	thread_attention();
}

void target_entered(const char *id)
{
	struct target *target = find(id);

	if (!target || !target->container || target->container->leaving)
		return;
	if (target->ended) {
		if (!target->wanted || !open_slot(target, false))
			return;
		target->attaching = false;
	}
	look_for_tasks(target, true);
	target->reported = false;
}

/* ---- what takes time ----------------------------------------------------------------------------------- */

static void end(struct target *target, uint64_t now)
{
	struct stl_slot *slot = target->container->slot;

	(void)now;
	target->ended = true;
	atomic_store(&slot->end_ns, wall_ns());
	atomic_store(&slot->state, STL_SLOT_ENDED);
	notify(STL_EV_ENDED, slot, NULL, 0, 0, 0, NULL);
}

static void free_target(struct target *target)
{
	struct container *container = target->container;
	bool wanted = target->wanted;
	char id[STL_ID_SIZE];

	arena_slot_release(arena, container->slot);
	container->slot = NULL;
	memcpy(id, target->id, sizeof(id));
	memset(target, 0, sizeof(*target));
	if (wanted && strncmp(id, "pid:", 4) != 0) {
		memcpy(target->id, id, sizeof(id)); /* it may start again, or run again already */
		target->wanted = true;
		if (cgroups_has(id))
			target_trace(id);
	}
}

static bool carry_on_release(struct target *target)
{
	if (atomic_load(&target->container->tracees) || atomic_load(&target->container->seizing))
		return false;
	if (!target->releasing) {
		start_release(target);
		return true;
	}
	for (uint32_t i = 0; i < threads_count(); i++) {
		if (atomic_load(&thread_at(i)->forgotten) < target->forgets[i])
			return true;
	}
	free_target(target);
	return false;
}

static void report_attached(struct target *target, uint64_t now)
{
	struct container *container = target->container;
	uint32_t pending = atomic_load(&container->pending);

	if (target->reported || (pending && now - target->pass_since < ATTACH_REPORT_NS))
		return;
	target->reported = pending == 0;
	if (pending)
		target->pass_since = now;
	notify(STL_EV_ATTACHED, container->slot, NULL, 0, atomic_load(&container->tracees) - pending, pending, NULL);
}

static bool has_processes(struct target *target);

static void note_process(pid_t pid, void *context)
{
	(void)pid;
	*(bool *)context = true;
}

static bool has_processes(struct target *target)
{
	bool any = false;

	if (!target->pid)
		cgroups_each_process(target->id, note_process, &any);
	return any;
}

static void account_time(struct target *target, uint64_t now)
{
	if (atomic_load(&target->container->tracees)) {
		if (target->traced_since)
			arena_add(&target->container->slot->traced_ns, now - target->traced_since);
		target->traced_since = now;
	} else {
		target->traced_since = 0;
	}
}

static bool carry_on_tracing(struct target *target, uint64_t now)
{
	struct container *container = target->container;
	bool idle = atomic_load(&container->tracees) == 0 && atomic_load(&container->seizing) == 0;

	account_time(target, now);
	if (container->leaving) {
		if (idle && !target->ended)
			end(target, now);
		if (idle && target->discard)
			target->release_serial = container->slot->serial;
		return !idle;
	}
	if (target->ended)
		return false;
	if (target->provisional && now - target->since > PROVISIONAL_NS) {
		notify(STL_EV_TIMEOUT, container->slot, NULL, 0, 0, 0, NULL);
		target->discard = true;
		leave(target);
		return true;
	}
	if (atomic_load(&container->seizing))
		return true;
	if (target->attaching) {
		look_for_tasks(target, false);
		target->attaching = target->found > 0;
		if (target->attaching)
			return true;
	}
	if (now >= target->next_scan) {
		target->next_scan = now + (target->polled ? POLL_NS : RESCAN_NS);
		look_for_tasks(target, false);
	}
	report_attached(target, now);
	if (idle && target->had_tasks && !has_processes(target))
		end(target, now);
	return !target->reported || target->polled;
}

bool targets_tick(uint64_t now)
{
	bool soon = false;

	for (int i = 0; i < STL_SLOTS; i++) {
		struct target *target = &targets[i];

		if (!target->id[0] || !target->container)
			continue;
		soon |= carry_on_tracing(target, now);
		if (target->release_serial)
			soon |= carry_on_release(target);
	}
	return soon;
}

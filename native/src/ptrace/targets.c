/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "targets.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cgroups.h"
#include "clock.h"
#include "descriptors.h"
#include "latestart.h"
#include "notify.h"
#include "target.h"
#include "threads.h"

#define PROVISIONAL_NS (2 * NS_PER_S)
#define ATTACH_REPORT_NS (100 * NS_PER_MS)
#define RESCAN_NS (1 * NS_PER_S)
/* A process that clone3(2) puts into a populated cgroup leaves no event. */
#define POLL_NS (20 * NS_PER_MS)
#define JOIN_PASSES 4
#define LOOK_NS (50 * NS_PER_MS)
#define COMMAND_ID "command"

static struct target targets[STL_SLOTS];
static struct container containers[STL_SLOTS];
static uint32_t posted_forgets[STL_THREADS];
static struct stl_arena *arena;
static const struct tracer_options *options;
static bool policy, policy_silent;

void targets_open(struct stl_arena *mapped, const struct tracer_options *given)
{
	arena = mapped;
	options = given;
	late_start_open();
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
	container->leader = target->pid;
	container->leader_ticks = target->start_ticks;
	container->descendants = target->descendants;
	atomic_store(&container->leaving, false);
	atomic_store(&slot->end_ns, 0);
	if (!atomic_load(&slot->first_ns))
		atomic_store(&slot->first_ns, wall_ns());
	atomic_store(&slot->state, provisional ? STL_SLOT_PROVISIONAL : STL_SLOT_TRACED);
	atomic_store(&container->silent, target->silent);
	target->container = container;
	target->provisional = provisional;
	target->since = clock_ns();
	target->ended = target->had_tasks = target->reported = target->discard = false;
	target->traced_since = 0;
	return true;
}

/* Who joins may fork and be gone before it is seized, so it is looked again until nothing is new. */
static void look_for_joiners(struct target *target)
{
	if (!target->pid)
		target->polled = cgroups_follow(target->id);
	find_tasks(target, true);
	target->joining = JOIN_PASSES;
	target->reported = false;
	thread_attention();
}

/* fresh: its cgroup was made just now, so that whoever is in it has just joined. */
static void begin(struct target *target, bool fresh)
{
	uint64_t now = clock_ns();

	target->attaching = !fresh;
	target->pass_since = now;
	target->next_scan = now + RESCAN_NS;
	if (fresh) {
		look_for_joiners(target);
		return;
	}
	if (!target->pid)
		target->polled = cgroups_follow(target->id);
	find_tasks(target, false);
	thread_attention();
}

/* What is on its way out is wanted again. */
static void stay(struct target *target)
{
	if (target->container)
		atomic_store(&target->container->leaving, false);
}

/* ---- requests ------------------------------------------------------------------------------------------ */

static void set_silent(struct target *target, bool silent)
{
	target->silent = silent;
	if (target->container && atomic_exchange(&target->container->silent, silent) && !silent)
		descriptors_forget_all();
}

void target_trace(const char *id, bool silent)
{
	struct target *target = find(id);

	if (!target && !(target = make(id)))
		return;
	target->wanted = true;
	target->discard = false;
	set_silent(target, silent);
	if (target->releasing)
		return; /* it begins anew when its slot is free */
	target->release_serial = 0;
	if (!cgroups_has(id))
		cgroups_poll(LOOK_NS); /* it may be there, where no event tells of it */
	if (target->container && target->provisional) {
		target->provisional = false;
		if (!target->ended) /* its name may come after its end */
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
	stay(target);
	if (open_slot(target, false))
		begin(target, false);
}

void target_trace_pid(pid_t pid, uint64_t start_ticks, bool silent)
{
	char id[STL_ID_SIZE];
	struct task_stat stat;

	snprintf(id, sizeof(id), "pid:%d", pid);
	if (!options->allow_pid) {
		notify(STL_EV_REFUSED, NULL, id, pid, 0, EPERM, "processes outside of containers are not traced here");
		return;
	}
	if (task_stat_read(pid, &stat) < 0 || (start_ticks && stat.start_ticks != start_ticks)) {
		notify(STL_EV_REFUSED, NULL, id, pid, 0, ESRCH, "no such process");
		return;
	}
	struct target *target = find(id);

	if (!target && !(target = make(id)))
		return;
	set_silent(target, silent);
	if (target->releasing)
		return;
	if (target->container && !target->ended && !target->container->leaving)
		return;
	target->wanted = true;
	target->pid = pid;
	target->start_ticks = stat.start_ticks;
	target->descendants = atomic_load(&arena->generation) > 1;
	stay(target);
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
	const struct container *container = target ? target->container : NULL;

	/* It is a tracee from when its seizing is tried; before that has come about its exec would not be seen. */
	return container && atomic_load(&container->tracees) > 0 && atomic_load(&container->seizing) == 0 &&
	       atomic_load(&container->pending) == 0;
}

static void leave(struct target *target)
{
	struct container *container = target->container;
	struct mail mail = {.kind = MAIL_LEAVE, .container = container};

	target->wanted = target->provisional = false;
	find_forget(target);
	if (!target->pid)
		cgroups_unfollow(target->id);
	atomic_store(&container->leaving, true);
	if (!target->ended)
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

void targets_policy(bool new_containers, bool silent)
{
	policy = new_containers;
	policy_silent = silent;
}

/* ---- the cgroup tree ----------------------------------------------------------------------------------- */

/* Whoever may make cgroups can make them by the thousand: those that nobody has asked for (yet) have at most three
 * quarters of the places that the others leave, so that a container that is asked for finds one. */
static bool has_room_unasked(void)
{
	int unasked = 0, targets_left = 0, slots_left = 0;

	for (int i = 0; i < STL_SLOTS; i++) {
		unasked += targets[i].id[0] && !targets[i].wanted;
		targets_left += !targets[i].id[0];
		slots_left += !arena_slot_at(arena, (uint32_t)i);
	}
	return unasked < 3 * ((targets_left < slots_left ? targets_left : slots_left) - 1);
}

void target_appeared(const char *id, const char *path, bool late)
{
	struct target *target = find(id);

	if (target && target->wanted) {
		if (target->releasing)
			return; /* it begins anew when its slot is free */
		target->release_serial = 0;
		if ((!target->container || target->ended) && open_slot(target, false))
			begin(target, !late);
		return;
	}
	if (!policy || target || !has_room_unasked()) {
		notify(STL_EV_SEEN, NULL, id, 0, 0, 0, path);
		return;
	}
	target = make(id);
	if (target)
		target->silent = policy_silent;
	if (!target || !open_slot(target, true)) {
		if (target)
			target->id[0] = '\0';
		return;
	}
	notify(STL_EV_NEW, target->container->slot, NULL, 0, 0, 0, path);
	begin(target, !late);
}

void target_gone(const char *id)
{
	notify(STL_EV_GONE, NULL, id, 0, 0, 0, NULL);
	thread_attention();
}

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

void target_entered(const char *id)
{
	struct target *target = find(id);

	if (!target || !target->container || target->container->leaving)
		return;
	if (target->ended) {
		/* That its last process has left it is told by the same event (cgroup-v2.rst, "populated"). */
		if (!target->wanted || target->releasing || !has_processes(target) || !open_slot(target, false))
			return;
		target->release_serial = 0;
		target->attaching = false;
	}
	look_for_joiners(target);
}

/* ---- what takes time ----------------------------------------------------------------------------------- */

static void end(struct target *target)
{
	struct stl_slot *slot = target->container->slot;

	bool left = target->container->leaving;

	target->ended = true;
	atomic_store(&slot->end_ns, wall_ns());
	atomic_store(&slot->state, left ? STL_SLOT_LEFT : STL_SLOT_ENDED);
	if (!left)
		notify(STL_EV_ENDED, slot, NULL, 0, 0, 0, NULL);
}

static void free_target(struct target *target)
{
	struct container *container = target->container;
	bool wanted = target->wanted, silent = target->silent;
	char id[STL_ID_SIZE];

	arena_slot_release(arena, container->slot);
	container->slot = NULL;
	memcpy(id, target->id, sizeof(id));
	memset(target, 0, sizeof(*target));
	if (wanted && strncmp(id, "pid:", 4) != 0) {
		memcpy(target->id, id, sizeof(id)); /* it may start again, or run again already */
		target->wanted = true;
		target->silent = silent;
		if (cgroups_has(id))
			target_trace(id, silent);
	}
}

/* In this order: a task is a tracee first, and then no longer about to be seized. */
static bool is_idle(const struct container *container)
{
	return atomic_load(&container->seizing) == 0 && atomic_load(&container->tracees) == 0;
}

static bool carry_on_release(struct target *target)
{
	if (!is_idle(target->container))
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
	bool waiting = find_carry_on(target, now);
	bool idle = !waiting && is_idle(container);

	account_time(target, now);
	if (container->leaving) {
		if (idle && !target->ended)
			end(target);
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
	if (waiting || atomic_load(&container->seizing))
		return true;
	if (target->attaching) {
		find_tasks(target, false);
		target->attaching = target->found > 0;
		if (target->attaching)
			return true;
	}
	if (target->joining) {
		find_tasks(target, true);
		target->joining = target->found ? JOIN_PASSES : target->joining - 1;
		return true;
	}
	bool awaits = late_start_pending();

	if (awaits || now >= target->next_scan) {
		target->next_scan = now + (target->polled ? POLL_NS : RESCAN_NS);
		find_tasks(target, false);
	}
	report_attached(target, now);
	if (idle && target->had_tasks && !has_processes(target))
		end(target);
	return !target->reported || target->polled || awaits;
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

/* SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

void watch_start(struct watch *watch, uint32_t pid, uint64_t now_ns)
{
	*watch = (struct watch){.pid = pid, .started_ns = now_ns, .window_ns = now_ns, .looked_ns = now_ns};
}

static bool is_silent(const struct stl_beat *beat, uint64_t window_ns, uint64_t now_ns)
{
	if (!atomic_load_explicit(&beat->active, memory_order_acquire))
		return false;
	uint64_t last_ns = atomic_load_explicit(&beat->beat_ns, memory_order_relaxed);

	/* a beat may be a little younger than our `now`; one from far ahead is no beat */
	if (last_ns > now_ns)
		return last_ns - now_ns > WATCH_SILENT_NS && now_ns - window_ns > WATCH_SILENT_NS;
	return now_ns - (last_ns > window_ns ? last_ns : window_ns) > WATCH_SILENT_NS;
}

/* Whether the task wants a CPU, and has had next to none since the last look at it. */
static bool is_starved(struct watch *watch, struct watch_task task)
{
	uint64_t ran_ns = task.cpu_ns - watch->seen_cpu_ns;

	watch->seen_cpu_ns = task.cpu_ns;
	return task.runnable && ran_ns < WATCH_STARVED_NS;
}

/* The time in which it gets no CPU does not count. */
static bool has_not_begun(struct watch *watch, watch_task_look look, uint64_t passed_ns, uint64_t now_ns)
{
	if (is_starved(watch, look(watch->pid)))
		watch->started_ns += passed_ns;
	return now_ns - watch->started_ns > WATCH_START_NS;
}

/* From the second look on at the same silent thread: it is blocked, or it has had its time on a CPU. What it runs while
 * it is starved is no such time. */
static bool has_stalled(struct watch *watch, const struct stl_beat *beats, int silent, watch_task_look look)
{
	struct watch_task task = look(atomic_load_explicit(&beats[silent].tid, memory_order_relaxed));
	uint64_t ran_ns = task.cpu_ns - watch->seen_cpu_ns;
	bool starved = is_starved(watch, task);

	if (watch->suspect != silent + 1) {
		watch->suspect = silent + 1;
		watch->suspect_ran_ns = 0;
		return false;
	}
	if (!starved)
		watch->suspect_ran_ns += ran_ns;
	return (!task.runnable && ran_ns == 0) || watch->suspect_ran_ns > WATCH_RAN_NS;
}

bool watch_look(struct watch *watch, const struct stl_beat beats[STL_THREADS + 1], watch_task_look task,
                uint64_t now_ns)
{
	uint64_t passed_ns = now_ns - watch->looked_ns;

	watch->looked_ns = now_ns;
	if (passed_ns > WATCH_TICK_NS + WATCH_LATE_NS) {
		watch->window_ns = now_ns;
		watch->started_ns += watch->begun ? 0 : passed_ns;
		return false;
	}
	if (atomic_load_explicit(&beats[STL_THREADS].active, memory_order_acquire))
		watch->begun = true;
	else if (!watch->begun)
		return has_not_begun(watch, task, passed_ns, now_ns);
	/* The control thread first: it is what makes the others come round. */
	for (int i = STL_THREADS; i >= 0; i--) {
		if (is_silent(&beats[i], watch->window_ns, now_ns))
			return has_stalled(watch, beats, i, task);
	}
	watch->suspect = 0;
	return false;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * What tracing takes from its target, estimated as it goes.
 */
#define _GNU_SOURCE
#include "clock.h"
#include "thread.h"

/* Not more often than both: reading a file of /proc takes as long as a stop. */
#define FLUSH_ENTRIES 128
#define FLUSH_NS (10 * NS_PER_MS)

/* The overhead's estimate: outside of syscalls a task is on a CPU, or in our stops, or waiting for a CPU; what is
 * over its CPU time was spent on the way into the entry stop, and the exit stop takes as long. */
void overhead_flush(struct tracee *tracee)
{
	struct stl_slot *slot = tracee->container->slot;
	struct task_ran ran;

	if (task_ran_read(tracee->tid, &ran) == 0) {
		uint64_t cpu = ran.cpu_ns > tracee->cpu_ns ? ran.cpu_ns - tracee->cpu_ns : 0;

		if (tracee->cpu_known) {
			if (tracee->outside_ns > cpu)
				tracee->held_ns += 2 * (tracee->outside_ns - cpu);
			arena_add(&slot->cpu_ns, cpu);
		}
		tracee->cpu_known = true;
		tracee->cpu_ns = ran.cpu_ns;
	}
	arena_add(&slot->held_ns, tracee->held_ns);
	tracee->held_ns = 0;
	tracee->outside_ns = 0;
	tracee->entries = 0;
}

/* From its first call on: how long it had run before that is no matter of ours. */
static void begin(struct tracee *tracee)
{
	struct task_ran ran;

	if (task_ran_read(tracee->tid, &ran) < 0)
		return;
	tracee->cpu_known = true;
	tracee->cpu_ns = ran.cpu_ns;
}

void overhead_entry(struct tracee *tracee, uint64_t now)
{
	if (!tracee->cpu_known) {
		/* It sleeps on in this one, and uses no CPU before its exit: where many are attached at once, that is soon
		 * enough for a look. */
		if (tracee_makes_again(tracee))
			return;
		begin(tracee);
		tracee->resume_ns = now;
	}
	tracee->outside_ns += now - tracee->resume_ns;
	if (++tracee->entries >= FLUSH_ENTRIES && now - tracee->flushed_ns >= FLUSH_NS) {
		overhead_flush(tracee);
		tracee->flushed_ns = now;
	}
}

void overhead_exit(struct tracee *tracee)
{
	if (!tracee->cpu_known)
		begin(tracee);
}

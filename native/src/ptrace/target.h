/* SPDX-License-Identifier: Apache-2.0
 *
 * One thing to be traced, as the control thread keeps it.
 */
#ifndef STL_TARGET_H
#define STL_TARGET_H

#include "tracee.h"

/* A task that is not attached yet. */
struct candidate {
	pid_t tid, process;
	bool setup;
	struct file_identity exe;
	struct task_ran ran;
};

struct target {
	char id[STL_ID_SIZE];
	struct container *container; /* NULL: waited for */
	bool wanted, provisional, discard;
	bool silent;      /* counted alone */
	bool attaching;   /* passes go on until one finds nothing new */
	uint32_t joining; /* passes to go on with since something joined, each of which found nothing new */
	bool reported;    /* EV_ATTACHED was sent for all that is attached */
	bool polled, ended, had_tasks;
	pid_t pid;            /* of a process that was named, or 0 */
	uint64_t start_ticks; /* of that process; 0: it is ours, and stays until we reap it */
	bool setup;           /* that process has not exec'ed yet */
	bool descendants;
	uint64_t since, next_scan, pass_since, traced_since;
	uint32_t found;             /* new tasks in the present pass */
	struct candidate *sleeping; /* found asleep: a moment later it is seen who has run meanwhile */
	size_t sleeping_count;
	uint64_t sleeping_since;
	uint32_t forgets[STL_THREADS]; /* what each thread's count has to reach before the slot is free */
	bool releasing;
	uint64_t release_serial;
};

/* Looks for tasks that are not attached, and gives each to a tracer thread. joined: something has just entered its
 * cgroup. target->found is how many there were. */
void find_tasks(struct target *target, bool joined);
/* Gives away those that were found asleep; true: it is too early for that. */
bool find_carry_on(struct target *target, uint64_t now);
void find_forget(struct target *target);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tables say, against what the kernel says: a tracee may be gone without a word (a leader whose ID another
 * task took by an exec that we do not trace), and a set-up may have been over before it was seen.
 */
#define _GNU_SOURCE
#include <time.h>

#include "clock.h"
#include "thread.h"

#define AUDIT_NS (100 * NS_PER_MS)
#define BUCKETS_AT_ONCE 64
/* A runtime execs the container's program within this, or shows that it has not. */
#define SETUP_NS (2 * NS_PER_S)
/* It may also wait for a start that comes much later, but has little to do. */
#define SETUP_CPU_NS (NS_PER_S / 2)
#define IDLE_NS 2000000
#define EXEC_NS (60 * NS_PER_S)

static bool is_still_setup(const struct tracee *tracee, uint64_t now)
{
	struct file_identity exe;
	struct task_ran ran;
	bool in_memory = false;

	if (now - tracee->found_ns < SETUP_NS || task_exe_read(tracee->tid, &exe, &in_memory) < 0)
		return true;
	if (task_ran_read(tracee->tid, &ran) == 0 && ran.cpu_ns - tracee->ran.cpu_ns > SETUP_CPU_NS)
		return false;
	return in_memory || task_is_runtime(tracee->tid);
}

/* A thread has its leader's ID from the midst of its exec on, and tells so at the end of it: the memory that it had is
 * freed between the two, which may take a tenth of a second a gigabyte. */
static bool is_in_exec(const struct tracee *tracee, uint64_t now)
{
	if (tracee->state != TRACEE_IN_SYSCALL || !is_exec(tracee->abi, tracee->number))
		return false;
	return tracee->leader ? is_attached(tracee->leader) : now - tracee->entry_ns < EXEC_NS;
}

/* In a call that shows no stop. */
static bool sleeps_undisturbed(const struct tracee *tracee)
{
	const struct wait_call *wait = wait_call_find(tracee->abi, tracee->number);

	return tracee->state == TRACEE_IN_SYSCALL && (!wait || wait->kind == WAIT_REWOUND);
}

/* It has done nothing yet but to sleep on in the call in which it was attached. Without a further stop a task that is not
 * ours would stay attached for as long as it sleeps. */
static void check(struct tracee *tracee)
{
	tracee_check(tracee);
	if (tracee->leaving && !tracee->interrupted && sleeps_undisturbed(tracee))
		tracee_interrupt(tracee);
}

void audit(struct thread *thread, uint64_t now)
{
	const struct tracee_table *table = &thread->tracees;

	if (now < thread->next_audit_ns)
		return;
	thread->next_audit_ns = now + AUDIT_NS;
	for (uint32_t i = 0; i < BUCKETS_AT_ONCE && i < table->size; i++) {
		struct tracee *tracee = table->buckets[thread->audited++ & (table->size - 1)], *next;

		for (; tracee; tracee = next) {
			next = tracee->next_in_bucket;
			if (tracee->seized && !is_attached(tracee->tid)) {
				if (!is_in_exec(tracee, now))
					tracee_retire(thread, tracee, now);
				continue;
			}
			if (tracee->seized && !tracee->checked)
				check(tracee);
			if (tracee->state == TRACEE_SETUP && !is_still_setup(tracee, now))
				attach_late(thread, tracee);
		}
	}
}

static void lose_seized(struct tracee *tracee, void *context)
{
	if (tracee->seized)
		tracee_lost(context, tracee);
}

void nobody_attached(struct thread *thread)
{
	struct timespec pause = {0, IDLE_NS};

	tracee_each(&thread->tracees, lose_seized, thread);
	/* Those that are only found so far give nothing to wait for. */
	if (thread->tracees.used)
		nanosleep(&pause, NULL);
}

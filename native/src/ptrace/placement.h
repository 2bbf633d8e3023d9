/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a tracer thread runs, and how it waits for its next stop: what a stop costs its target depends on this more
 * than on all that is done at the stop.
 *
 * A tracer that runs on its tracee's CPU costs two switches a stop and no interrupt between CPUs; but a scheduler that
 * finds another CPU idle wakes the tracee there. Spinning on another CPU saves the tracer's own wake-up, and takes a
 * CPU from whoever wants it. No load average tells which is best just now, so the thread tries: it counts its stops
 * per second in short windows, stays with the best way, and tries the others again, the more rarely the worse they did.
 * It moves and spins itself alone: the affinity and priority of a target are never touched.
 */
#ifndef STL_PLACEMENT_H
#define STL_PLACEMENT_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum way {
	WAY_FOLLOW, /* on the tracee's CPU */
	WAY_BLOCK,  /* wherever the scheduler puts us */
	WAY_SPIN,   /* wherever, and awake for a while before blocking */
	WAY_STEER,  /* on the tracee's CPU, and the other one of two is kept from looking idle */
	WAYS,
};

struct placement {
	cpu_set_t allowed; /* the mask that the thread was given */
	int cpus;
	int cpu; /* the one that it keeps to, or -1 */
	enum way way, best;
	uint32_t turns;                   /* stops in the present window */
	uint32_t follow_every, follow_in; /* stops between two looks at the tracee's CPU */
	uint64_t window_ns;               /* its begin; 0: it is still settling */
	uint64_t steer_from_ns;           /* from when on its steering shows */
	bool near;                        /* the tracee was last seen on the CPU that we keep to */
	uint64_t waited_ns;               /* for a CPU, at the begin of the window */
	bool full;                        /* no CPU was idle when it was last looked */
	double rate[WAYS];                /* stops per ns, of its last window */
	uint64_t retry_ns[WAYS], backoff_ns[WAYS];
};

void placement_init(struct placement *placement);
/* At each stop: counts it, and puts the calling thread where its way wants it to wait for this task. */
void placement_turn(struct placement *placement, pid_t tid);
/* Of another thread, which sleeps: to the caller's CPU. And what that thread does when it is awake. */
bool placement_bring(pid_t tid);
void placement_brought(struct placement *placement);

#endif

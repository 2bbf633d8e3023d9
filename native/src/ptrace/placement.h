/* SPDX-License-Identifier: Apache-2.0
 *
 * How a tracer thread waits for its next stop, and where it runs meanwhile.
 */
#ifndef STL_PLACEMENT_H
#define STL_PLACEMENT_H

#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct placement {
	cpu_set_t allowed; /* the mask that the thread was given */
	int cpus;
	int cpu; /* the one that it keeps to, or -1 */
};

struct thread;

void placement_init(struct placement *placement);
/* The next stop, unconsumed; false: none within this wait (a kick, a time-out, no tracees). */
bool next_stop(struct thread *thread, siginfo_t *info);

#endif

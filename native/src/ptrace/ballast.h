/* SPDX-License-Identifier: Apache-2.0
 *
 * Where two CPUs share a cache, a tracee that its tracer wakes goes to the other CPU whenever that looks idle, and each
 * stop then costs two interrupts between CPUs: ten times what it costs on one. The scheduler stops looking for an idle
 * CPU when the two together are busy enough (kernel/sched/fair.c, update_idle_cpu_scan()). So a thread of the lowest
 * priority keeps the other CPU at half, and only while a traced task makes many stops. Where somebody else turns out to
 * want that CPU, it leaves it alone for a while.
 */
#ifndef STL_BALLAST_H
#define STL_BALLAST_H

#include <stdbool.h>
#include <stdint.h>

/* From now on for a few ms, on that CPU. */
void ballast_ask(int cpu, bool fully, uint64_t now);
void ballast_end(void);

#endif

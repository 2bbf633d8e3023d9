/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a tracer has stalled, told from its heart-beats. Pure: times come in, a verdict goes out.
 */
#ifndef STL_WATCH_H
#define STL_WATCH_H

#include "arena/arena.h"

#include <stdbool.h>
#include <stdint.h>

#define WATCH_TICK_NS UINT64_C(100000000)
#define WATCH_LATE_NS UINT64_C(150000000)
#define WATCH_SILENT_NS UINT64_C(500000000)
/* Until the control thread's first beat: the arena is mapped and repaired before it. */
#define WATCH_START_NS UINT64_C(5000000000)

/* Of a task: whether it wants a CPU now, and how much of one it has had. */
struct watch_task {
	bool runnable;
	uint64_t cpu_ns;
};

typedef struct watch_task (*watch_task_look)(uint32_t tid);

/* On a full machine a task may wait for half a second: one that wants a CPU and gets none, or a tenth of one, has not
 * stalled, and another in its place would fare no better. Its silence is measured in what it has run. */
#define WATCH_STARVED_NS UINT64_C(10000000)
#define WATCH_RAN_NS UINT64_C(50000000)

struct watch {
	uint32_t pid;
	uint64_t started_ns;
	uint64_t window_ns; /* silence is counted from here on */
	uint64_t looked_ns;
	bool begun;              /* the control thread has been seen at work */
	int suspect;             /* 1 + the index of the thread that was silent at the last look, or 0 */
	uint64_t suspect_ran_ns; /* since that look */
	uint64_t seen_cpu_ns;    /* as the task had at the last one */
};

void watch_start(struct watch *watch, uint32_t pid, uint64_t now_ns);
/* To be called every WATCH_TICK_NS; true: stalled, at two looks in a row. A call that comes late says that we ourselves
 * were held up, and so perhaps the tracer: all silence is forgotten then. */
bool watch_look(struct watch *watch, const struct stl_beat beats[STL_THREADS + 1], watch_task_look task,
                uint64_t now_ns);

#endif

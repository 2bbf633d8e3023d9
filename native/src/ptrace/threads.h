/* SPDX-License-Identifier: Apache-2.0
 *
 * The tracer threads: a few that share idle tasks, and one for each task that is busy.
 */
#ifndef STL_THREADS_H
#define STL_THREADS_H

#include "thread.h"

int threads_open(struct stl_arena *arena); /* the eventfd of thread_attention(), or -errno */
/* A thread for a task: idle tasks share, a busy one gets its own as long as there are threads. NULL: none could be made. */
struct thread *threads_pick(bool busy);
void threads_post_all(const struct mail *mail);
/* Has a thread ready for whatever is busy next. */
void threads_keep_spare(uint64_t now);

/* Kicks those with mail, with something due, or without a sign of life; whether any of them is to be looked at soon. */
bool threads_tick(uint64_t now);
uint32_t threads_count(void);
/* The control thread's sign of life: also in the midst of long work. */
void control_beat(void);
bool threads_ended(void);

#endif

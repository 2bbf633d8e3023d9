/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tracer says to the agent: messages that are hints, sent without ever waiting for the agent to read.
 */
#ifndef STL_NOTIFY_H
#define STL_NOTIFY_H

#include <stdint.h>
#include <sys/types.h>

#include "../arena/arena.h"
#include "stracelet.h"

void notify_open(int control_fd, struct stl_arena *arena);
void notify(uint32_t type, const struct stl_slot *slot, const char *id, pid_t pid, int64_t value, int64_t detail,
            const char *text);
/* Says that messages were lost, once there is room for it. */
void notify_flush(void);
/* Counts and reports a task that could not be attached. */
void notify_failure(struct stl_slot *slot, pid_t pid, int reason, int64_t detail, const char *text);
/* Or not before it had run: its first calls are missing. */
void notify_late(struct stl_slot *slot, pid_t pid);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * What is to be traced: containers by ID, from their cgroups, and on a host processes by PID. The control thread's own.
 */
#ifndef STL_TARGETS_H
#define STL_TARGETS_H

#include "tracee.h"
#include "tracer.h"

struct target;

void targets_open(struct stl_arena *arena, const struct tracer_options *options);

/* Requests of the agent; each may be repeated. */
void target_trace(const char *id, bool silent);
void target_trace_pid(pid_t pid, uint64_t start_ticks, bool silent);
void target_drop(const char *id, bool discard);
void target_release(uint32_t slot, uint64_t serial);
void targets_policy(bool new_containers, bool silent);
/* The waiting COMMAND, from its first exec on; or, when it runs already, with its descendants. */
void target_command(pid_t pid, bool running);
bool target_command_seized(void);

/* What the cgroup tree tells. */
void target_appeared(const char *id, const char *path, bool late);
void target_gone(const char *id);
void target_entered(const char *id);

/* Carries on what takes time; whether it is to be called again within a few ms. */
bool targets_tick(uint64_t now);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * The tracer as the supervisor's child: made, told to go, killed, reaped.
 */
#ifndef STL_PROCESS_H
#define STL_PROCESS_H

#include "command.h"
#include "supervisor.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process {
	pid_t pid;  /* 0: none is running */
	int socket; /* it is told to go by hanging up; -1 */
	bool stalled, killed;
	uint64_t started_ns;
	uint64_t dying_ns; /* since when it is on its way out, as far as we know; 0: it is not */
};

/* The memory that a tracer shares with the agent: memfds that outlive it. */
struct shared {
	int arena_fd, positions_fd;
};

/* Forks a tracer that drops, confines itself and runs; 0 or -errno. */
int process_start(struct process *process, const struct supervisor_options *options, const struct shared *shared,
                  const struct command *command, uint64_t now_ns);
/* It detaches and ends by itself. */
void process_hang_up(struct process *process);
/* Its end of the socket is closed: it has begun to die. */
void process_dies(struct process *process, uint64_t now_ns);
/* It is stopped or no longer answers: ended by force, and counted as stalled. */
void process_kill_stalled(struct process *process, uint64_t now_ns);
/* True once, when it has ended: *status is as of wait(2). One that was stopped is killed as stalled. What was to die and
 * cannot be reaped (it sleeps in the kernel, or somebody else traces it) is killed, then left behind as if by SIGKILL:
 * nothing of it runs any more, and its targets shall not go without a tracer. */
bool process_reap(struct process *process, int *status, uint64_t now_ns);
/* Reaps what others have left to us, as PID 1 or a subreaper has to. */
void process_reap_orphans(const struct process *process);

#endif

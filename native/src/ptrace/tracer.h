/* SPDX-License-Identifier: Apache-2.0
 *
 * The tracer process: what the supervisor starts after it has forked, dropped and confined itself.
 */
#ifndef STL_TRACER_H
#define STL_TRACER_H

#include <stdbool.h>
#include <sys/types.h>

struct tracer_options {
	int control_fd;          /* SEQPACKET to the agent; the supervisor keeps a copy for the next tracer */
	int supervisor_fd;       /* SEQPACKET; hangs up when the supervisor dies; takes 'c': the command may exec */
	int arena_fd;            /* memfd */
	int diag_fd;             /* sock_diag(7), -1: there is none */
	int positions_fd;        /* memfd: how far the agent has read the rings */
	const char *proc;        /* "/proc" */
	const char *cgroup_root; /* "/sys/fs/cgroup" */
	bool allow_pid;          /* a process outside every container may be named (on a host) */
	pid_t command;           /* forked and waiting to exec, or 0 */
	bool command_running;    /* it has exec'ed already: this is a later tracer */
};

/* Runs until the agent asks for the end or the supervisor hangs up; the exit status of the process. */
int tracer_run(const struct tracer_options *options);

#endif

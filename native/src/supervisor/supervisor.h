/* SPDX-License-Identifier: Apache-2.0
 *
 * The supervisor: keeps the rights, owns the arena, starts the tracer again when it dies or stalls.
 */
#ifndef STL_SUPERVISOR_H
#define STL_SUPERVISOR_H

#include <stdbool.h>
#include <sys/types.h>

#define SUPERVISOR_PATHS 32

struct supervisor_options {
	int agent_fd;   /* SEQPACKET to the agent */
	int control_fd; /* SEQPACKET between the agent and whichever tracer there is */
	const char *proc;
	const char *cgroup_root;
	bool allow_pid;
	const char *connect[SUPERVISOR_PATHS];
	int connects;
	char **command;     /* NULL-terminated, or NULL */
	const char *listen; /* in the place of agent_fd and control_fd: where an agent is waited for */
	uid_t uid;          /* whose that agent is */
	unsigned grace_s;   /* how long what it asked for goes on without one */
};

/* Runs until the agent hangs up; the exit status of the process. */
int supervisor_run(const struct supervisor_options *options);
/* Serves one agent after another until SIGTERM or SIGINT; likewise. */
int supervisor_listen(const struct supervisor_options *options);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * `-- COMMAND`: a child with the caller's rights, terminal and signals, that waits to exec until it is traced.
 */
#ifndef STL_COMMAND_H
#define STL_COMMAND_H

#include "stracelet.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define COMMAND_TAKEN_NS UINT64_C(5000000000)

struct command {
	pid_t pid;  /* 0: there is none, or it has ended */
	int go;     /* written to: it may exec; hangs up: it ends; -1: said already */
	int report; /* an int comes: the errno of its exec */
	bool running;
	int failure; /* errno with which we gave it up */
	uint64_t deadline_ns;
	const char *name;
};

/* Forks it, before the caller changes anything that it would inherit. 0 or -errno. */
int command_fork(struct command *command, char **argv, const char *proc, uint64_t now_ns);
/* The tracer has it: it may exec. */
void command_go(struct command *command);
/* Kills it when no tracer has taken it in time. */
void command_check(struct command *command, uint64_t now_ns);
/* Passes on a signal that somebody sent us, meaning it. */
void command_signal(const struct command *command, int64_t number);
/* True once, when it has ended: *out is the STL_SUP_COMMAND_ENDED to send. */
bool command_reap(struct command *command, struct stl_message *out);

#endif

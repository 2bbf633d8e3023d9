/* SPDX-License-Identifier: Apache-2.0
 *
 * The arena, and a tracer that writes to it: started, watched, and started again when it dies or stalls. The agent is
 * told what happens.
 */
#ifndef STL_UPKEEP_H
#define STL_UPKEEP_H

#include "channel.h"
#include "process.h"
#include "watch.h"

#define NEVER UINT64_MAX

struct upkeep {
	const struct supervisor_options *options;
	struct channel *agent;
	struct command *command;
	struct process tracer;
	struct watch watch;
	struct stl_arena *arena;
	struct shared shared;
	uint64_t start_ns; /* when the next tracer is started; NEVER while there is one, or none is wanted */
	uint64_t backoff_ns;
};

/* Makes an arena and read positions; a tracer is due at once. 0 or -errno. */
int upkeep_open(struct upkeep *upkeep);
/* Sends the agent both; it reads what is recorded from now on. 0 or -errno. */
int upkeep_introduce(struct upkeep *upkeep);
/* Starts a tracer if one is due; false: none is. */
bool upkeep_start_due(struct upkeep *upkeep, uint64_t now_ns);
/* To be called every WATCH_TICK_NS. */
void upkeep_look(struct upkeep *upkeep, uint64_t now_ns);
/* Its socket is readable. */
void upkeep_hear(struct upkeep *upkeep, uint64_t now_ns);
/* Some child may have ended. */
void upkeep_reap(struct upkeep *upkeep, uint64_t now_ns);
/* Ends the tracer: it detaches on the hang-up. Has it not ended after `patience_ns` it is as process_dies() has it; after
 * `most_ns` it is not waited for any longer. */
void upkeep_end(struct upkeep *upkeep, uint64_t patience_ns, uint64_t most_ns);
/* Gives the memory up; the agent may have it mapped still. */
void upkeep_close(struct upkeep *upkeep);

#endif

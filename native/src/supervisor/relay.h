/* SPDX-License-Identifier: Apache-2.0
 *
 * Between an agent that comes and goes and the tracer's control socket, which stays: of an agent's messages those alone
 * go on that may be asked for over a socket; of a tracer's all, as long as there is somebody to hear them.
 */
#ifndef STL_RELAY_H
#define STL_RELAY_H

#include "channel.h"

struct relay {
	int control;              /* our end */
	bool full;                /* what is held waits for room in it */
	struct stl_message held;  /* one of the agent's */
	unsigned owed;            /* of what has to be said when an agent has gone, how many are still to be sent */
	struct stl_message hello; /* the last one */
};

/* Makes the tracer's control socket: its end, or -errno. */
int relay_open(struct relay *relay);
void relay_close(struct relay *relay);
/* Whether a request of the agent's can be taken; else something waits for room in the control socket. */
bool relay_has_room(const struct relay *relay);
/* Takes one message of the agent's. */
void relay_request(struct relay *relay, struct channel *agent);
/* Passes on what the tracer has said; to nobody, where the agent is lost. */
void relay_events(struct relay *relay, struct channel *agent);
/* Sends what has waited for room. */
void relay_flush(struct relay *relay);
/* The agent has gone: nobody reads records or names new containers any more. What is traced goes on. */
void relay_leave(struct relay *relay);
/* An agent has come: it is told of the tracer of that PID, if that has said hello. */
void relay_welcome(struct relay *relay, struct channel *agent, int64_t tracer);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * The supervisor's end of its socket to the agent. The agent is not trusted, and may not read what it is sent:
 * nothing here blocks or grows.
 */
#ifndef STL_CHANNEL_H
#define STL_CHANNEL_H

#include "stracelet.h"

#include <stdbool.h>

#define CHANNEL_QUEUE 64
/* Left free for what must not be lost: the command's end and the answers to requests that were taken. */
#define CHANNEL_RESERVE 40

struct channel {
	int fd;
	bool lost; /* the agent has hung up */
	unsigned first;
	unsigned waiting;
	struct {
		struct stl_message message;
		int passed; /* descriptor that goes with it, closed when sent; or -1 */
	} queue[CHANNEL_QUEUE];
};

void channel_open(struct channel *channel, int fd);
void channel_close(struct channel *channel);
/* True while hints (a tracer's start and end) and further requests may be taken. */
bool channel_has_room(const struct channel *channel);
/* Owns `passed` (or -1) from now on. A message that finds the queue full is lost. */
void channel_send(struct channel *channel, const struct stl_message *message, int passed);
void channel_flush(struct channel *channel);
/* One message of the right size, if there is one; sets `lost` at the hang-up. */
bool channel_receive(struct channel *channel, struct stl_message *out);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections to the sockets of --connect, for an agent that has no right to open them.
 */
#ifndef STL_CONNECT_H
#define STL_CONNECT_H

#include "channel.h"
#include "supervisor.h"

#include <stdint.h>

#define CONNECT_WAITING 16
#define CONNECT_NS UINT64_C(5000000000)

struct connects {
	struct {
		int index;
		uint64_t deadline_ns; /* 0: no request */
	} waiting[CONNECT_WAITING];
};

/* Every request is answered once, at the latest after 5 s; nothing blocks. */
void connects_request(struct connects *connects, const struct supervisor_options *options, int64_t index,
                      struct channel *channel, uint64_t now_ns);
/* Tries again where the listener's queue was full. */
void connects_retry(struct connects *connects, const struct supervisor_options *options, struct channel *channel,
                    uint64_t now_ns);

#endif

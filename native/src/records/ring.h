/* SPDX-License-Identifier: Apache-2.0
 *
 * The writing end of a ring: one tracer thread's. A record lies in one piece; where one does not fit before the end, a
 * RECORD_PAD fills that. A record is published by the store of the head, without a call, and never waits for a reader:
 * what finds no room is dropped and counted, and a RECORD_DROPPED tells of it as soon as there is room again.
 *
 * A tracer may be killed between any two stores: the next one goes on from the head.
 */
#ifndef STL_RING_H
#define STL_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "arena/arena.h"
#include "records/record.h"

struct ring {
	struct stl_ring *shared;
	const struct stl_position *position;
	uint64_t head;
	uint64_t records; /* as the ring counts them */
	unsigned which;   /* of the ring's two counts the last one */
	uint64_t end;     /* up to there it may be written, as the reader's position was seen last */
};

void ring_open(struct ring *ring, struct stl_ring *shared, const struct stl_position *position);
/* Whether a record of that size, and one that tells of dropped ones, would find room now. */
bool ring_has_room(struct ring *ring, uint32_t size);
/* Copies a record into the ring, or drops it; whether it is in. */
bool ring_put(struct ring *ring, const struct stl_record *record);

#endif

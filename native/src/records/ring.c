/* SPDX-License-Identifier: Apache-2.0 */
#include "records/ring.h"

#include <string.h>

#define LOAD(field) atomic_load_explicit(&(field), memory_order_relaxed)
#define STORE(field, value) atomic_store_explicit(&(field), value, memory_order_relaxed)

void ring_open(struct ring *ring, struct stl_ring *shared, const struct stl_position *position)
{
	ring->shared = shared;
	ring->position = position;
	ring->head = LOAD(shared->head);
	ring->records = ring_written(shared);
	ring->which = LOAD(shared->written[1].head) == ring->head;
	ring->end = ring->head;
}

/* How far it may be written. A position that cannot be is no leave to write over anything. */
static void look_at_reader(struct ring *ring)
{
	uint64_t tail = atomic_load_explicit(&ring->position->tail, memory_order_acquire);
	uint64_t unread = ring->head - tail;

	ring->end = unread <= STL_RING_SIZE ? tail + STL_RING_SIZE : ring->head;
}

/* With what has to be left empty before the ring's end. */
static uint64_t place_for(uint64_t head, uint32_t size)
{
	uint64_t left = STL_RING_SIZE - head % STL_RING_SIZE;

	return left < size ? left + size : size;
}

static bool fits(struct ring *ring, uint64_t size)
{
	if (ring->end - ring->head >= size)
		return true;
	look_at_reader(ring);
	return ring->end - ring->head >= size;
}

/* Of the two counts the one that is not this head's. */
static void count(struct ring *ring, uint64_t head, bool is_one)
{
	struct stl_ring *shared = ring->shared;

	ring->records += is_one;
	ring->which ^= 1;
	STORE(shared->written[ring->which].head, head);
	STORE(shared->written[ring->which].records, ring->records);
}

static void copy_in(struct ring *ring, const struct stl_record *record)
{
	uint64_t at = ring->head % STL_RING_SIZE, left = STL_RING_SIZE - at;

	if (left < record->size) {
		struct stl_record pad = {.size = (uint32_t)left, .type = RECORD_PAD};

		memcpy(ring->shared->data + at, &pad, left < sizeof(pad) ? left : sizeof(pad));
		ring->head += left;
		at = 0;
	}
	memcpy(ring->shared->data + at, record, record->size);
	ring->head += record->size;
	count(ring, ring->head, record->type != RECORD_DROPPED);
	atomic_store_explicit(&ring->shared->head, ring->head, memory_order_release);
}

static bool tell_of_dropped(struct ring *ring, const struct stl_record *next)
{
	struct stl_ring *shared = ring->shared;
	uint64_t dropped = LOAD(shared->dropped), lost = dropped - LOAD(shared->told);
	struct stl_record record = {
		.size = sizeof(record),
		.type = RECORD_DROPPED,
		.time_ns = next->time_ns,
		.order_ns = next->order_ns,
		.args = {lost, LOAD(shared->dropping_ns)},
	};

	if (!lost)
		return true;
	/* Both or none: they would take turns else. */
	if (!fits(ring, place_for(ring->head, sizeof(record)) + place_for(0, next->size) + next->size))
		return false;
	copy_in(ring, &record);
	STORE(shared->told, dropped);
	return true;
}

static void drop(struct ring *ring, const struct stl_record *record)
{
	struct stl_ring *shared = ring->shared;

	if (LOAD(shared->dropped) == LOAD(shared->told))
		STORE(shared->dropping_ns, record->time_ns);
	STORE(shared->dropped, LOAD(shared->dropped) + 1);
}

bool ring_has_room(struct ring *ring, uint32_t size)
{
	return fits(ring, 2 * ((uint64_t)size + sizeof(struct stl_record)));
}

bool ring_put(struct ring *ring, const struct stl_record *record)
{
	if (!tell_of_dropped(ring, record) || !fits(ring, place_for(ring->head, record->size))) {
		drop(ring, record);
		return false;
	}
	copy_in(ring, record);
	return true;
}

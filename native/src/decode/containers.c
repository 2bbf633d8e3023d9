/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/containers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_LIMIT (4u << 20)
/* What is freed in front is used again by moving the rest: only when that is a quarter of it, since of a full queue each
 * further record frees a little. */
#define MOVE_SHARE 4
#define ROOM_LIMIT (QUEUE_LIMIT + QUEUE_LIMIT / MOVE_SHARE)
#define PATIENCE_NS 2000000000u

struct queue {
	char *bytes;
	size_t begin, end, room;
	uint64_t first_ns; /* of the first record that had to wait */
	uint64_t lost, lost_since_ns;
};

struct container {
	struct stl_named named;
	struct queue queue;
};

struct containers {
	struct container *slots[STL_SLOTS]; /* NULL: none has ever been there */
};

int containers_new(struct containers **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

static void queue_empty(struct queue *queue)
{
	free(queue->bytes);
	*queue = (struct queue){0};
}

void containers_free(struct containers *containers)
{
	if (!containers)
		return;
	for (int i = 0; i < STL_SLOTS; i++) {
		if (containers->slots[i])
			queue_empty(&containers->slots[i]->queue);
		free(containers->slots[i]);
	}
	free(containers);
}

/* A slot is used again, under another serial. NULL: no memory. */
static struct container *take_slot(struct containers *containers, uint32_t slot, uint64_t serial)
{
	struct container *container = containers->slots[slot];

	if (!container)
		container = containers->slots[slot] = calloc(1, sizeof(*container));
	if (!container || container->named.serial == serial)
		return container;
	queue_empty(&container->queue);
	container->named = (struct stl_named){.slot = slot, .serial = serial};
	return container;
}

int containers_name(struct containers *containers, const struct stl_named *named)
{
	struct container *container;

	if (named->slot >= STL_SLOTS || named->state > STL_NAMED_DROPPED)
		return -EINVAL;
	if (!(container = take_slot(containers, named->slot, named->serial)))
		return -ENOMEM;
	struct stl_named *own = &container->named;

	*own = *named;
	own->id[sizeof(own->id) - 1] = own->name[sizeof(own->name) - 1] = '\0';
	own->pod[sizeof(own->pod) - 1] = own->namespace[sizeof(own->namespace) - 1] = '\0';
	if (named->state == STL_NAMED_DROPPED)
		queue_empty(&container->queue);
	return 0;
}

const struct stl_named *containers_of(const struct containers *containers, const struct stl_record *record)
{
	const struct container *container = record->slot < STL_SLOTS ? containers->slots[record->slot] : NULL;

	return container && container->named.serial == record->serial ? &container->named : NULL;
}

static bool queue_move(struct queue *queue, size_t size)
{
	size_t held = queue->end - queue->begin;

	if (!queue->begin || queue->begin < held / MOVE_SHARE)
		return false;
	memmove(queue->bytes, queue->bytes + queue->begin, held);
	queue->begin = 0;
	queue->end = held;
	return held + size <= queue->room;
}

static bool queue_grow(struct queue *queue, size_t size)
{
	size_t room = queue->room ? queue->room : 16384;

	while (room < queue->end + size)
		room *= 2;
	if (room > ROOM_LIMIT)
		room = ROOM_LIMIT;
	char *bytes = realloc(queue->bytes, room);

	if (!bytes)
		return false;
	queue->bytes = bytes;
	queue->room = room;
	return true;
}

static bool queue_room(struct queue *queue, size_t size)
{
	while (queue->end - queue->begin + size > QUEUE_LIMIT) {
		const struct stl_record *oldest = (const struct stl_record *)(queue->bytes + queue->begin);

		if (!queue->lost++)
			queue->lost_since_ns = oldest->time_ns;
		queue->begin += oldest->size;
	}
	return queue->end + size <= queue->room || queue_move(queue, size) || queue_grow(queue, size);
}

void containers_hold(struct containers *containers, const struct stl_record *record)
{
	struct container *container;

	/* Serials ascend: what comes late, of who had the slot before, un-names nobody. */
	if (record->slot >= STL_SLOTS ||
	    (containers->slots[record->slot] && record->serial < containers->slots[record->slot]->named.serial) ||
	    !(container = take_slot(containers, record->slot, record->serial)))
		return;
	struct queue *queue = &container->queue;

	if (!queue->first_ns)
		queue->first_ns = record->order_ns;
	if (record->order_ns - queue->first_ns > PATIENCE_NS && record->order_ns > queue->first_ns) {
		/* nobody asks for it, or it would have been named */
		queue_empty(queue);
		container->named.state = STL_NAMED_DROPPED;
		return;
	}
	if (!queue_room(queue, record->size)) {
		if (!queue->lost++)
			queue->lost_since_ns = record->time_ns;
		return;
	}
	memcpy(queue->bytes + queue->end, record, record->size);
	queue->end += record->size;
}

static struct queue *queue_of(struct containers *containers, uint32_t slot, uint64_t serial)
{
	struct container *container = slot < STL_SLOTS ? containers->slots[slot] : NULL;

	return container && container->named.serial == serial ? &container->queue : NULL;
}

const struct stl_record *containers_next_held(struct containers *containers, uint32_t slot, uint64_t serial)
{
	struct queue *queue = queue_of(containers, slot, serial);

	if (!queue || queue->begin == queue->end) {
		if (queue)
			queue_empty(queue);
		return NULL;
	}
	const struct stl_record *record = (const struct stl_record *)(queue->bytes + queue->begin);

	queue->begin += record->size;
	return record;
}

uint64_t containers_lost(struct containers *containers, uint32_t slot, uint64_t serial, uint64_t *since_ns)
{
	struct queue *queue = queue_of(containers, slot, serial);
	uint64_t lost = queue ? queue->lost : 0;

	if (lost) {
		*since_ns = queue->lost_since_ns;
		queue->lost = 0;
	}
	return lost;
}

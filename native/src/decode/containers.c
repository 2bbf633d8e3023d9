/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/containers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_LIMIT (4u << 20)
#define PATIENCE_NS 2000000000u

struct queue {
	char *bytes;
	size_t begin, end, room;
	uint64_t first_ns; /* of the first record that had to wait */
	uint64_t lost, lost_since_ns;
};

struct containers {
	struct {
		struct stl_named named;
		struct queue queue;
	} slots[STL_SLOTS];
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
	for (int i = 0; i < STL_SLOTS; i++)
		queue_empty(&containers->slots[i].queue);
	free(containers);
}

/* A slot is used again, under another serial. */
static void take_slot(struct containers *containers, uint32_t slot, uint64_t serial)
{
	struct stl_named *named = &containers->slots[slot].named;

	if (named->serial == serial)
		return;
	queue_empty(&containers->slots[slot].queue);
	*named = (struct stl_named){.slot = slot, .serial = serial};
}

int containers_name(struct containers *containers, const struct stl_named *named)
{
	if (named->slot >= STL_SLOTS || named->state > STL_NAMED_DROPPED)
		return -EINVAL;
	take_slot(containers, named->slot, named->serial);
	struct stl_named *own = &containers->slots[named->slot].named;

	*own = *named;
	own->id[sizeof(own->id) - 1] = own->name[sizeof(own->name) - 1] = '\0';
	own->pod[sizeof(own->pod) - 1] = own->namespace[sizeof(own->namespace) - 1] = '\0';
	if (named->state == STL_NAMED_DROPPED)
		queue_empty(&containers->slots[named->slot].queue);
	return 0;
}

const struct stl_named *containers_of(const struct containers *containers, const struct stl_record *record)
{
	const struct stl_named *named;

	if (record->slot >= STL_SLOTS)
		return NULL;
	named = &containers->slots[record->slot].named;
	return named->serial == record->serial ? named : NULL;
}

static bool queue_room(struct queue *queue, size_t size)
{
	while (queue->end - queue->begin + size > QUEUE_LIMIT) {
		const struct stl_record *oldest = (const struct stl_record *)(queue->bytes + queue->begin);

		if (!queue->lost++)
			queue->lost_since_ns = oldest->time_ns;
		queue->begin += oldest->size;
	}
	if (queue->begin) {
		memmove(queue->bytes, queue->bytes + queue->begin, queue->end - queue->begin);
		queue->end -= queue->begin;
		queue->begin = 0;
	}
	if (queue->end + size <= queue->room)
		return true;
	size_t room = queue->room ? queue->room : 16384;

	while (room < queue->end + size)
		room *= 2;
	char *bytes = realloc(queue->bytes, room);

	if (!bytes)
		return false;
	queue->bytes = bytes;
	queue->room = room;
	return true;
}

void containers_hold(struct containers *containers, const struct stl_record *record)
{
	if (record->slot >= STL_SLOTS)
		return;
	take_slot(containers, record->slot, record->serial);
	struct queue *queue = &containers->slots[record->slot].queue;

	if (!queue->first_ns)
		queue->first_ns = record->order_ns;
	if (record->order_ns - queue->first_ns > PATIENCE_NS && record->order_ns > queue->first_ns) {
		/* nobody asks for it, or it would have been named */
		queue_empty(queue);
		containers->slots[record->slot].named.state = STL_NAMED_DROPPED;
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
	if (slot >= STL_SLOTS || containers->slots[slot].named.serial != serial)
		return NULL;
	return &containers->slots[slot].queue;
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

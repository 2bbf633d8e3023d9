/* SPDX-License-Identifier: Apache-2.0
 *
 * The reading end of all rings: records in the order in which they were written, whichever thread wrote them. Nothing
 * in a ring is trusted: a record is copied first, and the copy is checked.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "arena/arena.h"
#include "records/record.h"

/* A thread that is behind another by more than this has been off its CPU. */
#define LAG_NS UINT64_C(2000000)
/* What a pad and a record begin with alike. */
#define LEAST offsetof(struct stl_record, time_ns)

#define LOAD(field) atomic_load_explicit(&(field), memory_order_relaxed)
#define ACQUIRE(field) atomic_load_explicit(&(field), memory_order_acquire)

struct source {
	uint64_t tail, head; /* head: as it was seen last */
	uint64_t order_ns;   /* of its next record */
};

struct stl_stream {
	const struct stl_arena *arena;
	struct stl_positions *positions;
	struct source sources[STL_THREADS];
	struct stl_stream_info before; /* of what others read */
	uint64_t read;
};

static const struct stl_arena *map_arena(int fd, int *error)
{
	struct stat status;
	int seals = fcntl(fd, F_GET_SEALS);

	*error = -EINVAL;
	/* Where it can shrink, reading it can end in SIGBUS: mmap(2) */
	if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(fd, &status) < 0 ||
	    status.st_size != (off_t)sizeof(struct stl_arena))
		return NULL;
	const struct stl_arena *arena = mmap(NULL, sizeof(*arena), PROT_READ, MAP_SHARED, fd, 0);

	if (arena == MAP_FAILED) {
		*error = -errno;
		return NULL;
	}
	if (arena->magic == STL_MAGIC && arena->version == STL_VERSION && arena->size == sizeof(*arena))
		return arena;
	munmap((void *)arena, sizeof(*arena));
	return NULL;
}

static void count(struct stl_stream_info *info, const struct stl_ring *ring)
{
	uint64_t dropped = LOAD(ring->dropped);

	info->dropped += dropped;
	info->produced += dropped + ring_written(ring);
}

/* Whoever read before has left off there. */
static void begin(stl_stream *stream, int index)
{
	const struct stl_ring *ring = &stream->arena->rings[index];

	stream->sources[index].tail = LOAD(stream->positions->rings[index].tail);
	if (stream->sources[index].tail == ACQUIRE(ring->head))
		count(&stream->before, ring);
}

int stl_stream_open(int arena_fd, int positions_fd, stl_stream **out)
{
	stl_stream *stream = calloc(1, sizeof(*stream));
	int error;

	*out = NULL;
	if (!stream)
		return -ENOMEM;
	stream->arena = map_arena(arena_fd, &error);
	if (stream->arena)
		error = positions_map(positions_fd, true, &stream->positions);
	if (!stream->arena || error) {
		stl_stream_close(stream);
		return error;
	}
	for (int i = 0; i < STL_THREADS; i++)
		begin(stream, i);
	*out = stream;
	return 0;
}

void stl_stream_close(stl_stream *stream)
{
	if (!stream)
		return;
	if (stream->positions)
		positions_unmap(stream->positions);
	if (stream->arena)
		munmap((void *)stream->arena, sizeof(*stream->arena));
	free(stream);
}

/* All that is there is no record: what comes later may be. */
static void give_up(struct source *source)
{
	source->tail = source->head;
}

/* Copies the beginning of the next record, past pads; false: there is none. */
static bool next_of(const struct stl_ring *ring, struct source *source, struct stl_record *out)
{
	while (source->tail != source->head) {
		uint64_t unread = source->head - source->tail;
		uint64_t at = source->tail % STL_RING_SIZE, most = STL_RING_SIZE - at;

		if (unread > STL_RING_SIZE || unread < LEAST || source->tail % 8) {
			give_up(source);
			return false;
		}
		most = most < unread ? most : unread;
		memset(out, 0, sizeof(*out));
		memcpy(out, ring->data + at, most < sizeof(*out) ? most : sizeof(*out));
		if (out->type != RECORD_PAD && out->size >= sizeof(*out) && out->size <= most)
			return true;
		if (out->type != RECORD_PAD || out->size != STL_RING_SIZE - at || out->size > unread) {
			give_up(source);
			return false;
		}
		source->tail += out->size;
	}
	return false;
}

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Looks at a ring's next record. */
static bool advance(stl_stream *stream, int index)
{
	struct source *source = &stream->sources[index];
	struct stl_record record;

	if (!next_of(&stream->arena->rings[index], source, &record))
		return false;
	source->order_ns = record.order_ns;
	return true;
}

/* Which rings have something, and until when nothing older can come. */
static int survey(stl_stream *stream, int with[STL_THREADS], int all, uint64_t *until_ns)
{
	uint64_t now = monotonic_ns();
	int count = 0, used = 0;

	/* The clock first: what is written after this look at a ring is younger. */
	atomic_thread_fence(memory_order_seq_cst);
	for (int i = 0; i < STL_THREADS; i++) {
		struct source *source = &stream->sources[i];

		source->head = ACQUIRE(stream->arena->rings[i].head);
		used += source->head != 0;
		if (source->head != source->tail && advance(stream, i))
			with[count++] = i;
	}
	*until_ns = all || used < 2 ? UINT64_MAX : now - LAG_NS;
	return count;
}

/* Of its next record a checked copy; 0: there is no room for it, or it was none. */
static size_t take(stl_stream *stream, int index, unsigned char *into, size_t room, bool *full)
{
	struct source *source = &stream->sources[index];
	const struct stl_ring *ring = &stream->arena->rings[index];
	struct stl_record begin;

	if (!next_of(ring, source, &begin))
		return 0;
	*full = begin.size > room;
	if (*full)
		return 0;
	memcpy(into, ring->data + source->tail % STL_RING_SIZE, begin.size);
	const struct stl_record *copy = (const struct stl_record *)into;

	source->tail += begin.size;
	if (copy->size != begin.size || !record_check(copy, begin.size))
		return 0;
	stream->read += copy->type != RECORD_DROPPED;
	return begin.size;
}

static int oldest(const stl_stream *stream, const int *with, int count)
{
	int best = 0;

	for (int i = 1; i < count; i++) {
		if (stream->sources[with[i]].order_ns < stream->sources[with[best]].order_ns)
			best = i;
	}
	return best;
}

int64_t stl_stream_read(stl_stream *stream, void *buffer, size_t size, int all)
{
	int with[STL_THREADS];
	uint64_t until_ns;
	int count = survey(stream, with, all, &until_ns);
	size_t used = 0;
	bool full = false;

	while (count && !full) {
		int best = oldest(stream, with, count), index = with[best];

		if (stream->sources[index].order_ns > until_ns)
			break;
		used += take(stream, index, (unsigned char *)buffer + used, size - used, &full);
		if (!full && !advance(stream, index))
			with[best] = with[--count];
	}
	for (int i = 0; i < STL_THREADS; i++) {
		if (LOAD(stream->positions->rings[i].tail) != stream->sources[i].tail)
			atomic_store_explicit(&stream->positions->rings[i].tail, stream->sources[i].tail,
			                      memory_order_release);
	}
	return (int64_t)used;
}

int stl_stream_info(stl_stream *stream, struct stl_stream_info *out)
{
	*out = (struct stl_stream_info){.read = stream->read};
	for (int i = 0; i < STL_THREADS; i++)
		count(out, &stream->arena->rings[i]);
	out->produced -= stream->before.produced;
	out->dropped -= stream->before.dropped;
	return 0;
}

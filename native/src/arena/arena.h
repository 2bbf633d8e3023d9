/* SPDX-License-Identifier: Apache-2.0
 *
 * The arena: one memfd, shared by the tracer that writes it and the readers that trust nothing in it.
 *
 * Whoever writes may be killed between any two stores, and the next tracer goes on with the same arena. So every
 * structure is one that a half-done change leaves readable: a row's change is written ahead (struct stl_redo), a slot
 * is published by its state, and what a release left over is finished by arena_begin_generation().
 */
#ifndef STRACELET_ARENA_H
#define STRACELET_ARENA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "stracelet.h"

#define STL_MAGIC UINT64_C(0x616e6572416c7473) /* "stlArena" */
/* A slot whose rows are being freed; for readers as good as free. */
#define STL_SLOT_RELEASING 6
#define STL_NO_ERROR UINT32_MAX

/* Of each tracer thread: when it last went round its loop (CLOCK_MONOTONIC), and whether it was then at work. */
struct stl_beat {
	_Alignas(64) _Atomic uint64_t beat_ns;
	_Atomic uint32_t active;
	_Atomic uint32_t tid;
};

struct stl_slot {
	_Alignas(64) _Atomic uint32_t state; /* STL_SLOT_*; stored last when the slot is opened */
	_Atomic uint32_t tracees;
	_Atomic uint32_t pending;
	_Atomic uint32_t rows;   /* how many it has */
	_Atomic uint64_t serial; /* unique in this arena, never 0 */
	_Atomic uint64_t first_ns;
	_Atomic uint64_t end_ns;
	_Atomic uint64_t traced_ns;
	_Atomic uint64_t held_ns; /* in addition to what the rows hold */
	_Atomic uint64_t cpu_ns;
	_Atomic uint64_t delayed;
	_Atomic uint64_t eintr_passed;
	_Atomic uint64_t failures[STL_FAIL_REASONS];
	char id[STL_ID_SIZE];
};

/* The values that a row's fields have after the call that is being booked: to store them twice does no harm. */
struct stl_redo {
	_Atomic uint32_t bucket;
	_Atomic uint32_t error_index; /* STL_NO_ERROR: the call did not fail */
	_Atomic uint64_t bucket_calls;
	_Atomic uint64_t sum_ns;
	_Atomic uint64_t min_inverted;
	_Atomic uint64_t max_ns;
	_Atomic uint64_t error;
	_Atomic uint64_t error_calls;
};

/* Written by one thread alone, but for being freed. How many calls it counts is the sum of its buckets. */
struct stl_row {
	_Alignas(64) _Atomic uint32_t seq; /* odd while it is written */
	_Atomic uint32_t next;             /* 1 + index of the thread's further row of the same key; 0: none */
	_Atomic uint64_t serial;           /* the slot's; 0: the row is not in use; stored last when it is taken */
	_Atomic uint32_t slot;
	_Atomic uint32_t thread;
	_Atomic uint32_t abi;
	_Atomic int32_t number;
	_Atomic uint64_t held_ns;
	_Atomic uint64_t sum_ns;
	_Atomic uint64_t min_inverted; /* ~min_ns, so that a zeroed row needs no first call told from the others */
	_Atomic uint64_t max_ns;
	_Alignas(64) struct stl_redo redo;
	_Alignas(64) _Atomic uint32_t errors[STL_ROW_ERRNOS]; /* filled from the front; 0: free; the last: OTHER's */
	_Atomic uint64_t error_calls[STL_ROW_ERRNOS];
	_Atomic uint64_t buckets[STL_BUCKETS];
};

/* Written by one tracer thread, as bytes that are read in order: records/ring.h. Who reads it says in struct
 * stl_positions, which the agent writes, how far it has come. */
struct stl_ring {
	_Alignas(64) _Atomic uint64_t head; /* bytes that were ever written; stored last, so that they are there */
	/* Records among them, without those that tell of dropped ones, up to that head: the next count is written whole
	 * before the head is, so that one of the two is right whenever the writer dies. */
	struct {
		_Atomic uint64_t head, records;
	} written[2];
	_Atomic uint64_t dropped;     /* records for which there was no room */
	_Atomic uint64_t told;        /* how many of them a RECORD_DROPPED tells of */
	_Atomic uint64_t dropping_ns; /* CLOCK_REALTIME of the first that none tells of yet */
	_Alignas(4096) unsigned char data[STL_RING_SIZE];
};

/* How many records were written to it. */
uint64_t ring_written(const struct stl_ring *ring);

struct stl_position {
	_Alignas(64) _Atomic uint64_t tail; /* bytes of the ring that were ever read */
};

/* A memfd of its own. The tracer believes it nothing but how much of a ring may be written over. */
struct stl_positions {
	struct stl_position rings[STL_THREADS];
};

/* Virtual memory for everything that could be; only what is used is ever touched. */
struct stl_arena {
	uint64_t magic;
	uint32_t version;
	uint32_t reserved;
	uint64_t size;
	uint64_t created_ns;
	_Atomic uint32_t generation;
	_Atomic uint32_t tracer_pid;
	_Atomic uint32_t threads;
	_Atomic uint32_t rows_taken; /* never more than there are bits in rows_used */
	_Atomic uint64_t last_serial;
	_Atomic uint64_t rows_refused;
	_Atomic uint64_t calls_folded;
	struct stl_beat beats[STL_THREADS + 1];    /* the last one is the control thread's */
	_Atomic uint64_t rows_used[STL_ROWS / 64]; /* a bit for each row */
	_Alignas(4096) struct stl_slot slots[STL_SLOTS];
	_Alignas(4096) struct stl_row rows[STL_ROWS];
	_Alignas(4096) struct stl_ring rings[STL_THREADS];
};

struct row_cache;

/* A new, sized and sealed memfd, or -errno. */
int arena_create(void);
/* Maps it for writing; 0 or -errno, -EINVAL: not an arena of this version. */
int arena_map(int fd, struct stl_arena **out);
void arena_unmap(struct stl_arena *arena);
/* Likewise the rings' read positions; who writes them is the agent. */
int positions_create(void);
int positions_map(int fd, bool writable, struct stl_positions **out);
void positions_unmap(const struct stl_positions *positions);
/* Repairs what a dead tracer half wrote, sets all slots' tracees and pending to 0. Before any thread is started. */
void arena_begin_generation(struct stl_arena *arena, uint32_t tracer_pid);

/* Slots belong to the control thread; counters in them may be added to by any thread.
 * Open: the slot with that id if there is one, left as it is; else a free one, published as STL_SLOT_PROVISIONAL; NULL:
 * full, or the id is empty or too long. */
struct stl_slot *arena_slot_open(struct stl_arena *arena, const char *id);
struct stl_slot *arena_slot_find(struct stl_arena *arena, const char *id);
struct stl_slot *arena_slot_at(struct stl_arena *arena, uint32_t index); /* NULL: out of range or free */
uint32_t arena_slot_index(const struct stl_arena *arena, const struct stl_slot *slot);
/* Frees the slot's rows, then the slot. Every thread must have called row_cache_forget() for it. */
void arena_slot_release(struct stl_arena *arena, struct stl_slot *slot);

/* The private index of one thread (0 to STL_THREADS - 1) into its rows, those of an earlier tracer's thread of that
 * number among them. NULL: no memory, or no such thread. */
struct row_cache *row_cache_new(struct stl_arena *arena, uint32_t thread);
void row_cache_free(struct row_cache *cache);
void row_cache_forget(struct row_cache *cache, uint32_t slot);
/* The row in which one call of that key is to be booked, taken from the pool if need be. A number without a name becomes
 * STL_NUMBER_UNKNOWN; one for which the container may have no further row STL_NUMBER_OTHER, counted in calls_folded.
 * NULL: no row is free; counted in rows_refused. */
struct stl_row *row_find(struct row_cache *cache, const struct stl_slot *slot, int abi, int number);
/* Books one call. error: 0 or a positive errno (others are booked as STL_MAX_ERRNO). An errno for which there is no
 * place becomes STL_ERROR_OTHER, counted in calls_folded. */
void row_book(struct row_cache *cache, struct stl_row *row, uint64_t duration_ns, int error);
/* Adds to the time that the row's container was held in our stops. */
void row_held(struct stl_row *row, uint64_t held_ns);

/* Shared by the repair and the release; not for others. */
void row_repair(struct stl_row *row);
void row_free(struct stl_arena *arena, uint32_t index);

static inline void arena_add(_Atomic uint64_t *counter, uint64_t value)
{
	atomic_fetch_add_explicit(counter, value, memory_order_relaxed);
}

static inline bool arena_row_used(const struct stl_arena *arena, uint32_t index)
{
	return atomic_load_explicit(&arena->rows_used[index / 64], memory_order_acquire) >> (index % 64) & 1;
}

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows as a tracer thread sees them: a private hash leads to them, the arena's bitmap hands them out.
 */
#define _GNU_SOURCE
#include "arena/arena.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

#define WORDS (STL_ROWS / 64)
#define FIRST_CAPACITY 1024u
#define NO_KEY UINT32_MAX
/* Rows whose pages are faulted in together, when the first of them is taken. */
#define PREFAULT_ROWS 16u
/* A container takes rows while it has less than this part of those that are left, so that some always are: the first
 * that takes all it may leaves 8/9 of them, the twentieth a tenth. Rows for further errnos come to an end sooner. */
#define ROW_SHARE 8
#define FURTHER_SHARE 64
#define OTHER_PLACE (STL_ROW_ERRNOS - 1u)

struct entry {
	uint32_t key;
	uint32_t row;
};

struct row_cache {
	struct stl_arena *arena;
	struct entry *entries;
	uint32_t capacity; /* a power of two, at most half full */
	uint32_t shift;
	uint32_t count;
	uint32_t thread;
	uint32_t word;       /* where the last row was found */
	uint32_t prefaulted; /* 1 + the group of rows whose pages were faulted in last */
};

#define LOAD(field) atomic_load_explicit(&(field), memory_order_relaxed)
#define STORE(field, value) atomic_store_explicit(&(field), (value), memory_order_relaxed)

static uint32_t key_of(uint32_t slot, uint32_t abi, int32_t number)
{
	return slot << 14 | abi << 11 | (uint32_t)(number - STL_NUMBER_OTHER);
}

static uint32_t key_slot(uint32_t key)
{
	return key >> 14;
}

/* The entry of that key, or the empty one where it belongs. */
static struct entry *probe(const struct row_cache *cache, uint32_t key)
{
	uint32_t at = key * 0x9e3779b1u >> cache->shift;

	while (cache->entries[at].key != key && cache->entries[at].key != NO_KEY)
		at = (at + 1) & (cache->capacity - 1);
	return &cache->entries[at];
}

static bool set_capacity(struct row_cache *cache, uint32_t capacity)
{
	struct entry *entries = malloc(capacity * sizeof(*entries));

	if (!entries)
		return false;
	memset(entries, 0xff, capacity * sizeof(*entries));
	free(cache->entries);
	cache->entries = entries;
	cache->capacity = capacity;
	cache->shift = 32 - (uint32_t)__builtin_ctz(capacity);
	cache->count = 0;
	return true;
}

/* Moves all entries but those of one slot to a table of that capacity. */
static bool rehash(struct row_cache *cache, uint32_t capacity, uint32_t without_slot)
{
	struct row_cache old = *cache;

	cache->entries = NULL;
	if (!set_capacity(cache, capacity)) {
		*cache = old;
		return false;
	}
	for (uint32_t i = 0; i < old.capacity; i++) {
		uint32_t key = old.entries[i].key;

		if (key == NO_KEY || key_slot(key) == without_slot)
			continue;
		*probe(cache, key) = old.entries[i];
		cache->count++;
	}
	free(old.entries);
	return true;
}

static bool insert(struct row_cache *cache, uint32_t key, uint32_t row)
{
	if (cache->count * 2 >= cache->capacity && !rehash(cache, cache->capacity * 2, STL_SLOTS))
		return false;
	*probe(cache, key) = (struct entry){.key = key, .row = row};
	cache->count++;
	return true;
}

/* Takes over a row that an earlier tracer left: as the first of its key, or at the end of that one's chain. */
static bool adopt(struct row_cache *cache, uint32_t index)
{
	struct stl_arena *arena = cache->arena;
	struct stl_row *row = &arena->rows[index];
	uint32_t key = key_of(row->slot, row->abi, row->number);
	const struct entry *found = probe(cache, key);

	STORE(row->next, 0);
	if (found->key == NO_KEY)
		return insert(cache, key, index);
	row = &arena->rows[found->row];
	while (row->next)
		row = &arena->rows[row->next - 1];
	STORE(row->next, index + 1);
	return true;
}

struct row_cache *row_cache_new(struct stl_arena *arena, uint32_t thread)
{
	struct row_cache *cache = thread < STL_THREADS ? calloc(1, sizeof(*cache)) : NULL;

	if (!cache)
		return NULL;
	cache->arena = arena;
	cache->thread = thread;
	/* Each thread begins in a part of its own, so that what is faulted in ahead is for itself. */
	cache->word = thread * (WORDS / STL_THREADS);
	if (!set_capacity(cache, FIRST_CAPACITY))
		goto fail;
	for (uint32_t i = 0; i < STL_ROWS; i++) {
		if (!arena_row_used(arena, i))
			continue;
		/* Other threads may be taking rows: an unpublished one has no serial yet. */
		if (atomic_load_explicit(&arena->rows[i].serial, memory_order_acquire) == 0 ||
		    arena->rows[i].thread != thread)
			continue;
		if (!adopt(cache, i))
			goto fail;
	}
	return cache;
fail:
	row_cache_free(cache);
	return NULL;
}

void row_cache_free(struct row_cache *cache)
{
	if (!cache)
		return;
	free(cache->entries);
	free(cache);
}

void row_cache_forget(struct row_cache *cache, uint32_t slot)
{
	if (rehash(cache, cache->capacity, slot))
		return;
	/* No memory for a second table: take the entries out one by one and close the gaps. */
	for (uint32_t i = 0; i < cache->capacity; i++) {
		if (cache->entries[i].key == NO_KEY || key_slot(cache->entries[i].key) != slot)
			continue;
		cache->entries[i].key = NO_KEY;
		cache->count--;
		for (uint32_t j = (i + 1) & (cache->capacity - 1); cache->entries[j].key != NO_KEY;
		     j = (j + 1) & (cache->capacity - 1)) {
			struct entry moved = cache->entries[j];

			cache->entries[j].key = NO_KEY;
			*probe(cache, moved.key) = moved;
		}
		i--; /* another of the slot's may have moved here */
	}
}

static void prefault(struct row_cache *cache, uint32_t index)
{
	uint32_t group = index / PREFAULT_ROWS;
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t begin, end;

	if (cache->prefaulted == group + 1)
		return;
	cache->prefaulted = group + 1;
	begin = (uintptr_t)&cache->arena->rows[group * PREFAULT_ROWS] & ~(page - 1);
	end = (uintptr_t)(&cache->arena->rows[(group + 1) * PREFAULT_ROWS]);
	/* Where the kernel cannot, each page is faulted in when it is first written. */
	(void)madvise((void *)begin, (end - begin + page - 1) & ~(page - 1), MADV_POPULATE_WRITE);
}

/* The index of a row that is now this thread's, or STL_ROWS. */
static uint32_t take_row(struct row_cache *cache)
{
	if (LOAD(cache->arena->rows_taken) == STL_ROWS)
		return STL_ROWS;
	for (uint32_t tried = 0; tried < WORDS; tried++) {
		uint32_t word = (cache->word + tried) % WORDS;
		_Atomic uint64_t *bits = &cache->arena->rows_used[word];
		uint64_t seen = LOAD(*bits);

		while (~seen) {
			uint32_t bit = (uint32_t)__builtin_ctzll(~seen);

			if (!atomic_compare_exchange_weak_explicit(bits, &seen, seen | UINT64_C(1) << bit,
			                                           memory_order_acq_rel, memory_order_relaxed))
				continue;
			cache->word = word;
			return word * 64 + bit;
		}
	}
	return STL_ROWS;
}

/* Each thread asks by itself, so that all together they may take a few more. */
static bool may_take(const struct row_cache *cache, uint32_t slot, uint32_t share)
{
	return LOAD(cache->arena->slots[slot].rows) < (STL_ROWS - LOAD(cache->arena->rows_taken)) / share;
}

static struct stl_row *new_row(struct row_cache *cache, uint32_t slot, uint64_t serial, uint32_t abi, int32_t number)
{
	uint32_t index = take_row(cache);
	struct stl_row *row;

	if (index == STL_ROWS)
		return NULL;
	atomic_fetch_add_explicit(&cache->arena->rows_taken, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&cache->arena->slots[slot].rows, 1, memory_order_relaxed);
	prefault(cache, index);
	row = &cache->arena->rows[index];
	STORE(row->slot, slot);
	STORE(row->thread, cache->thread);
	STORE(row->abi, abi);
	STORE(row->number, number);
	atomic_store_explicit(&row->serial, serial, memory_order_release);
	return row;
}

/* The thread's row of that key, or NULL. */
static inline struct stl_row *known_row(struct row_cache *cache, uint32_t slot, uint32_t abi, int32_t number)
{
	uint32_t key = key_of(slot, abi, number);
	const struct entry *entry = probe(cache, key);
	struct stl_row *row;

	if (entry->key != key)
		return NULL;
	row = &cache->arena->rows[entry->row];
	if (LOAD(row->serial) == LOAD(cache->arena->slots[slot].serial))
		return row;
	row_cache_forget(cache, slot); /* the slot was released before we came, and is another's now */
	return NULL;
}

static struct stl_row *add_row(struct row_cache *cache, uint32_t slot, uint32_t abi, int32_t number)
{
	struct stl_row *row = new_row(cache, slot, LOAD(cache->arena->slots[slot].serial), abi, number);

	if (!row || insert(cache, key_of(slot, abi, number), (uint32_t)(row - cache->arena->rows)))
		return row;
	row_free(cache->arena, (uint32_t)(row - cache->arena->rows));
	atomic_fetch_sub_explicit(&cache->arena->slots[slot].rows, 1, memory_order_relaxed);
	return NULL;
}

/* The row of a key that has none yet. */
static struct stl_row *first_row(struct row_cache *cache, uint32_t slot, uint32_t abi, int32_t number)
{
	struct stl_row *row = NULL;

	if (abi != STL_ABI_SIGNAL && number != STL_NUMBER_UNKNOWN && !stl_syscall_name((int)abi, number)) {
		number = STL_NUMBER_UNKNOWN;
		row = known_row(cache, slot, abi, number);
	}
	if (!row && may_take(cache, slot, ROW_SHARE))
		row = add_row(cache, slot, abi, number);
	if (row)
		return row;
	row = known_row(cache, slot, abi, STL_NUMBER_OTHER);
	if (!row)
		row = add_row(cache, slot, abi, STL_NUMBER_OTHER);
	arena_add(row ? &cache->arena->calls_folded : &cache->arena->rows_refused, 1);
	return row;
}

struct stl_row *row_find(struct row_cache *cache, const struct stl_slot *slot, int abi, int number)
{
	uint32_t index = arena_slot_index(cache->arena, slot);
	uint32_t abi_index = abi >= 0 && abi <= STL_ABI_SIGNAL ? (uint32_t)abi : STL_ABI_UNKNOWN;
	int32_t known = number >= 0 && number < STL_MAX_NUMBER ? number : STL_NUMBER_UNKNOWN;
	struct stl_row *row = known_row(cache, index, abi_index, known);

	return row ? row : first_row(cache, index, abi_index, known);
}

/* Where the errno is counted in this row, or is to be; OTHER_PLACE: the row is full. */
static uint32_t error_place(const struct stl_row *row, uint32_t error)
{
	for (uint32_t i = 0; i < OTHER_PLACE; i++) {
		uint32_t there = LOAD(row->errors[i]);

		if (there == error || there == 0)
			return i;
	}
	return OTHER_PLACE;
}

/* The row that follows, or NULL. */
static struct stl_row *next_row(struct row_cache *cache, struct stl_row *row, uint32_t before)
{
	struct stl_arena *arena = cache->arena;
	uint32_t next = LOAD(row->next);
	struct stl_row *last;

	if (next)
		return &arena->rows[next - 1];
	if (before >= STL_KEY_ROWS || !may_take(cache, LOAD(row->slot), FURTHER_SHARE))
		return NULL;
	last = new_row(cache, LOAD(row->slot), LOAD(row->serial), LOAD(row->abi), LOAD(row->number));
	if (last)
		STORE(row->next, (uint32_t)(last - arena->rows) + 1);
	return last;
}

/* The row of the same key that has a place for the errno, or for it among others. */
static struct stl_row *further_row(struct row_cache *cache, struct stl_row *row, uint32_t *error, uint32_t *place)
{
	for (uint32_t rows = 1; (*place = error_place(row, *error)) == OTHER_PLACE; rows++) {
		struct stl_row *next = next_row(cache, row, rows);

		if (!next) {
			*error = STL_ERROR_OTHER;
			if (LOAD(row->number) != STL_NUMBER_OTHER) /* or it is counted as folded already */
				arena_add(&cache->arena->calls_folded, 1);
			return row;
		}
		row = next;
	}
	return row;
}

/* The buckets first, the errno after them: a reader that takes them the other way round never sees more failed calls
 * than calls, even where it has to put up with a row in the middle of a change. */
static void apply(struct stl_row *row)
{
	uint32_t bucket = LOAD(row->redo.bucket);
	uint32_t place = LOAD(row->redo.error_index);

	STORE(row->buckets[bucket], LOAD(row->redo.bucket_calls));
	STORE(row->sum_ns, LOAD(row->redo.sum_ns));
	STORE(row->min_inverted, LOAD(row->redo.min_inverted));
	STORE(row->max_ns, LOAD(row->redo.max_ns));
	if (place == STL_NO_ERROR)
		return;
	STORE(row->errors[place], (uint32_t)LOAD(row->redo.error));
	atomic_store_explicit(&row->error_calls[place], LOAD(row->redo.error_calls), memory_order_release);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void row_book(struct row_cache *cache, struct stl_row *row, uint64_t duration_ns, int error)
{
	uint32_t bucket = (uint32_t)stl_bucket_index(duration_ns);
	uint32_t place = STL_NO_ERROR;
	uint32_t seq;

	if (error) {
		uint32_t known = error > 0 && error < STL_MAX_ERRNO ? (uint32_t)error : STL_MAX_ERRNO;

		row = further_row(cache, row, &known, &place);
		STORE(row->redo.error, known);
		STORE(row->redo.error_calls, LOAD(row->error_calls[place]) + 1);
	}
	STORE(row->redo.error_index, place);
	STORE(row->redo.bucket, bucket);
	STORE(row->redo.bucket_calls, LOAD(row->buckets[bucket]) + 1);
	STORE(row->redo.sum_ns, LOAD(row->sum_ns) + duration_ns);
	STORE(row->redo.min_inverted, larger(LOAD(row->min_inverted), ~duration_ns));
	STORE(row->redo.max_ns, larger(LOAD(row->max_ns), duration_ns));
	seq = LOAD(row->seq);
	atomic_store_explicit(&row->seq, seq + 1, memory_order_release);
	atomic_thread_fence(memory_order_release);
	apply(row);
	atomic_store_explicit(&row->seq, seq + 2, memory_order_release);
}

void row_held(struct stl_row *row, uint64_t held_ns)
{
	STORE(row->held_ns, LOAD(row->held_ns) + held_ns);
}

void row_repair(struct stl_row *row)
{
	uint32_t seq = LOAD(row->seq);
	uint32_t place = LOAD(row->redo.error_index);

	if (seq % 2 == 0)
		return;
	if (LOAD(row->redo.bucket) < STL_BUCKETS && (place < STL_ROW_ERRNOS || place == STL_NO_ERROR))
		apply(row);
	atomic_store_explicit(&row->seq, seq + 1, memory_order_release);
}

void row_free(struct stl_arena *arena, uint32_t index)
{
	struct stl_row *row = &arena->rows[index];
	uint32_t seq = LOAD(row->seq) | 1;

	atomic_fetch_sub_explicit(&arena->rows_taken, 1, memory_order_relaxed);
	/* Without a serial it is nobody's, whatever of the rest is done when the writer is killed. */
	STORE(row->serial, 0);
	atomic_store_explicit(&row->seq, seq, memory_order_release);
	atomic_thread_fence(memory_order_release);
	memset((char *)row + offsetof(struct stl_row, slot), 0, sizeof(*row) - offsetof(struct stl_row, slot));
	STORE(row->next, 0);
	atomic_store_explicit(&row->seq, seq + 1, memory_order_release);
	atomic_fetch_and_explicit(&arena->rows_used[index / 64], ~(UINT64_C(1) << (index % 64)), memory_order_acq_rel);
}

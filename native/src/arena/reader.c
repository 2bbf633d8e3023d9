/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "arena/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* A change takes some 10 ns, a copy some 300 ns: that many in a row are only met by foul play. */
#define TRIES 16

#define LOAD(field) atomic_load_explicit(&(field), memory_order_relaxed)
#define ACQUIRE(field) atomic_load_explicit(&(field), memory_order_acquire)

static bool is_arena(int fd)
{
	struct stat status;
	int seals = fcntl(fd, F_GET_SEALS);

	/* Where it can shrink, reading it can end in SIGBUS: mmap(2) */
	return seals >= 0 && (seals & F_SEAL_SHRINK) && fstat(fd, &status) == 0 &&
	       status.st_size == (off_t)sizeof(struct stl_arena);
}

int stl_reader_open(int arena_fd, stl_reader **out)
{
	const struct stl_arena *arena;
	stl_reader *reader;

	*out = NULL;
	if (!is_arena(arena_fd))
		return -EINVAL;
	arena = mmap(NULL, sizeof(*arena), PROT_READ, MAP_SHARED, arena_fd, 0);
	if (arena == MAP_FAILED)
		return -errno;
	if (arena->magic != STL_MAGIC || arena->version != STL_VERSION || arena->size != sizeof(*arena)) {
		munmap((void *)arena, sizeof(*arena));
		return -EINVAL;
	}
	reader = calloc(1, sizeof(*reader));
	if (reader)
		reader->keys = malloc(STL_ROWS * sizeof(*reader->keys));
	if (!reader || !reader->keys) {
		free(reader);
		munmap((void *)arena, sizeof(*arena));
		return -ENOMEM;
	}
	reader->arena = arena;
	*out = reader;
	return 0;
}

void stl_reader_close(stl_reader *reader)
{
	if (!reader)
		return;
	munmap((void *)reader->arena, sizeof(*reader->arena));
	free(reader->keys);
	free(reader->cells.items);
	free(reader->errors.items);
	free(reader);
}

uint64_t reader_slot_serial(const struct stl_arena *arena, uint32_t slot)
{
	uint32_t state = ACQUIRE(arena->slots[slot].state);

	if (state < STL_SLOT_PROVISIONAL || state > STL_SLOT_LEFT)
		return 0;
	return LOAD(arena->slots[slot].serial);
}

int stl_reader_info(stl_reader *reader, struct stl_info *out)
{
	const struct stl_arena *arena = reader->arena;

	*out = (struct stl_info){
		.generation = ACQUIRE(arena->generation),
		.tracer_pid = LOAD(arena->tracer_pid),
		.created_ns = arena->created_ns,
		.rows_refused = LOAD(arena->rows_refused),
		.calls_folded = LOAD(arena->calls_folded),
		.threads = LOAD(arena->threads),
	};
	for (uint32_t word = 0; word < STL_ROWS / 64; word++)
		out->rows_used += (uint64_t)__builtin_popcountll(LOAD(arena->rows_used[word]));
	for (uint32_t slot = 0; slot < STL_SLOTS; slot++)
		out->slots_used += reader_slot_serial(arena, slot) != 0;
	return 0;
}

static void copy_slot(const struct stl_slot *slot, struct stl_container *copy)
{
	copy->first_ns = LOAD(slot->first_ns);
	copy->end_ns = LOAD(slot->end_ns);
	copy->traced_ns = LOAD(slot->traced_ns);
	copy->held_ns = LOAD(slot->held_ns);
	copy->cpu_ns = LOAD(slot->cpu_ns);
	copy->delayed = LOAD(slot->delayed);
	copy->eintr_passed = LOAD(slot->eintr_passed);
	for (int reason = 0; reason < STL_FAIL_REASONS; reason++)
		copy->failures[reason] = LOAD(slot->failures[reason]);
	copy->tracees = LOAD(slot->tracees);
	copy->pending = LOAD(slot->pending);
	for (int i = 0; i < STL_ID_SIZE - 1; i++)
		copy->id[i] = *(const volatile char *)&slot->id[i];
	copy->id[STL_ID_SIZE - 1] = '\0';
}

static bool read_slot(const struct stl_arena *arena, uint32_t index, struct stl_container *copy)
{
	const struct stl_slot *slot = &arena->slots[index];

	for (int tries = 0; tries < TRIES; tries++) {
		*copy = (struct stl_container){.slot = index, .serial = reader_slot_serial(arena, index)};
		if (!copy->serial)
			return false;
		copy_slot(slot, copy);
		/* A slot that was freed and opened again in between has another serial. */
		atomic_thread_fence(memory_order_acquire);
		copy->state = LOAD(slot->state);
		if (copy->state >= STL_SLOT_PROVISIONAL && copy->state <= STL_SLOT_LEFT &&
		    LOAD(slot->serial) == copy->serial)
			return true;
	}
	return false;
}

/* held[slot]: the time that the rows of the slot with that serial add to its own. */
static void add_held(const struct stl_arena *arena, const uint64_t *serials, uint64_t *held)
{
	for (uint32_t word = 0; word < STL_ROWS / 64; word++) {
		for (uint64_t bits = ACQUIRE(arena->rows_used[word]); bits; bits &= bits - 1) {
			const struct stl_row *row = &arena->rows[word * 64 + (uint32_t)__builtin_ctzll(bits)];
			uint64_t serial = ACQUIRE(row->serial);
			uint32_t slot = LOAD(row->slot);
			uint64_t held_ns = LOAD(row->held_ns);

			if (serial && slot < STL_SLOTS && serials[slot] == serial)
				held[slot] += held_ns;
		}
	}
}

int stl_reader_containers(stl_reader *reader, struct stl_container *out, int max)
{
	uint64_t held[STL_SLOTS] = {0};
	struct stl_container copy;
	int count = 0;

	for (uint32_t slot = 0; slot < STL_SLOTS; slot++)
		reader->serials[slot] = reader_slot_serial(reader->arena, slot);
	/* Before the slots are read: rows that are freed meanwhile belong to a slot that is left out below. */
	add_held(reader->arena, reader->serials, held);
	for (uint32_t slot = 0; slot < STL_SLOTS; slot++) {
		if (!reader->serials[slot] || !read_slot(reader->arena, slot, &copy) ||
		    copy.serial != reader->serials[slot])
			continue;
		copy.held_ns += held[slot];
		if (count < max)
			out[count] = copy;
		count++;
	}
	return count;
}

/* The buckets after the errnos, in the order opposite to the writer's: so, even in a copy that a change went through,
 * no more calls have failed than there were. */
static void copy_counts(const struct stl_row *row, struct row_copy *copy)
{
	for (int i = 0; i < STL_ROW_ERRNOS; i++) {
		copy->error_calls[i] = ACQUIRE(row->error_calls[i]);
		copy->errors[i] = LOAD(row->errors[i]);
	}
	atomic_thread_fence(memory_order_acquire);
	copy->sum_ns = LOAD(row->sum_ns);
	copy->min_ns = ~LOAD(row->min_inverted);
	copy->max_ns = LOAD(row->max_ns);
	for (int i = 0; i < STL_BUCKETS; i++)
		copy->buckets[i] = LOAD(row->buckets[i]);
}

struct redo_copy {
	uint32_t bucket, error_index, error;
	uint64_t bucket_calls, sum_ns, min_ns, max_ns, error_calls;
};

static struct redo_copy copy_redo(const struct stl_redo *redo)
{
	return (struct redo_copy){
		.bucket = LOAD(redo->bucket),
		.error_index = LOAD(redo->error_index),
		.error = (uint32_t)LOAD(redo->error),
		.bucket_calls = LOAD(redo->bucket_calls),
		.sum_ns = LOAD(redo->sum_ns),
		.min_ns = ~LOAD(redo->min_inverted),
		.max_ns = LOAD(redo->max_ns),
		.error_calls = LOAD(redo->error_calls),
	};
}

static void apply_redo(const struct redo_copy *redo, struct row_copy *copy)
{
	bool failed = redo->error_index != STL_NO_ERROR;

	if (redo->bucket >= STL_BUCKETS || (failed && redo->error_index >= STL_ROW_ERRNOS))
		return;
	copy->buckets[redo->bucket] = redo->bucket_calls;
	copy->sum_ns = redo->sum_ns;
	copy->min_ns = redo->min_ns;
	copy->max_ns = redo->max_ns;
	if (failed) {
		copy->errors[redo->error_index] = redo->error;
		copy->error_calls[redo->error_index] = redo->error_calls;
	}
}

static bool is_possible(const struct row_copy *copy)
{
	return copy->slot < STL_SLOTS && copy->abi <= STL_ABI_SIGNAL && copy->number >= STL_NUMBER_OTHER &&
	       copy->number < STL_MAX_NUMBER;
}

/* Whether the copy is of one moment. */
static bool try_copy(const struct stl_row *row, struct row_copy *copy)
{
	uint32_t seq = ACQUIRE(row->seq);
	struct redo_copy redo;

	copy_counts(row, copy);
	redo = copy_redo(&row->redo);
	atomic_thread_fence(memory_order_acquire);
	if (LOAD(row->seq) != seq)
		return false;
	/* Odd at both ends: its writer is dead or not on a CPU. What it was to write stands in the redo, and storing
	 * that is right whether or not it had been stored. */
	if (seq % 2)
		apply_redo(&redo, copy);
	return true;
}

bool reader_copy_row(const struct stl_row *row, struct row_copy *copy)
{
	copy->serial = ACQUIRE(row->serial);
	copy->slot = LOAD(row->slot);
	copy->abi = LOAD(row->abi);
	copy->number = LOAD(row->number);
	if (!copy->serial || !is_possible(copy))
		return false;
	/* The last try counts even if it is not of one moment: each number in it only ever grows, and at most the few
	 * calls that were booked meanwhile are in some of the numbers and not yet in others. */
	for (int tries = 0; tries < TRIES && !try_copy(row, copy); tries++)
		;
	return true;
}

int stl_reader_cells(stl_reader *reader, struct stl_cell *out, int max)
{
	int copied = reader->cells.count < max ? reader->cells.count : max;

	if (copied > 0)
		memcpy(out, reader->cells.items, (size_t)copied * sizeof(*out));
	return reader->cells.count;
}

int stl_reader_errors(stl_reader *reader, struct stl_error_cell *out, int max)
{
	int copied = reader->errors.count < max ? reader->errors.count : max;

	if (copied > 0)
		memcpy(out, reader->errors.items, (size_t)copied * sizeof(*out));
	return reader->errors.count;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * A snapshot: the rows in use, sorted by what they count, copied one after the other and added up.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arena/reader.h"

#define FIRST_CAPACITY 256

/* Key: slot, abi, number + 2, and in the low half the row: 10, 3, 11 and 16 bits. */
static uint64_t key_of(uint32_t slot, uint32_t abi, int32_t number, uint32_t row)
{
	return (uint64_t)(slot << 14 | abi << 11 | (uint32_t)(number - STL_NUMBER_OTHER)) << 32 | row;
}

static int compare_keys(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static int compare_errors(const void *left, const void *right)
{
	uint32_t a = ((const struct stl_error_cell *)left)->error, b = ((const struct stl_error_cell *)right)->error;

	return (a > b) - (a < b);
}

/* Room for one more; NULL: no memory. */
static void *grow(void *items, int *capacity, int count, size_t size)
{
	int wanted = *capacity ? *capacity * 2 : FIRST_CAPACITY;
	void *grown;

	if (count < *capacity)
		return items;
	grown = realloc(items, (size_t)wanted * size);
	if (grown)
		*capacity = wanted;
	return grown;
}

static struct stl_cell *new_cell(struct cells *cells)
{
	struct stl_cell *grown = grow(cells->items, &cells->capacity, cells->count, sizeof(*grown));

	if (!grown)
		return NULL;
	cells->items = grown;
	return &grown[cells->count++];
}

static struct stl_error_cell *new_error_cell(struct error_cells *errors)
{
	struct stl_error_cell *grown = grow(errors->items, &errors->capacity, errors->count, sizeof(*grown));

	if (!grown)
		return NULL;
	errors->items = grown;
	return &grown[errors->count++];
}

/* ends[i]: one past the last of the arena's buckets that go into bucket i of a cell. */
static int fold_ends(const uint64_t *edges, int n_edges, int *ends)
{
	if (n_edges < 0 || n_edges > STL_MAX_EDGES)
		return -EINVAL;
	for (int i = 0; i < n_edges; i++) {
		int bucket = stl_bucket_index(edges[i]);

		if (bucket >= STL_EDGES || stl_bucket_edge(bucket) != edges[i] || (i && edges[i] <= edges[i - 1]))
			return -EINVAL;
		ends[i] = bucket + 1;
	}
	ends[n_edges] = STL_BUCKETS;
	return 0;
}

/* The keys of all rows whose slot is in use. */
static int collect_keys(stl_reader *reader)
{
	const struct stl_arena *arena = reader->arena;
	int count = 0;

	for (uint32_t word = 0; word < STL_ROWS / 64; word++) {
		uint64_t bits = atomic_load_explicit(&arena->rows_used[word], memory_order_acquire);

		for (; bits; bits &= bits - 1) {
			uint32_t index = word * 64 + (uint32_t)__builtin_ctzll(bits);
			const struct stl_row *row = &arena->rows[index];
			uint64_t serial = atomic_load_explicit(&row->serial, memory_order_acquire);
			uint32_t slot = atomic_load_explicit(&row->slot, memory_order_relaxed);
			uint32_t abi = atomic_load_explicit(&row->abi, memory_order_relaxed);
			int32_t number = atomic_load_explicit(&row->number, memory_order_relaxed);

			if (serial && slot < STL_SLOTS && abi <= STL_ABI_SIGNAL && number >= STL_NUMBER_OTHER &&
			    number < STL_MAX_NUMBER && reader->serials[slot] == serial)
				reader->keys[count++] = key_of(slot, abi, number, index);
		}
	}
	return count;
}

static int add_errors(stl_reader *reader, const struct row_copy *row, struct stl_cell *cell)
{
	for (int i = 0; i < STL_ROW_ERRNOS; i++) {
		struct stl_error_cell *error;

		if (!row->error_calls[i] || !row->errors[i] || row->errors[i] > STL_ERROR_OTHER)
			continue;
		error = new_error_cell(&reader->errors);
		if (!error)
			return -ENOMEM;
		*error = (struct stl_error_cell){.slot = row->slot,
		                                 .abi = row->abi,
		                                 .number = row->number,
		                                 .error = row->errors[i],
		                                 .serial = row->serial,
		                                 .calls = row->error_calls[i]};
		cell->errors += row->error_calls[i];
	}
	return 0;
}

static void add_row(const struct row_copy *row, const int *ends, struct stl_cell *cell)
{
	for (int i = 0, from = 0; from < STL_BUCKETS; from = ends[i++]) {
		uint64_t calls = 0;

		for (int bucket = from; bucket < ends[i]; bucket++)
			calls += row->buckets[bucket];
		cell->buckets[i] += calls;
		cell->calls += calls;
	}
	cell->sum_ns += row->sum_ns;
	if (row->min_ns < cell->min_ns)
		cell->min_ns = row->min_ns;
	if (row->max_ns > cell->max_ns)
		cell->max_ns = row->max_ns;
}

/* Sorts the error cells from `first` on and adds up those of the same errno. */
static void merge_errors(struct error_cells *errors, int first)
{
	int last = first;

	if (errors->count == first)
		return;
	qsort(&errors->items[first], (size_t)(errors->count - first), sizeof(*errors->items), compare_errors);
	for (int i = first + 1; i < errors->count; i++) {
		if (errors->items[i].error == errors->items[last].error)
			errors->items[last].calls += errors->items[i].calls;
		else
			errors->items[++last] = errors->items[i];
	}
	errors->count = last + 1;
}

/* Makes one cell of the rows whose keys begin at keys[0] and differ in the row alone; how many, or -errno. */
static int merge_rows(stl_reader *reader, const uint64_t *keys, int count, const int *ends)
{
	int first_error = reader->errors.count, merged = 0;
	struct stl_cell *cell = new_cell(&reader->cells);

	if (!cell)
		return -ENOMEM;
	*cell = (struct stl_cell){.min_ns = UINT64_MAX};
	for (; merged < count && keys[merged] >> 32 == keys[0] >> 32; merged++) {
		struct row_copy *row = &reader->row;
		uint32_t index = (uint32_t)keys[merged];

		/* It may have been freed, and taken for something else, since its key was read. */
		if (!reader_copy_row(&reader->arena->rows[index], row) || reader->serials[row->slot] != row->serial ||
		    key_of(row->slot, row->abi, row->number, index) != keys[merged])
			continue;
		cell->slot = row->slot;
		cell->abi = row->abi;
		cell->number = row->number;
		cell->serial = row->serial;
		add_row(row, ends, cell);
		if (add_errors(reader, row, cell) < 0)
			return -ENOMEM;
	}
	merge_errors(&reader->errors, first_error);
	if (cell->calls == 0) {
		reader->cells.count--;
		reader->errors.count = first_error;
	}
	return merged;
}

/* Leaves out what belongs to a slot that was released meanwhile, for some of its rows may be missing. */
static void drop_released(stl_reader *reader)
{
	int cells = 0, errors = 0;

	atomic_thread_fence(memory_order_acquire);
	for (uint32_t slot = 0; slot < STL_SLOTS; slot++) {
		if (reader->serials[slot] != reader_slot_serial(reader->arena, slot))
			reader->serials[slot] = 0;
	}
	for (int i = 0; i < reader->cells.count; i++) {
		if (reader->serials[reader->cells.items[i].slot])
			reader->cells.items[cells++] = reader->cells.items[i];
	}
	for (int i = 0; i < reader->errors.count; i++) {
		if (reader->serials[reader->errors.items[i].slot])
			reader->errors.items[errors++] = reader->errors.items[i];
	}
	reader->cells.count = cells;
	reader->errors.count = errors;
}

int stl_reader_snapshot(stl_reader *reader, const uint64_t *edges, int n_edges)
{
	int ends[STL_MAX_EDGES + 1];
	int error = fold_ends(edges, n_edges, ends);
	int count;

	reader->cells.count = 0;
	reader->errors.count = 0;
	if (error)
		return error;
	for (uint32_t slot = 0; slot < STL_SLOTS; slot++)
		reader->serials[slot] = reader_slot_serial(reader->arena, slot);
	count = collect_keys(reader);
	qsort(reader->keys, (size_t)count, sizeof(*reader->keys), compare_keys);
	for (int at = 0; at < count;) {
		int merged = merge_rows(reader, &reader->keys[at], count - at, ends);

		if (merged < 0) {
			reader->cells.count = 0;
			reader->errors.count = 0;
			return merged;
		}
		at += merged;
	}
	drop_released(reader);
	return reader->cells.count;
}

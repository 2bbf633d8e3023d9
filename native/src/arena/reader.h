/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the reader. What is read from the arena is garbage until it is checked: the tracer may be in the middle of a
 * change, dead, or another program's.
 */
#ifndef STRACELET_READER_H
#define STRACELET_READER_H

#include "arena/arena.h"

struct cells {
	struct stl_cell *items;
	int count, capacity;
};

struct error_cells {
	struct stl_error_cell *items;
	int count, capacity;
};

/* One consistent copy of a row; every number in it is in its range, but the counts and times can be anything. */
struct row_copy {
	uint32_t slot, abi;
	int32_t number;
	uint64_t serial;
	uint64_t sum_ns, min_ns, max_ns; /* min_ns: UINT64_MAX where there was no call */
	uint32_t errors[STL_ROW_ERRNOS];
	uint64_t error_calls[STL_ROW_ERRNOS];
	uint64_t buckets[STL_BUCKETS];
};

struct stl_reader {
	const struct stl_arena *arena;
	struct cells cells;
	struct error_cells errors;
	uint64_t *keys;              /* [STL_ROWS] what the snapshot sorts */
	uint64_t serials[STL_SLOTS]; /* of the slots in use when the snapshot began; 0: free */
	struct row_copy row;
};

/* The slot's serial, or 0: not in use. */
uint64_t reader_slot_serial(const struct stl_arena *arena, uint32_t slot);
/* False: the row is not in use, or what it holds cannot be. Of a row that is freed meanwhile the copy is worth nothing:
 * its slot is then released, by which the caller tells. */
bool reader_copy_row(const struct stl_row *row, struct row_copy *copy);

#endif

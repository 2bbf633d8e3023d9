/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/counts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CELLS_MAX 65536

struct counts {
	struct stl_cell *cells; /* `room` of them, by hash; calls 0: a free place */
	uint32_t room, count;
};

int counts_new(struct counts **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void counts_free(struct counts *counts)
{
	if (counts)
		free(counts->cells);
	free(counts);
}

static struct stl_cell *place_of(const struct counts *counts, const struct stl_cell *key)
{
	uint64_t hash =
		(key->serial * 31 + key->slot) * 0x9e3779b97f4a7c15ull + key->abi * 1031ull + (uint32_t)key->number;

	for (hash *= 0x9e3779b97f4a7c15ull, hash >>= 32;; hash++) {
		struct stl_cell *cell = &counts->cells[hash & (counts->room - 1)];

		if (!cell->calls || (cell->serial == key->serial && cell->slot == key->slot && cell->abi == key->abi &&
		                     cell->number == key->number))
			return cell;
	}
}

static bool make_room(struct counts *counts)
{
	struct counts old = *counts;

	if (old.count < old.room / 2)
		return true;
	if (old.count >= CELLS_MAX)
		return false;
	counts->room = old.room ? old.room * 2 : 256;
	counts->cells = calloc(counts->room, sizeof(*counts->cells));
	if (!counts->cells) {
		*counts = old;
		return false;
	}
	for (uint32_t i = 0; i < old.room; i++) {
		if (old.cells[i].calls)
			*place_of(counts, &old.cells[i]) = old.cells[i];
	}
	free(old.cells);
	return true;
}

void counts_record(struct stl_printer *printer, const struct stl_record *record, const struct stl_named *named,
                   struct task *task)
{
	struct counts *counts = printer->counts;
	struct stl_cell key = {.slot = record->slot, .serial = record->serial, .abi = record->abi};
	struct stl_cell *cell;

	(void)named;
	(void)task;
	if (record->type != RECORD_SYSCALL)
		return;
	if (key.abi > STL_ABI_UNKNOWN)
		key.abi = STL_ABI_UNKNOWN;
	key.number = call_of((int)record->abi, record->number) == CALL_UNKNOWN ? STL_NUMBER_UNKNOWN : record->number;
	if (!make_room(counts)) {
		printer->pending.cut = true;
		return;
	}
	cell = place_of(counts, &key);
	if (!cell->calls) {
		*cell = key;
		cell->min_ns = UINT64_MAX;
		counts->count++;
	}
	cell->calls++;
	if (record->result < 0 && record->result >= -STL_MAX_ERRNO && !is_restart((int)-record->result))
		cell->errors++;
	cell->sum_ns += record->duration_ns;
	if (record->duration_ns < cell->min_ns)
		cell->min_ns = record->duration_ns;
	if (record->duration_ns > cell->max_ns)
		cell->max_ns = record->duration_ns;
}

static int order(const void *one, const void *other)
{
	const struct stl_cell *a = one, *b = other;

	if (a->slot != b->slot)
		return a->slot < b->slot ? -1 : 1;
	if (a->abi != b->abi)
		return a->abi < b->abi ? -1 : 1;
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return (a->serial > b->serial) - (a->serial < b->serial);
}

int counts_cells(struct counts *counts, struct stl_cell *out, int max)
{
	uint32_t found = 0;

	/* all of them are sorted, or those that fit would be any */
	if (max < (int)counts->count)
		return (int)counts->count;
	for (uint32_t i = 0; i < counts->room; i++) {
		if (counts->cells[i].calls)
			out[found++] = counts->cells[i];
	}
	qsort(out, found, sizeof(*out), order);
	return (int)found;
}

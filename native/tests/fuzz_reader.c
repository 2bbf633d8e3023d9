/* SPDX-License-Identifier: Apache-2.0
 *
 * The reader over an arena that holds anything at all. A target for libFuzzer (make fuzz), and part of test_garbage.
 */
#include "fuzz_reader.h"

#include <string.h>

#include "fixture.h"

#define MAX_ERRORS 65536
#define FUZZED_SLOTS 8
#define FUZZED_ROWS 64

static int order(const struct stl_cell *a, const struct stl_cell *b)
{
	if (a->slot != b->slot)
		return a->slot < b->slot ? -1 : 1;
	if (a->abi != b->abi)
		return a->abi < b->abi ? -1 : 1;
	return (a->number > b->number) - (a->number < b->number);
}

static void check_cells(stl_reader *reader, int count, int n_edges)
{
	static struct stl_cell cells[STL_ROWS];

	CHECK(count >= 0 && count <= STL_ROWS);
	CHECK_EQUAL(stl_reader_cells(reader, cells, STL_ROWS), count);
	for (int i = 0; i < count; i++) {
		uint64_t calls = 0;

		CHECK(cells[i].slot < STL_SLOTS && cells[i].abi <= STL_ABI_SIGNAL && cells[i].serial);
		CHECK(cells[i].number >= STL_NUMBER_OTHER && cells[i].number < STL_MAX_NUMBER);
		for (int bucket = 0; bucket <= n_edges; bucket++)
			calls += cells[i].buckets[bucket];
		CHECK(calls == cells[i].calls && calls);
		CHECK(i == 0 || order(&cells[i - 1], &cells[i]) < 0);
	}
}

static void check_errors(stl_reader *reader)
{
	static struct stl_error_cell errors[MAX_ERRORS];
	int count = stl_reader_errors(reader, errors, MAX_ERRORS);

	CHECK(count >= 0);
	for (int i = 0; i < count && i < MAX_ERRORS; i++) {
		CHECK(errors[i].slot < STL_SLOTS && errors[i].abi <= STL_ABI_SIGNAL && errors[i].serial);
		CHECK(errors[i].number >= STL_NUMBER_OTHER && errors[i].number < STL_MAX_NUMBER);
		CHECK(errors[i].error >= 1 && errors[i].error <= STL_ERROR_OTHER);
	}
}

void read_garbage(stl_reader *reader)
{
	static struct stl_container containers[STL_SLOTS];
	uint64_t edges[] = {250, 4000, stl_bucket_edge(STL_EDGES - 1)};
	struct stl_info info;
	int count;

	CHECK_EQUAL(stl_reader_info(reader, &info), 0);
	CHECK(info.rows_used <= STL_ROWS && info.slots_used <= STL_SLOTS);
	count = stl_reader_containers(reader, containers, STL_SLOTS);
	CHECK(count >= 0 && count <= STL_SLOTS);
	for (int i = 0; i < count; i++) {
		CHECK(containers[i].slot < STL_SLOTS && containers[i].serial);
		CHECK(containers[i].state >= STL_SLOT_PROVISIONAL && containers[i].state <= STL_SLOT_LEFT);
		CHECK(memchr(containers[i].id, '\0', STL_ID_SIZE));
	}
	check_cells(reader, stl_reader_snapshot(reader, edges, 3), 3);
	check_errors(reader);
}

/* The same few slots and rows for each input, so that what it stores meets something that is read. */
static void reset(struct fixture *f)
{
	struct row_cache *cache;

	memset(f->arena->slots, 0, FUZZED_SLOTS * sizeof(*f->arena->slots));
	memset(f->arena->rows, 0, FUZZED_ROWS * sizeof(*f->arena->rows));
	memset((char *)f->arena->rows_used, 0, sizeof(f->arena->rows_used));
	f->arena->rows_taken = 0;
	cache = row_cache_new(f->arena, 0);
	for (int i = 0; i < 2; i++) {
		struct stl_slot *slot = arena_slot_open(f->arena, i ? "one" : "other");

		for (int number = 0; number < FUZZED_ROWS / 4; number++)
			row_book(cache, row_find(cache, slot, 0, number), 100u << number, number);
	}
	row_cache_free(cache);
}

static char *target_of(struct stl_arena *arena, uint8_t kind, uint16_t place, size_t *room)
{
	switch (kind % 4) {
	case 0:
		*room = FUZZED_SLOTS * sizeof(*arena->slots);
		break;
	case 1:
		*room = sizeof(arena->rows_used);
		place %= sizeof(arena->rows_used);
		*room -= place;
		return (char *)arena->rows_used + place;
	case 2: /* the row's head and redo, where most is decided */
		*room = 320;
		return (char *)&arena->rows[place % FUZZED_ROWS];
	default:
		*room = FUZZED_ROWS * sizeof(*arena->rows) - place;
		return (char *)arena->rows + place;
	}
	place %= *room;
	*room -= place;
	return (char *)arena->slots + place;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fixture f;

	if (!f.arena)
		f = set_up();
	reset(&f);
	while (size > 4) {
		size_t length = data[3], room;
		char *target = target_of(f.arena, data[0], (uint16_t)(data[1] | data[2] << 8), &room);

		data += 4;
		size -= 4;
		if (length > size)
			length = size;
		memcpy(target, data, length < room ? length : room);
		data += length;
		size -= length;
	}
	read_garbage(f.reader);
	return 0;
}

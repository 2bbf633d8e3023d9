/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "fixture.h"

static void rows_of_all_threads_are_added_up(void)
{
	struct fixture f = set_up();
	struct stl_slot *slot = arena_slot_open(f.arena, "abc");
	struct stl_cell cell;

	for (uint32_t thread = 0; thread < STL_THREADS; thread++) {
		struct row_cache *cache = row_cache_new(f.arena, thread);

		row_book(cache, row_find(cache, slot, 0, 5), 1000 + thread, (int)(1 + thread % 4));
		row_cache_free(cache);
	}
	CHECK_EQUAL(stl_reader_snapshot(f.reader, NULL, 0), 1);
	cell = cell_of(f.reader, 0, 0, 5);
	CHECK_EQUAL(cell.calls, STL_THREADS);
	CHECK_EQUAL(cell.errors, STL_THREADS);
	CHECK_EQUAL(cell.min_ns, 1000);
	CHECK_EQUAL(cell.max_ns, 1000 + STL_THREADS - 1);
	CHECK_EQUAL(cell.sum_ns, 1000 * STL_THREADS + STL_THREADS * (STL_THREADS - 1) / 2);
	CHECK_EQUAL(stl_reader_errors(f.reader, NULL, 0), 4);
	CHECK_EQUAL(error_calls(f.reader, 0, 0, 5, 3), STL_THREADS / 4);
	tear_down(&f);
}

static void cells_come_sorted(void)
{
	static struct stl_cell cells[3 * 3 * 20];
	struct fixture f = set_up();
	struct row_cache *cache = row_cache_new(f.arena, 0);
	struct stl_slot *slots[] = {arena_slot_open(f.arena, "a"), arena_slot_open(f.arena, "b"),
	                            arena_slot_open(f.arena, "c")};
	int count;

	for (int number = 19; number >= 0; number--) {
		for (int abi = 2; abi >= 0; abi--) {
			for (int slot = 2; slot >= 0; slot--)
				row_book(cache, row_find(cache, slots[slot], abi, number - 1), 1, 0);
		}
	}
	CHECK_EQUAL(stl_reader_snapshot(f.reader, NULL, 0), 180);
	count = stl_reader_cells(f.reader, cells, 180);
	CHECK_EQUAL(count, 180);
	for (int i = 0; i < count; i++) {
		CHECK_EQUAL(cells[i].slot, i / 60);
		CHECK_EQUAL(cells[i].abi, i / 20 % 3);
		CHECK_EQUAL(cells[i].number, i % 20 - 1);
		CHECK_EQUAL(cells[i].serial, slots[i / 60]->serial);
	}
	CHECK_EQUAL(stl_reader_cells(f.reader, cells, 7), 180); /* copies 7, tells of all */
	row_cache_free(cache);
	tear_down(&f);
}

static void buckets_are_folded_exactly(void)
{
	struct fixture f = set_up();
	struct row_cache *cache = row_cache_new(f.arena, 0);
	struct stl_row *row = row_find(cache, arena_slot_open(f.arena, "a"), 0, 0);
	uint64_t edges[STL_MAX_EDGES], expected[STL_MAX_EDGES + 1] = {0}, state = 42;
	struct stl_cell cell;

	for (int i = 0; i < STL_MAX_EDGES; i++)
		edges[i] = stl_bucket_edge(i * 9 + 3);
	for (int i = 0; i < 100000; i++) {
		uint64_t value = next_random(&state), duration = value >> (value % 64);
		int bucket = 0;

		while (bucket < STL_MAX_EDGES && duration > edges[bucket])
			bucket++;
		expected[bucket]++;
		row_book(cache, row, duration, 0);
	}
	CHECK_EQUAL(stl_reader_snapshot(f.reader, edges, STL_MAX_EDGES), 1);
	cell = cell_of(f.reader, 0, 0, 0);
	CHECK(memcmp(cell.buckets, expected, sizeof(expected)) == 0);
	CHECK_EQUAL(cell.calls, 100000);
	row_cache_free(cache);
	tear_down(&f);
}

static void edges_that_are_none_are_refused(void)
{
	struct fixture f = set_up();
	uint64_t many[STL_MAX_EDGES + 1];

	for (int i = 0; i <= STL_MAX_EDGES; i++)
		many[i] = stl_bucket_edge(i);
	CHECK_EQUAL(stl_reader_snapshot(f.reader, many, STL_MAX_EDGES + 1), -EINVAL);
	CHECK_EQUAL(stl_reader_snapshot(f.reader, many, -1), -EINVAL);
	CHECK_EQUAL(stl_reader_snapshot(f.reader, (uint64_t[]){251}, 1), -EINVAL);
	CHECK_EQUAL(stl_reader_snapshot(f.reader, (uint64_t[]){0}, 1), -EINVAL);
	CHECK_EQUAL(stl_reader_snapshot(f.reader, (uint64_t[]){500, 250}, 2), -EINVAL);
	CHECK_EQUAL(stl_reader_snapshot(f.reader, (uint64_t[]){250, 250}, 2), -EINVAL);
	CHECK_EQUAL(stl_reader_snapshot(f.reader, (uint64_t[]){UINT64_MAX}, 1), -EINVAL);
	CHECK_EQUAL(stl_reader_snapshot(f.reader, many, STL_MAX_EDGES), 0);
	tear_down(&f);
}

static void containers_are_as_their_slots(void)
{
	struct fixture f = set_up();
	struct row_cache *cache = row_cache_new(f.arena, 0);
	struct stl_slot *slot = arena_slot_open(f.arena, "0123456789ab");
	struct stl_container containers[2];
	struct stl_info info;

	arena_slot_open(f.arena, "other");
	arena_add(&slot->held_ns, 50);
	arena_add(&slot->failures[STL_FAIL_LATE], 3);
	slot->state = STL_SLOT_TRACED;
	slot->tracees = 4;
	row_held(row_find(cache, slot, 0, 1), 7);
	row_held(row_find(cache, slot, 0, 2), 9);
	CHECK_EQUAL(stl_reader_containers(f.reader, containers, 1), 2);
	CHECK_EQUAL(stl_reader_containers(f.reader, containers, 2), 2);
	CHECK(strcmp(containers[0].id, "0123456789ab") == 0 && strcmp(containers[1].id, "other") == 0);
	CHECK_EQUAL(containers[0].state, STL_SLOT_TRACED);
	CHECK_EQUAL(containers[1].state, STL_SLOT_PROVISIONAL);
	CHECK_EQUAL(containers[0].serial, slot->serial);
	CHECK_EQUAL(containers[0].held_ns, 50 + 7 + 9);
	CHECK_EQUAL(containers[1].held_ns, 0);
	CHECK_EQUAL(containers[0].failures[STL_FAIL_LATE], 3);
	CHECK_EQUAL(containers[0].tracees, 4);
	CHECK(containers[0].first_ns > UINT64_C(1600000000) * 1000000000);
	stl_reader_info(f.reader, &info);
	CHECK_EQUAL(info.slots_used, 2);
	CHECK_EQUAL(info.rows_used, 2);
	CHECK_EQUAL(info.tracer_pid, getpid());
	CHECK_EQUAL(stl_reader_snapshot(f.reader, NULL, 0), 0); /* no call yet */
	row_cache_free(cache);
	tear_down(&f);
}

/* As a tracer leaves a row that was killed with nothing of the change but the redo and the odd number stored. */
static void a_dead_writers_call_is_counted(void)
{
	struct fixture f = set_up();
	struct row_cache *cache = row_cache_new(f.arena, 0);
	struct stl_row *row = row_find(cache, arena_slot_open(f.arena, "a"), 0, 0);
	struct stl_cell cell;

	row_book(cache, row, 100, 0);
	row->redo.bucket = 5;
	row->redo.bucket_calls = 1;
	row->redo.sum_ns = 500;
	row->redo.max_ns = 400;
	row->redo.error_index = 0;
	row->redo.error = ENOENT;
	row->redo.error_calls = 1;
	row->seq++;
	for (int repaired = 0; repaired < 2; repaired++) {
		CHECK_EQUAL(stl_reader_snapshot(f.reader, NULL, 0), 1);
		cell = cell_of(f.reader, 0, 0, 0);
		CHECK_EQUAL(cell.calls, 2);
		CHECK_EQUAL(cell.sum_ns, 500);
		CHECK_EQUAL(cell.min_ns, 100);
		CHECK_EQUAL(cell.max_ns, 400);
		CHECK_EQUAL(error_calls(f.reader, 0, 0, 0, ENOENT), 1);
		CHECK_EQUAL(row->seq % 2, !repaired);
		arena_begin_generation(f.arena, 2);
	}
	row_cache_free(cache);
	tear_down(&f);
}

static void rows_without_their_slot_are_left_out(void)
{
	struct fixture f = set_up();
	struct row_cache *cache = row_cache_new(f.arena, 0);
	struct stl_slot *slot = arena_slot_open(f.arena, "a");

	row_book(cache, row_find(cache, slot, 0, 0), 100, 0);
	slot->state = STL_SLOT_RELEASING;
	CHECK_EQUAL(stl_reader_snapshot(f.reader, NULL, 0), 0);
	CHECK_EQUAL(stl_reader_containers(f.reader, NULL, 0), 0);
	slot->state = STL_SLOT_ENDED;
	CHECK_EQUAL(stl_reader_snapshot(f.reader, NULL, 0), 1); /* until it is released */
	slot->serial++;
	CHECK_EQUAL(stl_reader_snapshot(f.reader, NULL, 0), 0);
	row_cache_free(cache);
	tear_down(&f);
}

int main(void)
{
	static const struct test tests[] = {
		TEST(rows_of_all_threads_are_added_up),     TEST(cells_come_sorted),
		TEST(buckets_are_folded_exactly),           TEST(edges_that_are_none_are_refused),
		TEST(containers_are_as_their_slots),        TEST(a_dead_writers_call_is_counted),
		TEST(rows_without_their_slot_are_left_out),
	};

	return RUN_TESTS(tests);
}

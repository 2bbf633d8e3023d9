/* SPDX-License-Identifier: Apache-2.0
 *
 * What a booked call and a snapshot cost.
 */
#define _GNU_SOURCE
#include "fixture.h"

#define CALLS 10000000
#define SNAPSHOTS 100
#define CONTAINERS 100
#define SYSCALLS 40

static void time_booking(const char *what, int numbers, int error)
{
	struct fixture f = set_up();
	struct stl_slot *slots[] = {arena_slot_open(f.arena, "a"), arena_slot_open(f.arena, "b"),
	                            arena_slot_open(f.arena, "c"), arena_slot_open(f.arena, "d")};
	struct row_cache *cache = row_cache_new(f.arena, 0);
	uint64_t begin, end;

	for (int number = 0; number < numbers; number++)
		row_book(cache, row_find(cache, slots[number / 256], 0, number % 256), 1, 0);
	begin = monotonic_ns();
	for (int i = 0; i < CALLS; i++) {
		uint32_t mixed = (uint32_t)i * 2654435761u;
		uint32_t number = (mixed >> 8) % (uint32_t)numbers;

		row_book(cache, row_find(cache, slots[number / 256], 0, number % 256), 500 + (mixed >> 12), error);
	}
	end = monotonic_ns();
	printf("row_find + row_book, %s: %.1f ns\n", what, (double)(end - begin) / CALLS);
	row_cache_free(cache);
	tear_down(&f);
}

static void time_new_rows(void)
{
	struct fixture f = set_up();
	struct stl_slot *slot = arena_slot_open(f.arena, "a");
	struct row_cache *cache = row_cache_new(f.arena, 0);
	uint64_t begin = monotonic_ns(), end, worst = 0;

	for (int number = 0; number < NAMED; number++) {
		uint64_t before = monotonic_ns(), after;

		row_book(cache, row_find(cache, slot, 0, number), 1, 0);
		after = monotonic_ns();
		worst = after - before > worst ? after - before : worst;
	}
	end = monotonic_ns();
	printf("first call of a row: %.0f ns, the slowest %.1f us\n", (double)(end - begin) / NAMED,
	       (double)worst / 1000);
	row_cache_free(cache);
	tear_down(&f);
}

static void time_snapshot(uint32_t threads)
{
	struct fixture f = set_up();
	uint64_t edges[14], begin, end;
	char id[16];

	for (int i = 0; i < 14; i++)
		edges[i] = stl_bucket_edge(16 * i);
	for (uint32_t thread = 0; thread < threads; thread++) {
		struct row_cache *cache = row_cache_new(f.arena, thread);

		for (int container = 0; container < CONTAINERS; container++) {
			snprintf(id, sizeof(id), "c%d", container);
			for (int number = 0; number < SYSCALLS; number++)
				row_book(cache, row_find(cache, arena_slot_open(f.arena, id), 0, number), 1000,
				         number % 5);
		}
		row_cache_free(cache);
	}
	begin = monotonic_ns();
	CHECK_EQUAL(stl_reader_snapshot(f.reader, edges, 14), CONTAINERS * SYSCALLS);
	end = monotonic_ns();
	printf("snapshot of %d rows: first %.2f ms", CONTAINERS * SYSCALLS * threads, (double)(end - begin) / 1e6);
	begin = monotonic_ns();
	for (int i = 0; i < SNAPSHOTS; i++)
		stl_reader_snapshot(f.reader, edges, 14);
	end = monotonic_ns();
	printf(", then %.2f ms\n", (double)(end - begin) / SNAPSHOTS / 1e6);
	tear_down(&f);
}

int main(void)
{
	time_booking("40 rows", 40, 0);
	time_booking("40 rows, failing", 40, 11);
	time_booking("1,000 rows", 1000, 0);
	time_new_rows();
	time_snapshot(1);
	time_snapshot(4);
	time_snapshot(12);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "fixture.h"

static void calls_are_booked_where_they_belong(void)
{
	struct fixture f = set_up();
	struct stl_slot *slot = arena_slot_open(f.arena, "abc");
	struct row_cache *cache = row_cache_new(f.arena, 0);
	struct stl_cell cell;

	row_book(cache, row_find(cache, slot, STL_ABI_X86_64, 0), 100, 0);
	row_book(cache, row_find(cache, slot, STL_ABI_X86_64, 0), 5000, EAGAIN);
	row_book(cache, row_find(cache, slot, STL_ABI_X86_64, 0), 700, EAGAIN);
	row_book(cache, row_find(cache, slot, STL_ABI_X86_64, 1), 0, EPIPE);
	row_book(cache, row_find(cache, slot, STL_ABI_I386, 0), UINT64_MAX / 2, 0);
	row_book(cache, row_find(cache, slot, STL_ABI_SIGNAL, 9), 0, 0);
	row_book(cache, row_find(cache, slot, STL_ABI_X86_64, 5000), 1, 100000);
	row_book(cache, row_find(cache, slot, STL_ABI_X86_64, -7), 3, 0);
	CHECK_EQUAL(stl_reader_snapshot(f.reader, (uint64_t[]){250, 1000}, 2), 5);
	cell = cell_of(f.reader, 0, STL_ABI_X86_64, 0);
	CHECK_EQUAL(cell.calls, 3);
	CHECK_EQUAL(cell.errors, 2);
	CHECK_EQUAL(cell.sum_ns, 5800);
	CHECK_EQUAL(cell.min_ns, 100);
	CHECK_EQUAL(cell.max_ns, 5000);
	CHECK(cell.buckets[0] == 1 && cell.buckets[1] == 1 && cell.buckets[2] == 1);
	CHECK_EQUAL(error_calls(f.reader, 0, STL_ABI_X86_64, 0, EAGAIN), 2);
	CHECK_EQUAL(error_calls(f.reader, 0, STL_ABI_X86_64, 1, EPIPE), 1);
	CHECK_EQUAL(cell_of(f.reader, 0, STL_ABI_X86_64, 1).max_ns, 0);
	CHECK_EQUAL(cell_of(f.reader, 0, STL_ABI_I386, 0).buckets[2], 1);
	CHECK_EQUAL(cell_of(f.reader, 0, STL_ABI_SIGNAL, 9).calls, 1);
	CHECK_EQUAL(cell_of(f.reader, 0, STL_ABI_X86_64, STL_NUMBER_UNKNOWN).calls, 2);
	CHECK_EQUAL(error_calls(f.reader, 0, STL_ABI_X86_64, STL_NUMBER_UNKNOWN, STL_MAX_ERRNO), 1);
	row_cache_free(cache);
	tear_down(&f);
}

static void a_row_is_followed_when_its_errnos_are_full(void)
{
	struct fixture f = set_up();
	struct stl_slot *slot = arena_slot_open(f.arena, "abc");
	struct row_cache *cache = row_cache_new(f.arena, 3);
	struct stl_info info;

	for (int round = 0; round < 3; round++) {
		for (int error = 0; error <= 40; error++)
			row_book(cache, row_find(cache, slot, 0, 7), 1000, error);
		if (round == 1) { /* another tracer goes on with the chain */
			row_cache_free(cache);
			arena_begin_generation(f.arena, 2);
			cache = row_cache_new(f.arena, 3);
		}
	}
	stl_reader_info(f.reader, &info);
	CHECK_EQUAL(info.rows_used, 3); /* 16 + 16 + 8 errnos */
	CHECK_EQUAL(info.generation, 2);
	CHECK_EQUAL(stl_reader_snapshot(f.reader, NULL, 0), 1);
	CHECK_EQUAL(cell_of(f.reader, 0, 0, 7).calls, 3 * 41);
	CHECK_EQUAL(cell_of(f.reader, 0, 0, 7).errors, 3 * 40);
	CHECK_EQUAL(cell_of(f.reader, 0, 0, 7).sum_ns, 3 * 41 * 1000);
	for (uint32_t error = 1; error <= 40; error++)
		CHECK_EQUAL(error_calls(f.reader, 0, 0, 7, error), 3);
	CHECK_EQUAL(stl_reader_errors(f.reader, NULL, 0), 40);
	row_cache_free(cache);
	tear_down(&f);
}

static void a_later_tracer_goes_on_with_the_rows(void)
{
	struct fixture f = set_up();
	struct stl_slot *slot = arena_slot_open(f.arena, "abc");
	struct row_cache *cache = row_cache_new(f.arena, 1);
	uint64_t serial = slot->serial;
	struct stl_info info;

	for (int number = 0; number < STL_MAX_NUMBER; number++)
		row_book(cache, row_find(cache, slot, 0, number), 10, 0);
	row_cache_free(cache);
	slot->tracees = 5;
	slot->pending = 2;
	arena_begin_generation(f.arena, 99);
	CHECK(slot->tracees == 0 && slot->pending == 0);
	CHECK(arena_slot_open(f.arena, "abc") == slot && slot->serial == serial);
	cache = row_cache_new(f.arena, 1);
	for (int number = 0; number < STL_MAX_NUMBER; number++)
		row_book(cache, row_find(cache, slot, 0, number), 10, 0);
	stl_reader_info(f.reader, &info);
	CHECK_EQUAL(info.rows_used, STL_MAX_NUMBER);
	CHECK_EQUAL(stl_reader_snapshot(f.reader, NULL, 0), STL_MAX_NUMBER);
	CHECK_EQUAL(cell_of(f.reader, 0, 0, 1023).calls, 2);
	row_cache_free(cache);
	tear_down(&f);
}

static void a_released_slot_leaves_nothing_behind(void)
{
	struct fixture f = set_up();
	struct stl_slot *kept = arena_slot_open(f.arena, "kept"), *left = arena_slot_open(f.arena, "left");
	struct row_cache *cache = row_cache_new(f.arena, 0);
	struct stl_info info;
	uint64_t serial = left->serial;

	for (int number = 0; number < 700; number++) {
		row_book(cache, row_find(cache, kept, 0, number), 10, 0);
		row_book(cache, row_find(cache, left, 0, number), 10, 1 + number % 40);
	}
	row_cache_forget(cache, arena_slot_index(f.arena, left));
	arena_slot_release(f.arena, left);
	CHECK(!arena_slot_find(f.arena, "left") && !arena_slot_at(f.arena, 1));
	CHECK_EQUAL(stl_reader_snapshot(f.reader, NULL, 0), 700);
	CHECK_EQUAL(stl_reader_errors(f.reader, NULL, 0), 0);
	left = arena_slot_open(f.arena, "other");
	CHECK_EQUAL(arena_slot_index(f.arena, left), 1);
	CHECK(left->serial != serial);
	row_book(cache, row_find(cache, left, 0, 3), 20, 0);
	for (int number = 0; number < 700; number++)
		row_book(cache, row_find(cache, kept, 0, number), 10, 0);
	CHECK_EQUAL(stl_reader_snapshot(f.reader, NULL, 0), 701);
	CHECK_EQUAL(cell_of(f.reader, 1, 0, 3).calls, 1);
	CHECK_EQUAL(cell_of(f.reader, 1, 0, 3).min_ns, 20);
	CHECK_EQUAL(cell_of(f.reader, 0, 0, 699).calls, 2);
	stl_reader_info(f.reader, &info);
	CHECK_EQUAL(info.rows_used, 701);
	row_cache_free(cache);
	tear_down(&f);
}

static void a_full_arena_refuses_and_counts(void)
{
	struct fixture f = set_up();
	struct row_cache *cache = row_cache_new(f.arena, 127);
	struct stl_slot *slots[STL_ROWS / STL_MAX_NUMBER];
	struct stl_info info;
	char id[16];

	for (int i = 0; i < STL_ROWS / STL_MAX_NUMBER; i++) {
		snprintf(id, sizeof(id), "c%d", i);
		slots[i] = arena_slot_open(f.arena, id);
		for (int number = 0; number < STL_MAX_NUMBER; number++)
			CHECK(row_find(cache, slots[i], 0, number));
	}
	CHECK(!row_find(cache, slots[0], STL_ABI_I386, 0));
	for (int error = 1; error <= STL_ROW_ERRNOS + 1; error++)
		row_book(cache, row_find(cache, slots[0], 0, 0), 10, error);
	stl_reader_info(f.reader, &info);
	CHECK_EQUAL(info.rows_used, STL_ROWS);
	CHECK_EQUAL(info.rows_refused, 2);
	CHECK_EQUAL(stl_reader_snapshot(f.reader, NULL, 0), 1); /* the other rows count no call */
	CHECK_EQUAL(cell_of(f.reader, 0, 0, 0).calls, STL_ROW_ERRNOS);
	row_cache_forget(cache, 5);
	arena_slot_release(f.arena, slots[5]);
	CHECK(row_find(cache, slots[0], STL_ABI_I386, 0));
	row_cache_free(cache);
	tear_down(&f);
}

static void slots_are_found_by_id_and_run_out(void)
{
	struct fixture f = set_up();
	char id[STL_ID_SIZE + 1];

	memset(id, 'x', sizeof(id));
	id[STL_ID_SIZE] = '\0';
	CHECK(!arena_slot_open(f.arena, id) && !arena_slot_open(f.arena, ""));
	id[STL_ID_SIZE - 1] = '\0';
	CHECK(arena_slot_open(f.arena, id) == arena_slot_open(f.arena, id));
	for (int i = 1; i < STL_SLOTS; i++) {
		snprintf(id, sizeof(id), "c%d", i);
		CHECK(arena_slot_open(f.arena, id) == arena_slot_at(f.arena, (uint32_t)i));
	}
	CHECK(!arena_slot_open(f.arena, "one more"));
	CHECK(arena_slot_find(f.arena, "c1023") == arena_slot_at(f.arena, 1023));
	CHECK(!arena_slot_at(f.arena, STL_SLOTS));
	CHECK_EQUAL(stl_reader_containers(f.reader, NULL, 0), STL_SLOTS);
	tear_down(&f);
}

static void no_more_threads_than_there_are(void)
{
	struct fixture f = set_up();

	CHECK(!row_cache_new(f.arena, STL_THREADS));
	tear_down(&f);
}

static long resident_pages(void *start, size_t size)
{
	static unsigned char pages[(sizeof(struct stl_arena) >> 12) + 1];
	long resident = 0;

	CHECK_EQUAL(mincore(start, size, pages), 0);
	for (size_t i = 0; i < size >> 12; i++)
		resident += pages[i] & 1;
	return resident;
}

static void only_what_is_used_takes_memory(void)
{
	struct fixture f = set_up();
	struct stl_slot *slot = arena_slot_open(f.arena, "abc");
	struct row_cache *cache = row_cache_new(f.arena, 0);

	row_book(cache, row_find(cache, slot, 0, 1), 1, 0);
	stl_reader_snapshot(f.reader, NULL, 0);
	stl_reader_containers(f.reader, NULL, 0);
	CHECK(resident_pages(f.arena, sizeof(*f.arena)) < 100); /* of 42,000; 64 of them are the slots */
	row_cache_free(cache);
	tear_down(&f);
}

static void other_files_are_refused(void)
{
	int fd = memfd_create("other", MFD_ALLOW_SEALING);
	struct stl_arena *arena;
	stl_reader *reader;

	CHECK_EQUAL(arena_map(fd, &arena), -EINVAL);
	CHECK_EQUAL(arena_map(-1, &arena), -EBADF);
	CHECK_EQUAL(ftruncate(fd, sizeof(struct stl_arena)), 0);
	CHECK_EQUAL(arena_map(fd, &arena), -EINVAL);
	CHECK_EQUAL(stl_reader_open(fd, &reader), -EINVAL);
	CHECK(!reader);
	close(fd);
}

static void an_arena_cannot_change_its_size(void)
{
	int fd = arena_create();

	CHECK(ftruncate(fd, 4096) < 0 && errno == EPERM);
	CHECK(ftruncate(fd, 1L << 40) < 0 && errno == EPERM);
	close(fd);
}

int main(void)
{
	static const struct test tests[] = {
		TEST(calls_are_booked_where_they_belong),
		TEST(a_row_is_followed_when_its_errnos_are_full),
		TEST(a_later_tracer_goes_on_with_the_rows),
		TEST(a_released_slot_leaves_nothing_behind),
		TEST(a_full_arena_refuses_and_counts),
		TEST(slots_are_found_by_id_and_run_out),
		TEST(no_more_threads_than_there_are),
		TEST(only_what_is_used_takes_memory),
		TEST(other_files_are_refused),
		TEST(an_arena_cannot_change_its_size),
	};

	return RUN_TESTS(tests);
}

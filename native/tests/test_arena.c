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
	CHECK_EQUAL(info.rows_used, 3); /* 15 + 15 + 10 errnos */
	CHECK_EQUAL(info.calls_folded, 0);
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

	for (int number = 0; number < NAMED; number++)
		row_book(cache, row_find(cache, slot, 0, number), 10, 0);
	row_cache_free(cache);
	slot->tracees = 5;
	slot->pending = 2;
	arena_begin_generation(f.arena, 99);
	CHECK(slot->tracees == 0 && slot->pending == 0);
	CHECK(arena_slot_open(f.arena, "abc") == slot && slot->serial == serial);
	cache = row_cache_new(f.arena, 1);
	for (int number = 0; number < NAMED; number++)
		row_book(cache, row_find(cache, slot, 0, number), 10, 0);
	stl_reader_info(f.reader, &info);
	CHECK_EQUAL(info.rows_used, NAMED);
	CHECK_EQUAL(slot->rows, NAMED);
	CHECK_EQUAL(stl_reader_snapshot(f.reader, NULL, 0), NAMED);
	CHECK_EQUAL(cell_of(f.reader, 0, 0, NAMED - 1).calls, 2);
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

	for (int number = 0; number < NAMED; number++) {
		row_book(cache, row_find(cache, kept, 0, number), 10, 0);
		row_book(cache, row_find(cache, left, 0, number), 10, 1 + number % 40);
	}
	row_cache_forget(cache, arena_slot_index(f.arena, left));
	arena_slot_release(f.arena, left);
	CHECK(!arena_slot_find(f.arena, "left") && !arena_slot_at(f.arena, 1));
	CHECK_EQUAL(stl_reader_snapshot(f.reader, NULL, 0), NAMED);
	CHECK_EQUAL(stl_reader_errors(f.reader, NULL, 0), 0);
	left = arena_slot_open(f.arena, "other");
	CHECK_EQUAL(arena_slot_index(f.arena, left), 1);
	CHECK(left->serial != serial);
	row_book(cache, row_find(cache, left, 0, 3), 20, 0);
	for (int number = 0; number < NAMED; number++)
		row_book(cache, row_find(cache, kept, 0, number), 10, 0);
	CHECK_EQUAL(stl_reader_snapshot(f.reader, NULL, 0), NAMED + 1);
	CHECK_EQUAL(cell_of(f.reader, 1, 0, 3).calls, 1);
	CHECK_EQUAL(cell_of(f.reader, 1, 0, 3).min_ns, 20);
	CHECK_EQUAL(cell_of(f.reader, 0, 0, NAMED - 1).calls, 2);
	stl_reader_info(f.reader, &info);
	CHECK_EQUAL(info.rows_used, NAMED + 1);
	row_cache_free(cache);
	tear_down(&f);
}

/* As a seccomp filter makes it that returns whatever errno its caller asks for. */
static void errnos_without_a_place_are_counted_together(void)
{
	struct fixture f = set_up();
	struct stl_slot *slot = arena_slot_open(f.arena, "abc");
	struct row_cache *cache = row_cache_new(f.arena, 0);
	int own = STL_KEY_ROWS * (STL_ROW_ERRNOS - 1);
	struct stl_info info;

	for (int round = 1; round <= 3; round++) {
		for (int error = 1; error <= STL_MAX_ERRNO; error++)
			row_book(cache, row_find(cache, slot, 0, 7), 1000, error);
		CHECK_EQUAL(stl_reader_snapshot(f.reader, NULL, 0), 1);
		CHECK_EQUAL(cell_of(f.reader, 0, 0, 7).calls, round * STL_MAX_ERRNO);
		CHECK_EQUAL(cell_of(f.reader, 0, 0, 7).errors, round * STL_MAX_ERRNO);
		CHECK_EQUAL(error_calls(f.reader, 0, 0, 7, 0), round * STL_MAX_ERRNO);
		for (int error = 1; error <= own; error++)
			CHECK_EQUAL(error_calls(f.reader, 0, 0, 7, (uint32_t)error), round);
		CHECK_EQUAL(error_calls(f.reader, 0, 0, 7, STL_ERROR_OTHER), round * (STL_MAX_ERRNO - own));
		stl_reader_info(f.reader, &info);
		CHECK_EQUAL(info.rows_used, STL_KEY_ROWS);
		CHECK_EQUAL(info.calls_folded, round * (STL_MAX_ERRNO - own));
		row_cache_free(cache); /* another tracer goes on */
		arena_begin_generation(f.arena, 2);
		cache = row_cache_new(f.arena, 0);
	}
	row_cache_free(cache);
	tear_down(&f);
}

static void numbers_without_a_name_share_a_row(void)
{
	struct fixture f = set_up();
	struct stl_slot *slot = arena_slot_open(f.arena, "abc");
	struct row_cache *cache = row_cache_new(f.arena, 0);
	struct stl_info info;
	int named = 0;

	for (int number = 0; number < STL_MAX_NUMBER + 100; number++) {
		row_book(cache, row_find(cache, slot, STL_ABI_X86_64, number), 10, 0);
		row_book(cache, row_find(cache, slot, STL_ABI_UNKNOWN, number), 10, 0);
		named += stl_syscall_name(STL_ABI_X86_64, number) != NULL;
	}
	CHECK(named >= NAMED && !stl_syscall_name(STL_ABI_X86_64, 1000));
	CHECK_EQUAL(stl_reader_snapshot(f.reader, NULL, 0), named + 2);
	CHECK_EQUAL(cell_of(f.reader, 0, STL_ABI_X86_64, 1000).calls, 0);
	CHECK_EQUAL(cell_of(f.reader, 0, STL_ABI_X86_64, STL_NUMBER_UNKNOWN).calls, STL_MAX_NUMBER + 100 - named);
	CHECK_EQUAL(cell_of(f.reader, 0, STL_ABI_UNKNOWN, STL_NUMBER_UNKNOWN).calls, STL_MAX_NUMBER + 100);
	stl_reader_info(f.reader, &info);
	CHECK_EQUAL(info.rows_used, named + 2);
	CHECK_EQUAL(info.calls_folded, 0);
	row_cache_free(cache);
	tear_down(&f);
}

/* One call of each number, with that many different errnos each. How many calls. */
static uint64_t book_all(struct fixture *f, const struct stl_slot *slot, uint32_t threads, int errors)
{
	for (uint32_t thread = 0; thread < threads; thread++) {
		struct row_cache *cache = row_cache_new(f->arena, thread);

		for (int call = 0; call < NAMED * errors; call++)
			row_book(cache, row_find(cache, slot, 0, call % NAMED), 10, 1 + call / NAMED);
		row_cache_free(cache);
	}
	return (uint64_t)threads * NAMED * (uint64_t)errors;
}

static uint64_t calls_of(stl_reader *reader, uint32_t slot)
{
	uint64_t calls = cell_of(reader, slot, 0, STL_NUMBER_OTHER).calls;

	for (int number = 0; number < NAMED; number++)
		calls += cell_of(reader, slot, 0, number).calls;
	return calls;
}

static void a_container_leaves_rows_to_the_others(void)
{
	struct fixture f = set_up();
	struct stl_slot *greedy[12], *slot;
	uint64_t booked[12], folded = 0;
	struct stl_info info;
	char id[16];

	for (uint32_t i = 0; i < 12; i++) {
		snprintf(id, sizeof(id), "c%u", i);
		greedy[i] = arena_slot_open(f.arena, id);
		booked[i] = book_all(&f, greedy[i], 40, 1);
		CHECK(greedy[i]->rows <= STL_ROWS / 9 + 40);
	}
	CHECK(greedy[0]->rows >= STL_ROWS / 9);
	slot = arena_slot_open(f.arena, "neighbour");
	CHECK_EQUAL(book_all(&f, slot, 2, 1), 2 * NAMED);
	CHECK(stl_reader_snapshot(f.reader, NULL, 0) > 0);
	CHECK_EQUAL(cell_of(f.reader, 12, 0, STL_NUMBER_OTHER).calls, 0);
	CHECK_EQUAL(cell_of(f.reader, 12, 0, NAMED - 1).calls, 2);
	for (uint32_t i = 0; i < 12; i++) {
		CHECK_EQUAL(calls_of(f.reader, i), booked[i]);
		folded += cell_of(f.reader, i, 0, STL_NUMBER_OTHER).calls;
	}
	stl_reader_info(f.reader, &info);
	CHECK_EQUAL(info.calls_folded, folded);
	CHECK_EQUAL(info.rows_refused, 0);
	tear_down(&f);
}

static void further_rows_end_before_the_first_ones_do(void)
{
	struct fixture f = set_up();
	struct stl_slot *slot = arena_slot_open(f.arena, "abc");
	uint64_t booked = book_all(&f, slot, 8, STL_ROW_ERRNOS + 4);

	CHECK(stl_reader_snapshot(f.reader, NULL, 0) == NAMED);
	CHECK_EQUAL(calls_of(f.reader, 0), booked);
	CHECK(slot->rows > 8 * NAMED && slot->rows < 10 * NAMED);
	CHECK_EQUAL(error_calls(f.reader, 0, 0, 0, 0), booked / NAMED);
	tear_down(&f);
}

static void a_full_arena_refuses_and_counts(void)
{
	struct fixture f = set_up();
	struct row_cache *cache = row_cache_new(f.arena, 127);
	struct stl_slot *slot = arena_slot_open(f.arena, "abc"), *late = arena_slot_open(f.arena, "late");
	struct stl_info info;

	row_book(cache, row_find(cache, slot, 0, 0), 10, 0);
	memset((char *)f.arena->rows_used, 0xff, sizeof(f.arena->rows_used));
	f.arena->rows_taken = STL_ROWS;
	CHECK(!row_find(cache, late, 0, 0));
	CHECK(!row_find(cache, slot, STL_ABI_I386, 0));
	for (int error = 1; error <= STL_ROW_ERRNOS + 1; error++)
		row_book(cache, row_find(cache, slot, 0, 0), 10, error);
	stl_reader_info(f.reader, &info);
	CHECK_EQUAL(info.rows_refused, 2);
	CHECK_EQUAL(info.calls_folded, 2);
	CHECK_EQUAL(stl_reader_snapshot(f.reader, NULL, 0), 1);
	CHECK_EQUAL(cell_of(f.reader, 0, 0, 0).calls, STL_ROW_ERRNOS + 2);
	CHECK_EQUAL(cell_of(f.reader, 0, 0, 0).errors, STL_ROW_ERRNOS + 1);
	CHECK_EQUAL(error_calls(f.reader, 0, 0, 0, STL_ERROR_OTHER), 2);
	arena_begin_generation(f.arena, 2); /* what is nobody's is free again */
	row_cache_free(cache);
	cache = row_cache_new(f.arena, 127);
	CHECK(row_find(cache, late, 0, 0));
	CHECK_EQUAL(f.arena->rows_taken, 2);
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
		TEST(errnos_without_a_place_are_counted_together),
		TEST(numbers_without_a_name_share_a_row),
		TEST(a_container_leaves_rows_to_the_others),
		TEST(further_rows_end_before_the_first_ones_do),
		TEST(a_full_arena_refuses_and_counts),
		TEST(slots_are_found_by_id_and_run_out),
		TEST(no_more_threads_than_there_are),
		TEST(only_what_is_used_takes_memory),
		TEST(other_files_are_refused),
		TEST(an_arena_cannot_change_its_size),
	};

	return RUN_TESTS(tests);
}

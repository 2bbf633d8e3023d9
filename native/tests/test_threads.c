/* SPDX-License-Identifier: Apache-2.0
 *
 * Readers while tracer threads write.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>

#include "fixture.h"

#define WRITERS 4
#define NUMBERS 24
#define SECONDS 2
/* Calls of each number in a slot that comes and goes: each fails in its own way, so that they take several rows. */
#define PASSING_CALLS 40

struct writer {
	struct fixture *fixture;
	const struct stl_slot *slot;
	uint32_t thread;
	int numbers;
	uint64_t pause_ns;
	_Atomic bool *stop;
	uint64_t booked;
};

static uint64_t duration_of(int number)
{
	return 1000 + 777 * (uint64_t)number;
}

static void wait_ns(uint64_t pause_ns)
{
	uint64_t end = monotonic_ns() + pause_ns;

	while (pause_ns && monotonic_ns() < end)
		;
}

/* Every call lasts as long as its number says; every call of an odd number fails. */
static void *book_until_stopped(void *argument)
{
	struct writer *writer = argument;
	struct row_cache *cache = row_cache_new(writer->fixture->arena, writer->thread);
	uint64_t state = writer->thread + 1;

	CHECK(cache);
	while (!atomic_load_explicit(writer->stop, memory_order_relaxed)) {
		int number = (int)(next_random(&state) % (uint64_t)writer->numbers);
		struct stl_row *row = row_find(cache, writer->slot, STL_ABI_X86_64, number);

		row_book(cache, row, duration_of(number), number % 2 ? 1 + (int)((state >> 32) % 30) : 0);
		row_held(row, 3);
		writer->booked++;
		wait_ns(writer->pause_ns);
	}
	row_cache_free(cache);
	return NULL;
}

/* Opens a slot, books in it and releases it, over and over: its rows are freed under the reader's eyes. */
static void *come_and_go(void *argument)
{
	struct writer *writer = argument;
	struct stl_arena *arena = writer->fixture->arena;
	struct row_cache *cache = row_cache_new(arena, writer->thread);

	CHECK(cache);
	while (!atomic_load_explicit(writer->stop, memory_order_relaxed)) {
		struct stl_slot *slot = arena_slot_open(arena, writer->booked % 2 ? "one" : "another");

		for (int call = 0; call < PASSING_CALLS * NUMBERS; call++) {
			int number = call % NUMBERS;

			row_book(cache, row_find(cache, slot, STL_ABI_X86_64, number), duration_of(number),
			         number % 2 ? 1 + call / NUMBERS : 0);
		}
		row_cache_forget(cache, arena_slot_index(arena, slot));
		arena_slot_release(arena, slot);
		writer->booked++;
	}
	row_cache_free(cache);
	return NULL;
}

static void check_exact(const struct stl_cell *cell)
{
	CHECK_EQUAL(cell->errors, cell->number % 2 ? cell->calls : 0);
	CHECK_EQUAL(cell->sum_ns, cell->calls * duration_of(cell->number));
	CHECK_EQUAL(cell->min_ns, duration_of(cell->number));
	CHECK_EQUAL(cell->max_ns, duration_of(cell->number));
}

/* What was last seen of each number, of the slot that stays and of the one that comes and goes. */
struct seen {
	uint64_t calls[2][NUMBERS];
	uint64_t serial[2];
};

/* In all snapshots of one slot of one serial, its calls never grow fewer: not even while its rows are being freed. */
static void check_growth(struct seen *seen, const struct stl_cell *cell)
{
	if (seen->serial[cell->slot] != cell->serial)
		memset(seen->calls[cell->slot], 0, sizeof(seen->calls[cell->slot]));
	seen->serial[cell->slot] = cell->serial;
	CHECK(cell->calls >= seen->calls[cell->slot][cell->number]);
	CHECK(cell->slot == 0 || cell->calls <= PASSING_CALLS);
	seen->calls[cell->slot][cell->number] = cell->calls;
}

static void check_snapshot(stl_reader *reader, struct seen *seen, bool exact)
{
	static struct stl_cell cells[MAX_CELLS];
	uint64_t edges[] = {stl_bucket_edge(16), stl_bucket_edge(32)};
	int count = stl_reader_snapshot(reader, edges, 2);

	CHECK(count >= 0 && count <= MAX_CELLS);
	stl_reader_cells(reader, cells, count);
	for (int i = 0; i < count; i++) {
		const struct stl_cell *cell = &cells[i];

		CHECK(cell->slot <= 1 && cell->number >= 0 && cell->number < NUMBERS && cell->abi == 0);
		CHECK(cell->errors <= cell->calls);
		CHECK_EQUAL(cell->buckets[0] + cell->buckets[1] + cell->buckets[2], cell->calls);
		if (exact)
			check_exact(cell);
		check_growth(seen, cell);
	}
}

static void check_containers(struct fixture *fixture)
{
	struct stl_container containers[2];
	int count = stl_reader_containers(fixture->reader, containers, 2);

	CHECK(count == 1 || count == 2);
	CHECK(strcmp(containers[0].id, "kept") == 0);
	if (count == 2)
		CHECK(containers[1].serial > 1 &&
		      (strcmp(containers[1].id, "one") == 0 || strcmp(containers[1].id, "another") == 0));
}

static void read_while_writing(int numbers, uint64_t pause_ns, bool exact)
{
	struct fixture f = set_up();
	struct stl_slot *kept = arena_slot_open(f.arena, "kept");
	_Atomic bool stop = false;
	struct writer writers[WRITERS + 1];
	pthread_t threads[WRITERS + 1];
	struct seen seen = {0};
	uint64_t end = monotonic_ns() + SECONDS * UINT64_C(1000000000), booked = 0, counted = 0;
	int snapshots = 0;

	for (uint32_t i = 0; i <= WRITERS; i++) {
		writers[i] = (struct writer){&f, kept, i, numbers, pause_ns, &stop, 0};
		CHECK_EQUAL(
			pthread_create(&threads[i], NULL, i == WRITERS ? come_and_go : book_until_stopped, &writers[i]),
			0);
	}
	for (; monotonic_ns() < end; snapshots++) {
		check_snapshot(f.reader, &seen, exact);
		check_containers(&f);
	}
	stop = true;
	for (int i = 0; i <= WRITERS; i++) {
		CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
		booked += i < WRITERS ? writers[i].booked : 0;
	}
	check_snapshot(f.reader, &seen, true);
	for (int number = 0; number < NUMBERS; number++)
		counted += seen.calls[0][number];
	CHECK_EQUAL(counted, booked);
	printf("  %d snapshots, %llu calls, %llu slots came and went\n", snapshots, (unsigned long long)booked,
	       (unsigned long long)writers[WRITERS].booked);
	CHECK(snapshots > 10 && writers[WRITERS].booked > 10);
	tear_down(&f);
}

static void snapshots_are_exact(void)
{
	read_while_writing(NUMBERS, 5000, true);
}

/* Faster than any tracer: a row may not stand still for as long as a copy takes. */
static void snapshots_only_grow_at_any_speed(void)
{
	read_while_writing(2, 0, false);
}

/* Threads that take rows at the same time share the pool, and no row is given twice. */
static void *take_rows(void *argument)
{
	struct writer *writer = argument;
	struct row_cache *cache = row_cache_new(writer->fixture->arena, writer->thread);

	CHECK(cache);
	for (int number = 0; number < NAMED; number++)
		row_book(cache, row_find(cache, writer->slot, STL_ABI_X86_64, number), duration_of(number), 0);
	row_cache_free(cache);
	return NULL;
}

static void threads_share_the_pool(void)
{
	struct fixture f = set_up();
	struct stl_slot *slot = arena_slot_open(f.arena, "a");
	struct writer writers[8];
	pthread_t threads[8];
	struct stl_info info;

	for (uint32_t i = 0; i < 8; i++) {
		writers[i] = (struct writer){.fixture = &f, .slot = slot, .thread = i};
		CHECK_EQUAL(pthread_create(&threads[i], NULL, take_rows, &writers[i]), 0);
	}
	for (int i = 0; i < 8; i++)
		CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
	stl_reader_info(f.reader, &info);
	CHECK_EQUAL(info.rows_used, 8 * NAMED);
	CHECK_EQUAL(stl_reader_snapshot(f.reader, NULL, 0), NAMED);
	for (int number = 0; number < NAMED; number++)
		CHECK_EQUAL(cell_of(f.reader, 0, 0, number).calls, 8);
	tear_down(&f);
}

int main(void)
{
	static const struct test tests[] = {
		TEST(snapshots_are_exact),
		TEST(snapshots_only_grow_at_any_speed),
		TEST(threads_share_the_pool),
	};

	return RUN_TESTS(tests);
}

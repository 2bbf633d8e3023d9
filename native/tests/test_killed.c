/* SPDX-License-Identifier: Apache-2.0
 *
 * What a tracer leaves that dies in the middle of its work.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "arena/reader.h"
#include "fixture.h"

#define KILLS 1500
#define NUMBERS 40
#define ROUND_NUMBERS 8

struct state {
	uint64_t calls, errors, sum_ns, min_ns, max_ns, last_error;
};

static struct state state_of(stl_reader *reader, uint32_t last_error)
{
	struct stl_cell cell;

	CHECK(stl_reader_snapshot(reader, NULL, 0) >= 0);
	cell = cell_of(reader, 0, 0, 0);
	CHECK_EQUAL(error_calls(reader, 0, 0, 0, 0), cell.errors);
	CHECK_EQUAL(cell.buckets[0], cell.calls);
	return (struct state){cell.calls,  cell.errors, cell.sum_ns,
	                      cell.min_ns, cell.max_ns, error_calls(reader, 0, 0, 0, last_error)};
}

static bool is_same(struct state a, struct state b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

/* As it stands in memory: a reader that gets no copy of one moment depends on it. */
static void check_order(const struct stl_row *row)
{
	uint64_t calls = 0, errors = 0;

	for (int i = 0; i < STL_BUCKETS; i++)
		calls += row->buckets[i];
	for (int i = 0; i < STL_ROW_ERRNOS; i++) {
		errors += row->error_calls[i];
		CHECK(!row->error_calls[i] || row->errors[i]);
	}
	CHECK(errors <= calls);
}

/* The repair of a row, tried on a copy of it: as the reader sees the row, and whole. */
static void check_repair(const struct stl_row *row)
{
	static struct stl_row repaired;
	static struct row_copy before, after;

	memcpy(&repaired, row, sizeof(repaired));
	row_repair(&repaired);
	CHECK_EQUAL(repaired.seq % 2, 0);
	CHECK_EQUAL(reader_copy_row(row, &before), reader_copy_row(&repaired, &after));
	CHECK(memcmp(&before, &after, sizeof(before)) == 0);
}

static void check_rows_in_use(const struct stl_arena *arena)
{
	for (uint32_t i = 0; i < STL_ROWS / 64; i++) {
		for (uint64_t bits = arena->rows_used[i]; bits; bits &= bits - 1) {
			const struct stl_row *row = &arena->rows[i * 64 + (uint32_t)__builtin_ctzll(bits)];

			check_order(row);
			check_repair(row);
		}
	}
}

/* Has a child book a call one instruction at a time, and looks after each: the call must be counted as a whole or not
 * at all, and once counted stay so. How many instructions. */
static int step_through(struct fixture *f, struct row_cache *cache, const struct stl_slot *slot, uint64_t duration,
                        uint32_t error)
{
	struct state before = state_of(f->reader, error), now, after;
	bool counted = false;
	int status, steps = 0;
	pid_t child = fork();

	CHECK(child >= 0);
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		row_book(cache, row_find(cache, slot, 0, 0), duration, (int)error);
		raise(SIGSTOP);
		_exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	after = (struct state){before.calls + 1,
	                       before.errors + (error != 0),
	                       before.sum_ns + duration,
	                       before.calls && before.min_ns < duration ? before.min_ns : duration,
	                       before.max_ns > duration ? before.max_ns : duration,
	                       before.last_error + (error != 0)};
	for (;; steps++) {
		CHECK_EQUAL(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL), 0);
		CHECK(waitpid(child, &status, 0) == child && WIFSTOPPED(status));
		now = state_of(f->reader, error);
		counted = counted || !is_same(now, before);
		CHECK(is_same(now, counted ? after : before));
		check_rows_in_use(f->arena);
		if (WSTOPSIG(status) != SIGTRAP)
			break;
	}
	CHECK(counted && WSTOPSIG(status) == SIGSTOP);
	CHECK_EQUAL(kill(child, SIGKILL), 0);
	CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
	return steps;
}

static void a_call_is_counted_at_one_instruction(void)
{
	struct fixture f = set_up();
	struct stl_slot *slot = arena_slot_open(f.arena, "a");
	int steps = 0;

	/* Without an errno, with one, with the same, and up to those that need a further row; longest and shortest.
	 * Each child dies with its cache, so the next one begins with a new one, as a new tracer does. */
	for (uint32_t error = 0; error <= STL_ROW_ERRNOS + 2; error++) {
		struct row_cache *cache;

		arena_begin_generation(f.arena, 1 + error);
		cache = row_cache_new(f.arena, 0);
		steps += step_through(&f, cache, slot, error % 2 ? 100000 + error : 100 - error, error % 18);
		row_cache_free(cache);
	}
	/* And one that has no place of its own left. */
	struct row_cache *cache = row_cache_new(f.arena, 0);

	for (int error = 100; error < 200; error++)
		row_book(cache, row_find(cache, slot, 0, 0), 100, error);
	steps += step_through(&f, cache, slot, 50, STL_ERROR_OTHER);
	row_cache_free(cache);
	printf("  looked at %d instructions\n", steps);
	tear_down(&f);
}

/* Shared with the writer that is killed: it says what it is about to book, and what is booked. */
struct progress {
	_Atomic uint64_t begun[NUMBERS];
	_Atomic uint64_t done[NUMBERS];
};

static uint64_t duration_of(int number)
{
	return 1000 + 777 * (uint64_t)number;
}

/* A call of an odd number fails. */
static int error_of(int number, uint64_t call)
{
	return number % 2 ? 1 + (int)(call % 37) : 0;
}

static void book_one(struct row_cache *cache, const struct stl_slot *slot, int number, uint64_t call)
{
	row_book(cache, row_find(cache, slot, 0, number), duration_of(number), error_of(number, call));
}

_Noreturn static void write_until_killed(struct stl_arena *arena, struct progress *progress, uint64_t seed)
{
	struct stl_slot *slot;
	struct row_cache *cache;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	arena_begin_generation(arena, (uint32_t)getpid());
	cache = row_cache_new(arena, 0);
	slot = arena_slot_open(arena, "kept");
	if (!cache || !slot)
		_exit(1);
	for (uint64_t round = 0;; round++) {
		struct stl_slot *passing = arena_slot_open(arena, "passing");

		for (int i = 0; i < NUMBERS; i++) {
			int number = (int)(next_random(&seed) % NUMBERS);

			progress->begun[number]++;
			book_one(cache, slot, number, progress->begun[number]);
			progress->done[number]++;
			if (number < ROUND_NUMBERS)
				book_one(cache, passing, number, round);
		}
		row_cache_forget(cache, arena_slot_index(arena, passing));
		arena_slot_release(arena, passing);
	}
}

static void check_cell(const struct stl_cell *cell)
{
	CHECK_EQUAL(cell->sum_ns, cell->calls * duration_of(cell->number));
	CHECK_EQUAL(cell->min_ns, duration_of(cell->number));
	CHECK_EQUAL(cell->max_ns, duration_of(cell->number));
	CHECK_EQUAL(cell->errors, cell->number % 2 ? cell->calls : 0);
}

static void check_all(struct fixture *f, struct progress *progress)
{
	static struct stl_cell cells[MAX_CELLS];
	int count = stl_reader_snapshot(f->reader, NULL, 0);

	CHECK(count >= 0 && count <= MAX_CELLS);
	stl_reader_cells(f->reader, cells, count);
	for (int i = 0; i < count; i++) {
		check_cell(&cells[i]);
		CHECK_EQUAL(error_calls(f->reader, cells[i].slot, 0, cells[i].number, 0), cells[i].errors);
	}
	for (int number = 0; number < NUMBERS; number++) {
		struct stl_cell cell = cell_of(f->reader, 0, 0, number);

		CHECK(cell.calls >= progress->done[number] && cell.calls <= progress->begun[number]);
		progress->begun[number] = cell.calls;
		progress->done[number] = cell.calls;
	}
}

/* No row is lost: each one that is taken belongs to a slot that is in use, and the rest is as if never used. */
static void check_rows(struct stl_arena *arena)
{
	static const struct stl_row empty;
	uint32_t used = 0;

	for (uint32_t i = 0; i < 4 * STL_ROWS / STL_THREADS; i++) {
		const struct stl_row *row = &arena->rows[i];

		CHECK(row->seq % 2 == 0);
		used += arena_row_used(arena, i);
		if (arena_row_used(arena, i))
			CHECK(row->serial && arena->slots[row->slot].serial == row->serial &&
			      arena_slot_at(arena, row->slot));
		else
			CHECK(!row->serial &&
			      memcmp(&row->slot, &empty.slot, sizeof(empty) - offsetof(struct stl_row, slot)) == 0);
	}
	CHECK_EQUAL(arena->rows_taken, used);
	CHECK_EQUAL(arena->slots[0].rows + arena->slots[1].rows, used);
}

static void nothing_is_lost_however_often_the_writer_is_killed(void)
{
	struct fixture f = set_up();
	struct progress *progress =
		mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t seed = 7, booked = 0;
	struct timespec pause = {0};
	int status, halfway = 0;

	CHECK(progress != MAP_FAILED);
	for (int i = 0; i < KILLS; i++) {
		pid_t child = fork();

		CHECK(child >= 0);
		if (child == 0)
			write_until_killed(f.arena, progress, next_random(&seed));
		next_random(&seed);
		pause.tv_nsec = (long)(next_random(&seed) % 1000000);
		nanosleep(&pause, NULL);
		CHECK_EQUAL(kill(child, SIGKILL), 0);
		CHECK(waitpid(child, &status, 0) == child);
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		for (uint32_t row = 0; row < 4 * STL_ROWS / STL_THREADS; row++)
			halfway += f.arena->rows[row].seq % 2;
		check_all(&f, progress); /* as the reader sees what the dead one left */
		arena_begin_generation(f.arena, 1);
		check_all(&f, progress); /* and repaired */
		check_rows(f.arena);
	}
	for (int number = 0; number < NUMBERS; number++)
		booked += progress->done[number];
	printf("  %d kills, %d rows left halfway, %llu calls\n", KILLS, halfway, (unsigned long long)booked);
	CHECK(booked > 0);
	munmap(progress, sizeof(*progress));
	tear_down(&f);
}

int main(void)
{
	static const struct test tests[] = {
		TEST(a_call_is_counted_at_one_instruction),
		TEST(nothing_is_lost_however_often_the_writer_is_killed),
	};

	return RUN_TESTS(tests);
}

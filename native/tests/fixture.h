/* SPDX-License-Identifier: Apache-2.0
 *
 * An arena with one reader, as the tests of the arena use it.
 */
#ifndef STRACELET_FIXTURE_H
#define STRACELET_FIXTURE_H

#include <time.h>
#include <unistd.h>

#include "arena/arena.h"
#include "check.h"

/* Enough for every test here; snapshots are checked against it. */
#define MAX_CELLS 8192
/* From 0 on so many numbers have a name on x86-64. */
#define NAMED 330

struct fixture {
	int fd;
	struct stl_arena *arena;
	stl_reader *reader;
};

static inline struct fixture set_up(void)
{
	struct fixture fixture;

	fixture.fd = arena_create();
	CHECK(fixture.fd >= 0);
	CHECK_EQUAL(arena_map(fixture.fd, &fixture.arena), 0);
	arena_begin_generation(fixture.arena, (uint32_t)getpid());
	CHECK_EQUAL(stl_reader_open(fixture.fd, &fixture.reader), 0);
	return fixture;
}

static inline void tear_down(struct fixture *fixture)
{
	stl_reader_close(fixture->reader);
	arena_unmap(fixture->arena);
	close(fixture->fd);
}

/* The cell of that key in the reader's last snapshot; its calls are 0 where there is none. */
static inline struct stl_cell cell_of(stl_reader *reader, uint32_t slot, uint32_t abi, int32_t number)
{
	static struct stl_cell cells[MAX_CELLS];
	int count = stl_reader_cells(reader, cells, MAX_CELLS);

	CHECK(count >= 0 && count <= MAX_CELLS);
	for (int i = 0; i < count; i++) {
		if (cells[i].slot == slot && cells[i].abi == abi && cells[i].number == number)
			return cells[i];
	}
	return (struct stl_cell){0};
}

static inline uint64_t error_calls(stl_reader *reader, uint32_t slot, uint32_t abi, int32_t number, uint32_t error)
{
	static struct stl_error_cell cells[MAX_CELLS];
	int count = stl_reader_errors(reader, cells, MAX_CELLS);
	uint64_t calls = 0;

	CHECK(count >= 0 && count <= MAX_CELLS);
	for (int i = 0; i < count; i++) {
		if (cells[i].slot == slot && cells[i].abi == abi && cells[i].number == number &&
		    (error == 0 || cells[i].error == error))
			calls += cells[i].calls;
	}
	return calls;
}

static inline uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* xorshift64: the same sequence in every run. */
static inline uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

#endif

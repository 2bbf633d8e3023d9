/* SPDX-License-Identifier: Apache-2.0
 *
 * A reader of an arena that is not what it should be, also while somebody stores garbage in it.
 */
#include <pthread.h>
#include <string.h>

#include "fixture.h"
#include "fuzz_reader.h"

#define INPUTS 2000
#define SECONDS 2
/* What garbage is stored over while it is read: all but the header, which is read once, and most of the rows. */
#define ROWS_BYTES (256 * sizeof(struct stl_row))

static void random_inputs(void)
{
	static uint8_t data[1024];
	uint64_t state = 3;

	for (int i = 0; i < INPUTS; i++) {
		size_t size = next_random(&state) % sizeof(data);

		for (size_t j = 0; j < size; j++)
			data[j] = (uint8_t)(next_random(&state) >> 20);
		LLVMFuzzerTestOneInput(data, size);
	}
}

struct vandal {
	struct stl_arena *arena;
	_Atomic bool stop;
};

/* Values that mean something somewhere, among random ones. */
static uint64_t bad_value(uint64_t *state)
{
	static const uint64_t values[] = {0, 1, 2, 5, 281, 282, 1023, 1024, UINT32_MAX, UINT64_MAX, 0xffffffff00000001};
	uint64_t value = next_random(state);

	if (value % 4 == 0)
		return next_random(state);
	return values[(value >> 8) % (sizeof(values) / sizeof(*values))];
}

static void *store_garbage(void *argument)
{
	struct vandal *vandal = argument;
	struct {
		void *start;
		size_t size;
	} parts[] = {
		{vandal->arena->slots, sizeof(vandal->arena->slots)},
		{vandal->arena->rows, ROWS_BYTES},
		{(void *)vandal->arena->rows_used, 256 / 8},
		{(char *)vandal->arena + offsetof(struct stl_arena, generation), 32},
	};
	uint64_t state = 11;

	while (!atomic_load_explicit(&vandal->stop, memory_order_relaxed)) {
		uint64_t value = next_random(&state);
		int part = (int)(value % 4);
		_Atomic uint64_t *words = parts[part].start;

		/* half of the stores to the rows go to their heads */
		value >>= 8;
		if (part == 1 && value % 2)
			words = (void *)&vandal->arena->rows[(value >> 1) % 256];
		value >>= 16;
		atomic_store_explicit(&words[value % (words == parts[part].start ? parts[part].size / 8 : 24)],
		                      bad_value(&state), memory_order_relaxed);
	}
	return NULL;
}

static void garbage_while_reading(void)
{
	struct fixture f = set_up();
	struct vandal vandal = {.arena = f.arena};
	uint64_t end = monotonic_ns() + SECONDS * UINT64_C(1000000000);
	pthread_t thread;
	int rounds = 0;

	CHECK_EQUAL(pthread_create(&thread, NULL, store_garbage, &vandal), 0);
	for (; monotonic_ns() < end; rounds++)
		read_garbage(f.reader);
	vandal.stop = true;
	CHECK_EQUAL(pthread_join(thread, NULL), 0);
	printf("  read %d times\n", rounds);
	CHECK(rounds > 10);
	tear_down(&f);
}

/* The slots' serials right, so that every row is believed to be somebody's; all the rest of the rows is 0xff. */
static void every_bit_set(void)
{
	struct fixture f = set_up();

	for (uint32_t i = 0; i < STL_SLOTS; i++) {
		f.arena->slots[i].state = STL_SLOT_TRACED;
		f.arena->slots[i].serial = UINT64_MAX;
		memset(f.arena->slots[i].id, 0xff, STL_ID_SIZE);
	}
	memset((char *)f.arena->rows_used, 0xff, sizeof(f.arena->rows_used));
	for (uint32_t i = 0; i < STL_ROWS; i++) {
		f.arena->rows[i].serial = UINT64_MAX;
		f.arena->rows[i].slot = i % (STL_SLOTS + 1);
		f.arena->rows[i].abi = i % 6;
		f.arena->rows[i].number = (int32_t)(i % 1026) - 2;
		f.arena->rows[i].seq = i;
		memset((char *)f.arena->rows[i].errors, 0xff, sizeof(f.arena->rows[i].errors));
		f.arena->rows[i].redo.bucket = i % 400;
		f.arena->rows[i].redo.error_index = i % 20;
		f.arena->rows[i].buckets[i % STL_BUCKETS] = UINT64_MAX / 2;
	}
	read_garbage(f.reader);
	CHECK_EQUAL(stl_reader_containers(f.reader, NULL, 0), STL_SLOTS);
	CHECK(stl_reader_cells(f.reader, NULL, 0) > 1000);
	tear_down(&f);
}

int main(void)
{
	static const struct test tests[] = {
		TEST(random_inputs),
		TEST(garbage_while_reading),
		TEST(every_bit_set),
	};

	return RUN_TESTS(tests);
}

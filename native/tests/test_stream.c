/* SPDX-License-Identifier: Apache-2.0
 *
 * The reading end of all rings: one order, whatever lies in them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "check.h"
#include "fixture.h"
#include "records/ring.h"

#define WRITERS 4
#define EACH 20000

struct both {
	struct fixture fixture;
	struct stl_positions *positions;
	int positions_fd;
	stl_stream *stream;
};

static struct both both;
static unsigned char taken[RECORD_MAX];

static void open_both(void)
{
	both.fixture = set_up();
	both.positions_fd = positions_create();
	CHECK_EQUAL(positions_map(both.positions_fd, true, &both.positions), 0);
	CHECK_EQUAL(stl_stream_open(both.fixture.fd, both.positions_fd, &both.stream), 0);
}

static void close_both(void)
{
	stl_stream_close(both.stream);
	positions_unmap(both.positions);
	close(both.positions_fd);
	tear_down(&both.fixture);
}

static struct stl_record record_at(uint64_t order)
{
	return (struct stl_record){.size = sizeof(struct stl_record), .type = RECORD_SYSCALL, .order_ns = order};
}

static void test_rings_are_merged(void)
{
	struct ring rings[3];
	uint64_t last = 0, count = 0;

	open_both();
	for (int i = 0; i < 3; i++)
		ring_open(&rings[i], &both.fixture.arena->rings[i * 50], &both.positions->rings[i * 50]);
	for (uint64_t order = 1; order <= 3000; order++) {
		struct stl_record record = record_at(order);

		CHECK(ring_put(&rings[order * 7 % 3], &record));
	}
	int64_t size;

	while ((size = stl_stream_read(both.stream, taken, sizeof(taken), 1)) > 0) {
		for (int64_t at = 0; at < size; at += (int64_t)sizeof(struct stl_record)) {
			const struct stl_record *record = (const struct stl_record *)(taken + at);

			CHECK(record->order_ns > last);
			last = record->order_ns;
			count++;
		}
	}
	CHECK_EQUAL(count, 3000);
	close_both();
}

static void test_the_youngest_wait_for_the_others(void)
{
	struct ring rings[2];

	open_both();
	for (int i = 0; i < 2; i++)
		ring_open(&rings[i], &both.fixture.arena->rings[i], &both.positions->rings[i]);
	for (int i = 0; i < 2; i++) {
		struct stl_record record = record_at(monotonic_ns() + 1000000000);

		CHECK(ring_put(&rings[i], &record));
	}
	CHECK_EQUAL(stl_stream_read(both.stream, taken, sizeof(taken), 0), 0);
	CHECK_EQUAL(stl_stream_read(both.stream, taken, sizeof(taken), 1), 2 * sizeof(struct stl_record));
	close_both();
}

static void *write_many(void *context)
{
	int index = (int)(intptr_t)context;
	struct ring ring;

	ring_open(&ring, &both.fixture.arena->rings[index], &both.positions->rings[index]);
	for (int i = 0; i < EACH; i++) {
		struct stl_record record = record_at(monotonic_ns());

		record.tid = index;
		record.args[0] = (uint64_t)i;
		while (!ring_has_room(&ring, record.size))
			sched_yield();
		CHECK(ring_put(&ring, &record));
	}
	return NULL;
}

static void test_while_they_are_written(void)
{
	pthread_t threads[WRITERS];
	uint64_t next[WRITERS] = {0}, count = 0;

	open_both();
	for (intptr_t i = 0; i < WRITERS; i++)
		CHECK_EQUAL(pthread_create(&threads[i], NULL, write_many, (void *)i), 0);
	while (count < (uint64_t)WRITERS * EACH) {
		int64_t size = stl_stream_read(both.stream, taken, sizeof(taken), 0);

		for (int64_t at = 0; at < size; at += (int64_t)sizeof(struct stl_record)) {
			const struct stl_record *record = (const struct stl_record *)(taken + at);

			CHECK_EQUAL(record->args[0], next[record->tid]);
			next[record->tid]++;
			count++;
		}
	}
	for (int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	close_both();
}

/* Whatever a ring holds, what comes out are records, and it ends. */
static void test_garbage(void)
{
	uint64_t state = 99;

	open_both();
	for (int round = 0; round < 2000; round++) {
		struct stl_ring *ring = &both.fixture.arena->rings[next_random(&state) % STL_THREADS];
		uint64_t at = next_random(&state) % (STL_RING_SIZE / 8) * 8;

		for (int i = 0; i < 64; i++) {
			uint64_t value = next_random(&state) % 3 ? next_random(&state) % 4096 : next_random(&state);

			memcpy(ring->data + (at + 8 * (uint64_t)i) % STL_RING_SIZE, &value, 8);
		}
		uint64_t head = next_random(&state) % 2 ? next_random(&state) : ring->head + next_random(&state) % 4096;

		atomic_store(&ring->head, head);
		int64_t size = stl_stream_read(both.stream, taken, sizeof(taken), round % 2);

		CHECK(size >= 0 && size <= (int64_t)sizeof(taken));
		for (int64_t offset = 0; offset < size;) {
			const struct stl_record *record = (const struct stl_record *)(taken + offset);

			CHECK(record_check(record, (size_t)(size - offset)));
			offset += record->size;
		}
	}
	close_both();
}

static void test_others_are_refused(void)
{
	stl_stream *stream;

	open_both();
	CHECK_EQUAL(stl_stream_open(both.positions_fd, both.positions_fd, &stream), -EINVAL);
	CHECK_EQUAL(stl_stream_open(both.fixture.fd, both.fixture.fd, &stream), -EINVAL);
	CHECK_EQUAL(stl_stream_open(-1, -1, &stream), -EINVAL);
	close_both();
}

int main(void)
{
	static const struct test tests[] = {
		TEST(test_rings_are_merged),       TEST(test_the_youngest_wait_for_the_others),
		TEST(test_while_they_are_written), TEST(test_garbage),
		TEST(test_others_are_refused),
	};

	return RUN_TESTS(tests);
}

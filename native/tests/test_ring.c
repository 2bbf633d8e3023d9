/* SPDX-License-Identifier: Apache-2.0
 *
 * The writing end of a ring: room, pads, drops that are told of, positions that no reader would write.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>

#include "check.h"
#include "fixture.h"
#include "records/ring.h"

struct both {
	struct fixture fixture;
	struct stl_positions *positions;
	int positions_fd;
	struct ring ring;
	stl_stream *stream;
};

static struct both open_both(void)
{
	struct both both = {.fixture = set_up()};

	both.positions_fd = positions_create();
	CHECK(both.positions_fd >= 0);
	CHECK_EQUAL(positions_map(both.positions_fd, true, &both.positions), 0);
	ring_open(&both.ring, &both.fixture.arena->rings[3], &both.positions->rings[3]);
	CHECK_EQUAL(stl_stream_open(both.fixture.fd, both.positions_fd, &both.stream), 0);
	return both;
}

static void close_both(struct both *both)
{
	stl_stream_close(both->stream);
	positions_unmap(both->positions);
	close(both->positions_fd);
	tear_down(&both->fixture);
}

static const struct stl_record *record_of(uint32_t size, uint64_t order)
{
	static union {
		struct stl_record record;
		char bytes[RECORD_MAX];
	} made;

	memset(&made.record, 0, sizeof(made.record));
	made.record.size = size;
	made.record.type = RECORD_SYSCALL;
	made.record.order_ns = made.record.time_ns = order;
	return &made.record;
}

static unsigned char taken[4 * STL_RING_SIZE];

static uint64_t count_taken(int64_t size)
{
	uint64_t count = 0;

	for (int64_t at = 0; at < size;) {
		const struct stl_record *record = (const struct stl_record *)(taken + at);

		CHECK(record_check(record, (size_t)(size - at)));
		count++;
		at += record->size;
	}
	return count;
}

static void test_what_goes_in_comes_out(void)
{
	struct both both = open_both();
	uint64_t state = 7, read = 0;
	const uint64_t total = 200000;

	for (uint64_t i = 1; i <= total; i++) {
		uint32_t size = (uint32_t)(sizeof(struct stl_record) + next_random(&state) % 300 * 8);

		if (!ring_has_room(&both.ring, size))
			read += count_taken(stl_stream_read(both.stream, taken, sizeof(taken), 1));
		CHECK(ring_put(&both.ring, record_of(size, i)));
	}
	read += count_taken(stl_stream_read(both.stream, taken, sizeof(taken), 1));
	CHECK_EQUAL(read, total);
	struct stl_stream_info info;

	stl_stream_info(both.stream, &info);
	CHECK_EQUAL(info.produced, total);
	CHECK_EQUAL(info.read, total);
	CHECK_EQUAL(info.dropped, 0);
	close_both(&both);
}

static void test_what_finds_no_room_is_dropped_and_told(void)
{
	struct both both = open_both();
	struct stl_stream_info info;
	uint64_t put = 0, lost = 0, told = 0, read = 0;

	for (int round = 0; round < 20; round++) {
		for (uint64_t i = 0; i < 40000; i++) {
			put++;
			lost += !ring_put(&both.ring, record_of(sizeof(struct stl_record) + 8 * (i % 20), put));
		}
		int64_t size = stl_stream_read(both.stream, taken, sizeof(taken), 1);

		for (int64_t at = 0; at < size;) {
			const struct stl_record *record = (const struct stl_record *)(taken + at);

			if (record->type == RECORD_DROPPED) {
				told += record->args[0];
				CHECK(record->args[1] && record->args[1] <= record->time_ns);
			} else {
				read++;
			}
			at += record->size;
		}
	}
	CHECK(lost > 0);
	stl_stream_info(both.stream, &info);
	CHECK_EQUAL(info.produced, put);
	CHECK_EQUAL(info.dropped, lost);
	CHECK_EQUAL(info.read, read);
	CHECK_EQUAL(read + lost, put);
	CHECK_EQUAL(ring_put(&both.ring, record_of(sizeof(struct stl_record), ++put)), true);
	stl_stream_read(both.stream, taken, sizeof(taken), 1);
	told += ((const struct stl_record *)taken)->type == RECORD_DROPPED ? ((const struct stl_record *)taken)->args[0]
	                                                                   : 0;
	CHECK_EQUAL(told, lost);
	close_both(&both);
}

static void test_a_position_that_cannot_be_gives_no_room(void)
{
	struct both both = open_both();
	const uint64_t wrong[] = {1, UINT64_C(1) << 63, STL_RING_SIZE, 8, UINT64_MAX - STL_RING_SIZE};

	for (uint64_t i = 0; ring_put(&both.ring, record_of(4096, i)); i++)
		;
	uint64_t head = both.ring.head;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		atomic_store(&both.positions->rings[3].tail, head + wrong[i]);
		CHECK(!ring_put(&both.ring, record_of(4096, 1)));
	}
	CHECK_EQUAL(both.ring.head, head);
	close_both(&both);
}

static void test_the_next_writer_goes_on(void)
{
	struct both both = open_both();
	struct ring next;

	for (uint64_t i = 1; i <= 10; i++)
		CHECK(ring_put(&both.ring, record_of(sizeof(struct stl_record), i)));
	/* It was killed in the midst of the next one. */
	memset(both.fixture.arena->rings[3].data + both.ring.head, 0xff, 4096);
	ring_open(&next, &both.fixture.arena->rings[3], &both.positions->rings[3]);
	CHECK(ring_put(&next, record_of(sizeof(struct stl_record), 11)));
	CHECK_EQUAL(count_taken(stl_stream_read(both.stream, taken, sizeof(taken), 1)), 11);
	close_both(&both);
}

int main(void)
{
	static const struct test tests[] = {
		TEST(test_what_goes_in_comes_out),
		TEST(test_what_finds_no_room_is_dropped_and_told),
		TEST(test_a_position_that_cannot_be_gives_no_room),
		TEST(test_the_next_writer_goes_on),
	};

	return RUN_TESTS(tests);
}

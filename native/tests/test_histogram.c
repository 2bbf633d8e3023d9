/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

/* Straight from the definition, in thirty-seconds of a nanosecond: is the duration above edge i? */
static int above_edge(uint64_t duration_ns, int i)
{
	unsigned __int128 edge = (unsigned __int128)250 * (8 + (unsigned)i % 8) * 4 << (i / 8);

	return (unsigned __int128)duration_ns * 32 > edge;
}

static int index_by_definition(uint64_t duration_ns)
{
	int i = 0;

	while (i < STL_EDGES && above_edge(duration_ns, i))
		i++;
	return i;
}

static void every_edge_is_the_last_of_its_bucket(void)
{
	for (int i = 0; i < STL_EDGES; i++) {
		uint64_t edge = stl_bucket_edge(i);

		CHECK_EQUAL(stl_bucket_index(edge), i);
		CHECK_EQUAL(stl_bucket_index(edge + 1), i + 1);
		CHECK(!above_edge(edge, i) && above_edge(edge + 1, i));
	}
}

static void ends_of_the_range(void)
{
	CHECK_EQUAL(stl_bucket_index(0), 0);
	CHECK_EQUAL(stl_bucket_index(250), 0);
	CHECK_EQUAL(stl_bucket_index(251), 1);
	CHECK_EQUAL(stl_bucket_edge(0), 250);
	CHECK_EQUAL(stl_bucket_edge(8), 500);
	CHECK(stl_bucket_edge(STL_EDGES - 1) == UINT64_C(250) << STL_OCTAVES);
	CHECK_EQUAL(stl_bucket_index(UINT64_MAX), STL_BUCKETS - 1);
	CHECK(stl_bucket_edge(STL_BUCKETS - 1) == UINT64_MAX);
	CHECK(stl_bucket_edge(INT32_MAX) == UINT64_MAX);
	CHECK(stl_bucket_edge(-1) == 0);
}

static void index_is_as_defined(void)
{
	uint64_t state = 1;

	for (uint64_t duration = 0; duration < 20000; duration++)
		CHECK_EQUAL(stl_bucket_index(duration), index_by_definition(duration));
	for (int i = 0; i < 200000; i++) {
		uint64_t value = next_random(&state);
		uint64_t duration = value >> (value % 64);

		CHECK_EQUAL(stl_bucket_index(duration), index_by_definition(duration));
	}
}

int main(void)
{
	static const struct test tests[] = {
		TEST(every_edge_is_the_last_of_its_bucket),
		TEST(ends_of_the_range),
		TEST(index_is_as_defined),
	};

	return RUN_TESTS(tests);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Edge i is (8 + i % 8) << (i / 8) units of 125/4 ns, so that integers are enough.
 */
#include "stracelet.h"

uint64_t stl_bucket_edge(int bucket)
{
	uint64_t units;

	if (bucket < 0)
		return 0;
	if (bucket >= STL_EDGES)
		return UINT64_MAX;
	units = (uint64_t)(8 + bucket % 8) << (bucket / 8);
	/* Rounded down: no whole number of nanoseconds lies between the edge and its floor. */
	return units * 125 / 4;
}

int stl_bucket_index(uint64_t duration_ns)
{
	uint64_t below; /* the units that the duration is longer than */
	int octave;

	if (duration_ns <= 250)
		return 0;
	if (duration_ns > (UINT64_C(250) << STL_OCTAVES))
		return STL_BUCKETS - 1;
	below = (duration_ns * 4 + 124) / 125 - 1;
	octave = 60 - __builtin_clzll(below);
	return 8 * octave + (int)(below >> octave) - 8 + 1;
}

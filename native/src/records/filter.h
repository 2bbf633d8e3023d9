/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a call is wanted: what the tracer asks at a call's entry and exit, and the printer of what it is given.
 */
#ifndef STL_FILTER_H
#define STL_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "stracelet.h"

static inline bool filter_call(const struct stl_filter *filter, uint32_t abi, int32_t number, bool named)
{
	if (!named)
		return filter->unknown;
	if (abi > STL_ABI_AARCH64 || (uint32_t)number >= STL_MAX_NUMBER)
		return false;
	return filter->calls[abi * STL_FILTER_WORDS + (uint32_t)number / 64] >> (number % 64) & 1;
}

static inline bool filter_signal(const struct stl_filter *filter, int32_t signal)
{
	return (uint32_t)signal < 128 && filter->signals[(uint32_t)signal / 64] >> (signal % 64) & 1;
}

/* Of a call that has ended; `finished`: it returned. */
static inline bool filter_result(const struct stl_filter *filter, int64_t result, bool finished, uint64_t duration_ns)
{
	uint32_t status = !finished                      ? STL_STATUS_UNFINISHED
	                  : (uint64_t)result >= -4095ull ? STL_STATUS_FAILED
	                                                 : STL_STATUS_SUCCESSFUL;

	return filter->status & status && duration_ns >= filter->min_duration_ns;
}

/* What can only be told at the exit is asked: nothing may be said of a call before it has ended. */
static inline bool filter_waits_for_exit(const struct stl_filter *filter)
{
	return (filter->status & STL_STATUS_ALL) != STL_STATUS_ALL || filter->min_duration_ns;
}

#endif

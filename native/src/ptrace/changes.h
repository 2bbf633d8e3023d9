/* SPDX-License-Identifier: Apache-2.0
 *
 * Which calls change what descriptors are.
 */
#ifndef STL_CHANGES_H
#define STL_CHANGES_H

#include <stdbool.h>
#include <stdint.h>

#include "records/calls.h"

/* What paths lead to. */
bool changes_names(enum call_id call);
/* A socket's. */
bool changes_addresses(enum call_id call, const uint64_t args[6]);
/* Which descriptors; false: none. */
bool changes_range(enum call_id call, const uint64_t args[6], int32_t *first, int32_t *last);

#endif

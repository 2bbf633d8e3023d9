/* SPDX-License-Identifier: Apache-2.0
 *
 * The containers whose records come, by slot and serial, and the records that wait until somebody has said whether a
 * container is wanted, and what it is called.
 */
#ifndef STL_CONTAINERS_H
#define STL_CONTAINERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "records/record.h"
#include "stracelet.h"

struct containers;

int containers_new(struct containers **out);
void containers_free(struct containers *containers);
int containers_name(struct containers *containers, const struct stl_named *named);
/* What is known of a record's container; NULL: nothing has been said of it. */
const struct stl_named *containers_of(const struct containers *containers, const struct stl_record *record);
/* Keeps a copy of the record until its container is known; what does not fit any more is lost from the front. */
void containers_hold(struct containers *containers, const struct stl_record *record);
/* The records that wait of that container, one by one; NULL: none is left. Valid until the next call. */
const struct stl_record *containers_next_held(struct containers *containers, uint32_t slot, uint64_t serial);
/* How many were lost from the front of its queue, and since when; forgotten with that. */
uint64_t containers_lost(struct containers *containers, uint32_t slot, uint64_t serial, uint64_t *since_ns);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * A record in the making: it grows with what is captured for it, up to RECORD_MAX.
 */
#ifndef STL_BUILDER_H
#define STL_BUILDER_H

#include <stddef.h>

#include "records/record.h"

struct builder {
	struct stl_record *record; /* NULL: none was begun yet */
	size_t room;
};

/* An empty record; false: no memory. */
bool builder_begin(struct builder *builder);
/* A capture with room for `size` bytes, which the caller fills in; NULL: there is no room, which the record says. */
void *builder_add(struct builder *builder, const struct stl_capture *capture);
void builder_free(struct builder *builder);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "records/builder.h"

#include <stdlib.h>
#include <string.h>

#define FIRST 1024
/* What was larger is given back: many tasks make one such call, and none ever after. */
#define KEPT (64u * 1024)

static bool grow(struct builder *builder, size_t size)
{
	size_t room = builder->room ? builder->room : FIRST;

	while (room < size)
		room *= 2;
	void *larger = realloc(builder->record, room);

	if (!larger)
		return false;
	builder->record = larger;
	builder->room = room;
	return true;
}

bool builder_begin(struct builder *builder)
{
	if (builder->room > KEPT)
		builder_free(builder);
	if (!builder->record && !grow(builder, sizeof(*builder->record)))
		return false;
	memset(builder->record, 0, sizeof(*builder->record));
	builder->record->size = sizeof(*builder->record);
	return true;
}

void *builder_add(struct builder *builder, const struct stl_capture *capture)
{
	size_t padded = RECORD_ALIGN((size_t)capture->size), used = builder->record->size;
	size_t size = used + sizeof(*capture) + padded;

	if (capture->size > RECORD_MAX || size > RECORD_MAX || (size > builder->room && !grow(builder, size))) {
		builder->record->flags |= RECORD_CUT;
		return NULL;
	}
	struct stl_capture *added = (struct stl_capture *)((char *)builder->record + used);

	*added = *capture;
	if (padded)
		memset((char *)(added + 1) + padded - 8, 0, 8); /* nothing of ours is in the padding */
	builder->record->size = (uint32_t)size;
	builder->record->captures++;
	return added + 1;
}

void builder_free(struct builder *builder)
{
	free(builder->record);
	builder->record = NULL;
	builder->room = 0;
}

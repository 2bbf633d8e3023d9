/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers as the names that C programs have for them.
 */
#include <string.h>

#include "decode/decode.h"
#include "decode/output.h"

const char *constant_name(const struct constants *table, uint64_t value)
{
	size_t low = 0, high = table->count;

	if (table->unsorted) {
		while (low < high && table->items[low].value != value)
			low++;
		return low < high ? table->items[low].name : NULL;
	}
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (table->items[middle].value < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low < table->count && table->items[low].value == value ? table->items[low].name : NULL;
}

static void print_unknown(struct decoder *d, const struct constants *table, uint64_t value)
{
	print_hex(d, value);
	if (table->unknown)
		print_comment(d, "%s", table->unknown);
}

void print_constant(struct decoder *d, const struct constants *table, uint64_t value)
{
	const char *name = constant_name(table, value);

	if (d->options->constants == STL_CONSTANTS_RAW)
		print_hex(d, value);
	else if (!name)
		print_unknown(d, table, value);
	else if (d->options->constants == STL_CONSTANTS_ABBREV)
		print_text(d, name);
	else
		print_hex(d, value), print_comment(d, "%s", name);
}

/* The flags' names in the table's order; what is left without one. */
static uint64_t add_names(struct text *line, const struct constants *table, uint64_t value, bool *any)
{
	for (size_t i = 0; i < table->count && value; i++) {
		uint64_t bits = table->items[i].value;

		if (!bits || (value & bits) != bits)
			continue;
		if (*any)
			text_add_char(line, '|');
		text_add_string(line, table->items[i].name);
		*any = true;
		value &= ~bits;
	}
	return value;
}

static void add_flags(struct decoder *d, const struct constants *first, uint64_t first_mask,
                      const struct constants *table, uint64_t value)
{
	struct text *line = &d->out->line;
	bool any = false, raw_first = d->options->constants == STL_CONSTANTS_VERBOSE;
	uint64_t left = value & ~first_mask;
	const char *name = first ? constant_name(first, value & first_mask) : NULL;
	size_t begin;

	if (raw_first) {
		print_hex(d, value);
		text_add_string(line, " /* ");
	}
	begin = line->length;
	if (name) {
		text_add_string(line, name);
		any = true;
	} else if (first) {
		left |= value & first_mask;
	} else if (!value && (name = constant_name(table, 0))) {
		text_add_string(line, name);
		any = true;
	}
	left = add_names(line, table, left, &any);
	if (any && left) {
		text_add(line, "|", 1);
		print_hex(d, left);
	} else if (!any) {
		line->length = raw_first ? begin - 4 : begin;
		if (!raw_first)
			print_hex(d, value);
		if (value && table->unknown)
			print_comment(d, "%s", table->unknown);
		return;
	}
	if (raw_first)
		text_add_string(line, " */");
}

void print_flags_with(struct decoder *d, const struct constants *first, uint64_t first_mask,
                      const struct constants *table, uint64_t value)
{
	if (d->options->constants == STL_CONSTANTS_RAW)
		print_hex(d, value);
	else
		add_flags(d, first, first_mask, table, value);
}

void print_flags(struct decoder *d, const struct constants *table, uint64_t value)
{
	print_flags_with(d, NULL, 0, table, value);
}

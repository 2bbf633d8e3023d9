/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers, addresses, arrays.
 */
#include <inttypes.h>
#include <string.h>

#include "decode/decode.h"
#include "decode/output.h"

/* The kernel's IOV_MAX and epoll's, poll's usual sizes lie below it: what is longer is cut as a string is. */
#define ELEMENT_MAX 512

void print(struct decoder *d, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	text_add_format_list(&d->out->line, format, arguments);
	va_end(arguments);
}

void print_text(struct decoder *d, const char *text)
{
	text_add_string(&d->out->line, text);
}

void print_comment(struct decoder *d, const char *format, ...)
{
	va_list arguments;

	text_add_string(&d->out->line, " /* ");
	va_start(arguments, format);
	text_add_format_list(&d->out->line, format, arguments);
	va_end(arguments);
	text_add_string(&d->out->line, " */");
}

void print_signed(struct decoder *d, int64_t value)
{
	text_add_signed(&d->out->line, value);
}

void print_unsigned(struct decoder *d, uint64_t value)
{
	text_add_unsigned(&d->out->line, value);
}

void print_hex(struct decoder *d, uint64_t value)
{
	if (value)
		text_add(&d->out->line, "0x", 2);
	text_add_hex(&d->out->line, value);
}

void print_octal(struct decoder *d, uint64_t value)
{
	if (value)
		text_add_char(&d->out->line, '0');
	text_add_octal(&d->out->line, value);
}

/* Why there is an address and not what is there: elsewhere it is the tracee's mistake, or nothing was wanted. */
static void print_unserved(struct decoder *d, uint64_t address)
{
	const struct stl_capture *capture = fetch_capture(d, address, CAPTURED_MEMORY);

	if (capture && capture->status == CAPTURE_UNSERVED)
		print_comment(d, "not read: a page that a process serves");
}

void print_address(struct decoder *d, uint64_t value)
{
	if (!value) {
		text_add(&d->out->line, "NULL", 4);
		return;
	}
	text_add(&d->out->line, "0x", 2);
	text_add_hex(&d->out->line, value);
	if (d->out->unserved)
		print_unserved(d, value);
}

static bool print_at(struct decoder *d, uint64_t address, void *into, size_t size)
{
	if (address && fetch(d, address, into, size))
		return true;
	print_address(d, address);
	return false;
}

void print_int_at(struct decoder *d, uint64_t address)
{
	int32_t value;

	if (print_at(d, address, &value, sizeof(value)))
		print(d, "[%" PRId32 "]", value);
}

void print_u32_at(struct decoder *d, uint64_t address)
{
	uint32_t value;

	if (print_at(d, address, &value, sizeof(value)))
		print(d, "[%" PRIu32 "]", value);
}

void print_u64_at(struct decoder *d, uint64_t address)
{
	uint64_t value;

	if (print_at(d, address, &value, sizeof(value)))
		print(d, "[%" PRIu64 "]", value);
}

void print_word_at(struct decoder *d, uint64_t address)
{
	uint64_t value = 0;

	if (print_at(d, address, &value, d->word))
		print(d, "[%" PRId64 "]", d->word == 4 ? (int32_t)value : (int64_t)value);
}

void print_array(struct decoder *d, uint64_t address, uint64_t count, size_t size, print_element *print_one)
{
	uint64_t limit = verbose(d) ? UINT64_MAX : d->options->string_limit;
	uint64_t word_mask = d->word == 4 ? UINT32_MAX : UINT64_MAX;
	struct text *line = &d->out->line;
	char element[ELEMENT_MAX];

	if (!address || (count && (size > sizeof(element) || !fetch(d, address, element, size)))) {
		print_address(d, address);
		return;
	}
	text_add_char(line, '[');
	d->out->fields <<= 1;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t at = (address + i * size) & word_mask;

		if (i)
			text_add(line, ", ", 2);
		if (i >= limit || line->cut) {
			text_add(line, "...", 3);
			break;
		}
		if (!fetch(d, at, element, size)) {
			text_add(line, "...", 3);
			print_comment(d, "0x%" PRIx64, at);
			break;
		}
		print_one(d, element, (size_t)i);
	}
	d->out->fields >>= 1;
	text_add_char(line, ']');
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 4096
#define FORMATTED 256
/* Of one line: what a tracee can make of one record (an iovec whose parts are all the same page) must not fill memory. */
#define LINE_LIMIT (8u << 20)
#define NOTE_LIMIT (1u << 20)

void text_free(struct text *text)
{
	free(text->bytes);
	*text = (struct text){0};
}

char *text_room(struct text *text, size_t size)
{
	if (text->limit && (text->cut || size > text->limit - text->length)) {
		text->cut = true;
		return NULL;
	}
	if (!text->bytes || size > text->room - text->length) {
		size_t room = text->room ? text->room : FIRST_ROOM;

		while (room - text->length < size)
			room *= 2;
		char *bytes = realloc(text->bytes, room);

		if (!bytes) {
			text->cut = true;
			return NULL;
		}
		text->bytes = bytes;
		text->room = room;
	}
	return text->bytes + text->length;
}

void text_add(struct text *text, const void *bytes, size_t size)
{
	char *to = text_room(text, size);

	if (to && size) {
		memcpy(to, bytes, size);
		text->length += size;
	}
}

void text_add_string(struct text *text, const char *string)
{
	text_add(text, string, strlen(string));
}

void text_add_char(struct text *text, char byte)
{
	text_add(text, &byte, 1);
}

void text_add_spaces(struct text *text, size_t count)
{
	char *to = text_room(text, count);

	if (to) {
		memset(to, ' ', count);
		text->length += count;
	}
}

void text_add_padded(struct text *text, uint64_t value, unsigned width)
{
	char digits[24];
	unsigned at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	while (sizeof(digits) - at < width && at > 0)
		digits[--at] = '0';
	text_add(text, digits + at, sizeof(digits) - at);
}

void text_add_unsigned(struct text *text, uint64_t value)
{
	text_add_padded(text, value, 1);
}

void text_add_signed(struct text *text, int64_t value)
{
	if (value < 0)
		text_add_char(text, '-');
	text_add_unsigned(text, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

static void add_digits(struct text *text, uint64_t value, unsigned bits)
{
	char digits[24];
	unsigned at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[value & ((1u << bits) - 1)];
		value >>= bits;
	} while (value);
	text_add(text, digits + at, sizeof(digits) - at);
}

void text_add_hex(struct text *text, uint64_t value)
{
	add_digits(text, value, 4);
}

void text_add_octal(struct text *text, uint64_t value)
{
	add_digits(text, value, 3);
}

void text_add_format_list(struct text *text, const char *format, va_list arguments)
{
	va_list again;
	char *to = text_room(text, FORMATTED);

	if (!to)
		return;
	va_copy(again, arguments);
	int size = vsnprintf(to, FORMATTED, format, arguments);

	if (size >= FORMATTED && (to = text_room(text, (size_t)size + 1)))
		size = vsnprintf(to, (size_t)size + 1, format, again);
	va_end(again);
	if (to && size > 0)
		text->length += (size_t)size;
}

void text_add_format(struct text *text, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	text_add_format_list(text, format, arguments);
	va_end(arguments);
}

void output_clear(struct output *output)
{
	output->line.length = output->note.length = 0;
	output->line.cut = output->note.cut = false;
	output->line.limit = LINE_LIMIT;
	output->note.limit = NOTE_LIMIT;
	output->count = 0;
	output->fields = 0;
	output->note_begin = 0;
	output->place.known = false;
	/* so that there is a place to point to, where nothing is printed too */
	text_room(&output->line, 1);
}

void output_free(struct output *output)
{
	text_free(&output->line);
	text_free(&output->note);
}

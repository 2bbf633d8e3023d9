/* SPDX-License-Identifier: Apache-2.0
 *
 * Text in the making: a buffer that grows and is used again for the next record, and what a decoder leaves in it beside
 * the text (where each argument begins, the note behind the result).
 */
#ifndef STL_OUTPUT_H
#define STL_OUTPUT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *bytes;
	size_t length, room, limit; /* limit: nothing is added beyond it; 0: no limit */
	bool cut;                   /* something was not added: the limit, or no memory */
};

void text_free(struct text *text);
/* Room for `size` more bytes, to be filled by the caller, who then adds to `length`; NULL: there is none. */
char *text_room(struct text *text, size_t size);
void text_add(struct text *text, const void *bytes, size_t size);
void text_add_string(struct text *text, const char *string);
void text_add_char(struct text *text, char byte);
void text_add_spaces(struct text *text, size_t count);
void text_add_signed(struct text *text, int64_t value);
void text_add_unsigned(struct text *text, uint64_t value);
/* At least `width` digits, zeros before. */
void text_add_padded(struct text *text, uint64_t value, unsigned width);
void text_add_hex(struct text *text, uint64_t value); /* digits alone */
void text_add_octal(struct text *text, uint64_t value);
void text_add_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_format_list(struct text *text, const char *format, va_list arguments);

/* More than any call has, so that what is no argument of the kernel's finds a place. */
#define OUTPUT_ARGUMENTS 24

struct masks;
struct stl_capture;

/* Where in its record a decoding has found what it fetched last: the next is mostly there or behind it. */
struct memory_place {
	bool known;     /* false: of another record, all is to be found anew */
	uint32_t index; /* of `capture` */
	const struct stl_capture *capture;
	uint64_t exit_low, exit_high; /* what was captured at the exit lies between */
};

struct output {
	struct text line; /* the arguments, without brackets */
	struct text note; /* what goes in brackets behind the result */
	struct output_argument {
		const char *name;
		uint64_t value;
		bool is_signed;
		size_t begin, end; /* of its text in `line`; the last one's end is not set before the next begins */
	} arguments[OUTPUT_ARGUMENTS];
	unsigned count;
	uint64_t fields;   /* bit 0: the innermost struct has a field; bit 1: the one around it ... */
	size_t note_begin; /* 1 + where in `line` the note began that is being printed, else 0 */
	struct masks *masks;
	struct memory_place place;
	bool unserved; /* some of what was to be captured lies on pages that the tracee itself serves */
};

/* For another record. */
void output_clear(struct output *output);
void output_free(struct output *output);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Strings and data, quoted.
 */
#include <inttypes.h>
#include <string.h>

#include "decode/decode.h"
#include "decode/masks.h"
#include "decode/output.h"
#include "decode/strings.h"

#define PATH_LIMIT 4096 /* the kernel's PATH_MAX, its NUL included */

/* How a byte is printed by itself: 0: as an octal escape. */
static char plain_escape(unsigned char byte)
{
	switch (byte) {
	case '"':
	case '\\':
		return (char)byte;
	case '\t':
		return 't';
	case '\n':
		return 'n';
	case '\v':
		return 'v';
	case '\f':
		return 'f';
	case '\r':
		return 'r';
	default:
		return 0;
	}
}

static bool is_plain(unsigned char byte)
{
	return byte >= ' ' && byte < 0x7f;
}

/* -x: in hex altogether, when there is a byte that is neither printed as it is nor white space. */
static bool wants_hex(const struct decoder *d, const unsigned char *bytes, size_t size)
{
	if (d->options->hex != 1)
		return d->options->hex > 1;
	for (size_t i = 0; i < size; i++) {
		if (!is_plain(bytes[i]) && (bytes[i] < '\t' || bytes[i] > '\r'))
			return true;
	}
	return false;
}

static char *put_octal(char *to, unsigned byte, bool whole)
{
	*to++ = '\\';
	if (whole || byte > 077)
		*to++ = (char)('0' + (byte >> 6));
	if (whole || byte > 07)
		*to++ = (char)('0' + (byte >> 3 & 7));
	*to++ = (char)('0' + (byte & 7));
	return to;
}

static void add_escaped(struct text *line, const unsigned char *bytes, size_t size, bool hex, const char *others)
{
	char *to = text_room(line, size * 4), *begin = to;

	if (!to)
		return;
	for (size_t i = 0; i < size; i++) {
		unsigned char byte = bytes[i];
		char escape;

		if (hex) {
			*to++ = '\\';
			*to++ = 'x';
			*to++ = "0123456789abcdef"[byte >> 4];
			*to++ = "0123456789abcdef"[byte & 15];
		} else if ((escape = plain_escape(byte))) {
			*to++ = '\\';
			*to++ = escape;
		} else if (is_plain(byte) && (!*others || !strchr(others, byte))) {
			*to++ = (char)byte;
		} else {
			/* a digit behind it would be taken for a part of it */
			to = put_octal(to, byte, i + 1 < size && bytes[i + 1] >= '0' && bytes[i + 1] <= '7');
		}
	}
	line->length += (size_t)(to - begin);
}

/* What is to be hidden goes before all else: it is looked for in the bytes as they are, and in those too that are not
 * shown any more, since a secret may begin among those that are. */
static void add_masked(struct decoder *d, const unsigned char *bytes, size_t size, size_t shown, const char *others)
{
	bool hex = wants_hex(d, bytes, shown);
	struct text *line = &d->out->line;
	size_t begin, end, at = 0;

	masks_begin(d->out->masks, (const char *)bytes, size);
	while (at < shown && masks_next(d->out->masks, &begin, &end) && begin < shown) {
		add_escaped(line, bytes + at, begin - at, hex, others);
		text_add_string(line, MASKED);
		at = end;
	}
	if (at < shown)
		add_escaped(line, bytes + at, shown - at, hex, others);
}

void print_shown(struct decoder *d, const void *bytes, size_t size, size_t shown)
{
	text_add_char(&d->out->line, '"');
	add_masked(d, bytes, size, shown, "");
	text_add_char(&d->out->line, '"');
}

void print_quoted(struct decoder *d, const void *bytes, size_t size, size_t limit, bool ended)
{
	if (ended)
		size = strnlen(bytes, size);
	bool more = limit && size > limit;

	print_shown(d, bytes, size, more ? limit : size);
	if (more)
		text_add(&d->out->line, "...", 3);
}

void print_escaped(struct decoder *d, const void *bytes, size_t size, const char *others)
{
	add_masked(d, bytes, size, size, others);
}

/* Where the bytes of a string lie that begins at `address`, as far as they were captured; NULL: nowhere. */
static const char *string_at(const struct decoder *d, uint64_t address, size_t *size, bool *ended)
{
	const struct stl_capture *capture = fetch_holding(d, address);

	if (!capture)
		return NULL;
	size_t offset = (size_t)(address - capture->address);
	const char *bytes = (const char *)capture_bytes(capture) + offset;

	*size = strnlen(bytes, capture->size - offset);
	*ended = *size < capture->size - offset;
	/* what ends for another reason than the limit is no string to the kernel either */
	if (!*ended && capture->status != CAPTURE_WHOLE && capture->status != CAPTURE_LIMITED)
		return NULL;
	return bytes;
}

static void print_limited(struct decoder *d, uint64_t address, size_t limit)
{
	const char *bytes;
	size_t size;
	bool ended;

	if (!address || !(bytes = string_at(d, address, &size, &ended))) {
		print_address(d, address);
		return;
	}
	print_shown(d, bytes, size, size > limit ? limit : size);
	if (size > limit || !ended)
		text_add(&d->out->line, "...", 3);
}

void print_path(struct decoder *d, uint64_t address)
{
	print_limited(d, address, PATH_LIMIT - 1);
}

void print_string(struct decoder *d, uint64_t address)
{
	print_limited(d, address, d->options->string_limit);
}

void print_bytes(struct decoder *d, uint64_t address, uint64_t length)
{
	const struct stl_capture *capture = fetch_holding(d, address);

	if (!address || (!capture && length) || d->options->flags & STL_PRINT_NO_DATA) {
		print_address(d, address);
		return;
	}
	size_t offset = capture ? (size_t)(address - capture->address) : 0;
	size_t there = capture ? capture->size - offset : 0;
	size_t limit = d->options->string_limit, wanted = length < limit ? (size_t)length : limit;

	if (there < wanted && !(capture && capture->status == CAPTURE_LIMITED)) {
		/* a part of it alone could be read: what the kernel took is not known */
		print_address(d, address);
		return;
	}
	if (wanted > there)
		wanted = there;
	print_shown(d, capture ? (const char *)capture_bytes(capture) + offset : "",
	            there < length ? there : (size_t)length, wanted);
	if (length > wanted)
		text_add(&d->out->line, "...", 3);
}

void print_result_bytes(struct decoder *d, uint64_t address)
{
	if (failed(d) || d->result < 0)
		print_address(d, address);
	else
		print_bytes(d, address, (uint64_t)d->result);
}

void print_strings(struct decoder *d, uint64_t address, bool count_only)
{
	const struct stl_capture *capture = fetch_capture(d, address, CAPTURED_STRINGS);
	struct text *line = &d->out->line;
	int32_t count = 0;

	if (!address || !capture || capture->size < 8) {
		print_address(d, address);
		return;
	}
	const char *at = (const char *)capture_bytes(capture) + 8,
		   *end = (const char *)capture_bytes(capture) + capture->size;

	memcpy(&count, capture_bytes(capture), sizeof(count));
	bool cut = capture->status == CAPTURE_FAULT || capture->status == CAPTURE_UNSERVED;

	if (!count && cut) {
		print_address(d, address);
		return;
	}
	if (d->options->flags & STL_PRINT_MASK_EXEC) {
		text_add_string(line, MASKED);
		return;
	}
	if (count_only) {
		print_address(d, address);
		print_comment(d, "%" PRId32 " var%s%s", count, count == 1 ? "" : "s", cut ? ", unterminated" : "");
		return;
	}
	text_add_char(line, '[');
	for (int32_t i = 0; i < count; i++) {
		size_t size = strnlen(at, (size_t)(end - at));

		if (i)
			text_add(line, ", ", 2);
		if (at == end || (!verbose(d) && (uint32_t)i >= d->options->string_limit)) {
			text_add(line, "...", 3);
			cut = false;
			break;
		}
		print_quoted(d, at, size, d->options->string_limit, false);
		at += size + (at + size < end);
	}
	/* all that were found are there, but the null pointer behind them is not */
	if (cut) {
		text_add_string(line, ", ...");
		print_comment(d, "0x%" PRIx64, address + (uint64_t)count * d->word);
	}
	text_add_char(line, ']');
}

static bool fetch_iovec(const struct decoder *d, uint64_t address, uint64_t *base, uint64_t *length)
{
	return fetch_word(d, address, base) && fetch_word(d, address + d->word, length);
}

void print_iovec(struct decoder *d, uint64_t address, uint64_t count, uint64_t limit)
{
	struct text *line = &d->out->line;
	uint64_t base, length, shown = verbose(d) ? UINT64_MAX : d->options->string_limit;

	if (!address || (count && !fetch_iovec(d, address, &base, &length))) {
		print_address(d, address);
		return;
	}
	text_add_char(line, '[');
	for (uint64_t i = 0; i < count; i++, address += 2 * d->word) {
		if (i)
			text_add(line, ", ", 2);
		if (i >= shown || line->cut) {
			text_add(line, "...", 3);
			break;
		}
		if (!fetch_iovec(d, address, &base, &length)) {
			text_add(line, "...", 3);
			print_comment(d, "0x%" PRIx64, address);
			break;
		}
		uint64_t part = length < limit ? length : limit;

		begin_struct(d);
		field(d, "iov_base");
		print_bytes(d, base, part);
		field(d, "iov_len");
		print_unsigned(d, length);
		end_struct(d);
		limit -= limit == UINT64_MAX ? 0 : part;
	}
	text_add_char(line, ']');
}

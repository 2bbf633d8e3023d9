/* SPDX-License-Identifier: Apache-2.0
 *
 * All that was read from or written to a descriptor, in hex: -e read=, -e write=.
 */
#include <string.h>

#include "decode/masks.h"
#include "decode/printer.h"
#include "decode/strings.h"

#define ROW 16

static bool is_dumped(const uint64_t set[4], uint64_t fd)
{
	if ((set[0] & set[1] & set[2] & set[3]) == UINT64_MAX)
		return true;
	return fd < 256 && set[fd / 64] >> (fd % 64) & 1;
}

static void add_row(struct text *to, const unsigned char *bytes, size_t size, uint64_t offset)
{
	static const char digits[] = "0123456789abcdef";
	char hex[3 * ROW + 1], plain[ROW];

	memset(hex, ' ', sizeof(hex));
	memset(plain, ' ', sizeof(plain));
	for (size_t i = 0; i < size; i++) {
		size_t at = 3 * i + (i >= ROW / 2);

		hex[at] = digits[bytes[i] >> 4];
		hex[at + 1] = digits[bytes[i] & 15];
		plain[i] = bytes[i] >= ' ' && bytes[i] < 0x7f ? (char)bytes[i] : '.';
	}
	text_add_format(to, " | %05zx  ", (size_t)offset);
	text_add(to, hex, sizeof(hex));
	text_add_char(to, ' ');
	text_add(to, plain, sizeof(plain));
	text_add_string(to, " |");
}

static void add_rows(struct stl_printer *printer, const struct decoder *d, uint64_t address, uint64_t size)
{
	unsigned char row[ROW];

	for (uint64_t offset = 0; offset < size; offset += ROW) {
		size_t there =
			fetch_some(d, address + offset, row, size - offset < ROW ? (size_t)(size - offset) : ROW);

		if (!there)
			break;
		add_row(&printer->pending, row, there, offset);
		text_end_line(printer, d->record->tid);
	}
}

/* A pattern may lie across rows, and in hex nothing of it could be hidden. */
static bool is_secret(const struct stl_printer *printer, const struct decoder *d, uint64_t address, uint64_t size)
{
	const struct stl_capture *capture = fetch_holding(d, address);
	unsigned found = 0;
	size_t begin, end;

	if (!printer->masks || !capture)
		return false;
	size_t offset = (size_t)(address - capture->address), there = capture->size - offset;

	return masks_find(printer->masks, (const char *)capture_bytes(capture) + offset,
	                  size < there ? (size_t)size : there, &found, &begin, &end);
}

static void dump_part(struct stl_printer *printer, const struct decoder *d, uint64_t address, uint64_t size)
{
	if (is_secret(printer, d, address, size)) {
		text_add_string(&printer->pending, " | " MASKED);
		text_end_line(printer, d->record->tid);
		return;
	}
	add_rows(printer, d, address, size);
}

static void dump_parts(struct stl_printer *printer, const struct decoder *d, uint64_t parts, uint64_t count,
                       uint64_t left)
{
	uint64_t base, length;

	for (uint64_t i = 0; i < count && left; i++) {
		uint64_t at = parts + i * 2 * d->word;

		if (!fetch_word(d, at, &base) || !fetch_word(d, at + d->word, &length))
			break;
		if (length > left)
			length = left;
		left -= length;
		text_add_format(&printer->pending, " * %llu bytes in buffer %llu", (unsigned long long)length,
		                (unsigned long long)i);
		text_end_line(printer, d->record->tid);
		dump_part(printer, d, base, length);
	}
}

enum shape { NO_DUMP, BUFFER, PARTS, MESSAGE };

static enum shape shape_of(enum call_id call, bool *writes)
{
	*writes = false;
	switch (call) {
	case CALL_write:
	case CALL_pwrite64:
	case CALL_sendto:
		*writes = true;
		return BUFFER;
	case CALL_read:
	case CALL_pread64:
	case CALL_recvfrom:
		return BUFFER;
	case CALL_writev:
	case CALL_pwritev:
	case CALL_pwritev2:
		*writes = true;
		return PARTS;
	case CALL_readv:
	case CALL_preadv:
	case CALL_preadv2:
		return PARTS;
	case CALL_sendmsg:
		*writes = true;
		return MESSAGE;
	case CALL_recvmsg:
		return MESSAGE;
	default:
		return NO_DUMP;
	}
}

void dump_data(struct stl_printer *printer, struct decoder *d)
{
	const struct stl_filter *filter = &printer->filter;
	bool writes;
	enum shape shape = shape_of(d->call, &writes);
	uint64_t parts, count;

	if (shape == NO_DUMP || (!writes && (failed(d) || d->result <= 0)) ||
	    printer->options.flags & STL_PRINT_NO_DATA ||
	    !is_dumped(writes ? filter->dump_writes : filter->dump_reads, d->args[0]))
		return;
	/* of a write all that was to be written, whether it was or not */
	uint64_t size = writes ? UINT64_MAX : (uint64_t)d->result;

	if (shape == BUFFER)
		dump_part(printer, d, d->args[1], writes ? d->args[2] : size);
	else if (shape == PARTS)
		dump_parts(printer, d, d->args[1], d->args[2], size);
	else if (fetch_word(d, d->args[1] + 2 * d->word, &parts) && fetch_word(d, d->args[1] + 3 * d->word, &count))
		dump_parts(printer, d, parts, count, size);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * All that was read from or written to a descriptor, in hex: -e read=, -e write=.
 */
#include <string.h>

#include "decode/masks.h"
#include "decode/printer.h"
#include "decode/strings.h"

#define ROW 16
/* Characters for each byte of the record. What shows all that was captured once has 6 at most; of parts that are all the
 * same memory a tracee can make gigabytes. */
#define DUMP_LIMIT 16

struct dump {
	struct stl_printer *printer;
	const struct decoder *d;
	size_t end; /* of the printer's text: beyond it nothing more is begun */
};

static bool is_full(const struct dump *dump)
{
	return dump->printer->pending.length >= dump->end;
}

static void end_line(const struct dump *dump)
{
	text_end_line(dump->printer, dump->d->record->tid);
}

static bool is_dumped(const uint64_t set[4], uint32_t fd)
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

static void add_rows(const struct dump *dump, uint64_t address, uint64_t size)
{
	unsigned char row[ROW];

	for (uint64_t offset = 0; offset < size && !is_full(dump); offset += ROW) {
		size_t there =
			fetch_some(dump->d, address + offset, row, size - offset < ROW ? (size_t)(size - offset) : ROW);

		if (!there)
			break;
		add_row(&dump->printer->pending, row, there, offset);
		end_line(dump);
	}
}

/* A pattern may lie across rows, and in hex nothing of it could be hidden. */
static bool is_secret(const struct dump *dump, uint64_t address, uint64_t size)
{
	const struct stl_capture *capture = fetch_holding(dump->d, address);
	size_t begin, end;

	if (!dump->printer->masks || !capture)
		return false;
	size_t offset = (size_t)(address - capture->address), there = capture->size - offset;

	masks_begin(dump->printer->masks, (const char *)capture_bytes(capture) + offset,
	            size < there ? (size_t)size : there);
	return masks_next(dump->printer->masks, &begin, &end);
}

static void dump_part(const struct dump *dump, uint64_t address, uint64_t size)
{
	if (is_secret(dump, address, size)) {
		text_add_string(&dump->printer->pending, " | " MASKED);
		end_line(dump);
		return;
	}
	add_rows(dump, address, size);
}

static void dump_parts(const struct dump *dump, uint64_t parts, uint64_t count, uint64_t left)
{
	const struct decoder *d = dump->d;
	uint64_t base, length;

	for (uint64_t i = 0; i < count && left && !is_full(dump); i++) {
		uint64_t at = parts + i * 2 * d->word;

		if (!fetch_word(d, at, &base) || !fetch_word(d, at + d->word, &length))
			break;
		if (length > left)
			length = left;
		left -= length;
		text_add_format(&dump->printer->pending, " * %llu bytes in buffer %llu", (unsigned long long)length,
		                (unsigned long long)i);
		end_line(dump);
		dump_part(dump, base, length);
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

static void dump_shape(const struct dump *dump, enum shape shape, uint64_t size)
{
	const struct decoder *d = dump->d;
	uint64_t parts, count;

	if (shape == BUFFER)
		dump_part(dump, d->args[1], size == UINT64_MAX ? d->args[2] : size);
	else if (shape == PARTS)
		dump_parts(dump, d->args[1], d->args[2], size);
	else if (fetch_word(d, d->args[1] + 2 * d->word, &parts) && fetch_word(d, d->args[1] + 3 * d->word, &count))
		dump_parts(dump, parts, count, size);
}

void dump_data(struct stl_printer *printer, struct decoder *d)
{
	const struct stl_filter *filter = &printer->filter;
	bool writes;
	enum shape shape = shape_of(d->call, &writes);

	if (shape == NO_DUMP || (!writes && (failed(d) || d->result <= 0)) ||
	    printer->options.flags & STL_PRINT_NO_DATA ||
	    !is_dumped(writes ? filter->dump_writes : filter->dump_reads, (uint32_t)d->args[0]))
		return;
	const struct dump dump = {printer, d, printer->pending.length + (size_t)DUMP_LIMIT * d->record->size};
	/* of a write all that was to be written, whether it was or not */
	uint64_t size = writes ? UINT64_MAX : (uint64_t)d->result;

	dump_shape(&dump, shape, size);
	if (is_full(&dump)) {
		text_add_string(&printer->pending, " | ... /* cut: too long */");
		end_line(&dump);
	}
}

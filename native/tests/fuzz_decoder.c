/* SPDX-License-Identifier: Apache-2.0
 *
 * The decoder and the printer over records that hold anything at all: a target for libFuzzer (make fuzz-decoder).
 *
 * An input is 16 bytes that choose how is printed, then records. Lengths that do not fit are put right first, or nearly
 * every input would end at record_check(); one bit of the choice leaves them as they are. So that pointers hit what was
 * captured, an argument whose upper 16 bits are HIT is made the address of a capture, by its number, and an offset.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "records/record.h"
#include "stracelet.h"

#define CHOICE 16
#define LARGEST (1u << 18)
#define HIT 0xa5a5u

static void mend_captures(struct stl_record *record)
{
	size_t left = record->size - sizeof(*record);
	struct stl_capture *capture = (struct stl_capture *)(record + 1);
	uint32_t count = 0;

	while (count < record->captures && left >= sizeof(*capture)) {
		left -= sizeof(*capture);
		if (capture->size > left)
			capture->size = (uint32_t)left;
		left -= RECORD_ALIGN((size_t)capture->size);
		capture = (struct stl_capture *)((char *)(capture + 1) + RECORD_ALIGN((size_t)capture->size));
		count++;
	}
	record->captures = count;
}

static void aim_argument(struct stl_record *record, uint64_t *argument)
{
	const struct stl_capture *capture = capture_first(record);
	uint32_t wanted = (uint32_t)(*argument >> 16) % (record->captures + 1);

	if (*argument >> 48 != HIT || wanted == record->captures)
		return;
	while (wanted--)
		capture = capture_next(capture);
	*argument = capture->address + (uint16_t)*argument % 64;
}

static void mend(char *bytes, size_t size)
{
	while (size >= sizeof(struct stl_record)) {
		struct stl_record *record = (struct stl_record *)bytes;

		record->size &= ~7u;
		if (record->size < sizeof(*record))
			record->size = sizeof(*record);
		if (record->size > size)
			record->size = (uint32_t)size;
		record->type %= RECORD_DROPPED + 2;
		record->abi %= STL_ABI_SIGNAL + 1;
		record->comm[RECORD_COMM - 1] = '\0';
		mend_captures(record);
		for (int i = 0; i < 6; i++)
			aim_argument(record, &record->args[i]);
		bytes += record->size;
		size -= record->size;
	}
}

/* RFC 8259: no control characters in strings, no bytes that are not UTF-8; and each line is one object. */
static void check_json(const unsigned char *text, size_t size)
{
	for (size_t i = 0; i < size;) {
		unsigned char byte = text[i++];
		int more = byte < 0x80 ? 0 : byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;

		CHECK(byte >= ' ' || byte == '\n');
		CHECK(byte < 0x80 || (byte >= 0xc2 && byte <= 0xf4));
		if (byte == '\n')
			CHECK(text[i - 2] == '}' && (i == size || text[i] == '{'));
		while (more--)
			CHECK(i < size && (text[i++] & 0xc0) == 0x80);
	}
}

static void check_output(stl_printer *printer, uint32_t format, size_t at_once)
{
	static unsigned char out[1 << 22];
	size_t size = 0;
	int64_t got;
	int32_t tid;

	while (size + at_once <= sizeof(out) &&
	       (got = stl_printer_take(printer, (char *)out + size, at_once, &tid)) > 0)
		size += (size_t)got;
	if (size + at_once > sizeof(out))
		return;
	CHECK(size == 0 || out[size - 1] == '\n');
	if (format == STL_FORMAT_JSON)
		check_json(out, size);
}

static void print_all(const struct stl_print_options *options, const struct stl_filter *filter, const uint8_t *choice,
                      const char *records, size_t size)
{
	struct stl_named named = {.slot = choice[9] % 4, .serial = choice[10], .state = choice[11] % 3, .name = "c"};
	stl_printer *printer;

	CHECK_EQUAL(stl_printer_new(options, filter, &printer), 0);
	if (choice[12] & 1)
		CHECK_EQUAL(stl_printer_path(printer, "/tmp"), 0);
	if (choice[12] & 2)
		CHECK_EQUAL(stl_printer_mask(printer, "[a-z]{2,}"), 0);
	CHECK_EQUAL(stl_printer_container(printer, &named), 0);
	if (stl_printer_feed(printer, records, size) >= 0) {
		named.serial++;
		CHECK_EQUAL(stl_printer_container(printer, &named), 0);
		CHECK(stl_printer_end(printer) >= 0);
		check_output(printer, options->format, choice[13] ? choice[13] : 4096);
	}
	stl_printer_free(printer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static _Alignas(8) char records[LARGEST];
	struct stl_print_options options = {.node = "n"};
	struct stl_filter filter;

	if (size < CHOICE || size - CHOICE > sizeof(records))
		return 0;
	size = (size - CHOICE) & ~(size_t)7;
	memcpy(records, data + CHOICE, size);
	options.string_limit = data[1];
	options.hex = data[2] % 3;
	options.constants = data[3] % 3;
	options.time = data[4] % 5;
	options.column = data[5];
	options.limit = data[6] / 32;
	options.flags = (data[7] | (uint32_t)data[8] << 8) | STL_PRINT_NAME_UNKNOWN * !(data[12] & 4);
	memset(&filter, 0xff, sizeof(filter));
	filter.min_duration_ns = 0;
	if (data[12] & 8)
		filter.status = data[14];
	if (!(data[0] & 4))
		mend(records, size);
	for (options.format = STL_FORMAT_TEXT; options.format <= STL_FORMAT_COUNTS; options.format++)
		print_all(&options, &filter, data, records, size);
	return 0;
}

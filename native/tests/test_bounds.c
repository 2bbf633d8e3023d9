/* SPDX-License-Identifier: Apache-2.0
 *
 * What a hostile record costs the printer, in memory and in time.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <time.h>

#include "records.h"

static struct records records;
static struct stl_filter filter;

static void begin(void)
{
	memset(&records, 0, sizeof(records));
	let_all_through(&filter);
	memset(filter.dump_reads, 0xff, sizeof(filter.dump_reads));
	memset(filter.dump_writes, 0xff, sizeof(filter.dump_writes));
}

static stl_printer *printer_of(uint32_t flags)
{
	struct stl_print_options options = {.string_limit = 32, .column = 40, .flags = flags};
	stl_printer *printer;

	CHECK_EQUAL(stl_printer_new(&options, &filter, &printer), 0);
	return printer;
}

/* Parts that are all the same memory: a record of 100 KiB would become 130 MB. */
static void a_dump_is_bounded(void)
{
	static const char page[64 * 1024];
	static struct {
		uint64_t base, length;
	} parts[512];
	static const char cut[] = " | ... /* cut: too long */\n";
	stl_printer *printer;
	struct stl_record *record;
	char out[4096];
	int64_t size = 0, got;
	size_t last = 0;
	int32_t tid;

	begin();
	record = add_record(&records, RECORD_SYSCALL, "writev");
	record->args[0] = 1;
	record->args[1] = 0x1000;
	record->args[2] = 512;
	for (int i = 0; i < 512; i++) {
		parts[i].base = 0x100000;
		parts[i].length = sizeof(page);
	}
	add_memory(&records, 0x1000, parts, sizeof(parts));
	add_memory(&records, 0x100000, page, sizeof(page));
	printer = printer_of(STL_PRINT_NAME_UNKNOWN);
	CHECK(stl_printer_feed(printer, records.bytes, records.size) < 20 * (int64_t)records.size);
	while ((got = stl_printer_take(printer, out, sizeof(out), &tid)) > 0) {
		size += got;
		last = (size_t)got;
	}
	CHECK(size > 5 * (int64_t)sizeof(page));
	CHECK(last >= strlen(cut) && !memcmp(out + last - strlen(cut), cut, strlen(cut)));
	stl_printer_free(printer);
}

/* What is captured once is dumped whole, however small its parts are. */
static void a_dump_of_all_is_whole(void)
{
	static struct {
		uint64_t base, length;
	} parts[1024];
	stl_printer *printer;
	struct stl_record *record;

	begin();
	record = add_record(&records, RECORD_SYSCALL, "writev");
	record->args[0] = 1;
	record->args[1] = 0x1000;
	record->args[2] = 1024;
	for (int i = 0; i < 1024; i++) {
		parts[i].base = 0x100000 + (uint64_t)i * 2;
		parts[i].length = 1;
	}
	add_memory(&records, 0x1000, parts, sizeof(parts));
	for (int i = 0; i < 1024; i++)
		add_memory(&records, parts[i].base, "x", 1);
	printer = printer_of(STL_PRINT_NAME_UNKNOWN);
	CHECK(stl_printer_feed(printer, records.bytes, records.size) > 0);
	CHECK_EQUAL(stl_printer_lines(printer), 1 + 2 * 1024);
	stl_printer_free(printer);
}

/* A queue that is full loses its oldest with each that comes: in the time of a copy, not of the whole queue's. */
static void a_full_queue_costs_little(void)
{
	stl_printer *printer = printer_of(0);
	struct stl_named named = {.state = STL_NAMED_KEPT, .serial = 1};
	clock_t start = clock();
	char out[64];
	int32_t tid;

	begin();
	for (int i = 0; i < 1000; i++)
		add_record(&records, RECORD_SYSCALL, "getpid");
	for (int i = 0; i < 200; i++)
		CHECK_EQUAL(stl_printer_feed(printer, records.bytes, records.size), 0);
	CHECK((clock() - start) / CLOCKS_PER_SEC < 5);
	CHECK_EQUAL(stl_printer_container(printer, &named), 0);
	CHECK(stl_printer_take(printer, out, sizeof(out), &tid) > 0);
	CHECK_EQUAL(strtol(out + 4, NULL, 10) + (long)stl_printer_lines(printer) - 1, 200000);
	stl_printer_free(printer);
}

/* Places that begin one in the other, in parts that are all the same memory: what is not looked at any more is hidden,
 * and the next record is looked at again. */
static void masks_cost_little(void)
{
	static char page[64 * 1024];
	static struct {
		uint64_t base, length;
	} parts[512];
	stl_printer *printer = printer_of(STL_PRINT_NAME_UNKNOWN | STL_PRINT_VERBOSE);
	clock_t start = clock();
	char out[4096] = {0};
	int32_t tid;

	begin();
	add_record(&records, RECORD_SYSCALL, "writev")->args[2] = 512;
	records.last->args[1] = 0x1000;
	memset(page, 'k', sizeof(page));
	memcpy(page + sizeof(page) - 2, ";z", 2);
	for (int i = 0; i < 512; i++) {
		parts[i].base = 0x100000;
		parts[i].length = sizeof(page);
	}
	add_memory(&records, 0x1000, parts, sizeof(parts));
	add_memory(&records, 0x100000, page, sizeof(page));
	CHECK_EQUAL(stl_printer_mask(printer, "k+;"), 0);
	CHECK(stl_printer_feed(printer, records.bytes, records.size) > 0);
	CHECK((clock() - start) / CLOCKS_PER_SEC < 10);
	while (stl_printer_take(printer, out, sizeof(out), &tid) > 0)
		CHECK(!memmem(out, sizeof(out), "\"kk", 3));
	begin();
	add_record(&records, RECORD_SYSCALL, "chdir")->args[0] = 0x1000;
	add_string(&records, 0x1000, "akk;b");
	CHECK(stl_printer_feed(printer, records.bytes, records.size) > 0);
	CHECK(stl_printer_take(printer, out, sizeof(out), &tid) > 0);
	CHECK(!strncmp(out, "chdir(\"a[masked]b\")", 19));
	stl_printer_free(printer);
}

int main(void)
{
	static const struct test tests[] = {
		TEST(a_dump_is_bounded),
		TEST(a_dump_of_all_is_whole),
		TEST(a_full_queue_costs_little),
		TEST(masks_cost_little),
	};

	return RUN_TESTS(tests);
}

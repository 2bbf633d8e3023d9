/* SPDX-License-Identifier: Apache-2.0
 *
 * Records a second to text and to JSON, on one CPU: of a mix of calls as servers make them.
 */
#include <stdlib.h>
#include <time.h>

#include "records.h"

#define ROUNDS 200
#define MIXES 400

static struct records records;

static void set_args(uint64_t a, uint64_t b, uint64_t c, uint64_t d, int64_t result)
{
	uint64_t args[] = {a, b, c, d, 0, 0};

	memcpy(records.last->args, args, sizeof(args));
	records.last->result = result;
}

static int add_mix(void)
{
	static const char data[33] = "GET / HTTP/1.1\r\nHost: \377\1localhost";
	uint8_t stat[144] = {0};

	add_record(&records, RECORD_SYSCALL, "openat");
	set_args((uint64_t)-100, 0x1000, 0x80000, 0, 5);
	add_string(&records, 0x1000, "/usr/share/zoneinfo/Europe/Vienna");
	add_record(&records, RECORD_SYSCALL, "fstat");
	set_args(5, 0x2000, 0, 0, 0);
	add_capture(&records, CAPTURED_MEMORY, PHASE_EXIT, CAPTURE_WHOLE, 0x2000, stat, sizeof(stat));
	add_record(&records, RECORD_SYSCALL, "read");
	set_args(5, 0x3000, 16384, 0, 512);
	add_capture(&records, CAPTURED_MEMORY, PHASE_EXIT, CAPTURE_LIMITED, 0x3000, data, sizeof(data));
	add_record(&records, RECORD_SYSCALL, "write");
	set_args(5, 0x3000, 512, 0, 512);
	add_capture(&records, CAPTURED_MEMORY, PHASE_ENTRY, CAPTURE_LIMITED, 0x3000, data, sizeof(data));
	add_record(&records, RECORD_SYSCALL, "lseek");
	set_args(5, 100, 1, 0, 612);
	add_record(&records, RECORD_SYSCALL, "close");
	set_args(5, 0, 0, 0, -9);
	add_record(&records, RECORD_SYSCALL, "getpid");
	set_args(0, 0, 0, 0, 100);
	return 7;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void measure(const char *name, uint32_t format, uint32_t flags, int count)
{
	struct stl_print_options options = {
		.format = format, .string_limit = 32, .column = 40, .time = STL_TIME_MICROSECONDS};
	static char out[1 << 16];
	struct stl_filter filter;
	stl_printer *printer;
	uint64_t bytes = 0;
	int64_t got;
	int32_t tid;

	options.flags = flags | STL_PRINT_NAME_UNKNOWN;
	memset(&filter, 0xff, sizeof(filter));
	filter.min_duration_ns = 0;
	memset(filter.dump_reads, 0, sizeof(filter.dump_reads));
	memset(filter.dump_writes, 0, sizeof(filter.dump_writes));
	CHECK_EQUAL(stl_printer_new(&options, &filter, &printer), 0);
	double begun = now();

	for (int i = 0; i < ROUNDS; i++) {
		CHECK(stl_printer_feed(printer, records.bytes, records.size) > 0);
		while ((got = stl_printer_take(printer, out, sizeof(out), &tid)) > 0)
			bytes += (uint64_t)got;
	}
	double seconds = now() - begun;

	printf("decoder: %s: %.0f ns a record, %.0f records/s, %.0f MB/s\n", name, seconds * 1e9 / (ROUNDS * count),
	       ROUNDS * count / seconds, (double)bytes / seconds / 1e6);
	stl_printer_free(printer);
}

int main(void)
{
	int count = 0;

	for (int i = 0; i < MIXES; i++)
		count += add_mix();
	measure("text", STL_FORMAT_TEXT, STL_PRINT_ALWAYS_PID | STL_PRINT_DURATION, count);
	measure("JSON", STL_FORMAT_JSON, 0, count);
	return 0;
}

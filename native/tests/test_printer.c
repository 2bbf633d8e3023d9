/* SPDX-License-Identifier: Apache-2.0
 *
 * Records to lines. The calls here are printed by the types of their arguments, or as every version of a decoder would.
 */
#include <stdlib.h>

#include "records.h"

static struct records records;
static struct stl_filter filter;

static void begin(void)
{
	memset(&records, 0, sizeof(records));
	let_all_through(&filter);
}

static stl_printer *printer_of(uint32_t format, uint32_t time, uint32_t flags)
{
	struct stl_print_options options = {
		.format = format, .string_limit = 32, .column = 40, .time = time, .node = "n1"};
	stl_printer *printer;

	options.flags = flags;
	CHECK_EQUAL(stl_printer_new(&options, &filter, &printer), 0);
	return printer;
}

static void expect_taken(int line, stl_printer *printer, const char *expected)
{
	static char out[1 << 20];
	size_t size = 0;
	int64_t got;
	int32_t tid;

	CHECK(stl_printer_feed(printer, records.bytes, records.size) >= 0);
	CHECK(stl_printer_end(printer) >= 0);
	while ((got = stl_printer_take(printer, out + size, 100, &tid)) > 0)
		size += (size_t)got;
	out[size] = '\0';
	if (strcmp(out, expected)) {
		fprintf(stderr, "%s:%d: not so:\n%s\nbut:\n%s\n", __FILE__, line, expected, out);
		abort();
	}
	stl_printer_free(printer);
}

#define EXPECT_ALL(flags, time, expected)                                                                              \
	expect_taken(__LINE__, printer_of(STL_FORMAT_TEXT, time, (flags) | STL_PRINT_NAME_UNKNOWN), expected)
#define EXPECT(expected) EXPECT_ALL(STL_PRINT_NO_ATTACH, STL_TIME_NONE, expected)

static struct stl_record *add_write(int32_t tid, const char *text)
{
	struct stl_record *record = add_record(&records, RECORD_SYSCALL, "write");

	record->tid = tid;
	record->args[0] = 1;
	record->args[1] = 0x1000;
	record->args[2] = strlen(text);
	record->result = (int64_t)strlen(text);
	add_string(&records, 0x1000, text);
	return record;
}

static struct stl_record *add_pause(uint16_t type, int32_t tid)
{
	struct stl_record *record = add_record(&records, type, "pause");

	record->tid = tid;
	return record;
}

static void results(void)
{
	struct stl_record *record;

	begin();
	add_write(100, "abc");
	add_write(100, "abc")->result = -9;
	add_write(100, "abc")->result = -512;
	add_write(100, "abc")->result = -4000;
	add_write(100, "abc")->result = -524;
	add_write(100, "abc")->flags = RECORD_UNFINISHED;
	record = add_record(&records, RECORD_SYSCALL, NULL);
	record->number = 9999;
	record->args[0] = 1;
	record->result = -38;
	EXPECT("write(1, \"abc\", 3)                      = 3\n"
	       "write(1, \"abc\", 3)                      = -1 EBADF (Bad file descriptor)\n"
	       "write(1, \"abc\", 3)                      = ? ERESTARTSYS (To be restarted if SA_RESTART is set)\n"
	       "write(1, \"abc\", 3)                      = -1 (errno 4000)\n"
	       "write(1, \"abc\", 3)                      = -1 ENOTSUPP (Unknown error 524)\n"
	       "write(1, \"abc\", 3)                      = ?\n"
	       "syscall_0x270f(0x1, 0, 0, 0, 0, 0)      = -1 ENOSYS (Function not implemented)\n");
}

static void what_was_not_read_is_told(void)
{
	begin();
	add_record(&records, RECORD_SYSCALL, "chdir")->args[0] = 0x1000;
	add_capture(&records, CAPTURED_MEMORY, PHASE_ENTRY, CAPTURE_UNSERVED, 0x1000, "", 0);
	add_record(&records, RECORD_SYSCALL, "chdir")->args[0] = 0x2000;
	add_capture(&records, CAPTURED_MEMORY, PHASE_ENTRY, CAPTURE_FAULT, 0x2000, "", 0);
	EXPECT("chdir(0x1000 /* not read: a page that a process serves */) = 0\n"
	       "chdir(0x2000)                           = 0\n");
}

static void many_tasks(void)
{
	stl_printer *printer = printer_of(STL_FORMAT_COUNTS, STL_TIME_NONE, STL_PRINT_NAME_UNKNOWN);

	/* far more than have ever lived at once, none of which ends */
	begin();
	for (int round = 0; round < 400; round++) {
		records.size = 0;
		for (int i = 0; i < 1000; i++)
			add_record(&records, RECORD_ATTACHED, NULL)->tid = round * 1000 + i + 1;
		CHECK_EQUAL(stl_printer_feed(printer, records.bytes, records.size), 0);
	}
	stl_printer_free(printer);
}

static void unfinished_lines(void)
{
	begin();
	add_pause(RECORD_ENTRY, 100);
	add_write(101, "x");
	add_pause(RECORD_SYSCALL, 100)->flags = RECORD_RESUMED;
	/* nothing between: one line */
	add_pause(RECORD_ENTRY, 100);
	add_pause(RECORD_SYSCALL, 100)->flags = RECORD_RESUMED;
	/* its entry was lost */
	add_pause(RECORD_SYSCALL, 100)->flags = RECORD_RESUMED;
	add_pause(RECORD_ENTRY, 101);
	add_record(&records, RECORD_DETACHED, NULL)->tid = 101;
	add_pause(RECORD_ENTRY, 100);
	EXPECT_ALL(STL_PRINT_ALWAYS_PID | STL_PRINT_NO_ATTACH, STL_TIME_NONE,
	           "100   pause( <unfinished ...>\n"
	           "101   write(1, \"x\", 1)                  = 1\n"
	           "100   <... pause resumed>)              = 0\n"
	           "100   pause()                           = 0\n"
	           "100   pause()                           = 0\n"
	           "101   pause( <detached ...>\n"
	           "100   pause( <unfinished ...>\n");
}

static void tasks_in_brackets(void)
{
	begin();
	add_write(100, "x");
	add_record(&records, RECORD_FORK, NULL)->args[0] = 101;
	add_write(100, "y");
	add_write(101, "z");
	add_record(&records, RECORD_EXIT, NULL)->tid = 101;
	add_write(100, "w");
	EXPECT("write(1, \"x\", 1)                        = 1\n"
	       "[pid   100] write(1, \"y\", 1)            = 1\n"
	       "[pid   101] write(1, \"z\", 1)            = 1\n"
	       "[pid   101] +++ exited with 0 +++\n"
	       "write(1, \"w\", 1)                        = 1\n");
}

static void ends(void)
{
	struct stl_record *record;

	begin();
	add_record(&records, RECORD_STOPPED, NULL)->number = 19;
	add_record(&records, RECORD_SIGNAL, NULL)->number = 10;
	add_record(&records, RECORD_EXIT, NULL)->result = 9 | 0x80;
	add_record(&records, RECORD_EXIT, NULL)->result = 3 << 8;
	record = add_record(&records, RECORD_EXIT, NULL);
	record->args[0] = 1;
	add_record(&records, RECORD_EXEC, NULL)->args[0] = 102;
	add_pause(RECORD_ENTRY, 102);
	record = add_record(&records, RECORD_EXEC, NULL);
	record->args[0] = 102;
	add_pause(RECORD_SYSCALL, 100)->flags = RECORD_RESUMED;
	record = add_record(&records, RECORD_DROPPED, NULL);
	record->args[0] = 3;
	EXPECT_ALL(STL_PRINT_ALWAYS_PID | STL_PRINT_NO_ATTACH, STL_TIME_NONE,
	           "100   --- stopped by SIGSTOP ---\n"
	           "100   --- SIGUSR1 ---\n"
	           "100   +++ killed by SIGKILL (core dumped) +++\n"
	           "100   +++ exited with 3 +++\n"
	           "102   pause( <unfinished ...>\n"
	           "100   +++ superseded by execve in pid 102 +++\n"
	           "100   <... pause resumed>)              = 0\n"
	           "!!! 3 records lost here !!!\n");
	EXPECT_ALL(STL_PRINT_NO_PID | STL_PRINT_NO_ATTACH | STL_PRINT_NO_EXIT | STL_PRINT_NO_SUPERSEDED, STL_TIME_NONE,
	           "--- stopped by SIGSTOP ---\n"
	           "--- SIGUSR1 ---\n"
	           "pause( <unfinished ...>\n"
	           "<... pause resumed>)                    = 0\n"
	           "!!! 3 records lost here !!!\n");
}

static void times(void)
{
	begin();
	setenv("TZ", "UTC-5:45", 1);
	add_write(100, "x")->time_ns = 1700000000123456789u;
	add_write(100, "x");
	add_pause(RECORD_ENTRY, 100);
	add_pause(RECORD_SYSCALL, 100)->flags = RECORD_RESUMED;
	add_record(&records, RECORD_EXIT, NULL);
	EXPECT_ALL(STL_PRINT_NO_PID, STL_TIME_SECONDS,
	           "03:58:20 write(1, \"x\", 1)               = 1\n"
	           "03:58:20 write(1, \"x\", 1)               = 1\n"
	           "03:58:20 pause()                        = 0\n"
	           "03:58:20 +++ exited with 0 +++\n");
	EXPECT_ALL(STL_PRINT_NO_PID | STL_PRINT_DURATION, STL_TIME_EPOCH,
	           "1700000000.123456 write(1, \"x\", 1)      = 1 <0.000250>\n"
	           "1700000000.123457 write(1, \"x\", 1)      = 1 <0.000250>\n"
	           "1700000000.123458 pause()               = 0 <0.000250>\n"
	           "1700000000.123460 +++ exited with 0 +++\n");
	EXPECT_ALL(STL_PRINT_NO_PID | STL_PRINT_IP, STL_TIME_RELATIVE,
	           "     0.000000 [00007f0000001234] write(1, \"x\", 1) = 1\n"
	           "     0.000001 [00007f0000001234] write(1, \"x\", 1) = 1\n"
	           "     0.000001 [00007f0000001234] pause() = 0\n"
	           "     0.000002 [????????????????] +++ exited with 0 +++\n");
	unsetenv("TZ");
}

static void filters(void)
{
	begin();
	add_write(100, "x")->result = -9;
	add_write(100, "y");
	add_pause(RECORD_ENTRY, 100);
	add_pause(RECORD_SYSCALL, 100)->flags = RECORD_RESUMED;
	add_record(&records, RECORD_SIGNAL, NULL)->number = 10;
	filter.status = STL_STATUS_SUCCESSFUL;
	filter.signals[0] = 0;
	EXPECT("write(1, \"y\", 1)                        = 1\n"
	       "pause()                                 = 0\n");
	filter.status = STL_STATUS_ALL;
	filter.calls[0] &= ~(1ull << stl_syscall_number(STL_ABI_X86_64, "write"));
	EXPECT("pause()                                 = 0\n");
	filter.min_duration_ns = 1000000;
	EXPECT("");
}

static void paths(void)
{
	stl_printer *printer;
	struct stl_record *record;

	begin();
	for (int i = 0; i < 2; i++) {
		record = add_record(&records, RECORD_SYSCALL, "chdir");
		record->args[0] = 0x1000;
		add_string(&records, 0x1000, i ? "/tmp" : "/tmp/");
		add_write(100, i ? "a" : "b");
		add_capture(&records, CAPTURED_DESCRIPTOR, PHASE_ENTRY, 0, 1, i ? "/tmp\0d" : "/tmp2", i ? 6 : 5);
	}
	printer = printer_of(STL_FORMAT_TEXT, STL_TIME_NONE, STL_PRINT_NAME_UNKNOWN);
	CHECK_EQUAL(stl_printer_path(printer, "/tmp"), 0);
	expect_taken(__LINE__, printer,
	             "chdir(\"/tmp\")                           = 0\n"
	             "write(1, \"a\", 1)                        = 1\n");
}

static void dumps(void)
{
	begin();
	/* an int: what is in the register's upper half is nothing to the kernel */
	add_write(100, "0123456789abcdef\x01\xffx")->args[0] |= UINT64_C(1) << 32;
	filter.dump_writes[0] = 2;
	EXPECT("write(1, \"0123456789abcdef\\1\\377x\", 19) = 19\n"
	       " | 00000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  0123456789abcdef |\n"
	       " | 00010  01 ff 78                                          ..x              |\n");
}

static struct stl_named named_of(uint32_t state)
{
	struct stl_named named = {.slot = 0, .state = state, .serial = 1};

	strcpy(named.id, "0123");
	strcpy(named.name, "docker/redis");
	strcpy(named.pod, "p");
	return named;
}

static void containers(void)
{
	stl_printer *printer;
	struct stl_named named = named_of(STL_NAMED_KEPT);
	char byte;
	int32_t tid;

	begin();
	add_write(100, "x");
	printer = printer_of(STL_FORMAT_TEXT, STL_TIME_NONE, STL_PRINT_CONTAINER);
	CHECK_EQUAL(stl_printer_feed(printer, records.bytes, records.size), 0);
	CHECK_EQUAL(stl_printer_take(printer, &byte, 1, &tid), 0);
	CHECK_EQUAL(stl_printer_container(printer, &named), 0);
	expect_taken(__LINE__, printer,
	             "p/docker/redis | write(1, \"x\", 1)                        = 1\n"
	             "p/docker/redis | write(1, \"x\", 1)                        = 1\n");

	/* what nobody names within two seconds is let go, and what is not wanted is not printed */
	printer = printer_of(STL_FORMAT_TEXT, STL_TIME_NONE, 0);
	CHECK_EQUAL(stl_printer_feed(printer, records.bytes, records.size), 0);
	records.last->order_ns += 3000000000u;
	CHECK_EQUAL(stl_printer_feed(printer, records.bytes, records.size), 0);
	CHECK_EQUAL(stl_printer_container(printer, &named), 0);
	CHECK_EQUAL(stl_printer_end(printer), 0);
	named = named_of(STL_NAMED_DROPPED);
	CHECK_EQUAL(stl_printer_container(printer, &named), 0);
	expect_taken(__LINE__, printer, "");
	named.slot = STL_SLOTS;
	printer = printer_of(STL_FORMAT_TEXT, STL_TIME_NONE, 0);
	CHECK_EQUAL(stl_printer_container(printer, &named), -22);
	stl_printer_free(printer);
}

static void held_records_are_bounded(void)
{
	static char out[1 << 16];
	stl_printer *printer = printer_of(STL_FORMAT_TEXT, STL_TIME_NONE, 0);
	struct stl_named named = named_of(STL_NAMED_KEPT);
	int32_t tid;

	begin();
	for (int i = 0; i < 100; i++) {
		static const char page[4096];

		add_write(100, "x");
		add_memory(&records, 0x5000, page, sizeof(page));
	}
	for (int i = 0; i < 20; i++)
		CHECK_EQUAL(stl_printer_feed(printer, records.bytes, records.size), 0);
	CHECK_EQUAL(stl_printer_container(printer, &named), 0);
	CHECK(stl_printer_take(printer, out, sizeof(out), &tid) > 0);
	CHECK(!strncmp(out, "!!! ", 4));
	/* of the 2000 some were lost, and all are accounted for */
	CHECK_EQUAL(strtol(out + 4, NULL, 10) + (long)stl_printer_lines(printer) - 1, 2000);
	stl_printer_free(printer);
}

static void a_file_for_each(void)
{
	stl_printer *printer = printer_of(STL_FORMAT_TEXT, STL_TIME_NONE, STL_PRINT_NO_PID | STL_PRINT_NAME_UNKNOWN);
	char out[256];
	int32_t tid;

	begin();
	add_write(100, "a");
	add_write(100, "b");
	add_write(101, "c");
	CHECK(stl_printer_feed(printer, records.bytes, records.size) > 0);
	CHECK_EQUAL(stl_printer_take(printer, out, sizeof(out), &tid), 2 * 44);
	CHECK_EQUAL(tid, 100);
	CHECK_EQUAL(stl_printer_take(printer, out, 40, &tid), 40);
	CHECK_EQUAL(tid, 101);
	CHECK_EQUAL(stl_printer_take(printer, out, sizeof(out), &tid), 4);
	CHECK_EQUAL(stl_printer_take(printer, out, sizeof(out), &tid), 0);
	stl_printer_free(printer);
}

/* Nobody else's line ends an open one; its own task's does. */
static void open_lines_of_files(void)
{
	stl_printer *printer = printer_of(STL_FORMAT_TEXT, STL_TIME_NONE, STL_PRINT_NO_PID | STL_PRINT_NAME_UNKNOWN);
	char out[1000];
	int64_t size = 0, got;
	int32_t tid;

	begin();
	add_pause(RECORD_ENTRY, 100);
	add_pause(RECORD_ENTRY, 101);
	add_pause(RECORD_SYSCALL, 100)->flags = RECORD_RESUMED;
	add_record(&records, RECORD_STOPPED, NULL)->number = 19;
	records.last->tid = 101;
	add_pause(RECORD_SYSCALL, 101)->flags = RECORD_RESUMED;
	add_pause(RECORD_ENTRY, 100);
	CHECK(stl_printer_feed(printer, records.bytes, records.size) > 0);
	CHECK(stl_printer_end(printer) > 0);
	while ((got = stl_printer_take(printer, out + size, sizeof(out) - (size_t)size, &tid)) > 0) {
		size += got;
		CHECK(tid == 100 || tid == 101);
	}
	out[size] = '\0';
	CHECK(!strcmp(out, "pause(pause()                                 = 0\n"
	                   " <unfinished ...>\n--- stopped by SIGSTOP ---\n"
	                   "<... pause resumed>)                    = 0\n"
	                   "pause( <unfinished ...>\n"));
	stl_printer_free(printer);
}

static void a_limit(void)
{
	struct stl_print_options options = {
		.string_limit = 32, .column = 40, .limit = 2, .flags = STL_PRINT_NAME_UNKNOWN};
	stl_printer *printer;

	begin();
	for (int i = 0; i < 4; i++)
		add_write(100, "a");
	CHECK_EQUAL(stl_printer_new(&options, &filter, &printer), 0);
	CHECK_EQUAL(stl_printer_feed(printer, records.bytes, records.size), 2 * 44);
	CHECK_EQUAL(stl_printer_done(printer), 1);
	CHECK_EQUAL(stl_printer_lines(printer), 2);
	stl_printer_free(printer);
}

static void json(void)
{
	struct stl_record *record;

	begin();
	record = add_record(&records, RECORD_SYSCALL, "chdir");
	strcpy(record->comm, "\xff\xc3\xa9\n");
	record->args[0] = 1ull << 60;
	record->result = -2;
	add_string(&records, 1ull << 60, "\xff\"\xc3\xa9");
	expect_taken(__LINE__, printer_of(STL_FORMAT_JSON, STL_TIME_NONE, STL_PRINT_NAME_UNKNOWN),
	             "{\"time\":\"2023-11-14T22:13:20.000001000Z\",\"node\":\"n1\",\"namespace\":\"\",\"pod\":\"\","
	             "\"container\":\"\",\"container_id\":\"\",\"pid\":100,\"tid\":100,\"vpid\":100,\"vtid\":100,"
	             "\"comm\":\"\\\\xff\xc3\xa9\\n\",\"type\":\"syscall\",\"syscall\":\"chdir\",\"args\":["
	             "{\"name\":\"filename\",\"value\":\"1152921504606846976\","
	             "\"text\":\"\\\"\\\\377\\\\\\\"\\\\303\\\\251\\\"\"}],"
	             "\"ret\":-1,\"errno\":\"ENOENT\",\"result\":\"-1 ENOENT (No such file or directory)\","
	             "\"duration\":0.000250000}\n");
}

/* They are the same text to who reads the JSON, and steer nothing that shows it. */
static void json_steers_no_terminal(void)
{
	stl_printer *printer = printer_of(STL_FORMAT_JSON, STL_TIME_NONE, 0);
	struct stl_named named = named_of(STL_NAMED_KEPT);
	char out[4096] = {0};
	int32_t tid;

	begin();
	add_pause(RECORD_SYSCALL, 100);
	strcpy(named.name, "\xc2\x9b"
	                   "31m \xc2\x80 \xc2\xa0 \xe2\x80\xa7 \xe2\x80\xa8 \xe2\x80\xae \xe2\x80\xaf "
	                   "\xe2\x81\xa5 \xe2\x81\xa6 \xe2\x81\xa9 \xe2\x81\xaa \xf0\x9f\x98\x80");
	CHECK_EQUAL(stl_printer_container(printer, &named), 0);
	CHECK(stl_printer_feed(printer, records.bytes, records.size) > 0);
	CHECK(stl_printer_take(printer, out, sizeof(out) - 1, &tid) > 0);
	CHECK(strstr(out, "\"container\":\"\\u009b31m \\u0080 \xc2\xa0 \xe2\x80\xa7 \\u2028 \\u202e \xe2\x80\xaf "
	                  "\xe2\x81\xa5 \\u2066 \\u2069 \xe2\x81\xaa \xf0\x9f\x98\x80\""));
	stl_printer_free(printer);
}

static void counts(void)
{
	stl_printer *printer = printer_of(STL_FORMAT_COUNTS, STL_TIME_NONE, STL_PRINT_NAME_UNKNOWN);
	struct stl_cell cells[4];

	begin();
	for (int i = 0; i < 1000; i++)
		add_write(100, "a")->result = i % 10 ? 1 : -9;
	records.last->duration_ns = 7;
	add_pause(RECORD_SYSCALL, 100)->result = -514;
	CHECK_EQUAL(stl_printer_feed(printer, records.bytes, records.size), 0);
	CHECK_EQUAL(stl_printer_cells(printer, cells, 1), 2);
	CHECK_EQUAL(stl_printer_cells(printer, cells, 4), 2);
	CHECK_EQUAL(cells[0].number, stl_syscall_number(STL_ABI_X86_64, "write"));
	CHECK_EQUAL(cells[0].calls, 1000);
	CHECK_EQUAL(cells[0].errors, 100);
	CHECK_EQUAL(cells[0].min_ns, 7);
	CHECK_EQUAL(cells[0].sum_ns, 999 * 250000 + 7);
	CHECK_EQUAL(cells[1].errors, 0);
	stl_printer_free(printer);
}

static void what_is_no_record(void)
{
	stl_printer *printer = printer_of(STL_FORMAT_TEXT, STL_TIME_NONE, STL_PRINT_NAME_UNKNOWN);

	begin();
	add_write(100, "a");
	CHECK_EQUAL(stl_printer_feed(printer, records.bytes, records.size - 8), -22);
	records.last->captures++;
	CHECK_EQUAL(stl_printer_feed(printer, records.bytes, records.size), -22);
	records.last->captures--;
	records.last->size = 0;
	CHECK_EQUAL(stl_printer_feed(printer, records.bytes, records.size), -22);
	stl_printer_free(printer);
}

static void classes(void)
{
	int count = stl_call_count(), opens = 0;

	for (int i = -1; i <= count; i++) {
		const char *name = stl_call_name(i);

		if (name && !strcmp(name, "openat")) {
			CHECK_EQUAL(stl_call_classes(i), STL_CLASS_FILE | STL_CLASS_DESC);
			opens++;
		}
		if (name && !strcmp(name, "getpid"))
			CHECK_EQUAL(stl_call_classes(i), STL_CLASS_PURE);
	}
	CHECK_EQUAL(opens, 1);
}

int main(void)
{
	static const struct test tests[] = {
		TEST(results),
		TEST(what_was_not_read_is_told),
		TEST(many_tasks),
		TEST(unfinished_lines),
		TEST(tasks_in_brackets),
		TEST(ends),
		TEST(times),
		TEST(filters),
		TEST(paths),
		TEST(dumps),
		TEST(containers),
		TEST(held_records_are_bounded),
		TEST(a_file_for_each),
		TEST(open_lines_of_files),
		TEST(a_limit),
		TEST(json),
		TEST(json_steers_no_terminal),
		TEST(counts),
		TEST(what_is_no_record),
		TEST(classes),
	};

	return RUN_TESTS(tests);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * What the families decode with: each print function over captures made by hand.
 */
#include "decode/decode.h"

#include "decode/masks.h"
#include "decode/output.h"
#include "records.h"

#define BASE 0x7f0000000000u

static struct records records;
static struct output output;
static struct stl_print_options options;

static struct decoder begin(void)
{
	memset(&records, 0, sizeof(records));
	options = (struct stl_print_options){.string_limit = 32, .column = 40};
	masks_free(output.masks);
	output.masks = NULL;
	output_clear(&output);
	add_record(&records, RECORD_SYSCALL, "read");
	return (struct decoder){.options = &options,
	                        .out = &output,
	                        .record = records.last,
	                        .call = CALL_read,
	                        .word = 8,
	                        .finished = true};
}

static void expect_at(int line, const char *expected)
{
	text_add_char(&output.line, '\0');
	if (strcmp(output.line.bytes, expected)) {
		fprintf(stderr, "%s:%d: \"%s\", not \"%s\"\n", __FILE__, line, output.line.bytes, expected);
		abort();
	}
	output_clear(&output);
}

#define EXPECT(expected) expect_at(__LINE__, expected)

static void quotes(void)
{
	struct decoder d = begin();
	static const char odd[] = "\x1b"
				  "8a\x1b"
				  "7\0008\0a\t\n\r\v\f\"\\?? \x7f\xff"
				  "0\1";

	print_quoted(&d, odd, sizeof(odd) - 1, 0, false);
	EXPECT("\"\\338a\\0337\\08\\0a\\t\\n\\r\\v\\f\\\"\\\\?? \\177\\3770\\1\"");
	print_quoted(&d, "ab\0cd", 5, 0, true);
	EXPECT("\"ab\"");
	print_quoted(&d, "abcdef", 6, 4, false);
	EXPECT("\"abcd\"...");
	options.hex = 1;
	print_quoted(&d, "a\tb", 3, 0, false);
	print_quoted(&d, "a\1", 2, 0, false);
	EXPECT("\"a\\tb\"\"\\x61\\x01\"");
	options.hex = 2;
	print_quoted(&d, "az", 2, 0, false);
	EXPECT("\"\\x61\\x7a\"");
}

static void strings(void)
{
	struct decoder d = begin();
	char longer[34], path[5000];

	memset(longer, 'x', sizeof(longer));
	memset(path, 'p', sizeof(path));
	add_string(&records, BASE, "name");
	add_capture(&records, CAPTURED_MEMORY, PHASE_ENTRY, CAPTURE_LIMITED, BASE + 100, longer, 33);
	add_capture(&records, CAPTURED_MEMORY, PHASE_ENTRY, CAPTURE_FAULT, BASE + 200, "abc", 3);
	add_capture(&records, CAPTURED_MEMORY, PHASE_ENTRY, CAPTURE_LIMITED, BASE + 0x1000, path, 4096);
	print_string(&d, BASE);
	print_string(&d, BASE + 2);
	EXPECT("\"name\"\"me\"");
	print_string(&d, BASE + 100);
	EXPECT("\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"...");
	print_path(&d, BASE + 200);
	EXPECT("0x7f00000000c8");
	print_string(&d, 0);
	EXPECT("NULL");
	print_path(&d, BASE + 0x1000);
	CHECK_EQUAL(output.line.length, 4095 + 5);
	output_clear(&output);
	print_bytes(&d, BASE, 3);
	print_bytes(&d, BASE, 0);
	EXPECT("\"nam\"\"\"");
	print_bytes(&d, BASE, 6);
	EXPECT("0x7f0000000000");
	print_bytes(&d, BASE + 100, 40);
	EXPECT("\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"...");
	d.exiting = true;
	d.result = 2;
	print_result_bytes(&d, BASE);
	EXPECT("\"na\"");
	d.error = 5;
	print_result_bytes(&d, BASE);
	EXPECT("0x7f0000000000");
}

static void memory_of_both_phases(void)
{
	struct decoder d = begin();
	uint32_t before = 1, after = 2;
	char joined[8];
	uint64_t word;

	add_memory(&records, BASE, &before, 4);
	add_capture(&records, CAPTURED_MEMORY, PHASE_EXIT, CAPTURE_WHOLE, BASE, &after, 4);
	add_memory(&records, BASE + 4, "abcd", 4);
	print_u32_at(&d, BASE);
	d.exiting = true;
	print_u32_at(&d, BASE);
	print_u32_at(&d, BASE + 6);
	EXPECT("[1][2]0x7f0000000006");
	CHECK(fetch(&d, BASE, joined, 8) && joined[0] == 2 && joined[7] == 'd');
	CHECK(!fetch(&d, BASE + 1, joined, 8));
	CHECK_EQUAL(fetch_some(&d, BASE + 1, joined, 8), 7);
	CHECK_EQUAL(fetch_some(&d, BASE - 1, joined, 8), 0);
	d.word = 4;
	CHECK(fetch_word(&d, BASE, &word));
	CHECK_EQUAL(word, 2);
}

static void print_one(struct decoder *d, const void *element, size_t index)
{
	uint32_t value;

	(void)index;
	memcpy(&value, element, sizeof(value));
	print_unsigned(d, value);
}

static void arrays(void)
{
	struct decoder d = begin();
	uint32_t items[4] = {7, 8, 9, 10};

	add_memory(&records, BASE, items, sizeof(items));
	print_array(&d, BASE, 3, 4, print_one);
	EXPECT("[7, 8, 9]");
	print_array(&d, BASE, 5, 4, print_one);
	EXPECT("[7, 8, 9, 10, ... /* 0x7f0000000010 */]");
	print_array(&d, BASE, 0, 4, print_one);
	print_array(&d, 0, 3, 4, print_one);
	print_array(&d, 16, 3, 4, print_one);
	EXPECT("[]NULL0x10");
	options.string_limit = 2;
	print_array(&d, BASE, 3, 4, print_one);
	EXPECT("[7, 8, ...]");
	options.flags = STL_PRINT_VERBOSE;
	print_array(&d, BASE, 3, 4, print_one);
	EXPECT("[7, 8, 9]");
	/* a claim that nothing could hold ends where memory does */
	print_array(&d, BASE, UINT64_MAX, 4, print_one);
	EXPECT("[7, 8, 9, 10, ... /* 0x7f0000000010 */]");
}

static void iovecs(void)
{
	struct decoder d = begin();
	uint64_t parts[4] = {BASE + 0x100, 5, BASE + 0x200, 3};

	add_memory(&records, BASE, parts, sizeof(parts));
	add_memory(&records, BASE + 0x100, "hello", 5);
	print_iovec(&d, BASE, 2, UINT64_MAX);
	EXPECT("[{iov_base=\"hello\", iov_len=5}, {iov_base=0x7f0000000200, iov_len=3}]");
	print_iovec(&d, BASE, 1, 2);
	EXPECT("[{iov_base=\"he\", iov_len=5}]");
	print_iovec(&d, BASE, 0, 2);
	print_iovec(&d, 0, 2, 2);
	EXPECT("[]NULL");
}

static const struct constant flag_items[] = {{0, "F_NONE"}, {1, "F_ONE"}, {6, "F_BOTH"}, {2, "F_TWO"}, {8, "F_EIGHT"}};
static const struct constants flags = {flag_items, 5, "F_???", true};
static const struct constant mode_items[] = {{0, "M_READ"}, {1, "M_WRITE"}, {2, "M_BOTH"}};
static const struct constants modes = {mode_items, 3, "M_???", false};
static const struct constant bit_items[] = {{4, "B_FOUR"}};
static const struct constants bits = {bit_items, 1, "B_???", false};

static void constants(void)
{
	struct decoder d = begin();

	print_constant(&d, &flags, 6);
	print_constant(&d, &modes, 7);
	EXPECT("F_BOTH0x7 /* M_??? */");
	print_flags(&d, &flags, 0);
	print_flags(&d, &flags, 1 | 2);
	EXPECT("F_NONEF_ONE|F_TWO");
	print_flags(&d, &flags, 6 | 8 | 0x100);
	EXPECT("F_BOTH|F_EIGHT|0x100");
	print_flags(&d, &flags, 0x100);
	print_flags(&d, &bits, 0);
	EXPECT("0x100 /* F_??? */0");
	print_flags_with(&d, &modes, 3, &bits, 4);
	print_flags_with(&d, &modes, 3, &bits, 3);
	EXPECT("M_READ|B_FOUR0x3 /* B_??? */");
	options.constants = STL_CONSTANTS_RAW;
	print_constant(&d, &flags, 6);
	print_flags(&d, &flags, 0);
	print_dirfd(&d, (uint32_t)-100);
	EXPECT("0x60-100");
	options.constants = STL_CONSTANTS_VERBOSE;
	print_constant(&d, &flags, 6);
	print_flags(&d, &flags, 9);
	print_flags(&d, &flags, 0x100);
	EXPECT("0x6 /* F_BOTH */0x9 /* F_ONE|F_EIGHT */0x100 /* F_??? */");
	print_dirfd(&d, (uint32_t)-100);
	print_flags(&d, &bits, 0);
	EXPECT("-100 /* AT_FDCWD */0");
}

static void descriptors(void)
{
	static const char deleted[] = "/tmp/a<b>\0d", device[] = "/dev/null\0c1:3", tcp[] = "socket:[12]\0sTCP:[a->b]";
	static const char named[] = "socket:[13]\0sUNIX-STREAM:[13,\0q/run/\"x\0s]";
	struct decoder d = begin();

	add_capture(&records, CAPTURED_DESCRIPTOR, PHASE_ENTRY, 0, 3, deleted, sizeof(deleted) - 1);
	add_capture(&records, CAPTURED_DESCRIPTOR, PHASE_ENTRY, 0, 4, device, sizeof(device) - 1);
	add_capture(&records, CAPTURED_DESCRIPTOR, PHASE_ENTRY, 0, 5, tcp, sizeof(tcp) - 1);
	add_capture(&records, CAPTURED_DESCRIPTOR, PHASE_ENTRY, 0, 6, named, sizeof(named) - 1);
	add_capture(&records, CAPTURED_DESCRIPTOR, PHASE_ENTRY, 0, (uint32_t)-100, "/tmp", 4);
	for (unsigned fd = 3; fd < 8; fd++)
		print_fd(&d, fd);
	EXPECT("34567");
	options.flags = STL_PRINT_DESCRIPTORS;
	for (unsigned fd = 3; fd < 8; fd++)
		print_fd(&d, fd);
	print_dirfd(&d, (uint64_t)-100);
	EXPECT("3</tmp/a\\74b\\76>(deleted)4</dev/null>5<socket:[12]>6<socket:[13]>7AT_FDCWD</tmp>");
	options.flags = STL_PRINT_ADDRESSES;
	for (unsigned fd = 4; fd < 7; fd++)
		print_fd(&d, fd);
	EXPECT("4</dev/null<char 1:3>>5<TCP:[a->b]>6<UNIX-STREAM:[13,\"/run/\\\"x\"]>");
}

static void pids(void)
{
	struct decoder d = begin();
	char described[7] = {[4] = 'c', 'a', 't'};
	int32_t host = 4711;

	memcpy(described, &host, sizeof(host));
	add_capture(&records, CAPTURED_PID, PHASE_ENTRY, 0, 7, described, sizeof(described));
	print_pid(&d, 7);
	options.flags = STL_PRINT_COMMS;
	print_pid(&d, 7);
	print_pid(&d, (uint64_t)-1);
	EXPECT("77<cat>-1");
	options.flags = STL_PRINT_PIDNS;
	print_pid(&d, 7);
	EXPECT("7 /* 4711 in strace's PID NS */");
}

static void masks(void)
{
	struct decoder d = begin();
	struct masks *all = NULL;

	CHECK_EQUAL(masks_add(&all, "("), -22);
	CHECK_EQUAL(masks_add(&all, "password=[^ ]*"), 0);
	CHECK_EQUAL(masks_add(&all, "[0-9]{4}"), 0);
	output.masks = all;
	print_quoted(&d, "a password=x\1y b 12345\0z", 24, 0, false);
	EXPECT("\"a [masked] b [masked]\\0z\"");
	print_quoted(&d, "", 0, 0, false);
	EXPECT("\"\"");
}

static void structs(void)
{
	struct decoder d = begin();

	begin_struct(&d);
	field(&d, "a");
	print_hex(&d, 0);
	field(&d, "b");
	begin_struct(&d);
	field(&d, "c");
	print_octal(&d, 8);
	end_struct_short(&d);
	field(&d, "e");
	print_signed(&d, INT64_MIN);
	end_struct(&d);
	EXPECT("{a=0, b={c=010, ...}, e=-9223372036854775808}");
	for (int i = 0; i < 1000; i++)
		begin_struct(&d);
	for (int i = 0; i < 1000; i++)
		end_struct(&d);
	CHECK_EQUAL(output.line.length, 2000);
}

int main(void)
{
	static const struct test tests[] = {
		TEST(quotes),    TEST(strings), TEST(memory_of_both_phases), TEST(arrays), TEST(iovecs),
		TEST(constants), TEST(pids),    TEST(descriptors),           TEST(masks),  TEST(structs),
	};
	int failed = RUN_TESTS(tests);

	masks_free(output.masks);
	output_free(&output);
	return failed;
}

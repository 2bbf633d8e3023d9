/* SPDX-License-Identifier: Apache-2.0
 *
 * What is not to be shown, and is not: without data, and masked. The records hold it, as those of a file may.
 */
#include <linux/loop.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "records.h"

static struct records records;
static struct stl_filter filter;
static struct stl_print_options options;

static void begin(void)
{
	memset(&records, 0, sizeof(records));
	let_all_through(&filter);
	options = (struct stl_print_options){.string_limit = 32, .flags = STL_PRINT_NAME_UNKNOWN};
}

/* The lines of all records, with up to two masks. */
static const char *printed(const char *mask, const char *other)
{
	static char out[1 << 20];
	stl_printer *printer;
	size_t size = 0;
	int64_t got;
	int32_t tid;

	CHECK_EQUAL(stl_printer_new(&options, &filter, &printer), 0);
	if (mask)
		CHECK_EQUAL(stl_printer_mask(printer, mask), 0);
	if (other)
		CHECK_EQUAL(stl_printer_mask(printer, other), 0);
	CHECK(stl_printer_feed(printer, records.bytes, records.size) >= 0);
	while ((got = stl_printer_take(printer, out + size, sizeof(out) - 1 - size, &tid)) > 0)
		size += (size_t)got;
	out[size] = '\0';
	stl_printer_free(printer);
	return out;
}

static void expect_at(int line, const char *actual, const char *expected)
{
	if (!strcmp(actual, expected))
		return;
	fprintf(stderr, "%s:%d: not so:\n%s\nbut:\n%s\n", __FILE__, line, expected, actual);
	abort();
}

#define EXPECT(actual, expected) expect_at(__LINE__, actual, expected)

static void add_option(uint64_t level, uint64_t name, const void *bytes, size_t size)
{
	struct stl_record *record = add_record(&records, RECORD_SYSCALL, "setsockopt");
	const uint64_t args[] = {3, level, name, 0x1000, size};

	memcpy(record->args, args, sizeof(args));
	add_memory(&records, 0x1000, bytes, size);
}

static void options_of_sockets(void)
{
	uint32_t size = 6;
	struct stl_record *record;

	begin();
	options.flags |= STL_PRINT_NO_DATA;
	add_option(SOL_ALG, 1, "secret", 6);
	add_option(SOL_TLS, 1, "secret", 6);
	add_option(SOL_SOCKET, SO_REUSEADDR, &(int){1}, 4);
	add_option(SOL_SOCKET, SO_LINGER, &(struct linger){1, 2}, 8);
	record = add_record(&records, RECORD_SYSCALL, "getsockopt");
	memcpy(record->args, (uint64_t[]){3, SOL_TLS, 1, 0x1000, 0x2000}, 5 * sizeof(uint64_t));
	add_memory(&records, 0x2000, &size, sizeof(size));
	add_capture(&records, CAPTURED_MEMORY, PHASE_EXIT, CAPTURE_WHOLE, 0x1000, "secret", 6);
	EXPECT(printed(NULL, NULL), "setsockopt(3, SOL_ALG, ALG_SET_KEY, 0x1000, 6) = 0\n"
	                            "setsockopt(3, SOL_TLS, TLS_TX, 0x1000, 6) = 0\n"
	                            "setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0\n"
	                            "setsockopt(3, SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=2}, 8) = 0\n"
	                            "getsockopt(3, SOL_TLS, TLS_TX, 0x1000, [6]) = 0\n");
}

static void add_ioctl(uint64_t number, uint64_t address, uint8_t phase, const void *bytes, size_t size)
{
	struct stl_record *record = add_record(&records, RECORD_SYSCALL, "ioctl");

	memcpy(record->args, (uint64_t[]){3, number, address}, 3 * sizeof(uint64_t));
	add_capture(&records, CAPTURED_MEMORY, phase, CAPTURE_WHOLE, address, bytes, size);
}

static void keys_of_loop_devices(void)
{
	static struct loop_config config = {
		.info = {.lo_encrypt_type = LO_CRYPT_XOR, .lo_encrypt_key_size = 6, .lo_encrypt_key = "secret"}};
	static struct {
		struct loop_info info;
		char more[8];
	} old = {.info = {.lo_encrypt_type = LO_CRYPT_XOR, .lo_encrypt_key_size = 6, .lo_encrypt_key = "secret"}};

	begin();
	add_ioctl(LOOP_SET_STATUS, 0x1000, PHASE_ENTRY, &old, sizeof(old));
	add_ioctl(LOOP_SET_STATUS64, 0x1000, PHASE_ENTRY, &config.info, sizeof(config.info));
	add_ioctl(LOOP_GET_STATUS64, 0x1000, PHASE_EXIT, &config.info, sizeof(config.info));
	add_ioctl(LOOP_CONFIGURE, 0x1000, PHASE_ENTRY, &config, sizeof(config));
	CHECK(strstr(printed(NULL, NULL), "secret"));
	options.flags |= STL_PRINT_NO_DATA;
	EXPECT(printed(NULL, NULL), "ioctl(3, LOOP_SET_STATUS, 0x1000) = 0\n"
	                            "ioctl(3, LOOP_SET_STATUS64, 0x1000) = 0\n"
	                            "ioctl(3, LOOP_GET_STATUS64, 0x1000) = 0\n"
	                            "ioctl(3, LOOP_CONFIGURE, 0x1000) = 0\n");
}

static void what_is_typed(void)
{
	begin();
	options.flags |= STL_PRINT_NO_DATA;
	add_ioctl(0x5412 /* TIOCSTI */, 0x1000, PHASE_ENTRY, "s", 1);
	EXPECT(printed(NULL, NULL), "ioctl(3, TIOCSTI, 0x1000) = 0\n");
}

static void add_write(const char *text, size_t shown)
{
	struct stl_record *record = add_record(&records, RECORD_SYSCALL, "write");

	options.string_limit = (uint32_t)shown;
	memcpy(record->args, (uint64_t[]){1, 0x1000, strlen(text)}, 3 * sizeof(uint64_t));
	record->result = (int64_t)strlen(text);
	add_memory(&records, 0x1000, text, strlen(text));
}

static void add_path(const char *text)
{
	add_record(&records, RECORD_SYSCALL, "chdir")->args[0] = 0x1000;
	add_string(&records, 0x1000, text);
}

/* Where the limit cuts it, nothing of it is shown either. */
static void secrets_across_the_limit(void)
{
	struct stl_record *record;

	begin();
	add_write("id 4111111111111111 end", 10);
	EXPECT(printed("[0-9]{16}", NULL), "write(1, \"id [masked]\"..., 23) = 23\n");
	EXPECT(printed("end", NULL), "write(1, \"id 4111111\"..., 23) = 23\n");
	EXPECT(printed("i", "[0-9]{16}"), "write(1, \"[masked]d [masked]\"..., 23) = 23\n");
	begin();
	options.string_limit = 10;
	record = add_record(&records, RECORD_SYSCALL, "request_key");
	record->args[0] = 0x1000;
	add_capture(&records, CAPTURED_MEMORY, PHASE_ENTRY, CAPTURE_LIMITED, 0x1000, "pw=4111111x", 11);
	CHECK(strstr(printed("=4{1}1{6}x", NULL), "request_key(\"pw[masked]\"..."));
	/* of what was not captured as much is compared as there is */
	CHECK(strstr(printed("4[0-9x]*", NULL), "request_key(\"pw=[masked]\"..."));
}

/* Matches that begin in one another are one place. */
static void overlapping_secrets(void)
{
	begin();
	add_path("user:token-0123456789");
	EXPECT(printed("user:token", "token-[0-9]+"), "chdir(\"[masked]\") = 0\n");
	EXPECT(printed("token-[0-9]+", "user:token"), "chdir(\"[masked]\") = 0\n");
	EXPECT(printed("ken|n-0123", NULL), "chdir(\"user:to[masked]456789\") = 0\n");
	EXPECT(printed("[0-9]{4}", NULL), "chdir(\"user:token-[masked]\") = 0\n");
	EXPECT(printed("^u", "r:|9$"), "chdir(\"[masked]se[masked]token-012345678[masked]\") = 0\n");
	EXPECT(printed("[0-4]*", NULL), "chdir(\"user:token-[masked]56789\") = 0\n");
	options.format = STL_FORMAT_JSON;
	strcpy(records.last->comm, "user:token-01");
	CHECK(strstr(printed("user:token", "token-[0-9]+"), "\"comm\":\"[masked]\""));
}

int main(void)
{
	static const struct test tests[] = {
		TEST(options_of_sockets),       TEST(keys_of_loop_devices), TEST(what_is_typed),
		TEST(secrets_across_the_limit), TEST(overlapping_secrets),
	};

	return RUN_TESTS(tests);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * What is read of another process's memory: it ends where that ends, and waits for nobody.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "ptrace/capture.h"
#include "ptrace/probes.h"
#include "stracelet.h"

#define PAGE 4096

/* The tracee's, at the same addresses as ours: two pages, a hole, a page that nobody serves, two more. */
struct layout {
	char *pages, *hole, *unserved, *behind;
};

static struct layout map;
static struct capturer capturer;
static struct builder builder;
static pid_t tracee;
static _Atomic uint64_t hung_until_ns;

static bool register_unserved(char *address)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register range = {.range = {(uintptr_t)address, PAGE}, .mode = UFFDIO_REGISTER_MODE_MISSING};

	return fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0 && ioctl(fd, UFFDIO_REGISTER, &range) == 0;
}

static void fill(void (*more)(void))
{
	memset(map.pages, 'x', 2 * PAGE);
	memset(map.behind, 'y', 2 * PAGE);
	if (more)
		more();
}

/* A process that has what we have, and `more`. */
static void begin(void (*more)(void))
{
	char *all = mmap(NULL, 6 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ready[2];
	char told;

	CHECK(all != MAP_FAILED && pipe(ready) == 0);
	map = (struct layout){all, all + 2 * PAGE, all + 3 * PAGE, all + 4 * PAGE};
	tracee = fork();
	if (tracee == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		munmap(map.hole, PAGE);
		fill(more);
		told = register_unserved(map.unserved) ? 'u' : '-';
		CHECK_EQUAL(write(ready[1], &told, 1), 1);
		for (;;)
			pause();
	}
	CHECK_EQUAL(read(ready[0], &told, 1), 1);
	CHECK_EQUAL(told, 'u');
	close(ready[0]);
	close(ready[1]);
	hung_until_ns = 0;
}

static void end(void)
{
	kill(tracee, SIGKILL);
	waitpid(tracee, NULL, 0);
	memory_close(&capturer.memory);
	munmap(map.pages, 6 * PAGE);
}

static struct capture_call call_with(uint64_t first, uint64_t second, uint64_t third)
{
	return (struct capture_call){
		.task = {tracee, tracee, &hung_until_ns},
		.abi = STL_ABI_X86_64,
		.args = {first, second, third},
		.string_limit = 32,
	};
}

static uint32_t capture(const struct capture_call *call, struct capture what)
{
	const struct capture_row row = {.captures = {what}};

	CHECK(builder_begin(&builder));
	capture_phase(&capturer, call, &row, &builder);
	CHECK(record_check(builder.record, builder.record->size));
	return builder.record->captures;
}

static const struct stl_capture *nth(uint32_t n)
{
	const struct stl_capture *found = capture_first(builder.record);

	CHECK(n < builder.record->captures);
	while (n--)
		found = capture_next(found);
	return found;
}

static uint64_t at(const void *pointer)
{
	return (uintptr_t)pointer;
}

static void put_strings(void)
{
	strcpy(map.pages, "/a/path");
	strcpy(map.pages + PAGE - 3, "across");
	memcpy(map.pages + 2 * PAGE - 4, "open", 4);
}

static void test_strings(void)
{
	const struct capture path = {.take = TAKE_PATH}, string = {.take = TAKE_STRING};
	struct capture_call call;

	begin(put_strings);
	call = call_with(at(map.pages), 0, 0);
	CHECK_EQUAL(capture(&call, path), 1);
	CHECK_EQUAL(nth(0)->size, 8);
	CHECK_EQUAL(nth(0)->status, CAPTURE_WHOLE);
	CHECK(strcmp(capture_bytes(nth(0)), "/a/path") == 0);

	call = call_with(at(map.pages + PAGE - 3), 0, 0);
	CHECK_EQUAL(capture(&call, path), 1);
	CHECK(strcmp(capture_bytes(nth(0)), "across") == 0);

	/* Its page ends before its NUL, and no other follows. */
	call = call_with(at(map.pages + 2 * PAGE - 4), 0, 0);
	CHECK_EQUAL(capture(&call, path), 1);
	CHECK_EQUAL(nth(0)->size, 4);
	CHECK_EQUAL(nth(0)->status, CAPTURE_FAULT);

	call = call_with(at(map.pages + 100), 0, 0);
	CHECK_EQUAL(capture(&call, string), 1);
	CHECK_EQUAL(nth(0)->size, 33);
	CHECK_EQUAL(nth(0)->status, CAPTURE_LIMITED);
	end();
}

static void test_addresses_that_are_none(void)
{
	const uint64_t none[] = {1, 4095, UINT64_MAX, UINT64_MAX - 4, UINT64_C(1) << 63, UINT64_C(1) << 56, 0};
	const struct capture kinds[] = {
		{.take = TAKE_PATH},
		{.take = TAKE_STRING},
		{.take = TAKE_BYTES, .length = LENGTH_ARG, .length_arg = 1},
		{.take = TAKE_OBJECT, .size = 64},
		{.take = TAKE_STRINGS},
		{.take = TAKE_IOVEC, .length = LENGTH_ARG, .length_arg = 1},
		{.take = TAKE_MSGHDR},
		{.take = TAKE_MMSGHDR, .length = LENGTH_ARG, .length_arg = 1},
		{.take = TAKE_FDSETS, .length = LENGTH_ARG, .length_arg = 1},
		{.take = TAKE_IOCBS, .length = LENGTH_ARG, .length_arg = 1},
		{.take = TAKE_SIZED, .length = LENGTH_POINTED, .length_arg = 1, .size = 64},
		{.take = TAKE_OBJECT, .at = 9, .size = 64},
	};

	begin(NULL);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
			struct capture_call call = call_with(none[i], UINT64_MAX, 0);

			capture(&call, kinds[kind]);
			for (uint32_t n = 0; n < builder.record->captures; n++)
				CHECK(nth(n)->size <= 8 && nth(n)->status == CAPTURE_FAULT);
		}
	}
	end();
}

static void test_lengths_that_are_lies(void)
{
	const struct capture bytes = {.take = TAKE_BYTES, .length = LENGTH_ARG, .length_arg = 1};
	const struct capture array = {.take = TAKE_ARRAY, .length = LENGTH_ARG, .length_arg = 1, .size = 16};
	const uint64_t lengths[] = {UINT64_C(1) << 32, UINT64_MAX, INT64_MAX, UINT32_MAX};

	begin(NULL);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct capture_call call = call_with(at(map.pages), lengths[i], 0);

		CHECK_EQUAL(capture(&call, bytes), 1);
		CHECK_EQUAL(nth(0)->size, 32);
		CHECK_EQUAL(nth(0)->status, CAPTURE_LIMITED);
		CHECK_EQUAL(capture(&call, array), 1);
		CHECK_EQUAL(nth(0)->size, 33 * 16);
		/* All of it: what there is, up to the hole. */
		call.whole_data = call.verbose = true;
		CHECK_EQUAL(capture(&call, bytes), 1);
		CHECK_EQUAL(nth(0)->size, 2 * PAGE);
		CHECK_EQUAL(nth(0)->status, CAPTURE_FAULT);
		CHECK_EQUAL(capture(&call, array), 1);
		CHECK_EQUAL(nth(0)->size, 2 * PAGE);
	}
	end();
}

static void put_iovec(void)
{
	const struct iovec parts[] = {
		{map.pages, 10}, {map.hole, 10}, {map.behind, 100}, {NULL, 5}, {map.unserved, 10}};

	memcpy(map.pages + PAGE, parts, sizeof(parts));
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A fault in one part leaves the others; who serves the last never does, and is not waited for. */
static void test_parts_fail_by_themselves(void)
{
	const struct capture vector = {.take = TAKE_IOVEC, .length = LENGTH_ARG, .length_arg = 1};
	double start;

	begin(put_iovec);
	struct capture_call call = call_with(at(map.pages + PAGE), 5, 0);

	start = seconds();
	CHECK_EQUAL(capture(&call, vector), 5);
	CHECK(seconds() - start < 1);
	CHECK_EQUAL(nth(0)->size, 5 * sizeof(struct iovec));
	CHECK_EQUAL(nth(1)->size, 10);
	CHECK_EQUAL(nth(2)->size, 0);
	CHECK_EQUAL(nth(2)->status, CAPTURE_FAULT);
	CHECK_EQUAL(nth(3)->size, 32);
	CHECK_EQUAL(nth(3)->status, CAPTURE_LIMITED);
	CHECK_EQUAL(nth(4)->size, 0);
	CHECK_EQUAL(nth(4)->status, CAPTURE_UNSERVED);
	end();
}

/* At the exit no more than the call has put there. */
static void test_a_result_bounds_the_parts(void)
{
	const struct capture vector = {.take = TAKE_IOVEC, .when = WHEN_EXIT, .length = LENGTH_ARG, .length_arg = 1};

	begin(put_iovec);
	struct capture_call call = call_with(at(map.pages + PAGE), 5, 0);

	call.phase = PHASE_EXIT;
	call.result = 7;
	CHECK_EQUAL(capture(&call, vector), 2);
	CHECK_EQUAL(nth(1)->size, 7);
	call.result = -1;
	call.failed = true;
	CHECK_EQUAL(capture(&call, vector), 0);
	end();
}

static void put_argv(void)
{
	char *argv[] = {map.pages, map.behind, NULL};

	strcpy(map.pages, "one");
	memcpy(map.pages + PAGE, argv, sizeof(argv));
	memset(map.behind + PAGE, 1, PAGE); /* pointers without an end */
}

static void test_argv(void)
{
	const struct capture argv = {.take = TAKE_STRINGS}, count = {.take = TAKE_COUNT};
	int32_t total;

	begin(put_argv);
	struct capture_call call = call_with(at(map.pages + PAGE), 0, 0);

	CHECK_EQUAL(capture(&call, argv), 1);
	CHECK_EQUAL(nth(0)->kind, CAPTURED_STRINGS);
	memcpy(&total, capture_bytes(nth(0)), sizeof(total));
	CHECK_EQUAL(total, 2);
	CHECK_EQUAL(nth(0)->size, 8 + 4 + 34);
	CHECK(strcmp((const char *)capture_bytes(nth(0)) + 8, "one") == 0);
	CHECK_EQUAL(capture(&call, count), 1);
	memcpy(&total, capture_bytes(nth(0)), sizeof(total));
	CHECK_EQUAL(total, 2);
	CHECK_EQUAL(nth(0)->size, 8);
	call = call_with(at(map.behind + PAGE), 0, 0);
	CHECK_EQUAL(capture(&call, argv), 1);
	CHECK(nth(0)->status != CAPTURE_WHOLE);
	end();
}

static void put_option(void)
{
	strcpy(map.pages, "secret-of-24-bytes-------");
	memcpy(map.pages + PAGE, &(uint32_t){24}, sizeof(uint32_t));
}

/* How many bytes are copied of what its third or fourth argument points to, at that phase. */
static uint32_t taken(enum call_id id, uint64_t second, uint64_t third, uint8_t phase, bool no_data)
{
	static struct capture_row made;
	struct capture_call call = call_with(3, second, third);
	uint64_t secret = at(map.pages);

	call.call = id;
	call.phase = phase;
	call.no_data = no_data;
	call.args[3] = secret;
	call.args[4] = id == CALL_getsockopt ? at(map.pages + PAGE) : 24;
	if (id == CALL_ioctl)
		call.args[2] = secret;
	CHECK(builder_begin(&builder));
	capture_phase(&capturer, &call, row_of(id, call.args, &made), &builder);
	for (uint32_t i = 0; i < builder.record->captures; i++) {
		if (nth(i)->address == secret)
			return nth(i)->size;
	}
	return 0;
}

static void test_without_data_no_keys(void)
{
	const uint64_t generic = _IOC(_IOC_WRITE | _IOC_READ, '!', 200, 24);

	begin(put_option);
	CHECK_EQUAL(taken(CALL_setsockopt, SOL_ALG, 1, PHASE_ENTRY, false), 24);
	CHECK_EQUAL(taken(CALL_setsockopt, SOL_ALG, 1, PHASE_ENTRY, true), 4);
	CHECK_EQUAL(taken(CALL_setsockopt, SOL_ALG, SO_ATTACH_FILTER, PHASE_ENTRY, true), 4);
	CHECK_EQUAL(taken(CALL_getsockopt, SOL_TLS, 1, PHASE_EXIT, false), 24);
	CHECK_EQUAL(taken(CALL_getsockopt, SOL_TLS, 1, PHASE_EXIT, true), 4);
	CHECK_EQUAL(taken(CALL_getsockopt, SOL_TLS, SO_ATTACH_FILTER, PHASE_EXIT, true), 0);
	CHECK_EQUAL(taken(CALL_setsockopt, SOL_SOCKET, SO_LINGER, PHASE_ENTRY, true), 24);
	CHECK_EQUAL(taken(CALL_ioctl, generic, 0, PHASE_ENTRY, false), 24);
	CHECK_EQUAL(taken(CALL_ioctl, generic, 0, PHASE_ENTRY, true), 0);
	CHECK_EQUAL(taken(CALL_ioctl, generic, 0, PHASE_EXIT, true), 0);
	CHECK_EQUAL(taken(CALL_ioctl, LOOP_SET_STATUS64, 0, PHASE_ENTRY, false), sizeof(struct loop_info64));
	CHECK_EQUAL(taken(CALL_ioctl, LOOP_SET_STATUS64, 0, PHASE_ENTRY, true), 0);
	CHECK_EQUAL(taken(CALL_ioctl, TIOCSTI, 0, PHASE_ENTRY, true), 0);
	CHECK_EQUAL(taken(CALL_ioctl, TIOCSWINSZ, 0, PHASE_ENTRY, true), 8);
	end();
}

/* Pages that are not touched yet are no fault: they are read by way of a probe. */
static void test_untouched_pages(void)
{
	const struct capture object = {.take = TAKE_OBJECT, .size = 64};
	char *untouched = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	begin(NULL);
	struct capture_call call = call_with(at(untouched), 0, 0);

	CHECK_EQUAL(capture(&call, object), 1);
	CHECK_EQUAL(nth(0)->size, 64);
	CHECK_EQUAL(nth(0)->status, CAPTURE_WHOLE);
	end();
	munmap(untouched, PAGE);
}

static int unconfined(void)
{
	return 0;
}

int main(void)
{
	static const struct test tests[] = {
		TEST(test_strings),
		TEST(test_addresses_that_are_none),
		TEST(test_lengths_that_are_lies),
		TEST(test_parts_fail_by_themselves),
		TEST(test_a_result_bounds_the_parts),
		TEST(test_argv),
		TEST(test_without_data_no_keys),
		TEST(test_untouched_pages),
	};

	if (syscall(SYS_userfaultfd, O_CLOEXEC) < 0) {
		printf("%s: skipped: userfaultfd(2) is not permitted\n", __FILE__);
		return 0;
	}
	rows_prepare();
	memory_prepare();
	probes_start(unconfined);
	int failed = RUN_TESTS(tests);

	capturer_close(&capturer);
	builder_free(&builder);
	return failed;
}

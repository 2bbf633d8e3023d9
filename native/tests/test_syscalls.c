/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#include "check.h"
#include "stracelet.h"

static int is_named(const char *actual, const char *expected)
{
	return actual && strcmp(actual, expected) == 0;
}

static void names_of_each_abi(void)
{
	CHECK(is_named(stl_syscall_name(STL_ABI_X86_64, 0), "read"));
	CHECK(is_named(stl_syscall_name(STL_ABI_X86_64, 257), "openat"));
	CHECK(is_named(stl_syscall_name(STL_ABI_X86_64, 59), "execve"));
	CHECK(is_named(stl_syscall_name(STL_ABI_I386, 11), "execve"));
	CHECK(is_named(stl_syscall_name(STL_ABI_I386, 102), "socketcall"));
	CHECK(is_named(stl_syscall_name(STL_ABI_AARCH64, 221), "execve"));
	CHECK(is_named(stl_syscall_name(STL_ABI_AARCH64, 56), "openat"));
	CHECK_EQUAL(stl_syscall_number(STL_ABI_X86_64, "futex"), 202);
	CHECK_EQUAL(stl_syscall_number(STL_ABI_AARCH64, "futex"), 98);
	CHECK_EQUAL(stl_syscall_number(STL_ABI_AARCH64, "open"), -ENOENT);
	CHECK_EQUAL(stl_syscall_number(STL_ABI_X86_64, ""), -ENOENT);
}

static void every_name_leads_back_to_its_number(void)
{
	for (int abi = STL_ABI_X86_64; abi <= STL_ABI_AARCH64; abi++) {
		int named = 0;

		for (int number = 0; number < STL_MAX_NUMBER; number++) {
			const char *name = stl_syscall_name(abi, number);

			if (!name)
				continue;
			CHECK_EQUAL(stl_syscall_number(abi, name), number);
			named++;
		}
		CHECK(named > 300);
	}
}

static void nothing_outside_the_tables(void)
{
	/* 0x40000000: x32's bit, __X32_SYSCALL_BIT */
	static const int numbers[] = {-1, INT32_MIN, INT32_MAX, STL_MAX_NUMBER, 0x40000000};

	for (unsigned i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		for (int abi = -1; abi <= STL_ABI_SIGNAL + 1; abi++)
			CHECK(!stl_syscall_name(abi, numbers[i]));
		CHECK(!stl_errno_name(numbers[i]));
		CHECK(!stl_signal_name(numbers[i]));
	}
	CHECK(!stl_syscall_name(STL_ABI_X86_64, 400)); /* a hole */
	CHECK(!stl_syscall_name(STL_ABI_UNKNOWN, 0));
	CHECK(!stl_syscall_name(STL_ABI_SIGNAL, 9));
	CHECK_EQUAL(stl_syscall_number(STL_ABI_UNKNOWN, "read"), -ENOENT);
	CHECK_EQUAL(stl_syscall_number(-1, "read"), -ENOENT);
}

static void errnos_as_the_library_knows_them(void)
{
	for (int error = 1; error < 134; error++) {
		const char *expected = strerrorname_np(error);

		if (!expected)
			CHECK(!stl_errno_name(error));
		else if (error == ENOTSUP)
			CHECK(is_named(stl_errno_name(error), "EOPNOTSUPP"));
		else
			CHECK(is_named(stl_errno_name(error), expected));
	}
	CHECK(!stl_errno_name(0));
	CHECK(!stl_errno_name(512)); /* ERESTARTSYS never leaves the kernel */
	CHECK(is_named(stl_errno_name(524), "ENOTSUPP"));
}

static void signals_as_strace_names_them(void)
{
	CHECK(!stl_signal_name(0));
	for (int signal = 1; signal < 32; signal++) {
		const char *name = stl_signal_name(signal);

		CHECK(name && strncmp(name, "SIG", 3) == 0);
		if (signal != SIGIO)
			CHECK(is_named(name + 3, sigabbrev_np(signal)));
	}
	CHECK(is_named(stl_signal_name(SIGIO), "SIGIO"));
	CHECK(is_named(stl_signal_name(32), "SIGRTMIN"));
	CHECK(is_named(stl_signal_name(33), "SIGRT_1"));
	CHECK(is_named(stl_signal_name(34), "SIGRT_2"));
	CHECK(is_named(stl_signal_name(64), "SIGRT_32"));
	CHECK(!stl_signal_name(65));
}

#if defined(__x86_64__)
#define NATIVE_ABI STL_ABI_X86_64
#else
#define NATIVE_ABI STL_ABI_AARCH64
#endif

static void numbers_as_the_compiler_has_them(void)
{
	CHECK_EQUAL(stl_syscall_number(NATIVE_ABI, "ptrace"), SYS_ptrace);
	CHECK_EQUAL(stl_syscall_number(NATIVE_ABI, "clone3"), SYS_clone3);
	CHECK_EQUAL(stl_syscall_number(NATIVE_ABI, "epoll_pwait2"), SYS_epoll_pwait2);
	CHECK_EQUAL(stl_syscall_number(NATIVE_ABI, "io_uring_enter"), SYS_io_uring_enter);
}

int main(void)
{
	static const struct test tests[] = {
		TEST(names_of_each_abi),
		TEST(every_name_leads_back_to_its_number),
		TEST(nothing_outside_the_tables),
		TEST(errnos_as_the_library_knows_them),
		TEST(signals_as_strace_names_them),
		TEST(numbers_as_the_compiler_has_them),
	};

	return RUN_TESTS(tests);
}

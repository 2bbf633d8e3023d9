/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "ptrace/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"
#include "fixture.h"
#include "ptrace/cgroups.h"
#include "ptrace/probes.h"
#include "ptrace/waits.h"

static const char status[] = "Name:\tsleep\\nState:\tR (forged)\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t1234\n"
			     "PPid:\t12\nTracerPid:\t77\nGroups:\t0 4 24\nNStgid:\t1230\t88\t1\nNSpid:\t1234\t99\t5\n"
			     "SigIgn:\t0000000000001000\nSigCgt:\t0000000180000002\n"
			     "voluntary_ctxt_switches:\t42\nnonvoluntary_ctxt_switches:\t7\n";

static void a_status(void)
{
	struct task_status out;

	CHECK_EQUAL(task_status_parse(status, &out), 0);
	CHECK_EQUAL(out.state, 'S');
	CHECK_EQUAL(out.tgid, 1234);
	CHECK_EQUAL(out.ppid, 12);
	CHECK_EQUAL(out.tracer, 77);
	CHECK_EQUAL(out.ns_depth, 3);
	CHECK_EQUAL(out.ns_pid[0], 1234);
	CHECK_EQUAL(out.ns_pid[2], 5);
	CHECK_EQUAL(out.ns_tgid, 1);
	CHECK(out.ignored >> (SIGPIPE - 1) & 1);
	CHECK(out.caught >> (SIGINT - 1) & 1);
	CHECK_EQUAL(out.voluntary, 42);
}

static void what_is_no_status(void)
{
	struct task_status out;

	CHECK_EQUAL(task_status_parse("", &out), -ENODATA);
	CHECK_EQUAL(task_status_parse("Name:\tx\n", &out), -ENODATA);
	CHECK_EQUAL(task_status_parse("Name:\tx\nState:\t", &out), -ENODATA);
	CHECK_EQUAL(task_status_parse("Name:\tx\nState:\tS\nNSpid:\n", &out), 0);
	CHECK_EQUAL(out.ns_depth, 0);
}

static void more_namespaces_than_there_can_be(void)
{
	char text[1024] = "Name:\tx\nState:\tS\nNSpid:";
	struct task_status out;

	for (int i = 0; i < 100; i++)
		strcat(text, "\t7");
	CHECK_EQUAL(task_status_parse(text, &out), 0);
	CHECK_EQUAL(out.ns_depth, NS_DEPTH);
}

static void where_a_task_is(void)
{
	struct task_syscall out;

	CHECK_EQUAL(task_syscall_parse("running\n", &out), 0);
	CHECK_EQUAL(out.now, NOW_RUNNING);
	CHECK_EQUAL(task_syscall_parse("-1 0x7ffd 0x7f00\n", &out), 0);
	CHECK_EQUAL(out.now, NOW_OUTSIDE);
	CHECK_EQUAL(task_syscall_parse("232 0x4 0x7ffd 0xc 0xffffffff 0x0 0x0 0x7ffe 0x7f01\n", &out), 0);
	CHECK_EQUAL(out.now, NOW_INSIDE);
	CHECK_EQUAL(out.number, 232);
	CHECK_EQUAL(out.args[3], 0xffffffff);
	CHECK_EQUAL(task_syscall_parse("", &out), -ENODATA);
	CHECK_EQUAL(task_syscall_parse("232 0x4 nonsense", &out), 0);
	CHECK_EQUAL(out.now, NOW_OUTSIDE);
}

static void a_name_that_looks_like_the_rest_of_the_line(void)
{
	struct task_stat out;
	const char *text =
		"7 (a) R 1 (b) S 1 7 7 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 98765 10 11 12 13 14 15 16 17 18 19 "
		"20 21 22 23 24 17 3 0 0 0\n";

	CHECK_EQUAL(task_stat_parse(text, &out), 0);
	CHECK_EQUAL(out.start_ticks, 98765);
	CHECK_EQUAL(out.cpu, 3);
	CHECK_EQUAL(task_stat_parse("7 (a) S 1", &out), -ENODATA);
	CHECK_EQUAL(task_stat_parse("", &out), -ENODATA);
}

static void garbage(void)
{
	uint64_t state = 3;
	char text[512];

	for (int i = 0; i < 200000; i++) {
		struct task_status a;
		struct task_syscall b;
		struct task_ran c;
		struct task_stat d;
		char id[CONTAINER_ID_SIZE];
		size_t length = next_random(&state) % sizeof(text);

		memcpy(text, status, length < sizeof(status) ? length : sizeof(status));
		for (size_t j = 0; j < length; j += 1 + next_random(&state) % 16)
			text[j] = (char)next_random(&state);
		text[length] = '\0';
		task_status_parse(text, &a);
		CHECK(a.ns_depth >= 0 && a.ns_depth <= NS_DEPTH);
		task_syscall_parse(text, &b);
		task_ran_parse(text, &c);
		task_stat_parse(text, &d);
		task_cgroups_parse(text, "");
		if (container_id_of(text, id))
			CHECK_EQUAL(strspn(id, "0123456789abcdef"), 64);
	}
}

static void ourselves(void)
{
	struct task_status out;
	struct task_stat stat;
	struct file_identity exe;
	bool in_memory;

	procfs_root("/proc");
	CHECK_EQUAL(task_status_read(getpid(), &out), 0);
	CHECK_EQUAL(out.tgid, getpid());
	CHECK_EQUAL(out.ppid, getppid());
	CHECK_EQUAL(task_stat_read(getpid(), &stat), 0);
	CHECK(stat.start_ticks > 0);
	CHECK_EQUAL(task_exe_read(getpid(), &exe, &in_memory), 0);
	CHECK(!in_memory);
	CHECK_EQUAL(task_exe_bits(getpid()), 8 * (int)sizeof(void *));
	CHECK_EQUAL(count_tasks(getpid()), 1);
}

static _Atomic uint64_t until_ns;

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void containers_ids(void)
{
	static const char *const with[] = {ID,
	                                   "docker-" ID ".scope",
	                                   "cri-containerd-" ID ".scope",
	                                   "crio-" ID ".scope",
	                                   "libpod-" ID ".scope",
	                                   "system.slice:docker:" ID};
	static const char *const without[] = {"",
	                                      "docker",
	                                      "libpod-conmon-" ID ".scope",
	                                      "crio-conmon-" ID,
	                                      ID "0",
	                                      "x" ID "f",
	                                      "0123456789ABCDEF",
	                                      "kubepods-besteffort.slice",
	                                      "x" ID,
	                                      ID "-extra",
	                                      ID ".service",
	                                      "conmon-" ID};
	char id[CONTAINER_ID_SIZE];

	for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
		CHECK(container_id_of(with[i], id));
		CHECK(strcmp(id, ID) == 0);
	}
	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++)
		CHECK(!container_id_of(without[i], id));
}

#define OTHER "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

static void whose_cgroups_they_are(void)
{
	static const char *const its[] = {"0::/docker/" ID "\n", "0::/../../kubepods/cri-containerd-" ID ".scope\n",
	                                  "12:pids:/\n4:memory:/docker/" ID "/below/it\n0::/x\n",
	                                  "0::/docker/" OTHER "/docker/" ID};
	static const char *const not_its[] = {"",
	                                      "0::/\n",
	                                      "0::/docker/" OTHER "\n",
	                                      "0::/libpod-conmon-" ID ".scope\n",
	                                      "1:name=" ID ":/user\n",
	                                      "0::/" ID ID "\n"};

	for (size_t i = 0; i < sizeof(its) / sizeof(its[0]); i++)
		CHECK(task_cgroups_parse(its[i], ID));
	for (size_t i = 0; i < sizeof(not_its) / sizeof(not_its[0]); i++)
		CHECK(!task_cgroups_parse(not_its[i], ID));
	CHECK(!task_in_container(getpid(), ID));
	CHECK(!task_in_container(-1, ID));
}

static void calls_that_notice_a_stop(void)
{
	const uint64_t endless[6] = {4, 0, 1, (uint64_t)-1, 0, 0}, one_second[6] = {4, 0, 1, 1000, 0, 0};

	waits_prepare();
	const struct wait_call *wait = wait_call_find(STL_ABI_X86_64, 232 /* epoll_wait */);

	CHECK(wait && wait->kind == WAIT_REWOUND);
	CHECK(wait_call_timeout(wait, STL_ABI_X86_64, getpid(), endless, &until_ns) == WAIT_FOREVER);
	CHECK_EQUAL(wait_call_timeout(wait, STL_ABI_X86_64, getpid(), one_second, &until_ns), 1000000000);
	CHECK(wait_call_find(STL_ABI_I386, 256 /* epoll_wait */) == wait);
	CHECK(wait_call_find(STL_ABI_AARCH64, 22 /* epoll_pwait */)->kind == WAIT_REWOUND);
	CHECK(wait_call_find(STL_ABI_X86_64, 1 /* write */)->kind == WAIT_TRANSFER);
	CHECK(wait_call_find(STL_ABI_X86_64, 35 /* nanosleep */) == NULL);
	CHECK(wait_call_find(STL_ABI_X86_64, -1) == NULL);
	CHECK(wait_call_find(STL_ABI_X86_64, STL_MAX_NUMBER) == NULL);
	CHECK(wait_call_find(STL_ABI_UNKNOWN, 232) == NULL);
	CHECK(wait_call_find(-1, 232) == NULL);
}

static void time_outs_in_memory(void)
{
	struct timespec half = {0, 500000000}, never = {-1, 0}, ages = {INT64_MAX, 0};
	const struct wait_call *wait = wait_call_find(STL_ABI_X86_64, 128 /* rt_sigtimedwait */);
	uint64_t args[6] = {0};

	CHECK(wait_call_timeout(wait, STL_ABI_X86_64, getpid(), args, &until_ns) == WAIT_FOREVER);
	args[2] = (uint64_t)(uintptr_t)&half;
	CHECK_EQUAL(wait_call_timeout(wait, STL_ABI_X86_64, getpid(), args, &until_ns), 500000000);
	args[2] = (uint64_t)(uintptr_t)&never;
	CHECK(wait_call_timeout(wait, STL_ABI_X86_64, getpid(), args, &until_ns) == WAIT_UNKNOWN);
	args[2] = (uint64_t)(uintptr_t)&ages;
	CHECK(wait_call_timeout(wait, STL_ABI_X86_64, getpid(), args, &until_ns) == WAIT_FOREVER);
	args[2] = 8; /* nothing is mapped there */
	CHECK(wait_call_timeout(wait, STL_ABI_X86_64, getpid(), args, &until_ns) == WAIT_UNKNOWN);
}

static int unconfined(void)
{
	return 0;
}

static void memory_that_does_not_come(void)
{
	char bytes[PROBE_MOST];

	CHECK_EQUAL(probe_memory(getpid(), (uint64_t)(uintptr_t)status, bytes, sizeof(status), &until_ns), 0);
	CHECK(memcmp(bytes, status, sizeof(status)) == 0);
	CHECK_EQUAL(probe_memory(getpid(), 8, bytes, sizeof(bytes), &until_ns), -EFAULT);
	CHECK_EQUAL(probe_memory(getpid(), 8, bytes, PROBE_MOST + 1, &until_ns), -EINVAL);
}

static void *served_by_nobody(void)
{
	struct uffdio_api api = {.api = UFFD_API};
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register range = {{(uintptr_t)page, size}, UFFDIO_REGISTER_MODE_MISSING, 0};
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0)
		return NULL;
	CHECK(page != MAP_FAILED && ioctl(fd, UFFDIO_API, &api) == 0 && ioctl(fd, UFFDIO_REGISTER, &range) == 0);
	return page;
}

/* userfaultfd(2): such a look ends when the page comes, or with a signal that kills. */
static void probes_that_hang(void)
{
	uint64_t page = (uint64_t)(uintptr_t)served_by_nobody(), good = (uint64_t)(uintptr_t)status;
	_Atomic uint64_t one = 0, another = 0, third = 0;
	char bytes[PROBE_MOST];
	int error;

	if (!page) {
		CHECK(!getenv("STRACELET_NO_SKIP"));
		printf("  skipped: without userfaultfd(2)\n");
		return;
	}
	CHECK_EQUAL(probe_memory(getpid(), page, bytes, 1, &one), -ETIMEDOUT);
	CHECK_EQUAL(probe_memory(getpid(), good, bytes, 1, &one), -EBUSY);
	CHECK_EQUAL(probe_memory(getpid(), good, bytes, 1, &third), 0);
	CHECK_EQUAL(probe_memory(getpid(), page, bytes, 1, &another), -ETIMEDOUT);
	CHECK_EQUAL(probe_memory(getpid(), good, bytes, 1, &third), -EBUSY);
	for (int i = 0; i < 5000 && (error = probe_memory(getpid(), good, bytes, 1, &third)) == -EBUSY; i++)
		usleep(1000);
	CHECK_EQUAL(error, 0);
}

int main(void)
{
	probes_start(unconfined);
	static const struct test tests[] = {
		TEST(a_status),
		TEST(what_is_no_status),
		TEST(more_namespaces_than_there_can_be),
		TEST(where_a_task_is),
		TEST(a_name_that_looks_like_the_rest_of_the_line),
		TEST(garbage),
		TEST(ourselves),
		TEST(containers_ids),
		TEST(whose_cgroups_they_are),
		TEST(calls_that_notice_a_stop),
		TEST(time_outs_in_memory),
		TEST(memory_that_does_not_come),
		TEST(probes_that_hang),
	};

	return RUN_TESTS(tests);
}

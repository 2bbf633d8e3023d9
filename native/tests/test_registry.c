/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is barred, and for how long that is kept: with a /proc of the test's own.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "ptrace/clock.h"
#include "ptrace/tracee.h"

#define THREAD 3
#define MANY 20000

static char root[] = "/tmp/test_registry.XXXXXX";
static struct container container, other;

static void path_of(pid_t tid, const char *file, char path[64])
{
	snprintf(path, 64, "%s/%d%s", root, tid, file);
}

/* Puts a task into that /proc that started then. */
static void be_there(pid_t tid, uint64_t start_ticks)
{
	char path[64];

	path_of(tid, "", path);
	mkdir(path, 0700);
	path_of(tid, "/stat", path);
	FILE *file = fopen(path, "w");

	CHECK(file);
	fprintf(file, "%d (a) S 1 1 1 0 -1 64 0 0 0 0 0 0 0 0 20 0 1 0 %llu", tid, (unsigned long long)start_ticks);
	for (int i = 23; i <= 52; i++)
		fprintf(file, " 0");
	fclose(file);
}

static void be_gone(pid_t tid)
{
	char path[64];

	path_of(tid, "/stat", path);
	unlink(path);
	path_of(tid, "", path);
	rmdir(path);
}

static void bar(pid_t tid, uint64_t until_ns)
{
	registry_set(tid, THREAD, &container);
	registry_bar(tid, THREAD, until_ns);
}

static void sweep_all(void)
{
	static uint64_t now;

	if (!now)
		now = clock_ns();
	for (int i = 0; i < 400; i++)
		registry_sweep(now += NS_PER_S);
}

static void a_bar_holds_as_long_as_it_says(void)
{
	be_there(7, 1);
	CHECK(registry_open(7));
	bar(7, clock_ns() + 3600 * NS_PER_S);
	CHECK(!registry_open(7));
	CHECK_EQUAL(registry_reserve(7, THREAD, &container), REGISTRY_TAKEN);
	bar(7, 1);
	CHECK(registry_open(7));
	CHECK_EQUAL(registry_reserve(7, THREAD, &container), REGISTRY_RETRY);
	registry_remove(7, THREAD);
	be_gone(7);
}

/* A retry, not a new one: what is tried again is not the runtime's. */
static void who_is_still_there_is_remembered(void)
{
	be_there(8, 1);
	bar(8, 1);
	sweep_all();
	CHECK_EQUAL(registry_reserve(8, THREAD, &container), REGISTRY_RETRY);
	registry_remove(8, THREAD);
	be_gone(8);
}

static void who_died_is_forgotten(void)
{
	for (pid_t tid = 1000; tid < 1000 + MANY; tid++)
		bar(tid, 1);
	registry_set(9, THREAD, &container); /* not barred: its thread takes it out */
	sweep_all();
	for (pid_t tid = 1000; tid < 1000 + MANY; tid++) {
		CHECK_EQUAL(registry_reserve(tid, THREAD, &container), REGISTRY_NEW);
		registry_remove(tid, THREAD);
	}
	CHECK_EQUAL(registry_thread(9), THREAD);
	registry_remove(9, THREAD);
}

static void another_task_of_that_id_is_not_barred(void)
{
	bar(10, clock_ns() + 3600 * NS_PER_S);
	bar(11, 1);
	be_there(10, boot_ticks() + 1);
	be_there(11, boot_ticks() + 1);
	CHECK(registry_open(10));
	CHECK_EQUAL(registry_reserve(10, THREAD, &other), REGISTRY_NEW);
	CHECK(registry_open(11));
	CHECK_EQUAL(registry_reserve(11, THREAD, &other), REGISTRY_NEW);
	CHECK(!registry_open(10) && !registry_open(11));
	registry_remove(10, THREAD);
	registry_remove(11, THREAD);
	be_gone(10);
	be_gone(11);
}

static void a_sweep_is_short(void)
{
	int left = 0;

	for (pid_t tid = 1000; tid < 1000 + MANY; tid++)
		bar(tid, 1);
	registry_sweep(UINT64_MAX / 2);
	registry_sweep(UINT64_MAX / 2 + 1); /* too soon */
	for (pid_t tid = 1000; tid < 1000 + MANY; tid++) {
		left += registry_reserve(tid, THREAD, &container) == REGISTRY_RETRY;
		registry_remove(tid, THREAD);
	}
	CHECK(left >= MANY - 512 && left < MANY);
}

int main(void)
{
	static const struct test tests[] = {
		TEST(a_bar_holds_as_long_as_it_says),
		TEST(who_is_still_there_is_remembered),
		TEST(who_died_is_forgotten),
		TEST(another_task_of_that_id_is_not_barred),
		TEST(a_sweep_is_short),
	};

	CHECK(mkdtemp(root));
	procfs_root(root);
	RUN_TESTS(tests);
	CHECK_EQUAL(rmdir(root), 0);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Who looks for the tracer, where the CPUs are full.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "ptrace/clock.h"
#include "ptrace/probes.h"

#define HOG_NS (50 * NS_PER_MS)
#define PATIENCE_NS (20 * NS_PER_MS)
#define TRIES 20

static int first = -1, last = -1;

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	CHECK_EQUAL(sched_setaffinity(0, sizeof(set), &set), 0);
}

static void find_cpus(void)
{
	cpu_set_t set;

	CHECK_EQUAL(sched_getaffinity(0, sizeof(set), &set), 0);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &set))
			continue;
		last = cpu;
		if (first < 0)
			first = cpu;
	}
}

/* A process that leaves nobody else that CPU for a while; it has it when this returns. 0: that is not permitted. */
static pid_t take_cpu(int cpu)
{
	const struct sched_param lowest = {.sched_priority = 1};
	char begun = 0;
	int ends[2];

	CHECK_EQUAL(pipe(ends), 0);
	pid_t pid = fork();

	if (pid == 0) {
		run_on(cpu);
		if (sched_setscheduler(0, SCHED_FIFO, &lowest) < 0 || write(ends[1], "", 1) != 1)
			_exit(1);
		for (uint64_t until = clock_ns() + HOG_NS; clock_ns() < until;)
			;
		_exit(0);
	}
	close(ends[1]);
	bool has = read(ends[0], &begun, 1) == 1;

	close(ends[0]);
	if (!has)
		waitpid(pid, NULL, 0);
	return has ? pid : 0;
}

static void test_who_gets_no_cpu_does_not_hang(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t longest_ns = 0;

	for (int i = 0; i < TRIES && longest_ns < PATIENCE_NS; i++) {
		_Atomic uint64_t until_ns = 0;
		char name[PROBE_PROTOCOL];
		pid_t hog = first == last ? 0 : take_cpu(last);

		if (!hog) {
			CHECK(!getenv("STRACELET_NO_SKIP"));
			printf("  skipped: needs two CPUs and SCHED_FIFO\n");
			close(fd);
			return;
		}
		uint64_t begun_ns = clock_ns();

		CHECK_EQUAL(probe_socket_protocol(getpid(), fd, name, &until_ns), 0);
		CHECK(strncmp(name, "UNIX", 4) == 0);
		if (clock_ns() - begun_ns > longest_ns)
			longest_ns = clock_ns() - begun_ns;
		CHECK_EQUAL(waitpid(hog, NULL, 0), hog);
	}
	CHECK(longest_ns >= PATIENCE_NS);
	close(fd);
}

static int unconfined(void)
{
	return 0;
}

int main(void)
{
	static const struct test tests[] = {
		TEST(test_who_gets_no_cpu_does_not_hang),
	};

	find_cpus();
	run_on(last);
	probes_start(unconfined);
	run_on(first);
	return RUN_TESTS(tests);
}

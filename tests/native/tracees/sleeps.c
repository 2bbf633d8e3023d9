/* SPDX-License-Identifier: Apache-2.0
 *
 * sleeps N MS: N times nanosleep(MS); says how long they took together, and how many of them at most three times
 * as long as they should: on a busy machine some come late, whoever traces.
 */
#include "tracee.h"

int main(int argc, char **argv)
{
	int n = atoi(argv[1]);
	struct timespec time = {0, atol(argv[2]) * 1000000};
	int64_t total = 0, slow = 3000 * atol(argv[2]);
	int on_time = 0;
	char line[16];

	(void)argc;
	tracee_begin();
	await_go();
	for (int i = 0; i < n; i++) {
		int64_t start = now_us();

		CHECK(syscall(SYS_nanosleep, &time, NULL) == 0);
		int64_t took = now_us() - start;

		total += took;
		on_time += took <= slow;
	}
	dprintf(STDOUT_FILENO, "calls nanosleep %d\ntotal_us %lld\non_time %d\nend\n", n, (long long)total, on_time);
	read(STDIN_FILENO, line, sizeof line);
	_exit(7);
}

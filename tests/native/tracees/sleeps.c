/* SPDX-License-Identifier: Apache-2.0
 *
 * sleeps N MS: N times nanosleep(MS), and says how long they took together.
 */
#include "tracee.h"

int main(int argc, char **argv)
{
	int n = atoi(argv[1]);
	struct timespec time = {0, atol(argv[2]) * 1000000};
	int64_t total = 0;
	char line[16];

	(void)argc;
	tracee_begin();
	await_go();
	for (int i = 0; i < n; i++) {
		int64_t start = now_us();

		CHECK(syscall(SYS_nanosleep, &time, NULL) == 0);
		total += now_us() - start;
	}
	dprintf(STDOUT_FILENO, "calls nanosleep %d\ntotal_us %lld\nend\n", n, (long long)total);
	read(STDIN_FILENO, line, sizeof line);
	_exit(7);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * shortlived [N]: 1,000 (N) getpgid, 10 openat that fail with ENOENT, and the end: all that it is asked for, without a wait.
 */
#include "tracee.h"

int main(int argc, char **argv)
{
	long calls = argc > 1 ? atol(argv[1]) : 1000;

	for (long i = 0; i < calls; i++)
		syscall(SYS_getpgid, 0);
	for (int i = 0; i < 10; i++)
		syscall(SYS_openat, AT_FDCWD, "/nonexistent/stracelet", O_RDONLY);
	_exit(7);
}

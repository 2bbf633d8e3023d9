/* SPDX-License-Identifier: Apache-2.0
 *
 * known [once]: 1,000 getppid and 10 openat that fail, then exit status 7. Without "once" it does so every 50 ms, for ever.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void work(void)
{
	for (int i = 0; i < 1000; i++)
		syscall(SYS_getppid);
	for (int i = 0; i < 10; i++)
		syscall(SYS_openat, AT_FDCWD, "/nonexistent", O_RDONLY);
}

int main(int argc, char **argv)
{
	(void)argv;
	work();
	while (argc == 1) {
		usleep(50000);
		work();
	}
	return 7;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * exact THREADS early|late: each thread makes 1,000 getppid, 10 openat that fail with ENOENT, 5 close that fail with
 * EBADF. Threads are there before the go (early) or made after it (late). With THREADS 0 the main thread does it alone,
 * and the claims are all that the process calls.
 */
#include "tracee.h"

static _Atomic int go;

static void work(void)
{
	for (int i = 0; i < 1000; i++)
		syscall(SYS_getppid);
	for (int i = 0; i < 10; i++)
		syscall(SYS_openat, AT_FDCWD, "/nonexistent/stracelet", O_RDONLY);
	for (int i = 0; i < 5; i++)
		syscall(SYS_close, -1);
}

static void *thread(void *argument)
{
	(void)argument;
	while (!go)
		;
	work();
	return NULL;
}

static void claim(int workers)
{
	char text[512];

	snprintf(text, sizeof text,
	         "calls getppid %d\ncalls openat %d\ncalls close %d\nerrors openat ENOENT %d\nerrors close EBADF %d\n"
	         "calls write 1\ncalls read 1\ncalls exit_group 1\nend\n",
	         workers * 1000, workers * 10, workers * 5, workers * 10, workers * 5);
	write(STDOUT_FILENO, text, strlen(text));
}

int main(int argc, char **argv)
{
	pthread_t threads[64];
	int n = atoi(argv[1]), late = argc > 2 && !strcmp(argv[2], "late");
	char line[16];

	tracee_begin();
	for (int i = 0; i < n && !late; i++)
		CHECK(pthread_create(&threads[i], NULL, thread, NULL) == 0);
	await_go();
	go = 1;
	for (int i = 0; i < n && late; i++)
		CHECK(pthread_create(&threads[i], NULL, thread, NULL) == 0);
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	if (n == 0)
		work();
	claim(n ? n : 1);
	read(STDIN_FILENO, line, sizeof line);
	_exit(7);
}

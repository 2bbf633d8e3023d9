/* SPDX-License-Identifier: Apache-2.0
 *
 * threadexec: eight threads call getppid for ever; then one of them, not the leader, execs this program, which makes
 * 1,000 getpgid under the leader's PID.
 */
#include "tracee.h"

static _Atomic int go;
static _Atomic long calls;

static void *busy(void *argument)
{
	(void)argument;
	for (;;) {
		syscall(SYS_getppid);
		calls++;
	}
	return NULL;
}

static void *execer(void *argument)
{
	char *arguments[] = {"threadexec", "after", NULL};

	(void)argument;
	while (!go)
		;
	execv("/proc/self/exe", arguments);
	_exit(98);
}

int main(int argc, char **argv)
{
	pthread_t thread;
	char line[16];

	if (argc > 1 && !strcmp(argv[1], "after")) {
		for (int i = 0; i < 1000; i++)
			syscall(SYS_getpgid, 0);
		say("calls getpgid 1000\ncalls execve 1\ncalls exit_group 1\nend");
		read(STDIN_FILENO, line, sizeof line);
		_exit(7);
	}
	tracee_begin();
	CHECK(pthread_create(&thread, NULL, execer, NULL) == 0);
	for (int i = 0; i < 6; i++)
		CHECK(pthread_create(&thread, NULL, busy, NULL) == 0);
	await_go();
	while (calls < 1000)
		;
	go = 1;
	busy(NULL);
}

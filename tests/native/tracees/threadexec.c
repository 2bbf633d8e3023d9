/* SPDX-License-Identifier: Apache-2.0
 *
 * threadexec: eight threads call getppid for ever; then one of them, not the leader, execs this program, which makes
 * 1,000 getpgid under the leader's PID.
 * threadexec spinning: the one that execs is all there is besides the leader; it sleeps until the go, then spins without
 * a call, which the leader says, and execs at the next line.
 */
#include "tracee.h"
#include <linux/futex.h>

static _Atomic int go, awake;
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

static void *execer(void *sleeps)
{
	char *arguments[] = {"threadexec", "after", NULL};

	if (sleeps) {
		while (!awake)
			syscall(SYS_futex, &awake, FUTEX_WAIT, 0, NULL, NULL, 0);
		awake = 2;
	}
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
	if (argc > 1 && !strcmp(argv[1], "spinning")) {
		CHECK(pthread_create(&thread, NULL, execer, line) == 0);
		await_go();
		awake = 1;
		syscall(SYS_futex, &awake, FUTEX_WAKE, 1, NULL, NULL, 0);
		while (awake != 2)
			sleep_us(1000);
		say("spinning");
		command(line, sizeof line);
		go = 1;
		for (;;)
			pause();
	}
	CHECK(pthread_create(&thread, NULL, execer, NULL) == 0);
	for (int i = 0; i < 6; i++)
		CHECK(pthread_create(&thread, NULL, busy, NULL) == 0);
	await_go();
	while (calls < 1000)
		;
	go = 1;
	busy(NULL);
}

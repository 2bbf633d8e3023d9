/* SPDX-License-Identifier: Apache-2.0
 *
 * slowexec: told to go, a thread that was busy till then, and is not the leader, execs. That takes a
 * second from when it has the leader's ID. The program makes 1,000 getppid(2) then, and reports.
 */
#include "faults.h"
#include <stdbool.h>

static const char *self;
static atomic_bool going;

static void *run(void *unused)
{
	(void)unused;
	while (!atomic_load(&going))
		;
	make_exec_slow(1000000);
	execl(self, self, "after", NULL);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	tracee_begin();
	if (argc > 1) {
		for (int i = 0; i < 1000; i++)
			syscall(SYS_getppid);
		say("calls execve 1");
		say("calls getppid 1000");
		say("end");
		_exit(7);
	}
	self = argv[0];
	CHECK(pthread_create(&thread, NULL, run, NULL) == 0);
	await_go();
	atomic_store(&going, true);
	for (;;)
		pause();
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * untraced NAME: told to go, makes a child that no tracer gets with its parent (clone(2), CLONE_UNTRACED), which calls itself
 * NAME, and says its PID; told to go again, the child makes 1,000 getppid(2), and "done" is said.
 */
#include "tracee.h"
#include <sched.h>

int main(int argc, char **argv)
{
	char line[16];
	int go[2];

	tracee_begin();
	CHECK(argc == 2 && pipe(go) == 0);
	say("ready");
	if (!command(line, sizeof line))
		_exit(7);
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, NULL, NULL, NULL, NULL);

	CHECK(pid >= 0);
	if (pid == 0) {
		tracee_begin();
		prctl(PR_SET_NAME, argv[1]);
		CHECK(read(go[0], line, 1) == 1);
		for (int i = 0; i < 1000; i++)
			syscall(SYS_getppid);
		say("done");
		_exit(0);
	}
	dprintf(STDOUT_FILENO, "%d\n", pid);
	if (command(line, sizeof line))
		CHECK(write(go[1], "x", 1) == 1);
	CHECK(waitpid(pid, NULL, 0) == pid);
	while (command(line, sizeof line))
		;
	_exit(7);
}

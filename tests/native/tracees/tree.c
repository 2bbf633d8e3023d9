/* SPDX-License-Identifier: Apache-2.0
 *
 * tree: three levels of two children each, by fork, and vfork above the leaves, which exec. Every process that forked
 * makes 10 getppid, every leaf 7 getpgid after its exec. A child's exit status is checked by its parent.
 */
#include "tracee.h"

static char *self;

static void expect_status(pid_t pid, int status)
{
	int got;

	CHECK(waitpid(pid, &got, 0) == pid);
	CHECK(WIFEXITED(got) && WEXITSTATUS(got) == status);
}

static void leaf(int status)
{
	char text[8];

	snprintf(text, sizeof text, "%d", status);
	char *arguments[] = {self, "leaf", text, NULL};
	pid_t pid = vfork();

	if (pid == 0) {
		execv(self, arguments);
		_exit(98);
	}
	CHECK(pid > 0);
	expect_status(pid, status);
}

static void node(int depth)
{
	for (int i = 0; i < 10; i++)
		syscall(SYS_getppid);
	for (int i = 0; i < 2; i++) {
		if (depth == 0) {
			leaf(40 + i);
			continue;
		}
		pid_t pid = fork();

		if (pid == 0) {
			node(depth - 1);
			_exit(depth * 10 + i);
		}
		CHECK(pid > 0);
		expect_status(pid, depth * 10 + i);
	}
}

int main(int argc, char **argv)
{
	char line[16];

	self = "/proc/self/exe";
	if (argc > 2 && !strcmp(argv[1], "leaf")) {
		for (int i = 0; i < 7; i++)
			syscall(SYS_getpgid, 0);
		_exit(atoi(argv[2]));
	}
	tracee_begin();
	await_go();
	node(2);
	/* 1 + 2 + 4 processes fork, the last four have 2 leaves each; every process but the first ends by itself. */
	say("calls getppid 70\ncalls getpgid 56\ncalls execve 8\ncalls vfork 8\ncalls exit_group 15\ncalls wait4 "
	    "14\nend");
	read(STDIN_FILENO, line, sizeof line);
	_exit(7);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * ptracer traceme|attach|seize N: a small strace of its own, N times over: a child makes 100 getppid, and its stops are counted. Says
 * "stops N" (200 for each round), "wrong N" (a ptrace call that failed, a status that was not the child's own).
 */
#include "tracee.h"
#include <sys/ptrace.h>

static int wrong;

static void child(int traceme, int go)
{
	char byte;

	CHECK(read(go, &byte, 1) == 1);
	if (traceme) {
		CHECK(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0);
		raise(SIGSTOP);
	}
	CHECK(read(go, &byte, 1) == 1);
	for (int i = 0; i < 100; i++)
		syscall(SYS_getppid);
	_exit(55);
}

static int stop_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, __WALL) != pid) {
		wrong++;
		return 0;
	}
	return status;
}

static void take(const char *how, pid_t pid, int go)
{
	long options = PTRACE_O_TRACESYSGOOD;

	if (!strcmp(how, "traceme")) {
		CHECK(write(go, "1", 1) == 1);
		wrong += !WIFSTOPPED(stop_of(pid));
		wrong += ptrace(PTRACE_SETOPTIONS, pid, 0, options) != 0;
	} else if (!strcmp(how, "attach")) {
		CHECK(write(go, "1", 1) == 1);
		wrong += ptrace(PTRACE_ATTACH, pid, 0, 0) != 0;
		wrong += !WIFSTOPPED(stop_of(pid));
		wrong += ptrace(PTRACE_SETOPTIONS, pid, 0, options) != 0;
	} else {
		CHECK(write(go, "1", 1) == 1);
		wrong += ptrace(PTRACE_SEIZE, pid, 0, options) != 0;
		wrong += ptrace(PTRACE_INTERRUPT, pid, 0, 0) != 0;
		wrong += !WIFSTOPPED(stop_of(pid));
	}
}

static int traced_round(const char *how)
{
	int go[2], stops = 0;
	pid_t pid;

	CHECK(pipe(go) == 0);
	pid = fork();
	if (pid == 0)
		child(!strcmp(how, "traceme"), go[0]);
	take(how, pid, go[1]);
	CHECK(write(go[1], "2", 1) == 1);
	for (int status;;) {
		struct __ptrace_syscall_info info;

		if (ptrace(PTRACE_SYSCALL, pid, 0, 0) != 0) {
			wrong++;
			break;
		}
		status = stop_of(pid);
		if (!WIFSTOPPED(status)) {
			wrong += !WIFEXITED(status) || WEXITSTATUS(status) != 55;
			break;
		}
		if (WSTOPSIG(status) != (SIGTRAP | 0x80))
			continue;
		static int getppid_open;
		if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0)
			wrong++;
		else if (info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == SYS_getppid)
			stops += getppid_open = 1;
		else if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
			stops += getppid_open;
			getppid_open = 0;
		}
	}
	close(go[0]);
	close(go[1]);
	return stops;
}

int main(int argc, char **argv)
{
	int n = atoi(argv[2]), stops = 0;
	char line[16];

	(void)argc;
	tracee_begin();
	await_go();
	for (int i = 0; i < n; i++)
		stops += traced_round(argv[1]);
	dprintf(STDOUT_FILENO, "stops %d\nwrong %d\nend\n", stops, wrong);
	read(STDIN_FILENO, line, sizeof line);
	_exit(7);
}

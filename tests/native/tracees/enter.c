/* SPDX-License-Identifier: Apache-2.0
 *
 * enter LEVELS GATE CGROUP_PROCS... -- PROGRAM ARG...: what a runtime does: makes LEVELS nested PID namespaces, and in the innermost process joins
 * the cgroups, makes set-up calls of its own (50 getpgid, 3 failing openat), waits for a byte from the descriptor GATE
 * (-1: does not wait; after "threads": in the midst of threads that come and go from a first byte on), and becomes PROGRAM (after "inside ROOT": with that root; after "in-memory ROOT": a copy of it in memory, with that root; after "slowly": by an exec of itself that takes 0.3 s), by way of an exec of itself as runc has it: its executable (device and inode) is the same until
 * the last exec. Says "entered" when it has joined. The outer processes pass the status on.
 */
#include "faults.h"
#include <sched.h>

static void join(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	CHECK(write(fd, "0", 1) == 1);
	close(fd);
}

static void nested(int levels)
{
	for (int i = 0; i < levels; i++) {
		int status;
		pid_t pid;

		CHECK(unshare(CLONE_NEWPID) == 0);
		pid = fork();
		CHECK(pid >= 0);
		if (pid > 0) {
			close(STDIN_FILENO);
			CHECK(waitpid(pid, &status, 0) == pid);
			_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
		}
		tracee_begin();
	}
}

static void exec_from_memory(const char *root, char **argv)
{
	int program = open(argv[0], O_RDONLY | O_CLOEXEC), copy = memfd_create("copy", MFD_CLOEXEC);
	char page[4096];
	ssize_t size;

	CHECK(program >= 0 && copy >= 0);
	while ((size = read(program, page, sizeof page)) > 0)
		CHECK(write(copy, page, (size_t)size) == size);
	CHECK(chroot(root) == 0 && chdir("/") == 0);
	fexecve(copy, argv, environ);
	_exit(96);
}

static void *nothing(void *unused)
{
	return unused;
}

static void *come_and_go(void *unused)
{
	for (;;) {
		pthread_t thread;

		/* Moved to another cgroup just now, it may be refused. */
		if (pthread_create(&thread, NULL, nothing, NULL) == 0)
			CHECK(pthread_join(thread, NULL) == 0);
		syscall(SYS_getpgid, 0);
	}
	return unused;
}

int main(int argc, char **argv)
{
	int levels = atoi(argv[1]), gate = atoi(argv[2]), i = 3;
	char *gate_text = argv[2], byte;

	tracee_begin();
	if (levels < 0) { /* set up, after the exec of itself */
		for (int k = 0; k < 50; k++)
			syscall(SYS_getpgid, 0);
		for (int k = 0; k < 3; k++)
			syscall(SYS_openat, AT_FDCWD, "/nonexistent/setup", O_RDONLY);
		if (!strcmp(argv[3], "threads")) {
			pthread_t thread;

			CHECK(read(gate, &byte, 1) == 1);
			CHECK(pthread_create(&thread, NULL, come_and_go, NULL) == 0);
			argv++;
		}
		if (gate >= 0)
			CHECK(read(gate, &byte, 1) == 1);
		if (gate >= 0)
			close(gate);
		if (!strcmp(argv[3], "in-memory"))
			exec_from_memory(argv[4], argv + 5);
		if (!strcmp(argv[3], "inside")) {
			CHECK(chroot(argv[4]) == 0 && chdir("/") == 0);
			argv += 2;
		}
		execv(argv[3], argv + 3);
		_exit(98);
	}
	nested(levels);
	for (int k = i; k + 1 < argc; k++) {
		if (!strcmp(argv[k], "--") && !strcmp(argv[k + 1], "slowly"))
			make_exec_slow(300000); /* whose page comes from outside of the container */
	}
	for (; i < argc && strcmp(argv[i], "--"); i++)
		join(argv[i]);
	if (!strcmp(argv[i + 1], "slowly"))
		argv[++i] = "--";
	CHECK(i + 1 < argc);
	say("entered");
	argv[i - 2] = argv[0];
	argv[i - 1] = "-1";
	argv[i] = gate_text;
	execv("/proc/self/exe", argv + i - 2);
	_exit(97);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Told to go, it begins, and says "stuck" once all are:
 * stuck execs N: N processes that hang in execve(2): another thread of each is traced by somebody who does not reap it.
 * stuck writes N: N threads in a write(2) to a pipe that nobody reads.
 * stuck write: a child in such a write, whose PID is said; told to go again, the pipe is read, and the child makes 1,000
 * getppid(2) and says "done".
 */
#include "tracee.h"
#include <sys/ptrace.h>

#define STACK_SIZE 16384

static int full[2];

static void fill(void)
{
	char page[4096] = {0};

	CHECK(pipe(full) == 0);
	CHECK(fcntl(full[1], F_SETFL, O_NONBLOCK) == 0);
	while (write(full[1], page, sizeof page) > 0)
		;
	CHECK(fcntl(full[1], F_SETFL, 0) == 0);
}

static void *writer(void *unused)
{
	char byte = 0;

	(void)unused;
	CHECK(write(full[1], &byte, 1) == 1);
	return NULL;
}

static void start(void *(*run)(void *), void *argument)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	CHECK(pthread_create(&thread, &attributes, run, argument) == 0);
}

static void *tell_and_pause(void *fd)
{
	pid_t tid = gettid();

	CHECK(write((int)(long)fd, &tid, sizeof tid) == sizeof tid);
	for (;;)
		pause();
}

static void hang_in_exec(void)
{
	int tids[2], go[2];
	pid_t tid, pid;
	char byte;

	CHECK(pipe(tids) == 0 && pipe(go) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		tracee_begin();
		start(tell_and_pause, (void *)(long)tids[1]);
		CHECK(read(go[0], &byte, 1) == 1);
		execl("/bin/true", "true", NULL);
		_exit(99);
	}
	CHECK(read(tids[0], &tid, sizeof tid) == sizeof tid);
	CHECK(ptrace(PTRACE_SEIZE, tid, 0, 0) == 0);
	CHECK(write(go[1], "x", 1) == 1);
	close(tids[0]);
	close(tids[1]);
	close(go[0]);
	close(go[1]);
}

static void write_and_call(void)
{
	char page[4096];
	pid_t pid;

	fill();
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		tracee_begin();
		writer(NULL);
		for (int i = 0; i < 1000; i++)
			syscall(SYS_getppid);
		say("done");
		for (;;)
			pause();
	}
	dprintf(STDOUT_FILENO, "%d\n", pid);
	if (command(page, sizeof page))
		CHECK(read(full[0], page, sizeof page) > 0);
}

int main(int argc, char **argv)
{
	char line[16];

	tracee_begin();
	CHECK(argc > 1);
	say("ready");
	if (!command(line, sizeof line))
		_exit(7);
	if (!strcmp(argv[1], "write"))
		write_and_call();
	if (!strcmp(argv[1], "writes"))
		fill();
	for (int i = 0; argc > 2 && i < atoi(argv[2]); i++) {
		if (!strcmp(argv[1], "execs"))
			hang_in_exec();
		else
			start(writer, NULL);
	}
	if (argc > 2)
		say("stuck");
	while (command(line, sizeof line))
		;
	_exit(7);
}

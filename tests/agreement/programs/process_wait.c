/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting: every kind of status, rusage, siginfo, options; ends of processes.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BAD ((void *)-8L)

static pid_t child(int status, int signal)
{
	pid_t pid = fork();

	if (!pid) {
		if (signal)
			kill(getpid(), signal);
		_exit(status);
	}
	return pid;
}

int main(void)
{
	struct rusage usage;
	siginfo_t info = {0};
	int status;
	pid_t pid;

	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	syscall(SYS_wait4, -1, &status, 0, NULL);
	syscall(SYS_wait4, 0, NULL, WNOHANG, &usage);
	syscall(SYS_wait4, -77777, BAD, WNOHANG | WUNTRACED | WCONTINUED | __WALL | __WCLONE | __WNOTHREAD, BAD);
	syscall(SYS_wait4, -1, &status, 0x100, NULL);
	syscall(SYS_wait4, -1, &status, 0xffff, NULL);
	syscall(SYS_waitid, P_ALL, 0, &info, WEXITED, NULL);
	syscall(SYS_waitid, P_PID, 1, &info, WEXITED | WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT, NULL);
	syscall(SYS_waitid, P_PGID, 0, NULL, 0, NULL);
	syscall(SYS_waitid, 3, 99, NULL, WEXITED, BAD);
	syscall(SYS_waitid, 9, -1, BAD, WEXITED, &usage);

	pid = child(0, 0);
	syscall(SYS_wait4, pid, &status, 0, NULL);
	pid = child(255, 0);
	syscall(SYS_wait4, pid, &status, 0, NULL);
	pid = child(0, SIGKILL);
	syscall(SYS_wait4, pid, &status, 0, NULL);
	pid = child(0, SIGSEGV);
	syscall(SYS_wait4, pid, &status, 0, NULL);
	pid = child(0, 40);
	syscall(SYS_wait4, pid, &status, 0, NULL);
	pid = child(1, 0);
	syscall(SYS_wait4, pid, NULL, 0, NULL);
	pid = child(1, 0);
	syscall(SYS_wait4, pid, BAD, 0, NULL);
	pid = child(7, SIGSTOP);
	syscall(SYS_wait4, pid, &status, WUNTRACED, NULL);
	syscall(SYS_wait4, pid, &status, WNOHANG, NULL);
	kill(pid, SIGCONT);
	syscall(SYS_wait4, pid, &status, 0, NULL);
	pid = child(7, SIGSTOP);
	syscall(SYS_waitid, P_PID, pid, &info, WSTOPPED, NULL);
	syscall(SYS_waitid, P_PID, pid, &info, WSTOPPED | WNOHANG, NULL);
	kill(pid, SIGKILL);
	syscall(SYS_waitid, P_PID, pid, &info, WEXITED | WNOWAIT, NULL);
	syscall(SYS_waitid, P_PID, pid, NULL, WEXITED, NULL);
#ifdef SYS_waitpid
	pid = child(9, 0);
	syscall(SYS_waitpid, pid, &status, 0);
	syscall(SYS_waitpid, pid, NULL, WNOHANG);
#endif
	if (!fork()) {
		signal(SIGTERM, SIG_IGN);
		syscall(SYS_exit, 259);
	}
	syscall(SYS_wait4, -1, &status, 0, NULL);
	if (!fork())
		syscall(SYS_exit_group, -1);
	syscall(SYS_wait4, -1, &status, 0, NULL);
	return 5;
}

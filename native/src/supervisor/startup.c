/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "startup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

int complain(const char *what, int error)
{
	fprintf(stderr, "stracelet-tracer: %s: %s\n", what, strerror(-error));
	return EXIT_FAILURE;
}

int complain_of_memory(int error)
{
	return complain(error == -EFBIG
	                        ? "cannot make the shared memory: the limit on a file's size (ulimit -f) is too "
	                          "low for it"
	                        : "cannot make the shared memory",
	                error);
}

/* The agent decides what a signal from the terminal means: it goes to the whole foreground group, us among it. */
int take_over_signals(void)
{
	static const int ignored[] = {SIGINT,  SIGTERM, SIGHUP,  SIGQUIT, SIGTSTP, SIGTTIN,
	                              SIGTTOU, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM};
	static const int taken[] = {SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
	sigset_t set;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		sigaddset(&set, taken[i]);
	sigprocmask(SIG_SETMASK, &set, NULL);
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* The command has the caller's; a pipe that we held open would keep its reader waiting. */
void let_go_of_terminal(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	if (null > STDERR_FILENO)
		close(null);
}

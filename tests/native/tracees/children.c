/* SPDX-License-Identifier: Apache-2.0
 *
 * children N US: after the go starts N children that end after US, 2*US, ... microseconds with statuses 0, 1, ...,
 * and meanwhile waits in epoll_wait(-1) for the next line; then says "eintr N" and "status_errors N".
 * SIGCHLD is at its default, so no wait may notice the deaths.
 */
#include "tracee.h"
#include <sys/epoll.h>

int main(int argc, char **argv)
{
	struct epoll_event event = {.events = EPOLLIN};
	int n = atoi(argv[1]), epoll = epoll_create1(EPOLL_CLOEXEC), eintrs = 0, wrong = 0;
	long us = atol(argv[2]);
	pid_t children[1000];
	char line[16];

	(void)argc;
	tracee_begin();
	CHECK(n <= 1000 && epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event) == 0);
	await_go();
	for (int i = 0; i < n; i++) {
		children[i] = fork();
		CHECK(children[i] >= 0);
		if (children[i] == 0) {
			sleep_us(us * (i + 1));
			_exit(i & 0x7f);
		}
	}
	say("started");
	while (epoll_wait(epoll, &event, 1, -1) < 0) {
		CHECK(errno == EINTR);
		eintrs++;
	}
	for (int i = 0; i < n; i++) {
		int status;

		CHECK(waitpid(children[i], &status, 0) == children[i]);
		wrong += !WIFEXITED(status) || WEXITSTATUS(status) != (i & 0x7f);
	}
	dprintf(STDOUT_FILENO, "eintr %d\nstatus_errors %d\nend\n", eintrs, wrong);
	read(STDIN_FILENO, line, sizeof line);
	read(STDIN_FILENO, line, sizeof line);
	_exit(7);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * echo: idle in epoll_wait(-1); answers each line of stdin with "pong EINTRS", the EINTRs it has seen so far.
 * With the argument "ignore" SIGUSR1 is ignored.
 */
#include "tracee.h"
#include <sys/epoll.h>

int main(int argc, char **argv)
{
	struct epoll_event event = {.events = EPOLLIN};
	int epoll = epoll_create1(EPOLL_CLOEXEC), eintrs = 0;
	char line[64];

	tracee_begin();
	CHECK(epoll >= 0);
	CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event) == 0);
	if (argc > 1 && !strcmp(argv[1], "ignore"))
		signal(SIGUSR1, SIG_IGN);
	say("ready");
	for (;;) {
		if (epoll_wait(epoll, &event, 1, -1) < 0) {
			CHECK(errno == EINTR);
			eintrs++;
			continue;
		}
		if (!command(line, sizeof line))
			_exit(7);
		dprintf(STDOUT_FILENO, "pong %d\n", eintrs);
	}
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * alarms: SIGALRM every millisecond under a loop of calls that restart by themselves. "status" prints "alarms N",
 * "elapsed_us N" and "failed N" (calls that gave an error which they cannot have).
 */
#include "tracee.h"
#include <sys/time.h>

static _Atomic long alarms, failed;

static void handler(int signal)
{
	(void)signal;
	alarms++;
}

static void *worker(void *argument)
{
	sigset_t set;
	int pair[2];
	char byte = 0;

	(void)argument;
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	CHECK(pipe(pair) == 0);
	for (;;) {
		failed += syscall(SYS_getppid) <= 0;
		failed += write(pair[1], &byte, 1) != 1;
		failed += read(pair[0], &byte, 1) != 1;
		failed += syscall(SYS_openat, AT_FDCWD, "/nonexistent/stracelet", O_RDONLY) != -1 || errno != ENOENT;
	}
	return NULL;
}

int main(void)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
	struct itimerval every = {{0, 1000}, {0, 1000}};
	pthread_t thread;
	sigset_t set;
	int64_t start;
	char line[16];

	tracee_begin();
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGALRM, &action, NULL);
	CHECK(pthread_create(&thread, NULL, worker, NULL) == 0);
	CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
	start = now_us();
	say("ready");
	while (command(line, sizeof line))
		dprintf(STDOUT_FILENO, "alarms %ld\nelapsed_us %lld\nfailed %ld\nend\n", alarms,
		        (long long)(now_us() - start), failed);
	_exit(7);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * rtqueue: a thread that makes syscalls and takes SIGRTMIN by a handler; each carries a number, and the next one is
 * always one more. "status" prints "received N" and "wrong N" (out of order, twice, or lost in between).
 * rtqueue send PID FIRST N: queues N of them, from number FIRST on; a full queue is waited for.
 */
#include "tracee.h"

static _Atomic long received, wrong;

static void handler(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	wrong += info->si_value.sival_int != received || info->si_code != SI_QUEUE;
	received++;
}

static void *worker(void *argument)
{
	sigset_t set;

	(void)argument;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	for (;;) {
		syscall(SYS_getppid);
		sleep_us(50);
	}
	return NULL;
}

static int send_all(pid_t pid, int first, int n)
{
	for (int i = 0; i < n; i++) {
		union sigval value = {.sival_int = first + i};

		while (sigqueue(pid, SIGRTMIN, value) < 0) {
			CHECK(errno == EAGAIN);
			sleep_us(1000);
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
	pthread_t thread;
	sigset_t set;
	char line[16];

	if (argc > 4 && !strcmp(argv[1], "send"))
		return send_all(atoi(argv[2]), atoi(argv[3]), atoi(argv[4]));
	tracee_begin();
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGRTMIN, &action, NULL);
	CHECK(pthread_create(&thread, NULL, worker, NULL) == 0);
	say("ready");
	while (command(line, sizeof line))
		dprintf(STDOUT_FILENO, "received %ld\nwrong %ld\nend\n", received, wrong);
	_exit(7);
}

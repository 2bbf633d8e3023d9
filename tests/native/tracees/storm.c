/* SPDX-License-Identifier: Apache-2.0
 *
 * storm exec N: execs itself N times.
 * storm fork N US: forks N children, one every US microseconds, each of which makes one getpgid and ends with a status of its own that is checked.
 * storm workerfork N: the same by a thread that is not the leader, without pauses.
 * storm threads N: N threads that wait for the go, each makes 5 getpgid. All of them are there before "ready".
 * storm churn: without end, forks children and makes threads that end at once; "status" prints "made N" and "wrong N".
 */
#include "tracee.h"
#include <sys/mman.h>

static pthread_barrier_t barrier;
static _Atomic int go, finished;
static _Atomic long made, wrong;

static void end_after(void)
{
	char line[16];

	read(STDIN_FILENO, line, sizeof line);
	_exit(7);
}

static void execs(const char *program, int left)
{
	char text[16];

	snprintf(text, sizeof text, "%d", left - 1);
	execl("/proc/self/exe", program, "exec", text, "going", (char *)NULL);
	_exit(98);
}

static int child_status_is(pid_t pid, int expected)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == expected;
}

static void forks(int n, long us)
{
	int errors = 0;

	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0) {
			syscall(SYS_getpgid, 0);
			_exit(i & 0x7f);
		}
		errors += !child_status_is(pid, i & 0x7f);
		if (us)
			sleep_us(us);
	}
	dprintf(STDOUT_FILENO,
	        "calls getpgid %d\ncalls clone %d\ncalls wait4 %d\ncalls exit_group %d\nstatus_errors %d\nend\n", n, n,
	        n, n + 1, errors);
}

static void *five_calls(void *argument)
{
	(void)argument;
	pthread_barrier_wait(&barrier);
	while (!go)
		sleep_us(10000);
	for (int i = 0; i < 5; i++)
		syscall(SYS_getpgid, 0);
	finished++;
	for (;;)
		pause();
	return NULL;
}

static void threads(int n)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 65536);
	pthread_barrier_init(&barrier, NULL, (unsigned)n + 1);
	for (int i = 0; i < n; i++)
		CHECK(pthread_create(&thread, &attributes, five_calls, NULL) == 0);
	pthread_barrier_wait(&barrier);
	await_go();
	go = 1;
	while (finished < n)
		sleep_us(10000);
	dprintf(STDOUT_FILENO, "calls getpgid %d\nend\n", 5 * n);
}

/* It is there before the go, so that it may have another tracer thread than its leader. */
static void *forking_worker(void *argument)
{
	while (!go)
		sleep_us(10000);
	forks(*(int *)argument, 0);
	finished = 1;
	return NULL;
}

static void *nothing(void *argument)
{
	return argument;
}

static void *churn(void *argument)
{
	(void)argument;
	for (int i = 0;; i = (i + 1) & 0x7f) {
		pthread_t thread;
		pid_t pid = fork();

		if (pid == 0)
			_exit(i);
		wrong += pid < 0 || !child_status_is(pid, i);
		wrong += pthread_create(&thread, NULL, nothing, NULL) != 0;
		wrong += pthread_join(thread, NULL) != 0;
		made++;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[2]) : 0;
	pthread_t thread;
	char line[16];

	tracee_begin();
	if (!strcmp(argv[1], "threads")) {
		threads(n);
		end_after();
	}
	if (!strcmp(argv[1], "workerfork")) {
		CHECK(pthread_create(&thread, NULL, forking_worker, &n) == 0);
		await_go();
		go = 1;
		pthread_join(thread, NULL);
		end_after();
	}
	if (!strcmp(argv[1], "churn")) {
		CHECK(pthread_create(&thread, NULL, churn, NULL) == 0);
		say("ready");
		while (command(line, sizeof line))
			dprintf(STDOUT_FILENO, "made %ld\nwrong %ld\nend\n", made, wrong);
		_exit(7);
	}
	if (argc < 4 || strcmp(argv[3], "going"))
		await_go();
	if (!strcmp(argv[1], "exec") && n > 0)
		execs(argv[0], n);
	if (!strcmp(argv[1], "fork"))
		forks(n, argc > 3 ? atol(argv[3]) : 0);
	else
		say("end");
	end_after();
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * oddities: what a tracer that trusts its tracee miscounts: numbers that no table has, 32-bit calls out of 64-bit code,
 * handlers (rt_sigreturn never fails, whatever its result register holds), and calls that the program's end cuts off.
 */
#include "tracee.h"

static void handler(int signal)
{
	(void)signal;
	errno = 0;
}

static void *waiter(void *argument)
{
	syscall(SYS_getpgid, 0);
	(*(_Atomic int *)argument)++;
	for (;;)
		pause();
	return NULL;
}

#ifdef __x86_64__
static long call_i386(long number)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number) : "memory", "r8", "r9", "r10", "r11");
	return result;
}
#endif

int main(void)
{
	static _Atomic int waiting;
	pthread_t thread;
	char line[16];

	tracee_begin();
	signal(SIGUSR2, handler);
	await_go();
	for (int i = 0; i < 20; i++) {
		CHECK(syscall(-1) == -1 && errno == ENOSYS);
		CHECK(syscall(100000) == -1 && errno == ENOSYS);
		CHECK(syscall(1000) == -1 && errno == ENOSYS);
		CHECK(syscall(0x7fffffff) == -1 && errno == ENOSYS);
	}
#ifdef __x86_64__
	for (int i = 0; i < 30; i++)
		CHECK(call_i386(64) >= 0); /* getppid on i386 */
#endif
	for (int i = 0; i < 40; i++)
		kill(getpid(), SIGUSR2);
	for (int i = 0; i < 5; i++)
		CHECK(pthread_create(&thread, NULL, waiter, &waiting) == 0);
	while (waiting < 5)
		;
	say("calls unknown 80\nerrors unknown ENOSYS 80\ncalls i386:getppid 30\ncalls kill 40\ncalls rt_sigreturn 40\n"
	    "calls getpgid 5\ncalls pause 5\ncalls exit_group 1\nsignals SIGUSR2 40\nend");
	read(STDIN_FILENO, line, sizeof line);
	_exit(7);
}

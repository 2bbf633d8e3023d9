/* SPDX-License-Identifier: Apache-2.0
 *
 * Signals: actions, masks, what is pending, queued values, alternate stacks; good and bad arguments.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BAD ((void *)-8L)
#define SIZE 8

/* The kernel's, which libc's is not. */
struct action {
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
} __attribute__((packed));

static void handler(int number)
{
	(void)number;
}

static void actions(void)
{
	struct action action = {.handler = SIG_IGN}, old;

	syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, SIZE);
	syscall(SYS_rt_sigaction, SIGUSR1, &action, NULL, SIZE);
	syscall(SYS_rt_sigaction, SIGUSR1, NULL, &old, SIZE);
	action = (struct action){.handler = SIG_DFL, .flags = 0x1 | 0x2 | 0x4, .mask = 1};
	syscall(SYS_rt_sigaction, SIGCHLD, &action, &old, SIZE);
	action = (struct action){
		.handler = (void *)0x1234, .flags = 0x08000000 | 0x10000000 | 0x40000000 | 0x80000000u, .mask = ~0ULL};
	syscall(SYS_rt_sigaction, SIGUSR2, &action, &old, SIZE);
	syscall(SYS_rt_sigaction, SIGUSR2, &action, &old, SIZE);
	action = (struct action){.handler = (void *)0x1234,
	                         .flags = 0x04000000 | 0x2000,
	                         .restorer = (void *)0x5678,
	                         .mask = ~(uint64_t)(1 << (SIGKILL - 1))};
	syscall(SYS_rt_sigaction, 34, &action, NULL, SIZE);
	action = (struct action){
		.handler = (void *)-1L, .flags = 0x800 | 0x400 | 0x04000000, .restorer = NULL, .mask = 0x100000002ULL};
	syscall(SYS_rt_sigaction, 64, &action, &old, SIZE);
	syscall(SYS_rt_sigaction, 33, NULL, &old, SIZE);
	syscall(SYS_rt_sigaction, SIGKILL, &action, &old, SIZE);
	syscall(SYS_rt_sigaction, 0, &action, &old, SIZE);
	syscall(SYS_rt_sigaction, 65, NULL, &old, SIZE);
	syscall(SYS_rt_sigaction, -1, NULL, NULL, SIZE);
	syscall(SYS_rt_sigaction, SIGUSR1, &action, &old, 4);
	syscall(SYS_rt_sigaction, SIGUSR1, BAD, &old, SIZE);
	syscall(SYS_rt_sigaction, SIGUSR1, NULL, BAD, SIZE);
}

static void masks(void)
{
	uint64_t set = 0, old = 0;

	syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &old, SIZE);
	set = 1ULL << (SIGUSR1 - 1) | 1ULL << (SIGCHLD - 1) | 1ULL << 33;
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, &old, SIZE);
	set = ~0ULL;
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, SIZE);
	set = ~0ULL >> 1;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, &old, SIZE);
	set = 0xffffffff;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, &old, SIZE);
	set = 0x7fffffff;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, &old, SIZE);
	set = 0xfffffffe00000000ULL;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, &old, SIZE);
	set = 0x5555555555555555ULL;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, &old, SIZE);
	set = 0xaaaaaaaaaaaaaaaaULL;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, &old, SIZE);
	set = 0;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, &old, SIZE);
	syscall(SYS_rt_sigprocmask, 7, &set, &old, SIZE);
	syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, &old, 4);
	syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, NULL, 16);
	syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, NULL, 128);
	syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, NULL, 0);
	syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, BAD, NULL, SIZE);
	syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, NULL, BAD, SIZE);
}

static void waiting(void)
{
	struct action action = {.handler = (void *)handler};
	struct timespec moment = {0, 1000}, zero = {0, 0}, wrong = {-1, 2000000000};
	uint64_t set = 1ULL << (SIGUSR1 - 1) | 1ULL << (SIGALRM - 1), none = 0, pending;
	siginfo_t info;

	(void)action;
	signal(SIGALRM, handler);
	signal(SIGUSR1, handler);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, NULL, SIZE);
	kill(getpid(), SIGUSR1);
	syscall(SYS_rt_sigpending, &pending, SIZE);
	syscall(SYS_rt_sigpending, &pending, 4);
	syscall(SYS_rt_sigpending, &pending, 9);
	syscall(SYS_rt_sigpending, BAD, SIZE);
	syscall(SYS_rt_sigpending, NULL, SIZE);
	syscall(SYS_rt_sigsuspend, &none, SIZE);
	syscall(SYS_rt_sigsuspend, &none, 4);
	syscall(SYS_rt_sigsuspend, BAD, SIZE);
	syscall(SYS_rt_sigtimedwait, &set, &info, &moment, SIZE);
	syscall(SYS_rt_sigtimedwait, &set, NULL, &zero, SIZE);
	syscall(SYS_rt_sigtimedwait, &set, &info, &wrong, SIZE);
	syscall(SYS_rt_sigtimedwait, NULL, NULL, NULL, SIZE);
	syscall(SYS_rt_sigtimedwait, &set, &info, BAD, SIZE);
	syscall(SYS_rt_sigtimedwait, &set, BAD, &zero, 16);
	kill(getpid(), SIGUSR1);
	syscall(SYS_rt_sigtimedwait, &set, &info, NULL, SIZE);
	kill(getpid(), SIGUSR1);
	syscall(SYS_rt_sigtimedwait, &set, NULL, &moment, SIZE);
	kill(getpid(), SIGUSR1);
	syscall(SYS_rt_sigtimedwait, &set, BAD, &moment, SIZE);
#ifdef SYS_rt_sigtimedwait_time64
	struct {
		int64_t seconds, nanoseconds;
	} longer = {0, 1000};
	syscall(SYS_rt_sigtimedwait_time64, &set, &info, &longer, SIZE);
#endif
	raise(SIGALRM);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, SIZE);
	raise(SIGALRM);
	alarm(1);
	pause();
}

static void queued(void)
{
	struct {
		int signal, error, code, pad, pid, uid;
		union sigval value;
		char rest[128];
	} info = {0};

	signal(SIGUSR2, handler);
	signal(40, handler);
	info.signal = SIGUSR2;
	info.code = SI_QUEUE;
	info.pid = getpid();
	info.uid = 5;
	info.value.sival_int = 77;
	syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR2, &info);
	syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), 40, &info);
	info.value.sival_ptr = NULL;
	info.error = 2;
	syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR2, &info);
	info.code = -100;
	syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR2, &info);
	info.code = SI_USER;
	info.signal = 100;
	syscall(SYS_rt_sigqueueinfo, 1, SIGUSR2, &info);
	syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR2, NULL);
	syscall(SYS_rt_sigqueueinfo, getpid(), 0, BAD);
	syscall(SYS_rt_tgsigqueueinfo, -1, 0, 99, BAD);
	sigqueue(getpid(), 40, (union sigval){.sival_ptr = &info});
	kill(0x7fffffff, SIGTERM);
	kill(-0x7fffffff, 0);
	kill(getpid(), 0);
	kill(getpid(), 65);
	kill(getpid(), -1);
	syscall(SYS_tkill, getpid(), 0);
	syscall(SYS_tkill, -1, SIGRTMIN);
	syscall(SYS_tgkill, getpid(), getpid(), SIGUSR2);
	syscall(SYS_tgkill, -1, -1, 33);
}

static void stacks(void)
{
	static char room[65536];
	stack_t stack = {.ss_sp = room, .ss_size = sizeof(room)}, old;

	sigaltstack(NULL, NULL);
	sigaltstack(NULL, &old);
	sigaltstack(&stack, &old);
	stack.ss_flags = SS_DISABLE;
	sigaltstack(&stack, &old);
	stack.ss_flags = SS_ONSTACK | (int)(1u << 31);
	sigaltstack(&stack, &old);
	stack.ss_flags = 0x55;
	sigaltstack(&stack, NULL);
	stack = (stack_t){.ss_sp = NULL, .ss_size = 16};
	sigaltstack(&stack, NULL);
	sigaltstack(BAD, NULL);
	sigaltstack(NULL, BAD);
}

static void faults(void)
{
	struct action action;
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(page + 4096, 4096);
	memset(&action, 0, sizeof(action));
	syscall(SYS_rt_sigaction, SIGUSR1, page + 4096 - 8, NULL, SIZE);
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, page + 4096 - 4, NULL, SIZE);
}

#ifdef __i386__
static void old_calls(void)
{
	struct {
		void *handler;
		unsigned long mask, flags;
		void *restorer;
	} action = {handler, 2, 0x04000000, (void *)16}, old;
	unsigned long set = 0xf, before = 0;

	syscall(SYS_sigaction, SIGUSR1, NULL, NULL);
	syscall(SYS_sigaction, SIGUSR1, NULL, &old);
	syscall(SYS_sigaction, SIGUSR1, &action, &old);
	syscall(SYS_sigaction, SIGUSR1, &old, &action);
	syscall(SYS_sigaction, SIGKILL, &old, &action);
	syscall(SYS_sigaction, SIGUSR1, BAD, NULL);
	syscall(SYS_signal, SIGUSR1, SIG_IGN);
	syscall(SYS_signal, SIGUSR1, handler);
	syscall(SYS_signal, SIGUSR1, SIG_DFL);
	syscall(SYS_signal, SIGUSR1, SIG_DFL);
	syscall(SYS_signal, SIGKILL, SIG_DFL);
	syscall(SYS_signal, 77, SIG_ERR);
	syscall(SYS_sigprocmask, SIG_BLOCK, &set, &before);
	syscall(SYS_sigprocmask, SIG_SETMASK, NULL, &before);
	syscall(SYS_sigprocmask, SIG_SETMASK, BAD, &before);
	syscall(SYS_sigprocmask, SIG_SETMASK, NULL, NULL);
	syscall(SYS_sigprocmask, 9, &set, BAD);
	syscall(SYS_sigpending, &before);
	syscall(SYS_sigpending, BAD);
	syscall(SYS_sgetmask);
	syscall(SYS_ssetmask, 0xf0);
	syscall(SYS_ssetmask, 0);
	syscall(SYS_ssetmask, 0);
	syscall(SYS_alarm, 1);
	syscall(SYS_sigsuspend, 0, 0, 0x10);
	syscall(SYS_alarm, 1);
	syscall(SYS_sigsuspend, 1, 2, ~(1 << 13));
}
#endif

int main(void)
{
	actions();
	masks();
	waiting();
	queued();
	stacks();
	faults();
#ifdef __i386__
	old_calls();
#endif
	return 0;
}

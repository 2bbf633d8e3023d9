/* SPDX-License-Identifier: Apache-2.0
 *
 * siginfo_t of every class: by rt_sigqueueinfo(2) to nobody, which refuses them all, and from real faults and timers.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void show(int signal, int code, int error, const uint32_t words[6])
{
	uint32_t info[32] = {(uint32_t)signal, (uint32_t)error, (uint32_t)code};

	memcpy(info + (sizeof(long) == 8 ? 4 : 3), words, 24);
	syscall(SYS_rt_sigqueueinfo, 0x7ffffffe, signal, info);
}

static void classes(void)
{
	static const int signals[] = {0,       SIGILL,  SIGTRAP, SIGBUS, SIGFPE, SIGUSR1,
	                              SIGSEGV, SIGCHLD, SIGIO,   SIGSYS, 64,     99};
	static const int codes[] = {0, 1, 2, 3, 4, 5, 9, 0x80, -1, -2, -3, -5, -6, -60, -9};
	static const uint32_t some[6] = {1, 200, 300, 4, 5, 6}, none[6] = {0};

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		for (size_t j = 0; j < sizeof(codes) / sizeof(*codes); j++) {
			show(signals[i], codes[j], 0, some);
			/* where 0 would be a descriptor, which is open */
			if (codes[j] != SI_SIGIO && signals[i] != SIGIO)
				show(signals[i], codes[j], 0, none);
		}
	show(SIGSEGV, 1, ENOENT, some);
	show(SIGUSR1, SI_USER, 4095, some);
	show(SIGUSR1, SI_USER, -1, some);
	for (uint32_t status = 0; status < 6; status++)
		show(SIGCHLD, (int)status + 1, 0, (uint32_t[]){7, 0, status * 5, 8, 9, 10});
	for (uint32_t band = 1; band; band <<= 1)
		show(SIGIO, 1, 0, (uint32_t[]){band | 1, 300, 300, 0, 0, 0});
	for (uint32_t arch = 0; arch < 3; arch++)
		show(SIGSYS, 1, 0,
		     (uint32_t[]){0x1234, 0, 39, (uint32_t[]){0xc000003e, 0x40000003, 0xc00000b7}[arch], 0, 0});
	show(SIGSYS, 1, 0, (uint32_t[]){0x1234, 39, 0x40000003, 0, 0, 0});
	show(SIGSYS, 1, 0, (uint32_t[]){0x1234, 0x7fffffff, 0x40000003, 0, 0, 0});
}

static sigjmp_buf back;

static void handler(int number, siginfo_t *info, void *context)
{
	(void)info;
	(void)context;
	if (number != SIGUSR1 && number != SIGCHLD)
		siglongjmp(back, 1);
}

static void faults(void)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGUSR1, SIGCHLD};
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &action, NULL);
	if (!sigsetjmp(back, 1))
		*(volatile int *)16 = 1;
	if (!sigsetjmp(back, 1)) {
		char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		*(volatile char *)page = 1;
	}
	if (!sigsetjmp(back, 1)) {
		int fd = open("/proc/self/exe", O_RDONLY);
		char *page = mmap(NULL, 1 << 26, PROT_READ, MAP_PRIVATE, fd, 0);
		(void)*(volatile char *)(page + (1 << 25));
	}
	if (!sigsetjmp(back, 1)) {
		volatile int zero = 0;
		volatile int result = 10 / zero;
		(void)result;
	}
	if (!sigsetjmp(back, 1))
		__asm__ volatile("ud2");
	if (!sigsetjmp(back, 1))
		__asm__ volatile("int3");
	if (!sigsetjmp(back, 1))
		__asm__ volatile("hlt");
}

static void sources(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 5};
	struct itimerspec soon = {.it_value.tv_nsec = 1000};
	sigset_t set;
	timer_t timer;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	timer_create(CLOCK_MONOTONIC, &event, &timer);
	timer_settime(timer, 0, &soon, NULL);
	sigwaitinfo(&set, NULL);
	siginfo_t info;
	timer_settime(timer, 0, &soon, NULL);
	sigwaitinfo(&set, &info);
	for (int how = 0; how < 2; how++) {
		pid_t child = fork();

		if (!child) {
			if (!how)
				_exit(3);
			kill(getpid(), SIGKILL);
		}
		sigwaitinfo(&set, &info);
		waitpid(child, NULL, 0);
	}
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int main(void)
{
	classes();
	faults();
	sources();
	return 0;
}

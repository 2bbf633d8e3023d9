/* SPDX-License-Identifier: Apache-2.0
 *
 * Clocks, sleeps, timers; good and bad arguments. What is read from a clock differs from run to run.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define BAD ((void *)-8L)

struct wide {
	int64_t seconds, nanoseconds;
};

static void handler(int number)
{
	(void)number;
}

static void clocks(void)
{
	static const int ids[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 99, -1, -2, -6, -5, -13, -101, 0x7fffffff};
	struct timespec t;

	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++)
		syscall(SYS_clock_getres, ids[i], &t);
	syscall(SYS_clock_getres, CLOCK_REALTIME, NULL);
	syscall(SYS_clock_getres, CLOCK_REALTIME, BAD);
	t = (struct timespec){-5, 77};
	syscall(SYS_clock_settime, CLOCK_MONOTONIC, &t);
	syscall(SYS_clock_settime, CLOCK_REALTIME, NULL);
	syscall(SYS_clock_settime, CLOCK_REALTIME, BAD);
	syscall(SYS_clock_gettime, CLOCK_REALTIME, &t);
	syscall(SYS_clock_gettime, CLOCK_REALTIME, BAD);
	syscall(SYS_clock_gettime, 77, &t);
#ifdef SYS_clock_gettime64
	struct wide wide = {-5, 77};

	syscall(SYS_clock_getres_time64, CLOCK_MONOTONIC, &wide);
	syscall(SYS_clock_settime64, CLOCK_MONOTONIC, &wide);
	syscall(SYS_clock_gettime64, CLOCK_MONOTONIC, &wide);
	syscall(SYS_clock_gettime64, CLOCK_MONOTONIC, BAD);
#endif
}

static void sleeps(void)
{
	struct timespec t = {0, 1000}, left, wrong = {-1, -1}, second = {1, 0};
	struct itimerval soon = {.it_value.tv_usec = 20000};

	syscall(SYS_nanosleep, &t, NULL);
	syscall(SYS_nanosleep, &t, &left);
	syscall(SYS_nanosleep, &wrong, &left);
	syscall(SYS_nanosleep, NULL, &left);
	syscall(SYS_nanosleep, BAD, BAD);
	syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &t, NULL);
	syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &t, &left);
	syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 2, &t, &left);
	syscall(SYS_clock_nanosleep, 99, -1, &wrong, &left);
	syscall(SYS_clock_nanosleep, CLOCK_REALTIME, 0, BAD, NULL);
#ifdef SYS_clock_nanosleep_time64
	struct wide wide = {0, 1000}, rest;

	syscall(SYS_clock_nanosleep_time64, CLOCK_MONOTONIC, 0, &wide, &rest);
	syscall(SYS_clock_nanosleep_time64, CLOCK_MONOTONIC, 0, BAD, &rest);
#endif
	signal(SIGALRM, handler);
	setitimer(ITIMER_REAL, &soon, NULL);
	syscall(SYS_nanosleep, &second, &left);
	setitimer(ITIMER_REAL, &soon, NULL);
	syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &second, &left);
	setitimer(ITIMER_REAL, &soon, NULL);
	syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &second, NULL);
}

static void adjustments(void)
{
	static struct timex x;

	syscall(SYS_adjtimex, &x);
	x.modes = 0x8000;
	syscall(SYS_adjtimex, &x);
	x.modes = 0xffffbfff & ~0x8000u;
	x.status = 0xffff;
	syscall(SYS_clock_adjtime, 99, &x);
	syscall(SYS_clock_adjtime, CLOCK_MONOTONIC, &x);
	syscall(SYS_adjtimex, NULL);
	syscall(SYS_adjtimex, BAD);
	syscall(SYS_clock_adjtime, CLOCK_REALTIME, BAD);
#ifdef SYS_clock_adjtime64
	static char wide[512];

	syscall(SYS_clock_adjtime64, CLOCK_REALTIME, wide);
	syscall(SYS_clock_adjtime64, 99, wide);
#endif
}

static void days(void)
{
	struct timeval tv = {-1, 2000000};
	struct timezone tz = {60, 1};

	syscall(SYS_gettimeofday, &tv, NULL);
	syscall(SYS_gettimeofday, &tv, &tz);
	syscall(SYS_gettimeofday, NULL, NULL);
	syscall(SYS_gettimeofday, BAD, &tz);
	tv = (struct timeval){-1, 2000000};
	tz = (struct timezone){-99999, 9};
	syscall(SYS_settimeofday, &tv, NULL);
	syscall(SYS_settimeofday, &tv, &tz);
	syscall(SYS_settimeofday, NULL, &tz);
	syscall(SYS_settimeofday, BAD, BAD);
#ifdef SYS_time
	syscall(SYS_time, BAD);
#endif
#ifdef SYS_stime
	syscall(SYS_stime, BAD);
	syscall(SYS_stime, NULL);
#endif
#ifdef SYS_alarm
	syscall(SYS_alarm, 100);
	syscall(SYS_alarm, 0);
	syscall(SYS_alarm, -1);
	syscall(SYS_alarm, 0);
#endif
}

static void interval_timers(void)
{
	struct itimerval set = {{1, 2}, {3, 4}}, old;

	syscall(SYS_getitimer, ITIMER_REAL, &old);
	syscall(SYS_setitimer, ITIMER_VIRTUAL, &set, &old);
	syscall(SYS_getitimer, ITIMER_PROF, BAD);
	syscall(SYS_getitimer, 9, &old);
	set.it_value.tv_usec = 1000000;
	syscall(SYS_setitimer, ITIMER_PROF, &set, &old);
	syscall(SYS_setitimer, 9, NULL, &old);
	syscall(SYS_setitimer, ITIMER_REAL, NULL, &old);
	syscall(SYS_setitimer, ITIMER_REAL, BAD, &old);
}

static void posix_timers(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_NONE, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 5};
	struct itimerspec set = {{1, 2}, {1000000000, 4}}, old;
	int id = -1;

	syscall(SYS_timer_create, CLOCK_REALTIME, NULL, &id);
	syscall(SYS_timer_create, CLOCK_REALTIME, &event, &id);
	event.sigev_notify = SIGEV_THREAD_ID;
	event._sigev_un._tid = getpid();
	syscall(SYS_timer_create, CLOCK_BOOTTIME, &event, &id);
	event = (struct sigevent){.sigev_notify = SIGEV_THREAD, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 5};
	syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id);
	event.sigev_value.sival_ptr = NULL;
	event.sigev_notify = 99;
	event.sigev_signo = 99;
	syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id);
	event.sigev_notify = SIGEV_SIGNAL;
	syscall(SYS_timer_create, 99, &event, &id);
	syscall(SYS_timer_create, CLOCK_MONOTONIC, BAD, &id);
	syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, BAD);
	syscall(SYS_timer_settime, id, 0, &set, NULL);
	syscall(SYS_timer_settime, id, TIMER_ABSTIME, &set, &old);
	syscall(SYS_timer_settime, id, 0, &set, NULL);
	set.it_value.tv_nsec = -1;
	syscall(SYS_timer_settime, id, 6, &set, &old);
	syscall(SYS_timer_settime, 999, 0, NULL, BAD);
	syscall(SYS_timer_gettime, 999, &old);
	syscall(SYS_timer_gettime, id, BAD);
	syscall(SYS_timer_gettime, id, &old);
	syscall(SYS_timer_getoverrun, id);
	syscall(SYS_timer_getoverrun, -1);
	syscall(SYS_timer_delete, id);
	syscall(SYS_timer_delete, -1);
#ifdef SYS_timer_settime64
	struct wide wide[2] = {{1, 2}, {-3, 4}}, before[2];

	syscall(SYS_timer_settime64, 0, 0, wide, before);
	syscall(SYS_timer_gettime64, 0, before);
	syscall(SYS_timer_gettime64, 99, before);
#endif
}

int main(void)
{
	clocks();
	sleeps();
	adjustments();
	days();
	interval_timers();
	posix_timers();
	return 0;
}

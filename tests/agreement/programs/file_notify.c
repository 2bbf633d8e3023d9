/* SPDX-License-Identifier: Apache-2.0
 * Descriptors of events, signals, timers and faults, with good and bad arguments.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define BAD ((void *)1)
#define NAME "file_notify.tmp"
#ifdef __i386__
#define WIDE(value) (unsigned long)(value), (unsigned long)((unsigned long long)(value) >> 32)
#else
#define WIDE(value) (value)
#endif

static void notifications(void)
{
	char buffer[256];
	int fd;

	close(syscall(SYS_inotify_init));
	fd = syscall(SYS_inotify_init1, IN_CLOEXEC | IN_NONBLOCK);
	syscall(SYS_inotify_init1, -1);
	syscall(SYS_inotify_init1, 1);
	syscall(SYS_inotify_add_watch, fd, NAME, IN_OPEN | IN_CLOSE_WRITE);
	syscall(SYS_inotify_add_watch, fd, ".", IN_ALL_EVENTS | IN_ONLYDIR);
	syscall(SYS_inotify_add_watch, -1L, NULL, -1);
	syscall(SYS_inotify_add_watch, fd, "missing", 0x800000);
	syscall(SYS_inotify_add_watch, fd, "missing", 0);
	close(open(NAME, O_RDONLY));
	syscall(SYS_read, fd, buffer, sizeof(buffer));
	syscall(SYS_inotify_rm_watch, fd, 1);
	syscall(SYS_inotify_rm_watch, -1L, -1L);
	close(fd);
	fd = syscall(SYS_fanotify_init, FAN_CLASS_NOTIF | FAN_CLOEXEC, O_RDONLY | O_CLOEXEC);
	syscall(SYS_fanotify_mark, fd, FAN_MARK_ADD, WIDE(FAN_OPEN | FAN_CLOSE_WRITE | FAN_EVENT_ON_CHILD), AT_FDCWD,
	        NAME);
	syscall(SYS_fanotify_mark, fd, FAN_MARK_ADD | FAN_MARK_MOUNT, WIDE(FAN_OPEN | FAN_ONDIR), -1L, NULL);
	syscall(SYS_fanotify_mark, fd, FAN_MARK_REMOVE | FAN_MARK_FILESYSTEM | FAN_MARK_DONT_FOLLOW, WIDE(0), AT_FDCWD,
	        NAME);
	syscall(SYS_fanotify_mark, fd, FAN_MARK_FLUSH, WIDE(0), AT_FDCWD, NULL);
	syscall(SYS_fanotify_mark, -1L, -1, WIDE(-1LL), 99, BAD);
	syscall(SYS_fanotify_mark, fd, 0x8000, WIDE(0x8000000000000000ULL), -1L, "");
	close(fd);
	close(syscall(SYS_fanotify_init, FAN_CLASS_PRE_CONTENT | FAN_UNLIMITED_QUEUE | FAN_NONBLOCK,
	              O_RDWR | O_LARGEFILE));
	close(syscall(SYS_fanotify_init, FAN_CLASS_CONTENT, 0));
	syscall(SYS_fanotify_init, FAN_REPORT_FID | FAN_REPORT_DFID_NAME | FAN_REPORT_TID, O_WRONLY);
	syscall(SYS_fanotify_init, -1, -1);
	syscall(SYS_fanotify_init, 0x10000, 0x40000000);
}

static void events(void)
{
	sigset_t set;
	int fd;

	close(syscall(SYS_eventfd, 5));
	syscall(SYS_close, syscall(SYS_eventfd, -1));
	close(syscall(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE));
	syscall(SYS_eventfd2, 7, -1);
	syscall(SYS_eventfd2, 7, 0x10);
	close(syscall(SYS_epoll_create, 5));
	syscall(SYS_epoll_create, -1);
	close(syscall(SYS_epoll_create1, EPOLL_CLOEXEC));
	close(syscall(SYS_epoll_create1, 0));
	syscall(SYS_epoll_create1, 1);
	syscall(SYS_epoll_create1, -1);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN + 3);
	fd = syscall(SYS_signalfd4, -1L, &set, 8, SFD_CLOEXEC | SFD_NONBLOCK);
	syscall(SYS_signalfd4, fd, &set, 8, 0);
	sigfillset(&set);
	sigdelset(&set, SIGCHLD);
	syscall(SYS_signalfd, fd, &set, 8);
	syscall(SYS_signalfd, fd, &set, 4);
	syscall(SYS_signalfd, 99, NULL, 8);
	syscall(SYS_signalfd4, 99, BAD, 8, -1);
	syscall(SYS_signalfd4, fd, &set, 16, 1);
	close(fd);
	close(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | 1));
	close(syscall(SYS_userfaultfd, 1));
	syscall(SYS_userfaultfd, 2);
	syscall(SYS_userfaultfd, -1);
}

static void timers(void)
{
	struct {
		long s, ns, value_s, value_ns;
	} setting = {1, 2, 1000, 4}, before = {0, 0, 0, 0}, off = {0, 0, 0, 0}, wrong = {0, -1, -1, -1};
	struct {
		long long s, ns, value_s, value_ns;
	} wide = {1, 2, 2000000000, 4};
	int fd = syscall(SYS_timerfd_create, CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	syscall(SYS_timerfd_settime, fd, 0, &off, NULL);
	syscall(SYS_timerfd_settime, fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &wrong, &before);
	syscall(SYS_timerfd_settime, fd, 0, &off, &before);
	syscall(SYS_timerfd_settime, fd, -1, NULL, BAD);
	syscall(SYS_timerfd_settime, fd, 4, BAD, BAD);
	syscall(SYS_timerfd_gettime, fd, &before);
	syscall(SYS_timerfd_gettime, -1L, &before);
	syscall(SYS_timerfd_gettime, fd, BAD);
	syscall(SYS_timerfd_gettime, fd, NULL);
#ifdef SYS_timerfd_settime64
	syscall(SYS_timerfd_settime64, fd, TFD_TIMER_ABSTIME, &wide, &wide);
	syscall(SYS_timerfd_gettime64, -1L, &wide);
	wide.value_ns = -1;
	syscall(SYS_timerfd_settime64, fd, 0, &wide, NULL);
	wide.value_s = wide.value_ns = 0;
	syscall(SYS_timerfd_settime64, fd, 0, &wide, NULL);
	syscall(SYS_timerfd_gettime64, fd, &wide);
#endif
	(void)wide;
	(void)setting;
	close(fd);
	close(syscall(SYS_timerfd_create, CLOCK_REALTIME, 0));
	close(syscall(SYS_timerfd_create, CLOCK_BOOTTIME_ALARM, 0));
	syscall(SYS_timerfd_create, CLOCK_PROCESS_CPUTIME_ID, 0);
	syscall(SYS_timerfd_create, 77, 1);
	syscall(SYS_timerfd_create, -1L, -1);
}

int main(void)
{
	close(open(NAME, O_RDWR | O_CREAT | O_TRUNC, 0600));
	notifications();
	events();
	timers();
	unlink(NAME);
	return 0;
}

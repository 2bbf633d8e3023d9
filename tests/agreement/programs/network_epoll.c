/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
	int ends[2], pair[2], fd = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = {EPOLLIN, {.u64 = 0x123456789abcdef0}}, events[40];
	sigset_t set;

	pipe(ends);
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	epoll_ctl(fd, EPOLL_CTL_ADD, ends[0], &event);
	event.data.u64 = 7;
	event.events = EPOLLOUT | EPOLLET | EPOLLONESHOT;
	epoll_ctl(fd, EPOLL_CTL_ADD, pair[0], &event);
	event.events = EPOLLIN | EPOLLRDHUP | EPOLLEXCLUSIVE | EPOLLWAKEUP | EPOLLPRI | EPOLLMSG | 0x800000;
	event.data.u64 = -1;
	epoll_ctl(fd, EPOLL_CTL_ADD, pair[1], &event);
	event.events = 0;
	event.data.u64 = 0x100000000;
	epoll_ctl(fd, EPOLL_CTL_MOD, pair[1], &event);
	event.events = -1;
	epoll_ctl(fd, EPOLL_CTL_MOD, 99, &event);
	epoll_ctl(fd, EPOLL_CTL_DEL, 99, NULL);
	epoll_ctl(fd, EPOLL_CTL_DEL, 99, &event);
	epoll_ctl(fd, EPOLL_CTL_ADD, ends[1], NULL);
	epoll_ctl(fd, EPOLL_CTL_ADD, ends[1], (void *)8);
	epoll_ctl(-1, 99, -1, &event);
	epoll_ctl(fd, 0, -1, NULL);
	epoll_wait(fd, events, 40, 0);
	epoll_wait(fd, events, 40, 1);
	write(ends[1], "x", 1);
	epoll_wait(fd, events, 40, -1);
	write(pair[0], "x", 1);
	event.events = EPOLLIN;
	epoll_ctl(fd, EPOLL_CTL_MOD, pair[1], &event);
	epoll_wait(fd, events, 40, -1);
	epoll_wait(fd, events, 1, -1);
	epoll_wait(fd, events, 0, -1);
	epoll_wait(fd, events, -1, -1);
	epoll_wait(fd, NULL, 3, 0);
	epoll_wait(fd, (void *)8, 3, 0);
	epoll_wait(-1, events, 3, 7);
	sigemptyset(&set);
	epoll_pwait(fd, events, 2, 0, NULL);
	epoll_pwait(fd, events, 2, 0, &set);
	sigaddset(&set, SIGTERM);
	epoll_pwait(fd, events, 2, 0, &set);
	syscall(SYS_epoll_pwait, fd, events, 2, 0, &set, 9);
	syscall(SYS_epoll_pwait, fd, events, 2, 0, 8, 8);
#ifdef SYS_epoll_pwait2
	int64_t time[2] = {0, 1000}, wrong[2] = {-1, 1000000000};

	syscall(SYS_epoll_pwait2, fd, events, 2, NULL, NULL, 0);
	syscall(SYS_epoll_pwait2, fd, events, 2, time, NULL, 8);
	syscall(SYS_epoll_pwait2, fd, events, 2, time, &set, 8);
	syscall(SYS_epoll_pwait2, fd, events, 2, wrong, NULL, 8);
	syscall(SYS_epoll_pwait2, fd, events, 2, 8, NULL, 8);
#endif
	syscall(SYS_epoll_create, 0);
	syscall(SYS_epoll_create, 5);
	epoll_create1(0);
	epoll_create1(-1);
	epoll_create1(1);
	return 0;
}

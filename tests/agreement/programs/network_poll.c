/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
	int ends[2], pair[2];
	struct pollfd fds[40];
	struct timespec timeout = {1, 500}, none = {0, 0}, bad = {-1, 1000000000};
	sigset_t set;
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(page + 4096, 4096);
	pipe(ends);
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	fds[0] = (struct pollfd){ends[0], POLLIN, 0x7f};
	fds[1] = (struct pollfd){ends[1], POLLOUT | POLLWRBAND, 0};
	fds[2] = (struct pollfd){
		pair[0], POLLIN | POLLPRI | POLLOUT | POLLRDNORM | POLLRDBAND | POLLWRNORM | POLLRDHUP | POLLMSG, 0};
	fds[3] = (struct pollfd){-1, POLLIN, 0};
	fds[4] = (struct pollfd){77, POLLIN, 0};
	fds[5] = (struct pollfd){pair[0], 0, 0};
	fds[6] = (struct pollfd){pair[1], -1, 0};
	for (int i = 7; i < 40; i++)
		fds[i] = (struct pollfd){i, POLLIN, 0};
	for (int count = 0; count < 8; count++)
		poll(fds, count, 0);
	poll(fds, 40, 0);
	poll(fds, 1, 1);
	poll(fds, 2, -1);
	poll(NULL, 0, 1);
	poll(NULL, 3, 0);
	poll((void *)8, 1, 0);
	poll((void *)8, -1, 0);
	memcpy(page + 4096 - 2 * sizeof(*fds), fds, 2 * sizeof(*fds));
	poll((void *)(page + 4096 - 2 * sizeof(*fds)), 2, 0);
	poll((void *)(page + 4096 - 2 * sizeof(*fds)), 3, 0);
	poll((void *)(page + 4096 - 2 * sizeof(*fds)), 0x10000000, 0);
	write(ends[1], "x", 1);
	poll(fds, 1, -1);
	poll(fds, 2, 100);
	close(pair[1]);
	poll(fds, 3, 100);
	fds[2].events = 0;
	poll(fds + 2, 1, 100);

	sigemptyset(&set);
	ppoll(fds, 2, NULL, NULL);
	ppoll(fds, 2, &timeout, NULL);
	ppoll(fds, 1, &timeout, &set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGRTMIN + 3);
	ppoll(fds, 1, &timeout, &set);
	sigfillset(&set);
	ppoll(fds, 1, &timeout, &set);
	ppoll(NULL, 0, &none, &set);
	ppoll(fds + 3, 1, &none, NULL);
	ppoll(fds, 1, &bad, NULL);
	syscall(SYS_ppoll, fds, 1, &timeout, &set, 7);
	syscall(SYS_ppoll, fds, 1, &timeout, NULL, 7);
	syscall(SYS_ppoll, fds, 1, &timeout, 8, 8);
	syscall(SYS_ppoll, fds, 1, 8, NULL, 8);
	return 0;
}

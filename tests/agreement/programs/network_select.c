/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_select
#define SYS_select SYS__newselect
#endif

int main(void)
{
	int ends[2], pair[2];
	fd_set in, out, all, none, many;
	struct timeval time = {0, 10}, bad = {-1, 1000000000};
	struct timespec timeout = {1, 500}, zero = {0, 0}, wrong = {-1, 1000000000};
	sigset_t set;

	FD_ZERO(&none);
	memset(&all, 0xff, sizeof(all));
	pipe(ends);
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	FD_ZERO(&in);
	FD_SET(ends[0], &in);
	FD_SET(pair[0], &in);
	FD_ZERO(&out);
	FD_SET(ends[1], &out);
	FD_SET(pair[1], &out);
	many = in;

	select(0, NULL, NULL, NULL, &(struct timeval){0, 1});
	select(8, &many, NULL, NULL, &time);
	many = in;
	none = in;
	select(7, &many, &out, &none, NULL);
	write(ends[1], "x", 1);
	many = in;
	select(7, &many, &out, NULL, &(struct timeval){1, 0});
	many = in;
	select(7, &many, NULL, NULL, NULL);
	FD_ZERO(&none);
	select(7, &none, &none, &none, &(struct timeval){0, 0});
	select(1, &all, NULL, NULL, &bad);
	select(-1, &all, NULL, NULL, &(struct timeval){0, 0});
	select(1024, &all, NULL, NULL, &(struct timeval){0, 0});
	many = in;
	FD_SET(70, &many);
	select(71, &many, NULL, NULL, &(struct timeval){0, 0});
	syscall(SYS_select, 7, 8, NULL, NULL, &time);
	syscall(SYS_select, 7, NULL, NULL, NULL, 8);
	many = in;
	syscall(SYS_select, 100000, &many, NULL, NULL, 8);
	many = in;
	syscall(SYS_select, 3, &many, &out, NULL, &(struct timeval){0, 0});
	many = in;
	syscall(SYS_select, 7, &many, &out, NULL, &(struct timeval){2, 2000000});

	many = in;
	pselect(7, &many, NULL, NULL, &timeout, NULL);
	sigemptyset(&set);
	many = in;
	pselect(7, &many, &out, NULL, &timeout, &set);
	sigaddset(&set, SIGUSR1);
	FD_ZERO(&none);
	pselect(7, &none, NULL, NULL, &zero, &set);
	many = in;
	pselect(7, &many, NULL, NULL, NULL, &set);
	many = in;
	pselect(7, &many, NULL, NULL, &wrong, &set);
	many = in;
	syscall(SYS_pselect6, 7, &many, NULL, NULL, &timeout, NULL);
	many = in;
	syscall(SYS_pselect6, 7, &many, NULL, NULL, &timeout, (long[]){(long)&set, 3});
	many = in;
	syscall(SYS_pselect6, 7, &many, NULL, NULL, &timeout, (long[]){0, 8});
	many = in;
	syscall(SYS_pselect6, 7, &many, NULL, NULL, &timeout, (long[]){8, 8});
	many = in;
	syscall(SYS_pselect6, 7, &many, NULL, NULL, &timeout, 8);
	many = in;
	syscall(SYS_pselect6, 7, &many, NULL, NULL, 8, NULL);
	return 0;
}

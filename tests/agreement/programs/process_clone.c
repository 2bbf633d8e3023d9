/* SPDX-License-Identifier: Apache-2.0
 *
 * clone, clone3, fork, vfork and what they are refused.
 */
#define _GNU_SOURCE
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BAD ((void *)-8L)

/* As in linux/sched.h, which may be older than what is passed. */
struct arguments {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size,
		cgroup, more;
};

static char stack[16384] __attribute__((aligned(16)));

static int start(void *argument)
{
	(void)argument;
	_exit(3);
}

static void *thread(void *argument)
{
	return argument;
}

static void reap(long pid)
{
	if (!pid)
		_exit(0);
	if (pid > 0)
		syscall(SYS_wait4, pid, NULL, __WALL, NULL);
}

static void clones(void)
{
	int parent = 0, child = 0, pidfd = -1;

	reap(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL));
	reap(syscall(SYS_clone, 0, NULL, NULL, NULL, NULL));
	reap(syscall(SYS_clone, SIGUSR1 | CLONE_PARENT_SETTID, NULL, &parent, NULL, NULL));
	reap(syscall(SYS_clone, SIGCHLD | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID, NULL, NULL, &child, &child));
	reap(syscall(SYS_clone, SIGCHLD | CLONE_PIDFD, NULL, &pidfd, NULL, NULL));
	reap(syscall(SYS_clone, SIGCHLD | CLONE_PIDFD, NULL, BAD, NULL, NULL));
	reap(syscall(SYS_clone, 77 | CLONE_FILES | CLONE_FS | CLONE_IO, NULL, NULL, NULL, NULL));
	syscall(SYS_clone, CLONE_THREAD, NULL, NULL, NULL, NULL);
	syscall(SYS_clone, CLONE_PIDFD | CLONE_PARENT_SETTID, NULL, &pidfd, NULL, NULL);
	syscall(SYS_clone, CLONE_SIGHAND | CLONE_SETTLS | SIGCHLD, NULL, &parent, &child, &child);
	syscall(SYS_clone,
	        CLONE_NEWUSER | CLONE_FS | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
	                CLONE_NEWNET | SIGCHLD,
	        NULL, NULL, NULL, NULL);
	syscall(SYS_clone, 0xfffffeff, NULL, NULL, NULL, NULL);
	int pid = clone(start, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
	waitpid(pid, NULL, 0);
}

static void clones3(void)
{
	int parent = 0, child = 0, pidfd = 0, wanted[2] = {1, 2};
	struct arguments a = {.exit_signal = SIGCHLD};

	reap(syscall(SYS_clone3, &a, 64));
	a.flags = CLONE_PARENT_SETTID | CLONE_PIDFD | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
	a.parent_tid = (uintptr_t)&parent;
	a.child_tid = (uintptr_t)&child;
	a.pidfd = (uintptr_t)&pidfd;
	reap(syscall(SYS_clone3, &a, 88));
	a = (struct arguments){
		.flags = CLONE_CLEAR_SIGHAND, .exit_signal = 99, .stack = 4096, .stack_size = 8192, .tls = 5};
	syscall(SYS_clone3, &a, 64);
	a = (struct arguments){.flags = CLONE_CLEAR_SIGHAND | CLONE_SIGHAND | CLONE_SETTLS, .tls = 16};
	syscall(SYS_clone3, &a, 88);
	a = (struct arguments){.set_tid = (uintptr_t)wanted, .set_tid_size = 2};
	syscall(SYS_clone3, &a, 88);
	a = (struct arguments){.set_tid = (uintptr_t)wanted, .set_tid_size = 0x10000};
	syscall(SYS_clone3, &a, 80);
	a = (struct arguments){.flags = CLONE_INTO_CGROUP, .cgroup = 99};
	syscall(SYS_clone3, &a, 88);
	a = (struct arguments){.flags = 1ULL << 60, .more = 7};
	syscall(SYS_clone3, &a, 96);
	a.more = 0;
	syscall(SYS_clone3, &a, 96);
	syscall(SYS_clone3, &a, 63);
	syscall(SYS_clone3, &a, 0);
	syscall(SYS_clone3, &a, 5000);
	syscall(SYS_clone3, NULL, 88);
	syscall(SYS_clone3, BAD, 88);
}

int main(void)
{
	pthread_t id;

	signal(SIGUSR1, SIG_IGN);
	clones();
	clones3();
#ifdef SYS_fork
	reap(syscall(SYS_fork));
#endif
	reap(vfork());
	pthread_create(&id, NULL, thread, NULL);
	pthread_join(id, NULL);
	syscall(SYS_unshare, 0);
	syscall(SYS_unshare, CLONE_FILES | CLONE_FS | CLONE_SYSVSEM);
	syscall(SYS_unshare, 0x1ff);
	syscall(SYS_unshare, -1);
	syscall(SYS_setns, -1, 0);
	syscall(SYS_setns, 77, CLONE_NEWNET | CLONE_NEWTIME);
	syscall(SYS_setns, 77, 1);
	syscall(SYS_set_tid_address, NULL);
	return 0;
}

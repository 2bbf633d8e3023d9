/* SPDX-License-Identifier: Apache-2.0
 *
 * denied early|late: a seccomp filter of its own, set before or after the go: 100 getpriority end with EPERM, and 50
 * getpgid with ENOSYS, because nobody is there for SECCOMP_RET_TRACE: a tracer must not permit them by being there.
 */
#include "tracee.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>

static void deny(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpriority, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpgid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};

	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

int main(int argc, char **argv)
{
	int late = argc > 1 && !strcmp(argv[1], "late");
	char line[16];

	tracee_begin();
	if (!late)
		deny();
	await_go();
	if (late)
		deny();
	for (int i = 0; i < 100; i++)
		CHECK(syscall(SYS_getpriority, 0, 0) == -1 && errno == EPERM);
	for (int i = 0; i < 50; i++)
		CHECK(syscall(SYS_getpgid, 0) == -1 && errno == ENOSYS);
	say("calls getpriority 100\nerrors getpriority EPERM 100\ncalls getpgid 50\nerrors getpgid ENOSYS 50\nend");
	read(STDIN_FILENO, line, sizeof line);
	_exit(7);
}

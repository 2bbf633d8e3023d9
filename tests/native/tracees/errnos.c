/* SPDX-License-Identifier: Apache-2.0
 *
 * errnos: a seccomp filter of its own that returns the errno which the first argument asks for: getpriority with all of
 * them but for the kernel's restarts, 512 to 516, and 100 numbers without a name with 40 each.
 */
#include "tracee.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>

#define NAMELESS 600

static void deny(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpriority, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, NAMELESS, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO),
		BPF_STMT(BPF_RET | BPF_A, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};

	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

int main(void)
{
	char line[16];

	tracee_begin();
	deny();
	await_go();
	for (int error = 1; error <= 4095; error++) {
		if (error < 512 || error > 516)
			CHECK(syscall(SYS_getpriority, error) == -1 && errno == error);
	}
	for (int number = NAMELESS; number < NAMELESS + 100; number++) {
		for (int error = 1; error <= 40; error++)
			CHECK(syscall(number, error) == -1 && errno == error);
	}
	say("calls getpriority 4090\ncalls unknown 4000\nend");
	read(STDIN_FILENO, line, sizeof line);
	_exit(7);
}

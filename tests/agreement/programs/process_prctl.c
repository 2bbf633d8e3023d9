/* SPDX-License-Identifier: Apache-2.0
 *
 * prctl, arch_prctl, personality: every option, with arguments that the kernel refuses where the others would change
 * too much.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BAD ((void *)-8L)

static long call(int option, long a, long b, long c, long d)
{
	return syscall(SYS_prctl, option, a, b, c, d);
}

static void refused(void)
{
	/* names (15), dumpable (4), seccomp (22) and what would stop or change the program are called below */
	for (int option = 0; option < 80; option++)
		if (option != 22 && option != 15 && option != 4)
			call(option, -1, 0x7777777, 3, 4);
	call(0x59616d61, -1, 2, 3, 4);
	call(0x59616d61, 0, 2, 3, 4);
	call(0x59616d61, 1234, 2, 3, 4);
	call(0x53564d41, 1, 2, 3, (long)"name");
	call(0x53564d41, 0, 0, 0, 0);
	call(0x53564d41, 0, 4096, 5, (long)BAD);
	call(-1, 1, 2, 3, 4);
	call(0x7000, 1, 2, 3, 4);
}

static void values(void)
{
	int value;

	call(PR_SET_NAME, (long)"a name of many bytes", 0, 0, 0);
	call(PR_SET_NAME, (long)"short\tone", 0, 0, 0);
	call(PR_SET_NAME, (long)BAD, 0, 0, 0);
	char name[17];
	call(PR_GET_NAME, (long)name, 0, 0, 0);
	call(PR_GET_NAME, (long)BAD, 0, 0, 0);
	call(PR_SET_PDEATHSIG, 15, 0, 0, 0);
	call(PR_GET_PDEATHSIG, (long)&value, 0, 0, 0);
	call(PR_GET_PDEATHSIG, (long)BAD, 0, 0, 0);
	call(PR_SET_PDEATHSIG, 0, 0, 0, 0);
	call(PR_GET_DUMPABLE, 0, 0, 0, 0);
	for (int i = 0; i < 4; i++)
		call(PR_SET_DUMPABLE, 3 - i, 0, 0, 0);
	call(PR_SET_DUMPABLE, 1, 0, 0, 0);
	call(PR_GET_UNALIGN, (long)&value, 0, 0, 0);
	call(PR_GET_KEEPCAPS, 0, 0, 0, 0);
	call(PR_SET_KEEPCAPS, 0, 0, 0, 0);
	call(PR_GET_TIMING, 0, 0, 0, 0);
	call(PR_GET_TSC, (long)&value, 0, 0, 0);
	call(PR_SET_TSC, 1, 0, 0, 0);
	call(PR_GET_SECUREBITS, 0, 0, 0, 0);
	call(PR_SET_SECUREBITS, 0x1ff, 0, 0, 0);
	call(PR_GET_TIMERSLACK, 0, 0, 0, 0);
	call(PR_SET_TIMERSLACK, 50000, 0, 0, 0);
	call(PR_MCE_KILL, 0, 0, 0, 0);
	call(PR_MCE_KILL, 1, 2, 0, 0);
	call(PR_MCE_KILL, 1, 9, 0, 1);
	call(PR_MCE_KILL_GET, 0, 0, 0, 0);
	for (int i = 0; i < 16; i++)
		call(PR_SET_MM, i, 0, 0, 0);
	call(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	call(PR_GET_CHILD_SUBREAPER, (long)&value, 0, 0, 0);
	call(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	call(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0);
	call(PR_GET_TID_ADDRESS, (long)&name, 0, 0, 0);
	call(PR_GET_THP_DISABLE, 0, 0, 0, 0);
	call(PR_SET_THP_DISABLE, 0, 0, 0, 0);
	for (int i = 0; i < 6; i++)
		call(PR_CAP_AMBIENT, i, 5, 0, 0);
	call(PR_CAPBSET_READ, 0, 0, 0, 0);
	call(PR_CAPBSET_READ, 21, 0, 0, 0);
	call(PR_CAPBSET_READ, 63, 0, 0, 0);
	call(PR_CAPBSET_DROP, 63, 0, 0, 0);
	for (int i = 0; i < 3; i++) {
		call(PR_GET_SPECULATION_CTRL, i, 0, 0, 0);
		call(PR_SET_SPECULATION_CTRL, i, 1 << (i + 1), 0, 0);
	}
	call(PR_SET_SPECULATION_CTRL, 9, 0x100, 0, 0);
	call(PR_GET_IO_FLUSHER, 0, 0, 0, 0);
	call(PR_SET_PTRACER, 0, 0, 0, 0);
	for (int i = 0; i < 5; i++)
		call(62, i, 0, i, (long)&value);
	call(62, 0, 0x7fffffff, 9, (long)&value);
	call(59, 0, 0, 0, 0);
	call(59, 1, 0x1000, -1, (long)&value);
	call(65, 0, 0, 0, 0);
	call(66, 0, 0, 0, 0);
	call(PR_GET_SECCOMP, 0, 0, 0, 0);
	call(PR_SET_SECCOMP, 9, 0, 0, 0);
	call(PR_SET_SECCOMP, 2, 0, 0, 0);
	call(PR_SET_SECCOMP, 2, (long)BAD, 0, 0);
}

#ifdef SYS_arch_prctl
static void arch(void)
{
	unsigned long value;

	syscall(SYS_arch_prctl, 0x1001, -1L);
	syscall(SYS_arch_prctl, 0x1002, -1L);
	for (int option = 0x1003; option < 0x1006; option++)
		syscall(SYS_arch_prctl, option, &value);
	syscall(SYS_arch_prctl, 0x1003, BAD);
	syscall(SYS_arch_prctl, 0x1011, 0);
	syscall(SYS_arch_prctl, 0x1012, 1);
	for (int option = 0x1021; option < 0x1026; option++)
		syscall(SYS_arch_prctl, option, &value);
	for (int option = 0x2001; option < 0x2004; option++)
		syscall(SYS_arch_prctl, option, 0);
	syscall(SYS_arch_prctl, 0x3001, &value);
	syscall(SYS_arch_prctl, 0x5001, 1);
	syscall(SYS_arch_prctl, 0, 5);
	syscall(SYS_arch_prctl, -1, -1);
}
#endif

static void personalities(void)
{
	syscall(SYS_personality, 0xffffffff);
	syscall(SYS_personality, 0x0040000);
	syscall(SYS_personality, 0x0ff00008);
	syscall(SYS_personality, 0xf00000ff);
	syscall(SYS_personality, 0x77);
	syscall(SYS_personality, 0x07000004);
	syscall(SYS_personality, 0);
}

int main(void)
{
	refused();
	values();
#ifdef SYS_arch_prctl
	arch();
#endif
	personalities();
	return 0;
}

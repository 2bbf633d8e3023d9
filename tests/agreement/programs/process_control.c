/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls by which processes look at or act on one another, and the rest: pidfd_*, process_*, kcmp, membarrier, rseq,
 * seccomp, ptrace, I/O ports, accounting.
 */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define BAD ((void *)-8L)

static void descriptors(void)
{
	siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
	struct iovec part = {(void *)4096, 4096};
	int fd = syscall(SYS_pidfd_open, getpid(), 0);

	syscall(SYS_pidfd_open, -1, 0);
	syscall(SYS_pidfd_open, 1, 0x800);
	syscall(SYS_pidfd_open, 0x7fffffff, 0x880);
	syscall(SYS_pidfd_open, getpid(), 0x55);
	syscall(SYS_pidfd_getfd, fd, 0, 0);
	syscall(SYS_pidfd_getfd, fd, 99, 0);
	syscall(SYS_pidfd_getfd, -1, -1, 7);
	syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0);
	syscall(SYS_pidfd_send_signal, -1, SIGUSR1, &info, 0);
	syscall(SYS_pidfd_send_signal, fd, 99, BAD, 9);
	syscall(448, -1, 0);
	syscall(448, fd, 5);
	syscall(440, fd, &part, 1, MADV_COLD, 0);
	syscall(440, fd, &part, 1, 99, 7);
	syscall(440, -1, BAD, 1, MADV_PAGEOUT, 0);
	syscall(440, -1, NULL, 0, MADV_WILLNEED, 0);
}

static void memory(void)
{
	char from[100] = "the text that is read", to[100], more[8];
	struct iovec local[2] = {{to, 40}, {more, 8}}, remote[2] = {{from, 4}, {from + 10, 44}}, bad[1] = {{BAD, 10}};

	syscall(SYS_process_vm_readv, getpid(), local, 2, remote, 2, 0);
	syscall(SYS_process_vm_readv, getpid(), local, 1, remote, 1, 0);
	syscall(SYS_process_vm_readv, getpid(), local, 1, bad, 1, 0);
	syscall(SYS_process_vm_readv, getpid(), NULL, 0, NULL, 0, 0);
	syscall(SYS_process_vm_readv, 0x7fffffff, local, 2, remote, 2, 5);
	syscall(SYS_process_vm_readv, getpid(), BAD, 2, BAD, 2, 0);
	syscall(SYS_process_vm_writev, getpid(), remote, 2, local, 2, 0);
	syscall(SYS_process_vm_writev, getpid(), bad, 1, local, 2, 0);
	syscall(SYS_process_vm_writev, -1, remote, 1, BAD, 1, -1);
}

static void comparisons(void)
{
	struct {
		uint32_t efd, tfd, offset;
	} slot = {3, 4, 5};

	for (int type = 0; type < 9; type++)
		syscall(SYS_kcmp, getpid(), getpid(), type, 0, 0);
	syscall(SYS_kcmp, getpid(), getpid(), 7, 0, &slot);
	syscall(SYS_kcmp, -1, 0x7fffffff, 0, 0, 0);
}

static void barriers(void)
{
	for (int bit = 0; bit < 12; bit++)
		syscall(SYS_membarrier, 1 << bit, 1, 0);
	syscall(SYS_membarrier, 0, 0, 0);
	syscall(SYS_membarrier, 3, 0, 0);
	syscall(SYS_membarrier, 128, 1, 5);
	syscall(SYS_membarrier, -1, -1, -1);
	syscall(SYS_rseq, NULL, 32, 0, 0x53053053);
	syscall(SYS_rseq, 64, 32, 1, 0);
	syscall(SYS_rseq, 64, 32, 0xf, 0x1234);
}

static void filters(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xc000003e, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_X, 0, 255, 7),
		BPF_STMT(BPF_JMP | BPF_JA, 3),
		BPF_STMT(BPF_RET | BPF_K, 0x7fff0000),
		BPF_STMT(BPF_RET | BPF_K, 0x00050001),
		BPF_STMT(BPF_RET | BPF_A, 0),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 15),
		BPF_STMT(BPF_ALU | BPF_NEG, 0),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_MISC | BPF_TXA, 1),
		BPF_STMT(BPF_ST, 1),
		BPF_STMT(BPF_STX, 2),
		BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 7),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 7),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 7),
		BPF_STMT(BPF_LD | BPF_W | BPF_MEM, 7),
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_STMT(BPF_LD | 0x18 | BPF_ABS, 8),
		BPF_STMT(0xffff, 0xffffffff),
		BPF_JUMP(0xf5, 1, 2, 3),
		BPF_STMT(BPF_ALU | 0xf0, 3),
		BPF_STMT(BPF_RET | 0x18, 0),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
	};
	static const uint32_t results[] = {0x80000000, 0,          0x30000,    0x50000,    0x5000d,
	                                   0x50fff,    0x7fc00000, 0x7ff00000, 0x7ff00007, 0x7ffc0000,
	                                   0x7fff0000, 0x7fff0001, 0x12345678, 0x51000,    0};
	struct sock_filter returns[sizeof(results) / sizeof(*results)];
	struct sock_fprog program = {sizeof(code) / sizeof(*code), code}, none = {0, NULL}, wrong = {3, BAD};
	uint32_t action = SECCOMP_RET_ERRNO, unknown = 0x12340000;
	uint16_t sizes[3];

	syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0x100, &program);
	for (size_t i = 0; i < sizeof(results) / sizeof(*results); i++)
		returns[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, results[i]);
	/* which makes it one that is refused */
	returns[sizeof(results) / sizeof(*results) - 1].code = 0xffff;
	program = (struct sock_fprog){sizeof(results) / sizeof(*results), returns};
	syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0x100, &program);
	syscall(SYS_prctl, 22, 2, &program, 0, 0);
	syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0xffffffff, &program);
	syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0x100, &none);
	syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0x100, &wrong);
	syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0x11, BAD);
	syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 4, code);
	syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action);
	syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &unknown);
	syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 5, BAD);
	syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, sizes);
	syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, BAD);
	syscall(SYS_seccomp, 99, 7, &program);
}

static void tracing(void)
{
	struct iovec set = {BAD, 100};

	for (int request = 0; request < 40; request++)
		if (request)
			syscall(SYS_ptrace, request, 0x7fffffff, 16, 19);
	for (int request = 0x4200; request < 0x4212; request++)
		syscall(SYS_ptrace, request, 0x7fffffff, request == 0x4204 || request == 0x4205 ? 0x202 : 64, 19);
	syscall(SYS_ptrace, 0x4204, 0x7fffffff, 1, &set);
	syscall(SYS_ptrace, 0x4206, 0x7fffffff, 0, 0x1000ff);
	syscall(SYS_ptrace, 0x4200, 0x7fffffff, 0, 0x300);
	syscall(SYS_ptrace, -1, -1, -1, -1);
}

static void ports(void)
{
#ifdef SYS_iopl
	syscall(SYS_iopl, 9);
	syscall(SYS_ioperm, 0x80, 4, 0);
	syscall(SYS_ioperm, 0x10000, -1, 1);
#endif
#ifdef SYS_modify_ldt
	struct {
		unsigned entry, base, limit, bits;
	} descriptor = {1, 0x1000, 0xfffff, 0x51}, wrong = {9999, -1, -1, -1};
	char table[64];

	memset(table, 0, sizeof(table));
	syscall(SYS_modify_ldt, 0, table, 16);
	syscall(SYS_modify_ldt, 0, NULL, 0);
	syscall(SYS_modify_ldt, 2, table, 16);
	syscall(SYS_modify_ldt, 1, &descriptor, 16);
#ifdef __i386__
	/* what x86-64's modify_ldt returns of an error is its low half */
	syscall(SYS_modify_ldt, 0x11, &wrong, 16);
	syscall(SYS_modify_ldt, 1, &descriptor, 15);
	syscall(SYS_modify_ldt, 1, BAD, 16);
	syscall(SYS_modify_ldt, 77, &descriptor, 16);
#endif
#ifdef SYS_set_thread_area
	descriptor.entry = 13;
	syscall(SYS_set_thread_area, &descriptor);
	descriptor.entry = -1;
	syscall(SYS_set_thread_area, &descriptor);
	syscall(SYS_set_thread_area, &wrong);
	syscall(SYS_get_thread_area, &descriptor);
	syscall(SYS_get_thread_area, &wrong);
	syscall(SYS_get_thread_area, BAD);
#endif
#endif
	syscall(SYS_acct, "/nonexistent/file");
	syscall(SYS_acct, BAD);
}

int main(void)
{
	descriptors();
	memory();
	comparisons();
	barriers();
	filters();
	tracing();
	ports();
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#if defined(__x86_64__)
#include <errno.h>
#include <linux/audit.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#include "regs.h"
#include "stracelet.h"

/* `syscall` and `int $0x80` are two bytes; after sysenter the kernel returns behind an `int $0x80` of the vDSO
 * (arch/x86/entry/vdso/vdso32/system_call.S), so that its own restarts go back by two as well. */
#define SYSCALL_SIZE 2
#define X32_BIT 0x40000000u
#define CS_32 0x23

int abi_of(uint32_t audit_arch, uint64_t number)
{
	switch (audit_arch) {
	case AUDIT_ARCH_X86_64:
		return number & X32_BIT ? STL_ABI_UNKNOWN : STL_ABI_X86_64;
	case AUDIT_ARCH_I386:
		return STL_ABI_I386;
	default:
		return STL_ABI_UNKNOWN;
	}
}

int abi_native(void)
{
	return STL_ABI_X86_64;
}

static int get(pid_t tid, struct user_regs_struct *regs)
{
	return ptrace(PTRACE_GETREGS, tid, NULL, regs) < 0 ? -errno : 0;
}

static int set(pid_t tid, const struct user_regs_struct *regs)
{
	return ptrace(PTRACE_SETREGS, tid, NULL, regs) < 0 ? -errno : 0;
}

int regs_read(pid_t tid, struct call_regs *out)
{
	struct user_regs_struct regs;
	int error = get(tid, &regs);

	if (error)
		return error;
	out->abi = regs.cs == CS_32 ? STL_ABI_I386 : STL_ABI_X86_64;
	out->number = (int64_t)regs.orig_rax;
	out->result = (int64_t)regs.rax;
	if (out->abi == STL_ABI_I386) {
		out->number = (int32_t)regs.orig_rax;
		out->result = (int32_t)regs.rax;
	}
	out->pc = regs.rip;
	const unsigned long long wide[6] = {regs.rdi, regs.rsi, regs.rdx, regs.r10, regs.r8, regs.r9};
	const unsigned long long narrow[6] = {regs.rbx, regs.rcx, regs.rdx, regs.rsi, regs.rdi, regs.rbp};

	for (int i = 0; i < 6; i++)
		out->args[i] = out->abi == STL_ABI_I386 ? (uint32_t)narrow[i] : wide[i];
	return 0;
}

int regs_rewind(pid_t tid, int64_t number, uint64_t first_arg)
{
	struct user_regs_struct regs;
	int error = get(tid, &regs);

	(void)first_arg; /* the result has a register of its own */
	if (error)
		return error;
	regs.rip -= SYSCALL_SIZE;
	regs.rax = (unsigned long long)number;
	return set(tid, &regs);
}

int regs_unrewind(pid_t tid, int64_t result)
{
	struct user_regs_struct regs;
	int error = get(tid, &regs);

	if (error)
		return error;
	regs.rip += SYSCALL_SIZE;
	regs.rax = (unsigned long long)result;
	return set(tid, &regs);
}

/* arch/x86/include/asm/elf.h, elf_common_init() */
bool regs_are_new(pid_t tid)
{
	struct user_regs_struct regs;

	return get(tid, &regs) == 0 &&
	       !(regs.rax | regs.rbx | regs.rcx | regs.rdx | regs.rsi | regs.rdi | regs.rbp | regs.r8 | regs.r9 |
	         regs.r10 | regs.r11 | regs.r12 | regs.r13 | regs.r14 | regs.r15);
}

int regs_set_result(pid_t tid, int64_t result)
{
	return ptrace(PTRACE_POKEUSER, tid, offsetof(struct user, regs.rax), result) < 0 ? -errno : 0;
}
#endif

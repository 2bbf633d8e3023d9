/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#if defined(__aarch64__)
#include <elf.h>
#include <errno.h>
#include <linux/audit.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "regs.h"
#include "stracelet.h"

#define SYSCALL_SIZE 4

int abi_of(uint32_t audit_arch, uint64_t number)
{
	(void)number;
	return audit_arch == AUDIT_ARCH_AARCH64 ? STL_ABI_AARCH64 : STL_ABI_UNKNOWN;
}

int abi_native(void)
{
	return STL_ABI_AARCH64;
}

static int get(pid_t tid, struct user_regs_struct *regs)
{
	struct iovec io = {regs, sizeof(*regs)};

	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &io) < 0)
		return -errno;
	/* A 32-bit task gives the smaller set of arm: it has no ABI here, and is not rewound. */
	return io.iov_len == sizeof(*regs) ? 0 : -EOPNOTSUPP;
}

static int set(pid_t tid, struct user_regs_struct *regs)
{
	struct iovec io = {regs, sizeof(*regs)};

	return ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &io) < 0 ? -errno : 0;
}

int regs_read(pid_t tid, struct call_regs *out)
{
	struct user_regs_struct regs;
	int error = get(tid, &regs);

	if (error)
		return error;
	int number = -1;
	struct iovec io = {&number, sizeof(number)};

	if (ptrace(PTRACE_GETREGSET, tid, NT_ARM_SYSTEM_CALL, &io) < 0)
		return -errno;
	out->abi = STL_ABI_AARCH64;
	out->number = number;
	out->result = (int64_t)regs.regs[0];
	out->pc = regs.pc;
	for (int i = 0; i < 6; i++)
		out->args[i] = regs.regs[i]; /* args[0] is the result by now: the caller has it from the entry */
	return 0;
}

int regs_rewind(pid_t tid, int64_t number, uint64_t first_arg)
{
	struct user_regs_struct regs;
	int error = get(tid, &regs);

	if (error)
		return error;
	regs.pc -= SYSCALL_SIZE;
	regs.regs[0] = first_arg;
	regs.regs[8] = (uint64_t)number;
	return set(tid, &regs);
}

int regs_unrewind(pid_t tid, int64_t result)
{
	struct user_regs_struct regs;
	int error = get(tid, &regs);

	if (error)
		return error;
	regs.pc += SYSCALL_SIZE;
	regs.regs[0] = (uint64_t)result;
	return set(tid, &regs);
}

/* arch/arm64/include/asm/processor.h, start_thread_common() */
bool regs_are_new(pid_t tid)
{
	struct user_regs_struct regs;
	uint64_t used = 0;

	if (get(tid, &regs) < 0)
		return false;
	for (int i = 0; i < 31; i++)
		used |= regs.regs[i];
	return used == 0;
}

int regs_set_result(pid_t tid, int64_t result)
{
	struct user_regs_struct regs;
	int error = get(tid, &regs);

	if (error)
		return error;
	regs.regs[0] = (uint64_t)result;
	return set(tid, &regs);
}
#endif

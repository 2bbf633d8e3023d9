/* SPDX-License-Identifier: Apache-2.0
 *
 * The registers of a stopped tracee that a rewind needs; one file for each architecture behind it.
 */
#ifndef STL_REGS_H
#define STL_REGS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct call_regs {
	int abi;
	int64_t number; /* of the syscall that it is returning from, or -1 */
	int64_t result;
	uint64_t pc;
	uint64_t args[6];
};

/* Each returns 0 or -errno (-ESRCH: the tracee is gone or not stopped). */
int regs_read(pid_t tid, struct call_regs *out);
/* Makes the tracee execute its syscall instruction again, with `number` and, where the result overwrote it, the
 * first argument. */
int regs_rewind(pid_t tid, int64_t number, uint64_t first_arg);
/* Undoes a rewind: back behind the instruction, with `result`. */
int regs_unrewind(pid_t tid, int64_t result);
int regs_set_result(pid_t tid, int64_t result);
/* Whether an exec was the last that the tracee did: none of its program's instructions has run. */
bool regs_are_new(pid_t tid);

/* AUDIT_ARCH_* of PTRACE_GET_SYSCALL_INFO, and the number, to one of STL_ABI_*. */
int abi_of(uint32_t audit_arch, uint64_t number);
int abi_native(void);

#endif

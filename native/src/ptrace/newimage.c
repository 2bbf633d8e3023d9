/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "newimage.h"

#include <errno.h>
#include <linux/auxvec.h>
#include <string.h>
#include <sys/ptrace.h>

#include "procfs.h"
#include "records/record.h"
#include "regs.h"

#define AUXV_MOST 1024
/* Strings of a quarter of the stack's limit at most, each with a pointer: execve(2) */
#define ARGUMENTS_MOST (16u * 1024 * 1024)

/* getauxval(3): pairs of words, ended by AT_NULL. */
static uint64_t find_path(const unsigned char *auxv, size_t size, unsigned word)
{
	for (size_t at = 0; at + 2 * word <= size; at += 2 * word) {
		uint64_t type = 0, value = 0;

		/* Little-endian, so that a narrow one is the low half. */
		memcpy(&type, auxv + at, word);
		memcpy(&value, auxv + at + word, word);
		if (type == AT_NULL)
			break;
		if (type == AT_EXECFN)
			return value;
	}
	return 0;
}

int new_image_read(struct memory *memory, const struct memory_task *task, struct new_image *out)
{
	struct __ptrace_syscall_info info;
	unsigned char auxv[AUXV_MOST];
	uint64_t count = 0;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, task->tid, sizeof(info), &info) <= 0)
		return -errno;
	out->abi = abi_of(info.arch, 0);
	unsigned word = out->abi == STL_ABI_I386 ? 4 : 8;
	struct memory_piece argc = {.address = info.stack_pointer, .into = (unsigned char *)&count, .size = word};
	ssize_t size = task_auxv_read(task->tid, auxv, sizeof(auxv));

	if (size < 0)
		return (int)size;
	memory_begin(memory);
	memory_read(memory, task, &argc, 1);
	if (argc.got != word || count > ARGUMENTS_MOST)
		return -EFAULT;
	out->path = find_path(auxv, (size_t)size, word);
	out->argv = info.stack_pointer + word;
	out->envp = out->argv + (count + 1) * word;
	return 0;
}

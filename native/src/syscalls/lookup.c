/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "stracelet.h"
#include "syscalls/tables.h"

struct table {
	const char *const *names;
	int count;
};

static struct table syscall_table(int abi)
{
	switch (abi) {
	case STL_ABI_X86_64:
		return (struct table){x86_64_names, x86_64_count};
	case STL_ABI_I386:
		return (struct table){i386_names, i386_count};
	case STL_ABI_AARCH64:
		return (struct table){aarch64_names, aarch64_count};
	default:
		return (struct table){NULL, 0};
	}
}

static const char *name_at(struct table table, int number)
{
	return number >= 0 && number < table.count ? table.names[number] : NULL;
}

const char *stl_syscall_name(int abi, int number)
{
	return name_at(syscall_table(abi), number);
}

int stl_syscall_number(int abi, const char *name)
{
	struct table table = syscall_table(abi);

	for (int number = 0; number < table.count; number++) {
		if (table.names[number] && strcmp(table.names[number], name) == 0)
			return number;
	}
	return -ENOENT;
}

const char *stl_errno_name(int error)
{
	return name_at((struct table){errno_names, errno_count}, error);
}

const char *stl_signal_name(int signal)
{
	return name_at((struct table){signal_names, signal_count}, signal);
}

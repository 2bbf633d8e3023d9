/* SPDX-License-Identifier: Apache-2.0
 *
 * What a descriptor of a task is, in words, as /proc has it: the layout is record.h's. Nothing of the file itself is
 * asked: a file system in user space would be what answers.
 */
#ifndef STL_DESCRIBE_H
#define STL_DESCRIBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What looks at sockets may take of one stop, of which those who share its thread wait for the end. */
struct look_budget {
	uint64_t cpu_until_ns, until_ns; /* 0: not begun */
};

/* Begins it, the first time. */
bool look_budget_over(struct look_budget *budget);

struct descriptor_of {
	pid_t tid;
	int32_t fd; /* AT_FDCWD too */
	bool addresses;
	struct look_budget *budget;
	_Atomic uint64_t *hung_until_ns;
};

/* How many bytes; 0: it is none. *stays: as long as the descriptor is the same, and names are. Once the budget is used
 * up, sockets are what their links say: "socket:[inode]". */
size_t describe_descriptor(const struct descriptor_of *of, char *text, size_t room, bool *stays);

#endif

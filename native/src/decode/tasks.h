/* SPDX-License-Identifier: Apache-2.0
 *
 * The tasks whose records come: how many there are, and what each was in the midst of.
 */
#ifndef STL_TASKS_H
#define STL_TASKS_H

#include <stdbool.h>
#include <stdint.h>

struct task {
	int32_t tid;          /* 0: a free place */
	uint16_t interrupted; /* the call that restart_syscall(2) would go on with; CALL_UNKNOWN */
	bool entry_shown;     /* the call it is in was printed at its entry */
	uint32_t open_column; /* 1 + where its open line stands, if it has a file of its own; 0: it has none */
};

struct tasks {
	struct task *places; /* 1 << bits of them, by hash */
	unsigned bits;
	uint32_t count;
};

void tasks_free(struct tasks *tasks);
struct task *tasks_find(const struct tasks *tasks, int32_t tid);
/* Of an unknown one a new entry; NULL: no memory. */
struct task *tasks_add(struct tasks *tasks, int32_t tid);
void tasks_remove(struct tasks *tasks, int32_t tid);

#endif

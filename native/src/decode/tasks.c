/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/tasks.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BITS 6
/* Where the records of ends are lost, tasks would gather for ever: when there are more than half of so many, all of them
 * are forgotten, and those that live are known again by their next record. */
#define LAST_BITS 18

static uint32_t place_of(int32_t tid, unsigned bits)
{
	return (uint32_t)tid * 2654435769u >> (32 - bits);
}

void tasks_free(struct tasks *tasks)
{
	free(tasks->places);
	*tasks = (struct tasks){0};
}

struct task *tasks_find(const struct tasks *tasks, int32_t tid)
{
	if (!tasks->places || tid == 0)
		return NULL;
	for (uint32_t at = place_of(tid, tasks->bits);; at++) {
		struct task *task = &tasks->places[at & ((1u << tasks->bits) - 1)];

		if (task->tid == tid)
			return task;
		if (task->tid == 0)
			return NULL;
	}
}

static struct task *put(struct tasks *tasks, struct task task)
{
	uint32_t mask = (1u << tasks->bits) - 1, at = place_of(task.tid, tasks->bits);

	while (tasks->places[at & mask].tid)
		at++;
	tasks->places[at & mask] = task;
	return &tasks->places[at & mask];
}

/* At most half of the places are taken. */
static bool make_room(struct tasks *tasks)
{
	struct tasks old = *tasks;

	if (old.places && tasks->count < 1u << (old.bits - 1))
		return true;
	if (old.bits == LAST_BITS) {
		memset(tasks->places, 0, sizeof(*tasks->places) << tasks->bits);
		tasks->count = 0;
		return true;
	}
	tasks->bits = old.places ? old.bits + 1 : FIRST_BITS;
	tasks->places = calloc(1u << tasks->bits, sizeof(*tasks->places));
	if (!tasks->places) {
		*tasks = old;
		return false;
	}
	for (uint32_t i = 0; old.places && i < 1u << old.bits; i++) {
		if (old.places[i].tid)
			put(tasks, old.places[i]);
	}
	free(old.places);
	return true;
}

struct task *tasks_add(struct tasks *tasks, int32_t tid)
{
	struct task *task = tasks_find(tasks, tid);

	if (task)
		return task;
	if (tid == 0 || !make_room(tasks))
		return NULL;
	tasks->count++;
	return put(tasks, (struct task){.tid = tid});
}

void tasks_remove(struct tasks *tasks, int32_t tid)
{
	struct task *task = tasks_find(tasks, tid);

	if (!task)
		return;
	uint32_t mask = (1u << tasks->bits) - 1, hole = (uint32_t)(task - tasks->places);

	tasks->places[hole].tid = 0;
	tasks->count--;
	/* those behind the hole that could not have their own place are put anew, or they would be found no more */
	for (uint32_t at = (hole + 1) & mask; tasks->places[at].tid; at = (at + 1) & mask) {
		struct task moved = tasks->places[at];

		tasks->places[at].tid = 0;
		put(tasks, moved);
	}
}

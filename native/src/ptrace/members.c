/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "members.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static bool add(struct members *members, pid_t pid)
{
	if (members->count == members->room) {
		size_t room = members->room ? members->room * 2 : 64;
		pid_t *larger = reallocarray(members->pids, room, sizeof(*larger));

		if (!larger)
			return false; /* the next look finds the rest */
		members->pids = larger;
		members->room = room;
	}
	members->pids[members->count++] = pid;
	return true;
}

void members_read(struct members *members, const char *procs_path)
{
	FILE *file = fopen(procs_path, "re");
	char line[32];

	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		pid_t pid = (pid_t)strtol(line, NULL, 10);

		/* 0: a process that our own PID namespace does not see */
		if (pid > 0 && !add(members, pid))
			break;
	}
	fclose(file);
}

static int by_number(const void *left, const void *right)
{
	pid_t a = *(const pid_t *)left, b = *(const pid_t *)right;

	return (a > b) - (a < b);
}

void members_each(struct members *members, void (*each)(pid_t pid, void *context), void *context)
{
	/* Nearly all are in every hierarchy: with version 1, a dozen times. */
	if (members->count)
		qsort(members->pids, members->count, sizeof(*members->pids), by_number);
	for (size_t i = 0; i < members->count; i++) {
		if (i == 0 || members->pids[i] != members->pids[i - 1])
			each(members->pids[i], context);
	}
	free(members->pids);
}

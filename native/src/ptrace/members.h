/* SPDX-License-Identifier: Apache-2.0
 *
 * The processes of some cgroups: each once, also where they are in several.
 */
#ifndef STL_MEMBERS_H
#define STL_MEMBERS_H

#include <stddef.h>
#include <sys/types.h>

struct members {
	pid_t *pids;
	size_t count, room;
};

void members_read(struct members *members, const char *procs_path);
/* In ascending order; frees them. */
void members_each(struct members *members, void (*each)(pid_t pid, void *context), void *context);

#endif

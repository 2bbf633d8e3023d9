/* SPDX-License-Identifier: Apache-2.0
 *
 * Containers by ID, and which cgroups with the name of one are believed. The tree is root's, but parts of it are given
 * away: systemd gives one to each user who logs in, and a container may make cgroups below its own.
 */
#ifndef STL_GROUPS_H
#define STL_GROUPS_H

#include <stdbool.h>
#include <stdint.h>

#include "cgroups.h"

/* Who named a cgroup, where it is not the uid of whom the tree above was given to. */
#define NAMED_BY_ROOT (-1)

struct directory;

/* A container, and its cgroups in all hierarchies; or, without any, a user to whom a part of the tree was given. */
struct group {
	struct group *next;
	char id[CONTAINER_ID_SIZE];
	struct directory *directories;
	struct group *outermost; /* the container that its cgroups are in; NULL: in none */
	int64_t namer;
	uint32_t nested; /* IDs that are believed in it */
	uint32_t below;  /* directories of its share */
	uint32_t held;   /* by what points to it */
	bool followed;
};

struct claim {
	const char *id;
	struct group *outermost;
	int64_t namer;
};

enum belief {
	DOUBTED,
	BELIEVED,
	DISPLACES /* believed, and the cgroups that it has so far are not its own */
};

struct group *group_find(const char *id);
struct group *group_make(const char *id); /* NULL: no memory */
/* Without a cgroup, and with nobody who waits for one or points to it, it is forgotten. */
void group_drop(struct group *group);
void group_hold(struct group *group); /* either may be given NULL */
void group_release(struct group *group);
enum belief group_judge(const struct claim *claim);
/* Its first cgroup came; its last one went. */
void group_begin(struct group *group, const struct claim *claim);
void group_end(struct group *group);

#endif

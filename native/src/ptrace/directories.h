/* SPDX-License-Identifier: Apache-2.0
 *
 * The cgroups that are known, by path and by watch, and which container each of them is of.
 */
#ifndef STL_DIRECTORIES_H
#define STL_DIRECTORIES_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "groups.h"

#define DIRECTORY_BUCKETS 4096
#define UNWATCHED (-1)

struct hierarchy {
	char path[PATH_MAX];
	uid_t owner;
};

struct directory {
	struct directory *next, *next_of_watch, *next_of_group;
	char *path;
	const struct hierarchy *hierarchy;
	struct group *group;                  /* NULL: no container's */
	struct group *outermost;              /* the container at the top of its path, which it holds */
	struct group *share;                  /* which it counts to, and holds; NULL: root made it */
	int64_t namer;                        /* a uid, or NAMED_BY_ROOT */
	int depth;                            /* below the hierarchy's root */
	int watch, procs_watch, events_watch; /* inotify's, or UNWATCHED */
	bool doubted;                         /* outside of containers, in one that is not believed */
	bool seen;                            /* in the present scan */
	bool version2;
};

struct tree {
	struct directory *directories[DIRECTORY_BUCKETS]; /* by path */
	uint32_t made_by_root, made_by_others, unwatched;
	_Atomic int inotify; /* or -1; also a starting thread reads it */
	struct cgroup_watcher watcher;
};

extern struct tree tree;

struct directory *directory_find(const char *path);
struct directory *directory_of_watch(int watch);
/* Whether one more may be made below this one. */
bool directory_has_room(const struct directory *parent, int64_t namer);
/* Not watched yet, and of no container. NULL: no memory. */
struct directory *directory_make(const char *path, const struct hierarchy *hierarchy, const struct directory *parent,
                                 int64_t namer);
void directory_set_watch(struct directory *directory, int watch);
/* Whose cgroup it is: of the container that it is named after, if that is believed; else of the one that it is in.
 * Whether that container has just appeared in it. */
bool directory_choose_group(struct directory *directory, const struct directory *parent);
void directory_follow(struct directory *directory);
void directory_unfollow(struct directory *directory);
void directory_forget(struct directory *directory);
bool directory_file(const struct directory *directory, const char *name, char path[PATH_MAX]);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * The cgroup tree: which containers there are, as they come and go, and which processes are in them. Watched by
 * inotify, so that nothing of a container's start waits for anybody else to tell.
 */
#ifndef STL_CGROUPS_H
#define STL_CGROUPS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CONTAINER_ID_SIZE 65

struct cgroup_watcher {
	/* path: under the hierarchy's root; late: found by a scan, and nobody knows since when it is there */
	void (*appeared)(const char *id, const char *path, bool late);
	void (*gone)(const char *id);    /* the last of its cgroups was removed */
	void (*entered)(const char *id); /* something may have joined it: only of those followed */
	void (*working)(void);           /* now and then, while much is to be done */
};

/* Scans the tree once, without calling back, and watches it from then on; 0 or -errno. */
int cgroups_open(const char *root, const struct cgroup_watcher *watcher);
/* Gives the calling thread a table of descriptors of its own, without that one. */
void cgroups_leave_to_others(void);
int cgroups_fd(void);    /* to poll; -1: there is none yet */
void cgroups_read(void); /* after the descriptor became readable */
/* Why not all of the tree is watched, as an errno: whoever may start processes as our user can use up all that inotify
 * allows him (inotify(7), max_user_instances and max_user_watches). 0: it is watched. */
int cgroups_unwatched(void);
/* While it is not: looks at all of it again, if the last look was at least so long ago. */
void cgroups_poll(uint64_t least_ns);
bool cgroups_has(const char *id);
/* Its processes are looked for as they join; true: some of its cgroups give no event for that, so it is to be polled. */
bool cgroups_follow(const char *id);
void cgroups_unfollow(const char *id);
void cgroups_each_process(const char *id, void (*each)(pid_t pid, void *context), void *context);
/* The ID in one component of a cgroup's path; false: none. */
bool container_id_of(const char *name, char id[CONTAINER_ID_SIZE]);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "directories.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* What others can make us keep has an end, and none of them can use up what is for all; as the agent has it. */
#define MAX_DIRECTORIES 20000
#define MAX_SHARE 2000

struct tree tree = {.inotify = -1};
static struct directory *watched[DIRECTORY_BUCKETS]; /* by watch */

static struct directory **by_path(const char *path)
{
	uint32_t hash = 0;

	for (const char *at = path; *at; at++)
		hash = hash * 31 + (unsigned char)*at;
	struct directory **at = &tree.directories[hash % DIRECTORY_BUCKETS];

	while (*at && strcmp((*at)->path, path) != 0)
		at = &(*at)->next;
	return at;
}

static struct directory **by_watch(int watch)
{
	struct directory **at = &watched[(unsigned int)watch % DIRECTORY_BUCKETS];

	while (*at && (*at)->watch != watch)
		at = &(*at)->next_of_watch;
	return at;
}

struct directory *directory_find(const char *path)
{
	return *by_path(path);
}

struct directory *directory_of_watch(int watch)
{
	return *by_watch(watch);
}

bool directory_file(const struct directory *directory, const char *name, char path[PATH_MAX])
{
	return snprintf(path, PATH_MAX, "%s/%s", directory->path, name) < PATH_MAX;
}

void directory_follow(struct directory *directory)
{
	char path[PATH_MAX];

	/* A write to cgroup.procs is an event of that file, not of its directory. */
	if (directory->procs_watch < 0 && directory_file(directory, "cgroup.procs", path))
		directory->procs_watch = inotify_add_watch(tree.inotify, path, IN_MODIFY);
	/* clone3(2) into an empty cgroup writes no file, but changes this one. */
	if (directory->version2 && directory->events_watch < 0 && directory_file(directory, "cgroup.events", path))
		directory->events_watch = inotify_add_watch(tree.inotify, path, IN_MODIFY);
}

void directory_unfollow(struct directory *directory)
{
	if (directory->procs_watch >= 0)
		inotify_rm_watch(tree.inotify, directory->procs_watch);
	if (directory->events_watch >= 0)
		inotify_rm_watch(tree.inotify, directory->events_watch);
	directory->procs_watch = directory->events_watch = UNWATCHED;
}

static void join_group(struct directory *directory, struct group *group)
{
	directory->group = group;
	directory->next_of_group = group->directories;
	group->directories = directory;
	if (group->followed)
		directory_follow(directory);
}

/* Whether its last cgroup has gone. */
static bool leave_group(struct directory *directory)
{
	struct group *group = directory->group;
	struct directory **at = &group->directories;

	while (*at != directory)
		at = &(*at)->next_of_group;
	*at = directory->next_of_group;
	directory->group = NULL;
	directory_unfollow(directory);
	if (group->directories)
		return false;
	group_end(group);
	return true;
}

static void leave_and_tell(struct directory *directory)
{
	struct group *group = directory->group;
	char id[CONTAINER_ID_SIZE];

	memcpy(id, group->id, sizeof(id));
	if (!leave_group(directory))
		return;
	group_drop(group);
	tree.watcher.gone(id);
}

void directory_forget(struct directory *directory)
{
	*by_path(directory->path) = directory->next;
	if (directory->watch >= 0)
		*by_watch(directory->watch) = directory->next_of_watch;
	else
		tree.unwatched--;
	if (directory->share) {
		directory->share->below--;
		tree.made_by_others--;
	} else {
		tree.made_by_root--;
	}
	if (directory->group)
		leave_and_tell(directory);
	group_release(directory->outermost);
	group_release(directory->share);
	free(directory->path);
	free(directory);
}

/* What had the ID is what is around it again; outside of containers, it and all below are no container's. */
static void displace(struct group *group)
{
	struct group *around = group->outermost;

	group_hold(group);
	group_hold(around);
	for (int i = 0; i < DIRECTORY_BUCKETS; i++) {
		for (struct directory *each = tree.directories[i]; each; each = each->next) {
			if (around ? each->group != group : each->outermost != group)
				continue;
			if (each->group == group)
				leave_group(each);
			else if (each->group)
				leave_and_tell(each);
			if (around) {
				join_group(each, around);
				continue;
			}
			each->outermost = NULL;
			each->doubted = true;
			group_release(group);
		}
	}
	group_release(around);
	group->held--; /* and it stays, for it gets the other's cgroup */
}

bool directory_choose_group(struct directory *directory, const struct directory *parent)
{
	char id[CONTAINER_ID_SIZE];
	const char *name = strrchr(directory->path, '/');
	struct group *group = NULL;
	struct claim claim = {.id = id, .outermost = directory->outermost, .namer = directory->namer};
	bool appeared = false;

	if (!directory->doubted && name && container_id_of(name + 1, id)) {
		enum belief belief = group_judge(&claim);

		group = belief == DOUBTED ? NULL : group_make(id);
		if (group && belief == DISPLACES)
			displace(group);
		appeared = group && !group->directories;
		if (appeared)
			group_begin(group, &claim);
		directory->doubted = !group && !directory->outermost;
	}
	if (!group && parent)
		group = parent->group;
	if (!group)
		return false;
	join_group(directory, group);
	if (!directory->outermost) {
		directory->outermost = group;
		group_hold(group);
	}
	return appeared;
}

/* A container that root named, or the user to whom the tree was given further up. */
static struct group *share_below(const struct directory *parent, int64_t namer)
{
	char user[CONTAINER_ID_SIZE];

	if (parent->share)
		return parent->share;
	if (parent->outermost)
		return parent->outermost;
	if (namer == NAMED_BY_ROOT)
		return NULL;
	snprintf(user, sizeof(user), "uid %lld", (long long)namer);
	return group_make(user);
}

bool directory_has_room(const struct directory *parent, int64_t namer)
{
	struct group *share = parent ? share_below(parent, namer) : NULL;

	if (!share)
		return tree.made_by_root < MAX_DIRECTORIES;
	bool room = share->below < MAX_SHARE && tree.made_by_others < MAX_DIRECTORIES;

	group_drop(share);
	return room;
}

struct directory *directory_make(const char *path, const struct hierarchy *hierarchy, const struct directory *parent,
                                 int64_t namer)
{
	char file[PATH_MAX];
	struct directory *directory = calloc(1, sizeof(*directory));

	if (!directory || !(directory->path = strdup(path))) {
		free(directory);
		return NULL;
	}
	directory->hierarchy = hierarchy;
	directory->namer = namer;
	directory->watch = UNWATCHED;
	directory->procs_watch = directory->events_watch = UNWATCHED;
	directory->version2 = directory_file(directory, "cgroup.events", file) && access(file, F_OK) == 0;
	if (parent) {
		directory->depth = parent->depth + 1;
		directory->doubted = parent->doubted;
		directory->outermost = parent->outermost;
		group_hold(directory->outermost);
		directory->share = share_below(parent, namer);
		group_hold(directory->share);
	}
	if (directory->share) {
		directory->share->below++;
		tree.made_by_others++;
	} else {
		tree.made_by_root++;
	}
	*by_path(path) = directory;
	tree.unwatched++;
	return directory;
}

void directory_set_watch(struct directory *directory, int watch)
{
	if (directory->watch == watch)
		return;
	directory->watch = watch;
	directory->next_of_watch = NULL;
	*by_watch(watch) = directory;
	tree.unwatched--;
}

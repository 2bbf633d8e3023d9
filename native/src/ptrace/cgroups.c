/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cgroups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "groups.h"
#include "members.h"

#define DIRECTORY_EVENTS (IN_CREATE | IN_DELETE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW)
#define MAX_DEPTH 32
#define BUCKETS 4096
/* What a container can make us keep has an end. */
#define MAX_DIRECTORIES 50000
#define WORK_AT_ONCE 64

struct hierarchy {
	char path[PATH_MAX];
	uid_t owner;
};

struct directory {
	struct directory *next, *next_of_group;
	char *path;
	const struct hierarchy *hierarchy;
	struct group *group;                  /* NULL: no container's */
	struct group *outermost;              /* the container at the top of its path, which it holds */
	int64_t namer;                        /* a uid, or NAMED_BY_ROOT */
	int depth;                            /* below the hierarchy's root */
	int watch, procs_watch, events_watch; /* inotify's, or -1 */
	bool doubted;                         /* outside of containers, in one that is not believed */
	bool seen;                            /* in the present scan */
	bool version2;
};

static struct directory *directories[BUCKETS]; /* by watch */
static uint32_t directory_count;
static int inotify = -1;
static struct cgroup_watcher watcher;
static bool quiet; /* the first scan calls nobody */
static bool rescanning;
static struct hierarchy hierarchies[2];
static int hierarchy_count;

static struct directory **by_watch(int watch)
{
	return &directories[(unsigned int)watch % BUCKETS];
}

bool cgroups_has(const char *id)
{
	const struct group *group = group_find(id);

	return group && group->directories;
}

static bool file_in(const struct directory *directory, const char *name, char path[PATH_MAX])
{
	return snprintf(path, PATH_MAX, "%s/%s", directory->path, name) < PATH_MAX;
}

static void follow(struct directory *directory)
{
	char path[PATH_MAX];

	/* A write to cgroup.procs is an event of that file, not of its directory. */
	if (directory->procs_watch < 0 && file_in(directory, "cgroup.procs", path))
		directory->procs_watch = inotify_add_watch(inotify, path, IN_MODIFY);
	/* clone3(2) into an empty cgroup writes no file, but changes this one. */
	if (directory->version2 && directory->events_watch < 0 && file_in(directory, "cgroup.events", path))
		directory->events_watch = inotify_add_watch(inotify, path, IN_MODIFY);
}

bool cgroups_follow(const char *id)
{
	struct group *group = group_make(id);
	bool version2 = false;

	if (!group)
		return true;
	group->followed = true;
	for (struct directory *directory = group->directories; directory; directory = directory->next_of_group) {
		follow(directory);
		version2 |= directory->version2;
	}
	return version2;
}

static void unfollow(struct directory *directory)
{
	if (directory->procs_watch >= 0)
		inotify_rm_watch(inotify, directory->procs_watch);
	if (directory->events_watch >= 0)
		inotify_rm_watch(inotify, directory->events_watch);
	directory->procs_watch = directory->events_watch = -1;
}

void cgroups_unfollow(const char *id)
{
	struct group *group = group_find(id);

	if (!group)
		return;
	group->followed = false;
	for (struct directory *directory = group->directories; directory; directory = directory->next_of_group)
		unfollow(directory);
	group_drop(group);
}

static void join_group(struct directory *directory, struct group *group)
{
	directory->group = group;
	directory->next_of_group = group->directories;
	group->directories = directory;
	if (group->followed)
		follow(directory);
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
	unfollow(directory);
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
	watcher.gone(id);
}

static void forget(struct directory *directory)
{
	struct directory **at = by_watch(directory->watch);

	while (*at && *at != directory)
		at = &(*at)->next;
	if (*at)
		*at = directory->next;
	directory_count--;
	if (directory->group)
		leave_and_tell(directory);
	group_release(directory->outermost);
	free(directory->path);
	free(directory);
}

/* What had the ID is what is around it again; outside of containers, it and all below are no container's. */
static void displace(struct group *group)
{
	struct group *around = group->outermost;

	group_hold(group);
	group_hold(around);
	for (int i = 0; i < BUCKETS; i++) {
		for (struct directory *each = directories[i]; each; each = each->next) {
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

/* Who names what is in it. Asked each time, for a directory is made before it is given away. */
static int64_t namer_below(const struct directory *directory)
{
	struct stat status;

	if (directory->outermost || directory->namer != NAMED_BY_ROOT || stat(directory->path, &status) < 0)
		return directory->namer;
	bool ours = status.st_uid == 0 || status.st_uid == directory->hierarchy->owner;

	return ours ? NAMED_BY_ROOT : (int64_t)status.st_uid;
}

/* Whose cgroup it is: of the container that it is named after, if that is believed; else of the one that it is in.
 * Whether that container has just appeared in it. */
static bool choose_group(struct directory *directory, const struct directory *parent)
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

static struct directory *make_directory(const char *path, const struct hierarchy *hierarchy,
                                        const struct directory *parent, int watch)
{
	char file[PATH_MAX];
	struct directory *directory = calloc(1, sizeof(*directory));

	if (!directory || !(directory->path = strdup(path))) {
		free(directory);
		return NULL;
	}
	directory->hierarchy = hierarchy;
	directory->namer = NAMED_BY_ROOT;
	directory->watch = watch;
	directory->procs_watch = directory->events_watch = -1;
	directory->version2 = file_in(directory, "cgroup.events", file) && access(file, F_OK) == 0;
	if (parent) {
		directory->depth = parent->depth + 1;
		directory->doubted = parent->doubted;
		directory->outermost = parent->outermost;
		group_hold(directory->outermost);
	}
	directory->next = *by_watch(watch);
	*by_watch(watch) = directory;
	directory_count++;
	return directory;
}

static void tell(const struct directory *directory, bool appeared, bool late)
{
	const struct group *group = directory->group;

	if (quiet || !group)
		return;
	bool followed = group->followed;

	if (appeared)
		watcher.appeared(group->id, directory->path + strlen(directory->hierarchy->path), late);
	/* Also where another's cgroup was taken for it, and is traced. */
	if (followed)
		watcher.entered(group->id);
}

static void scan(const struct directory *directory);

static void add(const char *path, const struct hierarchy *hierarchy, const struct directory *parent, int64_t namer,
                bool late)
{
	if (directory_count >= MAX_DIRECTORIES)
		return;
	int watch = inotify_add_watch(inotify, path, DIRECTORY_EVENTS);

	if (watch < 0)
		return; /* gone again; or the limit of watches, which doctor tells of */
	struct directory *known = *by_watch(watch);

	while (known && known->watch != watch)
		known = known->next;
	if (!known) {
		known = make_directory(path, hierarchy, parent, watch);
		if (!known)
			return;
		known->namer = namer;
		if (directory_count % WORK_AT_ONCE == 0)
			watcher.working();
		bool appeared = choose_group(known, parent);

		tell(known, appeared, late);
	}
	known->seen = true;
	/* inotify is not recursive: what was made before the watch is listed once. */
	scan(known);
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static void scan(const struct directory *directory)
{
	DIR *stream = directory->depth < MAX_DEPTH ? opendir(directory->path) : NULL;
	int64_t namer = namer_below(directory);

	if (!stream)
		return;
	for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
		char child[PATH_MAX];

		if (entry->d_type == DT_DIR && !is_dots(entry->d_name) && file_in(directory, entry->d_name, child))
			add(child, directory->hierarchy, directory, namer, rescanning);
	}
	closedir(stream);
}

static void scan_all(void)
{
	for (int i = 0; i < BUCKETS; i++) {
		for (struct directory *directory = directories[i]; directory; directory = directory->next)
			directory->seen = false;
	}
	rescanning = true;
	for (int i = 0; i < hierarchy_count; i++)
		add(hierarchies[i].path, &hierarchies[i], NULL, NAMED_BY_ROOT, true);
	rescanning = false;
	for (int i = 0; i < BUCKETS; i++) {
		for (struct directory *directory = directories[i], *next; directory; directory = next) {
			next = directory->next;
			if (directory->seen)
				continue;
			inotify_rm_watch(inotify, directory->watch);
			forget(directory);
		}
	}
}

static bool add_root(const char *root, const char *name)
{
	char path[PATH_MAX * 2];

	if (hierarchy_count == 2 ||
	    snprintf(path, sizeof(path), "%s%s%s/cgroup.procs", root, *name ? "/" : "", name) >= PATH_MAX)
		return false;
	if (access(path, F_OK) < 0)
		return false;
	*strrchr(path, '/') = '\0';
	struct hierarchy *hierarchy = &hierarchies[hierarchy_count];
	struct stat status;

	if (!realpath(path, hierarchy->path) || stat(hierarchy->path, &status) < 0)
		return false;
	hierarchy->owner = status.st_uid;
	hierarchy_count++;
	return true;
}

int cgroups_open(const char *root, const struct cgroup_watcher *callbacks)
{
	/* Every runtime puts a container into all of the first version's hierarchies: one of them is enough. */
	static const char *const first_version[] = {"pids",    "memory",  "cpu",    "cpu,cpuacct",
	                                            "systemd", "freezer", "devices"};

	watcher = *callbacks;
	inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (inotify < 0)
		return -errno;
	if (!add_root(root, "")) {
		add_root(root, "unified");
		for (size_t i = 0; i < sizeof(first_version) / sizeof(first_version[0]); i++) {
			if (add_root(root, first_version[i]))
				break;
		}
	}
	if (hierarchy_count == 0) {
		close(inotify);
		return -ENOENT;
	}
	quiet = true;
	scan_all();
	quiet = false;
	return inotify;
}

void cgroups_close_copy(void)
{
	if (inotify >= 0)
		close(inotify);
}

static void handle(const struct inotify_event *event)
{
	if (event->mask & IN_Q_OVERFLOW) {
		scan_all();
		return;
	}
	struct directory *directory = *by_watch(event->wd);

	while (directory && directory->watch != event->wd)
		directory = directory->next;
	if (directory) {
		if (event->mask & (IN_DELETE_SELF | IN_IGNORED)) {
			forget(directory);
		} else if ((event->mask & IN_CREATE) && (event->mask & IN_ISDIR) && event->len) {
			char path[PATH_MAX];

			if (file_in(directory, event->name, path))
				add(path, directory->hierarchy, directory, namer_below(directory), false);
		}
		return;
	}
	if (!(event->mask & IN_MODIFY))
		return;
	for (int i = 0; i < BUCKETS; i++) {
		for (directory = directories[i]; directory; directory = directory->next) {
			if (directory->procs_watch == event->wd || directory->events_watch == event->wd) {
				if (directory->group)
					watcher.entered(directory->group->id);
				return;
			}
		}
	}
}

void cgroups_read(void)
{
	_Alignas(struct inotify_event) char buffer[16384];
	ssize_t length;

	while ((length = read(inotify, buffer, sizeof(buffer))) > 0) {
		for (char *at = buffer; at < buffer + length;) {
			const struct inotify_event *event = (const struct inotify_event *)at;

			at += sizeof(*event) + event->len;
			handle(event);
		}
	}
}

void cgroups_each_process(const char *id, void (*each)(pid_t pid, void *context), void *context)
{
	const struct group *group = group_find(id);
	struct members members = {0};
	char path[PATH_MAX];

	for (const struct directory *directory = group ? group->directories : NULL; directory;
	     directory = directory->next_of_group) {
		if (file_in(directory, "cgroup.procs", path))
			members_read(&members, path);
	}
	members_each(&members, each, context);
}

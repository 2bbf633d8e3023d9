/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cgroups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "directories.h"
#include "members.h"

#define DIRECTORY_EVENTS (IN_CREATE | IN_DELETE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW)
#define MAX_DEPTH 32
#define WORK_AT_ONCE 64
/* A scan takes at most that part of the time. */
#define SCAN_PART 10
#define ABSENT (-2)

static int watch_error, scan_error;
static uint64_t scanned_ns, scan_ns; /* when the last scan ended, and what it took */
static uint32_t visited;
static bool quiet; /* the first scan calls nobody */
static bool rescanning;
static struct hierarchy hierarchies[2];
static int hierarchy_count;

bool cgroups_has(const char *id)
{
	const struct group *group = group_find(id);

	return group && group->directories;
}

bool cgroups_follow(const char *id)
{
	struct group *group = group_make(id);
	bool eventless = false;

	if (!group)
		return true;
	group->followed = true;
	for (struct directory *directory = group->directories; directory; directory = directory->next_of_group) {
		directory_follow(directory);
		eventless |= directory->version2 || directory->procs_watch < 0;
	}
	return eventless;
}

void cgroups_unfollow(const char *id)
{
	struct group *group = group_find(id);

	if (!group)
		return;
	group->followed = false;
	for (struct directory *directory = group->directories; directory; directory = directory->next_of_group)
		directory_unfollow(directory);
	group_drop(group);
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

static void tell(const struct directory *directory, bool appeared, bool late)
{
	const struct group *group = directory->group;

	if (quiet || !group)
		return;
	bool followed = group->followed;

	if (appeared)
		tree.watcher.appeared(group->id, directory->path + strlen(directory->hierarchy->path), late);
	/* Also where another's cgroup was taken for it, and is traced. */
	if (followed)
		tree.watcher.entered(group->id);
}

static void scan(const struct directory *directory);

static int watch_directory(const char *path)
{
	int watch = tree.inotify < 0 ? -1 : inotify_add_watch(tree.inotify, path, DIRECTORY_EVENTS);

	if (watch >= 0)
		return watch;
	/* inotify_add_watch(2): ENOSPC is the limit of watches. All else is a directory that is gone, or is none. */
	if (tree.inotify >= 0 && errno != ENOSPC && errno != ENOMEM)
		return ABSENT;
	if (tree.inotify >= 0)
		watch_error = errno;
	return UNWATCHED;
}

/* What is known of the directory that has this path and this watch now; `alias`: it has another path too. */
static struct directory *find_directory(const char *path, int watch, bool *alias)
{
	struct directory *known = directory_find(path), *same = watch < 0 ? NULL : directory_of_watch(watch);

	*alias = same && same != known && same->seen;
	if (*alias)
		return NULL;
	if (same && same != known)
		directory_forget(same); /* version 1 lets them be renamed */
	if (known && known->watch >= 0 && known->watch != watch) {
		directory_forget(known); /* it was removed, and made again */
		known = NULL;
	}
	return known;
}

static void add(const char *path, const struct hierarchy *hierarchy, const struct directory *parent, int64_t namer,
                bool late)
{
	if (++visited % WORK_AT_ONCE == 0)
		tree.watcher.working();
	if (!directory_find(path) && !directory_has_room(parent, namer))
		return;
	int watch = watch_directory(path);
	bool alias, appeared = false;

	if (watch == ABSENT)
		return;
	struct directory *known = find_directory(path, watch, &alias), *made = NULL;

	if (alias)
		return;
	if (!known) {
		known = made = directory_make(path, hierarchy, parent, namer);
		if (!made)
			return;
		appeared = directory_choose_group(made, parent);
	}
	known->seen = true;
	directory_set_watch(known, watch);
	if (made)
		tell(made, appeared, late);
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

	if (!stream) {
		if (directory->depth < MAX_DEPTH && errno != ENOENT && errno != EACCES)
			scan_error = errno;
		return;
	}
	for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
		char child[PATH_MAX];

		if (entry->d_type == DT_DIR && !is_dots(entry->d_name) &&
		    directory_file(directory, entry->d_name, child))
			add(child, directory->hierarchy, directory, namer, rescanning);
	}
	closedir(stream);
}

static void forget_unseen(void)
{
	for (int i = 0; i < DIRECTORY_BUCKETS; i++) {
		for (struct directory *directory = tree.directories[i], *next; directory; directory = next) {
			next = directory->next;
			if (directory->seen)
				continue;
			if (directory->watch >= 0)
				inotify_rm_watch(tree.inotify, directory->watch);
			directory_forget(directory);
		}
	}
}

static void scan_all(void)
{
	uint64_t begin = clock_ns();

	for (int i = 0; i < DIRECTORY_BUCKETS; i++) {
		for (struct directory *directory = tree.directories[i]; directory; directory = directory->next)
			directory->seen = false;
	}
	scan_error = 0;
	rescanning = true;
	for (int i = 0; i < hierarchy_count; i++)
		add(hierarchies[i].path, &hierarchies[i], NULL, NAMED_BY_ROOT, true);
	rescanning = false;
	if (!scan_error)
		forget_unseen(); /* what was not looked into may still be there */
	scanned_ns = clock_ns();
	scan_ns = scanned_ns - begin;
}

static void open_inotify(void)
{
	if (tree.inotify >= 0)
		return;
	tree.inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (tree.inotify < 0)
		watch_error = errno;
}

int cgroups_unwatched(void)
{
	if (hierarchy_count == 0)
		return 0;
	return tree.inotify < 0 || tree.unwatched ? watch_error : scan_error;
}

void cgroups_poll(uint64_t least_ns)
{
	uint64_t pause = scan_ns * SCAN_PART > least_ns ? scan_ns * SCAN_PART : least_ns;

	if (!cgroups_unwatched() || clock_ns() - scanned_ns < pause)
		return;
	open_inotify();
	scan_all();
}

int cgroups_fd(void)
{
	return tree.inotify;
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

	tree.watcher = *callbacks;
	if (!add_root(root, "")) {
		add_root(root, "unified");
		for (size_t i = 0; i < sizeof(first_version) / sizeof(first_version[0]); i++) {
			if (add_root(root, first_version[i]))
				break;
		}
	}
	if (hierarchy_count == 0)
		return -ENOENT;
	open_inotify();
	quiet = true;
	scan_all();
	quiet = false;
	return 0;
}

void cgroups_leave_to_others(void)
{
	unsigned inotify = tree.inotify < 0 ? ~0U : (unsigned)tree.inotify; /* ~0U is no descriptor */

	/* The runtimes' seccomp profiles leave unshare(2) to CAP_SYS_ADMIN; before Linux 5.9 there is nothing else. */
	if (close_range(inotify, inotify, CLOSE_RANGE_UNSHARE) == 0)
		return;
	if (unshare(CLONE_FILES) == 0 && tree.inotify >= 0)
		close(tree.inotify);
}

static void handle(const struct inotify_event *event)
{
	if (event->mask & IN_Q_OVERFLOW) {
		scan_all();
		return;
	}
	struct directory *directory = directory_of_watch(event->wd);

	if (directory) {
		if (event->mask & (IN_DELETE_SELF | IN_IGNORED)) {
			directory_forget(directory);
		} else if ((event->mask & IN_CREATE) && (event->mask & IN_ISDIR) && event->len) {
			char path[PATH_MAX];

			if (directory_file(directory, event->name, path))
				add(path, directory->hierarchy, directory, namer_below(directory), false);
		}
		return;
	}
	if (!(event->mask & IN_MODIFY))
		return;
	for (int i = 0; i < DIRECTORY_BUCKETS; i++) {
		for (directory = tree.directories[i]; directory; directory = directory->next) {
			if (directory->procs_watch == event->wd || directory->events_watch == event->wd) {
				if (directory->group)
					tree.watcher.entered(directory->group->id);
				return;
			}
		}
	}
}

void cgroups_read(void)
{
	_Alignas(struct inotify_event) char buffer[16384];
	ssize_t length;

	while ((length = read(tree.inotify, buffer, sizeof(buffer))) > 0) {
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
		if (directory_file(directory, "cgroup.procs", path))
			members_read(&members, path);
	}
	members_each(&members, each, context);
}

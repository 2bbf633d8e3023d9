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

#define DIRECTORY_EVENTS (IN_CREATE | IN_DELETE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW)
#define MAX_DEPTH 32
#define BUCKETS 4096
/* What a container can make us keep has an end. */
#define MAX_DIRECTORIES 50000
#define MAX_NESTED 64
#define WORK_AT_ONCE 64

/* A container, and its cgroups in all hierarchies. */
struct group {
	struct group *next;
	char id[CONTAINER_ID_SIZE];
	struct directory *directories;
	uint32_t nested; /* IDs found below it */
	bool nested_in;  /* it was found below another */
	bool followed;
};

struct directory {
	struct directory *next, *next_of_group;
	char *path;
	size_t root_length;                   /* of the hierarchy's root in `path` */
	struct group *group;                  /* NULL: no container's */
	int watch, procs_watch, events_watch; /* inotify's, or -1 */
	bool seen;                            /* in the present scan */
	bool version2;
};

static struct directory *directories[BUCKETS]; /* by watch */
static struct group *groups[BUCKETS];
static uint32_t directory_count;
static int inotify = -1;
static struct cgroup_watcher watcher;
static bool quiet; /* the first scan calls nobody */
static bool rescanning;
static char roots[2][PATH_MAX];
static int root_count;

bool container_id_of(const char *name, char id[CONTAINER_ID_SIZE])
{
	const char *separator = strpbrk(name, "-:");

	/* [PREFIX(-|:)]ID[.scope]: cri-containerd-ID.scope, crio-ID.scope, libpod-ID, system.slice:docker:ID */
	for (; separator; separator = strpbrk(name, "-:")) {
		/* Conmon's own cgroups carry the container's ID, and are not the container. */
		if (separator - name >= 6 && strncmp(separator - 6, "conmon", 6) == 0)
			return false;
		name = separator + 1;
	}
	size_t length = strspn(name, "0123456789abcdef");

	if (length != CONTAINER_ID_SIZE - 1 || (name[length] && strcmp(name + length, ".scope") != 0))
		return false;
	memcpy(id, name, length);
	id[length] = '\0';
	return true;
}

static struct directory **by_watch(int watch)
{
	return &directories[(unsigned int)watch % BUCKETS];
}

static struct group **group_of(const char *id)
{
	uint32_t hash = 0;

	for (const char *at = id; *at; at++)
		hash = hash * 31 + (unsigned char)*at;
	struct group **at = &groups[hash % BUCKETS];

	while (*at && strcmp((*at)->id, id) != 0)
		at = &(*at)->next;
	return at;
}

static struct group *make_group(const char *id)
{
	struct group **at = group_of(id);

	if (!*at && (*at = calloc(1, sizeof(**at))) != NULL)
		snprintf((*at)->id, sizeof((*at)->id), "%s", id);
	return *at;
}

/* Without a cgroup, and with nobody who waits for one, it is forgotten. */
static void drop_group(struct group *group)
{
	struct group **at = group_of(group->id);

	if (group->directories || group->followed)
		return;
	*at = group->next;
	free(group);
}

bool cgroups_has(const char *id)
{
	const struct group *group = *group_of(id);

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
	struct group *group = make_group(id);
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
	struct group *group = *group_of(id);

	if (!group)
		return;
	group->followed = false;
	for (struct directory *directory = group->directories; directory; directory = directory->next_of_group)
		unfollow(directory);
	drop_group(group);
}

static void leave_group(struct directory *directory)
{
	struct group *group = directory->group;
	struct directory **at = &group->directories;
	char id[CONTAINER_ID_SIZE];

	while (*at != directory)
		at = &(*at)->next_of_group;
	*at = directory->next_of_group;
	if (group->directories)
		return;
	memcpy(id, group->id, sizeof(id));
	drop_group(group);
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
	unfollow(directory);
	if (directory->group)
		leave_group(directory);
	free(directory->path);
	free(directory);
}

/* Whose cgroup it is. A container may make cgroups of its own, and name them as it likes: below one, an ID that is
 * another's already is not believed, and there is an end to how many are. */
static struct group *owner_of(const char *path, struct group *outer)
{
	char id[CONTAINER_ID_SIZE];
	const char *name = strrchr(path, '/');

	if (!name || !container_id_of(name + 1, id))
		return outer;
	if (outer) {
		const struct group *known = *group_of(id);

		if (known == outer || (known && known->directories && !known->nested_in) || outer->nested >= MAX_NESTED)
			return outer;
	}
	struct group *group = make_group(id);

	if (group && outer && !group->nested_in) {
		group->nested_in = true;
		outer->nested++;
	}
	return group ? group : outer;
}

static struct directory *make_directory(const char *path, size_t root_length, struct group *group, int watch)
{
	char file[PATH_MAX];
	struct directory *directory = calloc(1, sizeof(*directory));

	if (!directory || !(directory->path = strdup(path))) {
		free(directory);
		return NULL;
	}
	directory->root_length = root_length;
	directory->watch = watch;
	directory->procs_watch = directory->events_watch = -1;
	directory->version2 = file_in(directory, "cgroup.events", file) && access(file, F_OK) == 0;
	directory->next = *by_watch(watch);
	*by_watch(watch) = directory;
	directory->group = group;
	if (group) {
		directory->next_of_group = group->directories;
		group->directories = directory;
		if (group->followed)
			follow(directory);
	}
	return directory;
}

static void scan(const char *path, size_t root_length, struct group *outer, int depth);

static void add(const char *path, size_t root_length, struct group *outer, int depth, bool late)
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
		struct group *group = owner_of(path, outer);
		bool appeared = group && !group->directories;

		known = make_directory(path, root_length, group, watch);
		if (!known)
			return;
		if (++directory_count % WORK_AT_ONCE == 0)
			watcher.working();
		if (appeared && !quiet)
			watcher.appeared(group->id, path + root_length, late);
		else if (group && group->followed && !quiet)
			watcher.entered(group->id);
	}
	known->seen = true;
	/* inotify is not recursive: what was made before the watch is listed once. */
	scan(path, root_length, known->group, depth);
}

static void scan(const char *path, size_t root_length, struct group *outer, int depth)
{
	DIR *stream = depth < MAX_DEPTH ? opendir(path) : NULL;

	if (!stream)
		return;
	for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
		char child[PATH_MAX];

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (snprintf(child, sizeof(child), "%s/%s", path, entry->d_name) < (int)sizeof(child))
			add(child, root_length, outer, depth + 1, rescanning);
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
	for (int i = 0; i < root_count; i++)
		add(roots[i], strlen(roots[i]), NULL, 0, true);
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

	if (root_count == 2 ||
	    snprintf(path, sizeof(path), "%s%s%s/cgroup.procs", root, *name ? "/" : "", name) >= PATH_MAX)
		return false;
	if (access(path, F_OK) < 0)
		return false;
	*strrchr(path, '/') = '\0';
	return realpath(path, roots[root_count]) && ++root_count;
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
	if (root_count == 0) {
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
				add(path, directory->root_length, directory->group, 1, false);
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

static int by_number(const void *left, const void *right)
{
	pid_t a = *(const pid_t *)left, b = *(const pid_t *)right;

	return (a > b) - (a < b);
}

struct processes {
	pid_t *pids;
	size_t count, room;
};

static bool add_process(struct processes *processes, pid_t pid)
{
	if (processes->count == processes->room) {
		size_t room = processes->room ? processes->room * 2 : 64;
		pid_t *larger = reallocarray(processes->pids, room, sizeof(*larger));

		if (!larger)
			return false; /* the next look finds the rest */
		processes->pids = larger;
		processes->room = room;
	}
	processes->pids[processes->count++] = pid;
	return true;
}

static void read_processes(const struct directory *directory, struct processes *processes)
{
	char path[PATH_MAX], line[32];

	if (!file_in(directory, "cgroup.procs", path))
		return;
	FILE *file = fopen(path, "re");

	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		pid_t pid = (pid_t)strtol(line, NULL, 10);

		/* 0: a process that our own PID namespace does not see */
		if (pid > 0 && !add_process(processes, pid))
			break;
	}
	fclose(file);
}

void cgroups_each_process(const char *id, void (*each)(pid_t pid, void *context), void *context)
{
	const struct group *group = *group_of(id);
	struct processes processes = {0};

	for (const struct directory *directory = group ? group->directories : NULL; directory;
	     directory = directory->next_of_group)
		read_processes(directory, &processes);
	/* Nearly all are in every hierarchy: with version 1, a dozen times. */
	if (processes.count)
		qsort(processes.pids, processes.count, sizeof(*processes.pids), by_number);
	for (size_t i = 0; i < processes.count; i++) {
		if (i == 0 || processes.pids[i] != processes.pids[i - 1])
			each(processes.pids[i], context);
	}
	free(processes.pids);
}

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
#define BUCKETS 1024

struct directory {
	struct directory *next;
	char *path;
	size_t root_length; /* of the hierarchy's root in `path` */
	char id[CONTAINER_ID_SIZE];
	int watch, procs_watch, events_watch; /* inotify's, or -1 */
	bool seen;                            /* in the present scan */
	bool version2;
};

static struct directory *directories[BUCKETS]; /* by watch */
static int inotify = -1;
static struct cgroup_watcher watcher;
static bool quiet; /* the first scan calls nobody */
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

struct walk {
	const char *id;
	void (*each)(struct directory *directory, struct walk *walk);
	void (*each_pid)(pid_t pid, void *context);
	void *context;
	int found;
};

static void each_directory(struct walk *walk)
{
	for (int i = 0; i < BUCKETS; i++) {
		for (struct directory *directory = directories[i], *next; directory; directory = next) {
			next = directory->next;
			if (!walk->id || strcmp(directory->id, walk->id) == 0) {
				walk->found++;
				if (walk->each)
					walk->each(directory, walk);
			}
		}
	}
}

bool cgroups_has(const char *id)
{
	struct walk walk = {.id = id};

	each_directory(&walk);
	return walk.found > 0;
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

static char followed[1024][CONTAINER_ID_SIZE];

static char *followed_slot(const char *id)
{
	for (size_t i = 0; i < sizeof(followed) / sizeof(followed[0]); i++) {
		if (strcmp(followed[i], id) == 0)
			return followed[i];
	}
	return NULL;
}

static void follow_one(struct directory *directory, struct walk *walk)
{
	follow(directory);
	*(bool *)walk->context |= directory->version2;
}

bool cgroups_follow(const char *id)
{
	bool version2 = false;
	struct walk walk = {.id = id, .each = follow_one, .context = &version2};
	char *slot = followed_slot(id);

	if (!slot)
		slot = followed_slot("");
	if (slot)
		snprintf(slot, CONTAINER_ID_SIZE, "%s", id);
	each_directory(&walk);
	return version2 || !slot;
}

static void unfollow_one(struct directory *directory, struct walk *walk)
{
	(void)walk;
	if (directory->procs_watch >= 0)
		inotify_rm_watch(inotify, directory->procs_watch);
	if (directory->events_watch >= 0)
		inotify_rm_watch(inotify, directory->events_watch);
	directory->procs_watch = directory->events_watch = -1;
}

void cgroups_unfollow(const char *id)
{
	struct walk walk = {.id = id, .each = unfollow_one};
	char *slot = followed_slot(id);

	if (slot)
		*slot = '\0';
	each_directory(&walk);
}

static void forget(struct directory *directory)
{
	struct directory **at = by_watch(directory->watch);
	char id[CONTAINER_ID_SIZE];

	while (*at && *at != directory)
		at = &(*at)->next;
	if (*at)
		*at = directory->next;
	unfollow_one(directory, NULL);
	memcpy(id, directory->id, sizeof(id));
	free(directory->path);
	free(directory);
	if (id[0] && !cgroups_has(id))
		watcher.gone(id);
}

static void scan(const char *path, size_t root_length, const char *inherited, int depth);

static void add(const char *path, size_t root_length, const char *inherited, int depth)
{
	const char *name = strrchr(path, '/');
	char id[CONTAINER_ID_SIZE];
	int watch = inotify_add_watch(inotify, path, DIRECTORY_EVENTS);

	if (watch < 0)
		return; /* gone again; or the limit of watches, which doctor tells of */
	if (!name || !container_id_of(name + 1, id))
		memcpy(id, inherited, sizeof(id));
	struct directory *known = *by_watch(watch);

	while (known && known->watch != watch)
		known = known->next;
	if (!known) {
		char file[PATH_MAX];
		bool appeared = id[0] && !cgroups_has(id);

		known = calloc(1, sizeof(*known));
		if (!known || !(known->path = strdup(path))) {
			free(known);
			return;
		}
		known->root_length = root_length;
		memcpy(known->id, id, sizeof(id));
		known->watch = watch;
		known->procs_watch = known->events_watch = -1;
		known->version2 = file_in(known, "cgroup.events", file) && access(file, F_OK) == 0;
		known->next = *by_watch(watch);
		*by_watch(watch) = known;
		if (id[0] && followed_slot(id))
			follow(known);
		if (appeared && !quiet)
			watcher.appeared(id, path + root_length);
		else if (id[0] && followed_slot(id) && !quiet)
			watcher.entered(id);
	}
	known->seen = true;
	/* inotify is not recursive: what was made before the watch is listed once. */
	scan(path, root_length, id, depth);
}

static void scan(const char *path, size_t root_length, const char *inherited, int depth)
{
	DIR *stream = depth < MAX_DEPTH ? opendir(path) : NULL;

	if (!stream)
		return;
	for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
		char child[PATH_MAX];

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (snprintf(child, sizeof(child), "%s/%s", path, entry->d_name) < (int)sizeof(child))
			add(child, root_length, inherited, depth + 1);
	}
	closedir(stream);
}

static void unsee(struct directory *directory, struct walk *walk)
{
	(void)walk;
	directory->seen = false;
}

static void forget_unseen(struct directory *directory, struct walk *walk)
{
	(void)walk;
	if (!directory->seen) {
		inotify_rm_watch(inotify, directory->watch);
		forget(directory);
	}
}

static void scan_all(void)
{
	struct walk before = {.each = unsee}, after = {.each = forget_unseen};
	static const char nobody[CONTAINER_ID_SIZE];

	each_directory(&before);
	for (int i = 0; i < root_count; i++)
		add(roots[i], strlen(roots[i]), nobody, 0);
	each_directory(&after);
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
				add(path, directory->root_length, directory->id, 1);
		}
		return;
	}
	if (!(event->mask & IN_MODIFY))
		return;
	for (int i = 0; i < BUCKETS; i++) {
		for (directory = directories[i]; directory; directory = directory->next) {
			if (directory->procs_watch == event->wd || directory->events_watch == event->wd) {
				watcher.entered(directory->id);
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

static void read_processes(struct directory *directory, struct walk *walk)
{
	char path[PATH_MAX], line[32];

	if (!file_in(directory, "cgroup.procs", path))
		return;
	FILE *file = fopen(path, "re");

	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		pid_t pid = (pid_t)strtol(line, NULL, 10);

		if (pid > 0) /* 0: a process that our own PID namespace does not see */
			walk->each_pid(pid, walk->context);
	}
	fclose(file);
}

void cgroups_each_process(const char *id, void (*each)(pid_t pid, void *context), void *context)
{
	struct walk walk = {.id = id, .each = read_processes, .each_pid = each, .context = context};

	each_directory(&walk);
}

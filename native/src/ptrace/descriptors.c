/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "changes.h"
#include "sockets.h"

#define SLOTS 256
#define BUCKETS 256
#define CHANGES 8
/* Of all tables: their number is the tracees' to choose, and so are the lengths of paths. */
#define KEPT_MOST (16u * 1024 * 1024)
/* A process has as many tables as it has threads that took their own, and all tracer threads wait meanwhile. */
#define COMPARED_MOST 32
#define CLOSE_RANGE_OWN_TABLE 2u /* CLOSE_RANGE_UNSHARE, include/uapi/linux/close_range.h */

struct slot {
	int32_t fd;
	bool used, addresses;
	uint16_t size, room;
	uint32_t epoch;
	uint64_t socket;  /* its inode, where its addresses are told; 0: it is none */
	uint64_t changes; /* how often that had changed */
	char *text;
};

struct files {
	struct files *next; /* in its bucket */
	pthread_mutex_t lock;
	uint32_t users;
	pid_t pid;        /* whose it is, as the registry knows it; 0: nobody's to find */
	pid_t member;     /* a task that has it; 0: the one that was known has gone */
	bool uncertain;   /* others may share it, and change it unseen */
	uint64_t changes; /* how often something was forgotten */
	struct {
		int32_t first, last;
		uint32_t count;
	} under_way[CHANGES];
	uint32_t unlisted; /* changes that found no place there */
	struct slot *slots;
};

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct files *registry[BUCKETS];
static _Atomic size_t kept_bytes;
/* Names have changed since: what a path was is to be looked up anew. */
static _Atomic uint32_t names_epoch;

/* ---- the tables -------------------------------------------------------------------------------------------- */

static struct files **bucket_of(pid_t pid)
{
	return &registry[(uint32_t)pid % BUCKETS];
}

static struct files *make(pid_t pid, pid_t member)
{
	struct files *files = calloc(1, sizeof(*files));

	if (!files)
		return NULL;
	pthread_mutex_init(&files->lock, NULL);
	files->users = 1;
	files->member = member;
	files->pid = pid;
	if (pid) {
		files->next = *bucket_of(pid);
		*bucket_of(pid) = files;
	}
	return files;
}

static void take_out(struct files *files)
{
	for (struct files **at = bucket_of(files->pid); files->pid && *at; at = &(*at)->next) {
		if (*at == files) {
			*at = files->next;
			break;
		}
	}
	files->pid = 0;
}

static void free_files(struct files *files)
{
	size_t bytes = files->slots ? SLOTS * sizeof(*files->slots) : 0;

	for (int i = 0; files->slots && i < SLOTS; i++) {
		bytes += files->slots[i].room;
		free(files->slots[i].text);
	}
	free(files->slots);
	atomic_fetch_sub(&kept_bytes, bytes);
	pthread_mutex_destroy(&files->lock);
	free(files);
}

static void release(struct files *files, pid_t tid)
{
	pthread_mutex_lock(&registry_lock);
	bool last = --files->users == 0;

	if (files->member == tid)
		files->member = 0;
	if (last)
		take_out(files);
	pthread_mutex_unlock(&registry_lock);
	if (last)
		free_files(files);
}

enum kinship { KIN_SAME, KIN_OTHER, KIN_UNKNOWN };

static enum kinship compare(pid_t one, pid_t other)
{
	if (one == other)
		return KIN_SAME;
	long result = other ? syscall(SYS_kcmp, one, other, KCMP_FILES, 0, 0) : -1;

	return result < 0 ? KIN_UNKNOWN : result == 0 ? KIN_SAME : KIN_OTHER;
}

/* Threads of a process share a table, unless one has taken its own (unshare(2)): the kernel says. *all: that there is
 * none was found out. */
static struct files *find(pid_t pid, pid_t tid, bool *all)
{
	int compared = 0;

	for (struct files *files = *bucket_of(pid); files; files = files->next) {
		if (files->pid != pid)
			continue;
		if (compared++ == COMPARED_MOST)
			break;
		enum kinship kinship = compare(tid, files->member);

		if (kinship == KIN_OTHER)
			continue;
		files->uncertain |= kinship == KIN_UNKNOWN;
		files->member = tid;
		files->users++;
		return files;
	}
	*all = compared < COMPARED_MOST;
	return NULL;
}

static struct files *files_of(struct tracee *tracee)
{
	struct task_status status;
	bool all = true;

	if (tracee->files)
		return tracee->files;
	if (task_status_read(tracee->tid, &status) < 0)
		return NULL;
	pthread_mutex_lock(&registry_lock);
	tracee->files = find(status.tgid, tracee->tid, &all);
	if (!tracee->files && (tracee->files = make(all ? status.tgid : 0, tracee->tid)) != NULL)
		tracee->files->uncertain = !all; /* who shares it is not known: nothing of it is believed */
	pthread_mutex_unlock(&registry_lock);
	return tracee->files;
}

void descriptors_fork(struct tracee *parent, struct tracee *child)
{
	struct files *files = files_of(parent);

	if (!files || compare(parent->tid, child->tid) != KIN_SAME)
		return;
	pthread_mutex_lock(&registry_lock);
	files->users++;
	pthread_mutex_unlock(&registry_lock);
	child->files = files;
}

static void settle_change(struct tracee *tracee);

void descriptors_exec(struct tracee *tracee)
{
	settle_change(tracee);
	if (!tracee->files)
		return;
	release(tracee->files, tracee->tid);
	tracee->files = NULL;
}

void descriptors_lost(struct tracee *tracee)
{
	descriptors_exec(tracee);
}

/* ---- what changes them -------------------------------------------------------------------------------------- */

static void forget_range(struct files *files, int32_t first, int32_t last)
{
	files->changes++;
	for (int i = 0; files->slots && i < SLOTS; i++) {
		if (files->slots[i].fd >= first && files->slots[i].fd <= last)
			files->slots[i].used = false;
	}
}

static void begin_change(struct tracee *tracee, struct files *files, int32_t first, int32_t last)
{
	int place = -1;

	for (int i = 0; i < CHANGES && place < 0; i++) {
		if (!files->under_way[i].count)
			place = i;
	}
	pthread_mutex_lock(&registry_lock);
	files->users++;
	pthread_mutex_unlock(&registry_lock);
	tracee->change.files = files;
	tracee->change.first = first;
	tracee->change.last = last;
	if (place < 0) {
		files->unlisted++;
		/* all are looked up anew meanwhile */
		tracee->change.first = 1;
		tracee->change.last = 0;
	} else {
		files->under_way[place].first = first;
		files->under_way[place].last = last;
		files->under_way[place].count = 1;
	}
	forget_range(files, first, last);
}

static bool is_changing(const struct files *files, int32_t fd)
{
	if (files->unlisted || files->uncertain)
		return true;
	for (int i = 0; i < CHANGES; i++) {
		if (files->under_way[i].count && fd >= files->under_way[i].first && fd <= files->under_way[i].last)
			return true;
	}
	return false;
}

/* What was under way is over. */
static void settle_change(struct tracee *tracee)
{
	struct files_change *change = &tracee->change;
	struct files *files = change->files;

	if (change->addresses)
		socket_changed(change->socket);
	change->addresses = false;
	if (!files)
		return;
	change->files = NULL;
	pthread_mutex_lock(&files->lock);
	if (change->last < change->first) {
		files->unlisted--;
		forget_range(files, INT32_MIN, INT32_MAX);
	}
	for (int i = 0; i < CHANGES && change->last >= change->first; i++) {
		if (!files->under_way[i].count || files->under_way[i].first != change->first ||
		    files->under_way[i].last != change->last)
			continue;
		files->under_way[i].count = 0;
		forget_range(files, change->first, change->last);
		break;
	}
	pthread_mutex_unlock(&files->lock);
	release(files, 0);
}

/* Other descriptors are the same socket's, in other tables too: before the call and behind it. */
static void begin_addresses(struct tracee *tracee, enum call_id call, const uint64_t args[6])
{
	struct files_change *change = &tracee->change;

	if (!changes_addresses(call, args))
		return;
	change->addresses = true;
	change->socket = call == CALL_socketcall ? 0 : socket_inode(tracee->tid, (int32_t)args[0]);
	socket_changed(change->socket);
}

void descriptors_entry(struct tracee *tracee, enum call_id call, const uint64_t args[6])
{
	int32_t first, last;
	struct files *files;

	settle_change(tracee);
	tracee->change.call = call;
	begin_addresses(tracee, call, args);
	if (call == CALL_io_uring_setup && (files = files_of(tracee)) != NULL)
		files->uncertain = true; /* it closes and opens them where no stop tells of it */
	if (!changes_range(call, args, &first, &last) || !(files = files_of(tracee)))
		return;
	pthread_mutex_lock(&files->lock);
	begin_change(tracee, files, first, last);
	pthread_mutex_unlock(&files->lock);
	if (call == CALL_close_range && args[2] & CLOSE_RANGE_OWN_TABLE)
		tracee->change.call = CALL_unshare;
}

void descriptors_exit(struct tracee *tracee, int64_t result)
{
	enum call_id call = tracee->change.call;

	settle_change(tracee);
	tracee->change.call = CALL_UNKNOWN;
	if (changes_names(call) || call == CALL_chdir || call == CALL_fchdir)
		atomic_fetch_add(&names_epoch, 1);
	/* Perhaps a table of its own; it is found out again which. */
	if (call == CALL_unshare && result == 0)
		descriptors_exec(tracee);
}

void descriptors_forget_all(void)
{
	atomic_fetch_add(&names_epoch, 1);
}

size_t descriptors_kept(void)
{
	return atomic_load(&kept_bytes);
}

/* ---- what they are -------------------------------------------------------------------------------------------- */

/* Whether there is so much room more for what is kept. */
static bool reserve(size_t bytes)
{
	if (atomic_fetch_add(&kept_bytes, bytes) + bytes <= KEPT_MOST)
		return true;
	atomic_fetch_sub(&kept_bytes, bytes);
	return false;
}

static bool has_slots(struct files *files)
{
	const size_t bytes = SLOTS * sizeof(*files->slots);

	if (files->slots)
		return true;
	if (!reserve(bytes))
		return false;
	files->slots = calloc(SLOTS, sizeof(*files->slots));
	if (!files->slots)
		atomic_fetch_sub(&kept_bytes, bytes);
	return files->slots;
}

static bool has_room(struct slot *slot, size_t size)
{
	size_t more = size > slot->room ? size - slot->room : 0;

	if (!more)
		return true;
	if (!reserve(more))
		return false;
	char *larger = realloc(slot->text, size);

	if (!larger) {
		atomic_fetch_sub(&kept_bytes, more);
		return false;
	}
	slot->text = larger;
	slot->room = (uint16_t)size;
	return true;
}

/* What is known of a descriptor, and from when. */
struct look {
	int32_t fd;
	bool addresses;
	uint32_t epoch;
	uint64_t socket_changes; /* of all sockets */
};

static uint64_t socket_of_text(const struct look *look, const char *text, size_t size)
{
	static const char begins[] = "socket:[";
	size_t length = sizeof(begins) - 1;

	/* what follows the number is no digit: describe.c */
	return look->addresses && size > length && !memcmp(text, begins, length) ? strtoull(text + length, NULL, 10)
	                                                                         : 0;
}

static void keep(struct files *files, const struct look *look, const char *text, size_t size)
{
	if (!has_slots(files))
		return;
	struct slot *slot = &files->slots[(uint32_t)look->fd % SLOTS];

	slot->used = false;
	if (!has_room(slot, size))
		return;
	memcpy(slot->text, text, size);
	slot->size = (uint16_t)size;
	slot->fd = look->fd;
	slot->epoch = look->epoch;
	slot->addresses = look->addresses;
	slot->socket = socket_of_text(look, text, size);
	slot->changes = socket_changes(slot->socket);
	/* Else it has changed perhaps, since it was looked at. */
	slot->used = !slot->socket || sockets_changes() == look->socket_changes;
}

/* The text that is known; 0: none. */
static size_t known(const struct files *files, const struct look *look, char *text)
{
	const struct slot *slot = files->slots ? &files->slots[(uint32_t)look->fd % SLOTS] : NULL;

	if (!slot || !slot->used || slot->fd != look->fd || slot->epoch != look->epoch ||
	    slot->addresses != look->addresses || slot->changes != socket_changes(slot->socket))
		return 0;
	memcpy(text, slot->text, slot->size);
	return slot->size;
}

size_t descriptor_text(struct tracee *tracee, int32_t fd, bool addresses, struct look_budget *budget,
                       char text[DESCRIPTOR_TEXT_MOST])
{
	const struct descriptor_of of = {tracee->tid, fd, addresses, budget, &tracee->container->hung_until_ns};
	const struct look look = {fd, addresses, atomic_load(&names_epoch), sockets_changes()};
	struct files *files = files_of(tracee);
	bool stays, pending = atomic_load(&tracee->container->pending) != 0;
	size_t size = 0;

	if (!files)
		return describe_descriptor(&of, text, DESCRIPTOR_TEXT_MOST, &stays);
	pthread_mutex_lock(&files->lock);
	if (pending)
		forget_range(files, INT32_MIN, INT32_MAX);
	else if (!is_changing(files, fd))
		size = known(files, &look, text);
	uint64_t changes = files->changes;

	pthread_mutex_unlock(&files->lock);
	if (size)
		return size;
	size = describe_descriptor(&of, text, DESCRIPTOR_TEXT_MOST, &stays);
	pthread_mutex_lock(&files->lock);
	if (size && stays && !pending && files->changes == changes && !is_changing(files, fd))
		keep(files, &look, text, size);
	pthread_mutex_unlock(&files->lock);
	return size;
}

/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/kcmp.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "describe.h"

#define SLOTS 256
#define BUCKETS 256
#define CHANGES 8
#define IN_SETS_MOST 1024
#define CLOSE_RANGE_OWN_TABLE 2u /* CLOSE_RANGE_UNSHARE, include/uapi/linux/close_range.h */

struct slot {
	int32_t fd;
	bool used, addresses;
	uint16_t size, room;
	uint32_t epoch;
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
	for (int i = 0; files->slots && i < SLOTS; i++)
		free(files->slots[i].text);
	free(files->slots);
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

/* Threads of a process share a table, unless one has taken its own (unshare(2)): the kernel says. */
static struct files *find(pid_t pid, pid_t tid)
{
	for (struct files *files = *bucket_of(pid); files; files = files->next) {
		if (files->pid != pid)
			continue;
		enum kinship kinship = compare(tid, files->member);

		if (kinship == KIN_OTHER)
			continue;
		files->uncertain |= kinship == KIN_UNKNOWN;
		files->member = tid;
		files->users++;
		return files;
	}
	return NULL;
}

static struct files *files_of(struct tracee *tracee)
{
	struct task_status status;

	if (tracee->files)
		return tracee->files;
	if (task_status_read(tracee->tid, &status) < 0)
		return NULL;
	pthread_mutex_lock(&registry_lock);
	tracee->files = find(status.tgid, tracee->tid);
	if (!tracee->files)
		tracee->files = make(status.tgid, tracee->tid);
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
		tracee->change.last = first - 1; /* it has no place there: all are looked up anew meanwhile */
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

static bool changes_names(enum call_id call)
{
	switch (call) {
	case CALL_rename:
	case CALL_renameat:
	case CALL_renameat2:
	case CALL_unlink:
	case CALL_unlinkat:
	case CALL_rmdir:
	case CALL_chroot:
	case CALL_pivot_root:
	case CALL_mount:
	case CALL_move_mount:
	case CALL_umount:
	case CALL_umount2:
	case CALL_setns:
		return true;
	default:
		return false;
	}
}

/* Which descriptors a call changes; false: none. */
static bool range_of(enum call_id call, const uint64_t args[6], int32_t *first, int32_t *last)
{
	switch (call) {
	case CALL_close:
	case CALL_bind: /* what these change is the socket's addresses */
	case CALL_connect:
	case CALL_listen:
		*first = *last = (int32_t)args[0];
		return true;
	case CALL_dup2:
	case CALL_dup3:
		*first = *last = (int32_t)args[1];
		return true;
	case CALL_close_range:
		*first = args[0] > INT32_MAX ? INT32_MAX : (int32_t)args[0];
		*last = args[1] > INT32_MAX ? INT32_MAX : (int32_t)args[1];
		return true;
	case CALL_chdir:
	case CALL_fchdir:
		*first = *last = AT_FDCWD;
		return true;
	case CALL_socketcall:
	case CALL_unshare:
		*first = INT32_MIN;
		*last = INT32_MAX;
		return true;
	default:
		return false;
	}
}

void descriptors_entry(struct tracee *tracee, enum call_id call, const uint64_t args[6])
{
	int32_t first, last;
	struct files *files;

	settle_change(tracee);
	tracee->change.call = call;
	if (call == CALL_io_uring_setup && (files = files_of(tracee)) != NULL)
		files->uncertain = true; /* it closes and opens them where no stop tells of it */
	if (!range_of(call, args, &first, &last) || !(files = files_of(tracee)))
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

/* ---- what they are -------------------------------------------------------------------------------------------- */

static void keep(struct files *files, int32_t fd, const char *text, size_t size, uint32_t epoch, bool addresses)
{
	if (!files->slots)
		files->slots = calloc(SLOTS, sizeof(*files->slots));
	if (!files->slots)
		return;
	struct slot *slot = &files->slots[(uint32_t)fd % SLOTS];

	slot->used = false;
	if (slot->room < size) {
		char *larger = realloc(slot->text, size);

		if (!larger)
			return;
		slot->text = larger;
		slot->room = (uint16_t)size;
	}
	memcpy(slot->text, text, size);
	slot->size = (uint16_t)size;
	slot->fd = fd;
	slot->epoch = epoch;
	slot->addresses = addresses;
	slot->used = true;
}

/* The text that is known; 0: none. */
static size_t known(const struct files *files, int32_t fd, char *text, uint32_t epoch, bool addresses)
{
	const struct slot *slot = files->slots ? &files->slots[(uint32_t)fd % SLOTS] : NULL;

	if (!slot || !slot->used || slot->fd != fd || slot->epoch != epoch || slot->addresses != addresses)
		return 0;
	memcpy(text, slot->text, slot->size);
	return slot->size;
}

static size_t text_of(struct tracee *tracee, int32_t fd, bool addresses, char text[DESCRIPTOR_TEXT_MOST])
{
	uint32_t epoch = atomic_load(&names_epoch);
	struct files *files = files_of(tracee);
	bool stays, pending = atomic_load(&tracee->container->pending) != 0;
	size_t size = 0;

	if (!files)
		return describe_descriptor(tracee->tid, fd, addresses, &tracee->container->hung_until_ns, text,
		                           DESCRIPTOR_TEXT_MOST, &stays);
	pthread_mutex_lock(&files->lock);
	if (pending)
		forget_range(files, INT32_MIN, INT32_MAX);
	else if (!is_changing(files, fd))
		size = known(files, fd, text, epoch, addresses);
	uint64_t changes = files->changes;

	pthread_mutex_unlock(&files->lock);
	if (size)
		return size;
	size = describe_descriptor(tracee->tid, fd, addresses, &tracee->container->hung_until_ns, text,
	                           DESCRIPTOR_TEXT_MOST, &stays);
	pthread_mutex_lock(&files->lock);
	if (size && stays && !pending && files->changes == changes && !is_changing(files, fd))
		keep(files, fd, text, size, epoch, addresses);
	pthread_mutex_unlock(&files->lock);
	return size;
}

struct taking {
	struct tracee *tracee;
	struct builder *out;
	uint8_t phase;
	bool addresses;
};

static void take_one(const struct taking *taking, int32_t fd)
{
	char text[DESCRIPTOR_TEXT_MOST];

	if (fd < 0 && fd != AT_FDCWD)
		return;
	size_t size = text_of(taking->tracee, fd, taking->addresses, text);
	struct stl_capture capture = {
		.address = (uint32_t)fd, .size = (uint32_t)size, .kind = CAPTURED_DESCRIPTOR, .phase = taking->phase};
	void *into = size ? builder_add(taking->out, &capture) : NULL;

	if (into)
		memcpy(into, text, size);
}

/* Where the record has what lies at that address, from this phase; its place within the record: that may move. */
static size_t captured_at(const struct taking *taking, uint64_t address, uint32_t *size)
{
	const struct stl_capture *capture = capture_first(taking->out->record);

	for (uint32_t i = 0; i < taking->out->record->captures; i++, capture = capture_next(capture)) {
		if (capture->kind == CAPTURED_MEMORY && capture->address == address &&
		    capture->phase == taking->phase) {
			*size = capture->size;
			return (size_t)((const char *)capture_bytes(capture) - (const char *)taking->out->record);
		}
	}
	*size = 0;
	return 0;
}

/* Every `each` bytes a descriptor. */
static void take_array(const struct taking *taking, uint64_t address, uint32_t each, uint32_t limit)
{
	uint32_t size;
	size_t at = captured_at(taking, address, &size);

	for (uint32_t i = 0; i < limit && (i + 1) * each <= size; i++) {
		int32_t fd;

		memcpy(&fd, (const char *)taking->out->record + at + (size_t)i * each, sizeof(fd));
		take_one(taking, fd);
	}
}

/* io_submit(2)'s control blocks. */
static void take_iocbs(const struct taking *taking, uint64_t address, uint32_t limit)
{
	uint32_t word = taking->out->record->abi == STL_ABI_I386 ? 4 : 8, size;
	size_t at = captured_at(taking, address, &size);

	for (uint32_t i = 0; i < limit && (i + 1) * word <= size; i++) {
		uint64_t pointer = 0;
		uint32_t block_size;
		struct iocb iocb;

		memcpy(&pointer, (const char *)taking->out->record + at + (size_t)i * word, word);
		size_t block = captured_at(taking, pointer, &block_size);

		if (block_size < sizeof(iocb))
			continue;
		memcpy(&iocb, (const char *)taking->out->record + block, sizeof(iocb));
		take_one(taking, (int32_t)iocb.aio_fildes);
		if (iocb.aio_flags & IOCB_FLAG_RESFD)
			take_one(taking, (int32_t)iocb.aio_resfd);
	}
}

static void take_set(const struct taking *taking, uint64_t address, uint64_t bits)
{
	uint32_t size;
	size_t at = captured_at(taking, address, &size);

	bits = bits < IN_SETS_MOST ? bits : IN_SETS_MOST;
	for (uint32_t fd = 0; fd < bits && fd / 8 < size; fd++) {
		unsigned char byte = *((const unsigned char *)taking->out->record + at + fd / 8);

		if (byte >> (fd % 8) & 1)
			take_one(taking, (int32_t)fd);
	}
}

static bool is_now(const struct capture *capture, uint8_t phase, bool failed)
{
	if (capture->take == TAKE_RESULT_FD)
		return phase == PHASE_EXIT && !failed;
	if (phase == PHASE_ENTRY)
		return capture->when == WHEN_ENTRY || capture->when == WHEN_BOTH;
	return capture->when == WHEN_ALWAYS || (!failed && capture->when != WHEN_ENTRY);
}

void descriptors_capture(struct tracee *tracee, const struct described_call *call, struct builder *out)
{
	const struct taking taking = {tracee, out, call->phase, call->addresses};

	for (int i = 0; i < TAKES && call->row->captures[i].take != TAKE_END; i++) {
		const struct capture *capture = &call->row->captures[i];
		uint64_t arg = call->args[capture->arg % 6];

		if (!is_now(capture, call->phase, call->failed))
			continue;
		switch (capture->take) {
		case TAKE_DESCRIPTOR:
			take_one(&taking, (int32_t)arg);
			break;
		case TAKE_RESULT_FD:
			take_one(&taking, (int32_t)call->result);
			break;
		case TAKE_FDS:
			take_array(&taking, arg, sizeof(int32_t), call->limit);
			break;
		case TAKE_POLLFDS:
			take_array(&taking, arg, 8, call->limit);
			break;
		case TAKE_IOCBS:
			take_iocbs(&taking, arg, call->limit);
			break;
		case TAKE_FDSETS:
			take_set(&taking, arg, call->args[capture->length_arg % 6]);
			break;
		default:
			break;
		}
	}
}

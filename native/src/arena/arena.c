/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "arena/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

static uint64_t realtime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int write_header(int fd)
{
	struct stl_arena *arena = mmap(NULL, sizeof(*arena), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (arena == MAP_FAILED)
		return -errno;
	arena->version = STL_VERSION;
	arena->size = sizeof(*arena);
	arena->created_ns = realtime_ns();
	arena->last_serial = arena->created_ns; /* no slot of another arena has the same */
	arena->magic = STL_MAGIC;
	munmap(arena, sizeof(*arena));
	return 0;
}

/* A new memfd of that size, not sealed yet; or -errno. */
static int create(size_t size)
{
	int fd = memfd_create("stracelet", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	/* Linux before 6.3 does not know MFD_NOEXEC_SEAL: memfd_create(2) */
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("stracelet", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

int arena_create(void)
{
	int fd = create(sizeof(struct stl_arena));
	int error;

	if (fd < 0)
		return fd;
	error = write_header(fd);
	if (error)
		goto fail;
	/* A reader of a file that shrinks is killed by SIGBUS: mmap(2) */
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		error = -errno;
		goto fail;
	}
	return fd;
fail:
	close(fd);
	return error;
}

int arena_map(int fd, struct stl_arena **out)
{
	struct stl_arena *arena;
	struct stat status;

	*out = NULL;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_size != (off_t)sizeof(*arena))
		return -EINVAL;
	arena = mmap(NULL, sizeof(*arena), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (arena == MAP_FAILED)
		return -errno;
	if (arena->magic != STL_MAGIC || arena->version != STL_VERSION || arena->size != sizeof(*arena)) {
		munmap(arena, sizeof(*arena));
		return -EINVAL;
	}
	*out = arena;
	return 0;
}

void arena_unmap(struct stl_arena *arena)
{
	munmap(arena, sizeof(*arena));
}

int positions_create(void)
{
	int fd = create(sizeof(struct stl_positions));

	if (fd >= 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

int positions_map(int fd, bool writable, struct stl_positions **out)
{
	struct stat status;
	int seals = fcntl(fd, F_GET_SEALS);

	*out = NULL;
	if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(fd, &status) < 0 ||
	    status.st_size != (off_t)sizeof(struct stl_positions))
		return -EINVAL;
	void *mapped = mmap(NULL, sizeof(struct stl_positions), writable ? PROT_READ | PROT_WRITE : PROT_READ,
	                    MAP_SHARED, fd, 0);

	if (mapped == MAP_FAILED)
		return -errno;
	*out = mapped;
	return 0;
}

void positions_unmap(const struct stl_positions *positions)
{
	munmap((void *)positions, sizeof(*positions));
}

uint64_t ring_written(const struct stl_ring *ring)
{
	uint64_t records = 0;

	/* A writer that is quick has changed both meanwhile; what it has written since is no matter. */
	for (int i = 0; i < 64; i++) {
		uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
		int which = atomic_load_explicit(&ring->written[1].head, memory_order_relaxed) == head;

		records = atomic_load_explicit(&ring->written[which].records, memory_order_acquire);
		if (atomic_load_explicit(&ring->written[which].head, memory_order_acquire) == head)
			break;
	}
	return records;
}

static bool row_is_wanted(struct stl_arena *arena, const struct stl_row *row)
{
	uint32_t slot = row->slot;

	return row->serial && row->thread < STL_THREADS && slot < STL_SLOTS &&
	       arena->slots[slot].state != STL_SLOT_FREE && arena->slots[slot].serial == row->serial;
}

/* Who died between taking a row and counting it has left a count that is wrong. */
static void count_rows(struct stl_arena *arena)
{
	arena->rows_taken = 0;
	for (uint32_t i = 0; i < STL_ROWS; i++)
		arena->rows_taken += arena_row_used(arena, i);
}

void arena_begin_generation(struct stl_arena *arena, uint32_t tracer_pid)
{
	for (uint32_t i = 0; i < STL_SLOTS; i++) {
		arena->slots[i].tracees = 0;
		arena->slots[i].pending = 0;
		arena->slots[i].rows = 0;
		if (arena->slots[i].state == STL_SLOT_RELEASING)
			arena->slots[i].state = STL_SLOT_FREE;
	}
	count_rows(arena);
	for (uint32_t i = 0; i < STL_ROWS; i++) {
		if (!arena_row_used(arena, i))
			continue;
		if (row_is_wanted(arena, &arena->rows[i])) {
			row_repair(&arena->rows[i]);
			arena->slots[arena->rows[i].slot].rows++;
		} else {
			row_free(arena, i);
		}
	}
	memset(arena->beats, 0, sizeof(arena->beats));
	arena->threads = 0;
	arena->tracer_pid = tracer_pid;
	arena->generation++;
}

struct stl_slot *arena_slot_find(struct stl_arena *arena, const char *id)
{
	for (uint32_t i = 0; i < STL_SLOTS; i++) {
		struct stl_slot *slot = &arena->slots[i];

		if (slot->state != STL_SLOT_FREE && strcmp(slot->id, id) == 0)
			return slot;
	}
	return NULL;
}

static struct stl_slot *free_slot(struct stl_arena *arena)
{
	for (uint32_t i = 0; i < STL_SLOTS; i++) {
		if (arena->slots[i].state == STL_SLOT_FREE)
			return &arena->slots[i];
	}
	return NULL;
}

struct stl_slot *arena_slot_open(struct stl_arena *arena, const char *id)
{
	size_t length = strlen(id);
	struct stl_slot *slot;

	if (length == 0 || length >= STL_ID_SIZE)
		return NULL;
	slot = arena_slot_find(arena, id);
	if (slot)
		return slot;
	slot = free_slot(arena);
	if (!slot)
		return NULL;
	memset(slot, 0, sizeof(*slot));
	memcpy(slot->id, id, length);
	slot->first_ns = realtime_ns();
	slot->serial = ++arena->last_serial;
	slot->state = STL_SLOT_PROVISIONAL;
	return slot;
}

struct stl_slot *arena_slot_at(struct stl_arena *arena, uint32_t index)
{
	if (index >= STL_SLOTS || arena->slots[index].state == STL_SLOT_FREE)
		return NULL;
	return &arena->slots[index];
}

uint32_t arena_slot_index(const struct stl_arena *arena, const struct stl_slot *slot)
{
	return (uint32_t)(slot - arena->slots);
}

void arena_slot_release(struct stl_arena *arena, struct stl_slot *slot)
{
	slot->state = STL_SLOT_RELEASING;
	for (uint32_t i = 0; i < STL_ROWS; i++) {
		if (arena_row_used(arena, i) && arena->rows[i].serial == slot->serial)
			row_free(arena, i);
	}
	slot->state = STL_SLOT_FREE;
}

/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "memory.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#include "probes.h"
#include "procfs.h"
#include "records/record.h"

/* Documentation/admin-guide/mm/pagemap.rst */
#define PAGE_PRESENT (UINT64_C(1) << 63)
#define PAGE_SWAPPED (UINT64_C(1) << 62)
/* A marker in the place of a page of shared memory is said to be swapped, and is a page that is not there. */
#define PAGE_UFFD_WP (UINT64_C(1) << 57)
#define PAGES_AT_ONCE 64
#define FAULTS_MOST 16
/* Below mmap_min_addr nothing is mapped but by root, and never by accident; above no user's memory lies: x86-64 with
 * five levels of page tables (Documentation/arch/x86/x86_64/5level-paging.rst). */
#define LOWEST 4096
#define HIGHEST (UINT64_C(1) << 56)

static uint64_t page_size = 4096;

void memory_prepare(void)
{
	page_size = (uint64_t)sysconf(_SC_PAGESIZE);
}

void memory_begin(struct memory *memory)
{
	memory->looked_count = 0;
	memory->count = 0;
}

/* ---- which pages are there --------------------------------------------------------------------------- */

void memory_forget(struct memory *memory, pid_t pid)
{
	for (int i = 0; i < MEMORY_MAPS; i++) {
		if (pid > 0 && memory->maps[i].pid == pid) {
			close(memory->maps[i].fd);
			memory->maps[i].pid = 0;
		}
	}
}

void memory_close(struct memory *memory)
{
	for (int i = 0; i < MEMORY_MAPS; i++) {
		if (memory->maps[i].pid)
			close(memory->maps[i].fd);
		memory->maps[i].pid = 0;
	}
}

/* The descriptor of its pagemap, of a few that are kept; -1: it has none. */
static int pagemap_of(struct memory *memory, const struct memory_task *task)
{
	int oldest = 0;

	for (int i = 0; i < MEMORY_MAPS; i++) {
		if (memory->maps[i].pid == task->pid) {
			memory->maps[i].used = ++memory->uses;
			return memory->maps[i].fd;
		}
		if (!memory->maps[i].pid ||
		    (memory->maps[oldest].pid && memory->maps[i].used < memory->maps[oldest].used))
			oldest = i;
	}
	if (memory->maps[oldest].pid)
		memory_forget(memory, memory->maps[oldest].pid);
	int fd = task_open(task->tid, "pagemap");

	if (fd < 0)
		return -1;
	memory->maps[oldest].pid = task->pid;
	memory->maps[oldest].fd = fd;
	memory->maps[oldest].used = ++memory->uses;
	return fd;
}

static bool is_present(uint64_t entry)
{
	return entry & PAGE_PRESENT || (entry & (PAGE_SWAPPED | PAGE_UFFD_WP)) == PAGE_SWAPPED;
}

/* How many pages from `page` on are there, at most `count`. */
static unsigned present_from(struct memory *memory, const struct memory_task *task, uint64_t page, unsigned count)
{
	uint64_t entries[PAGES_AT_ONCE];
	unsigned present = 0;

	for (unsigned i = 0; count == 1 && i < memory->looked_count; i++) {
		if (memory->looked[i].page == page)
			return memory->looked[i].present;
	}
	int fd = pagemap_of(memory, task);
	ssize_t size = fd < 0 ? -1 : pread(fd, entries, count * sizeof(*entries), (off_t)(page * sizeof(*entries)));

	if (size == 0 && page < HIGHEST / page_size)
		memory_forget(memory, task->pid); /* the memory that it was opened for is gone */
	while (size > 0 && present < (size_t)size / sizeof(*entries) && is_present(entries[present]))
		present++;
	if (count == 1 && memory->looked_count < MEMORY_LOOKED) {
		memory->looked[memory->looked_count].page = page;
		memory->looked[memory->looked_count++].present = present == 1;
	}
	return present;
}

/* ---- reading ----------------------------------------------------------------------------------------- */

/* Element `from` of the batch could not be read: nor is what follows it in its piece. */
static unsigned skip_faulty(struct memory *memory, unsigned from)
{
	struct memory_piece *faulty = memory->of[from];

	faulty->status = CAPTURE_FAULT;
	while (from < memory->count && memory->of[from] == faulty)
		from++;
	return from;
}

static void read_batch(struct memory *memory, const struct memory_task *task)
{
	unsigned from = 0, faults = 0;

	while (from < memory->count) {
		unsigned left = memory->count - from;
		ssize_t size = faults < FAULTS_MOST ? process_vm_readv(task->tid, memory->local + from, left,
		                                                       memory->remote + from, left, 0)
		                                    : -1;

		/* Each element lies in one page, so that it is read whole or not at all. */
		while (from < memory->count && size >= (ssize_t)memory->local[from].iov_len) {
			size -= (ssize_t)memory->local[from].iov_len;
			memory->of[from]->got += (uint32_t)memory->local[from].iov_len;
			from++;
		}
		if (from < memory->count) {
			faults++;
			from = skip_faulty(memory, from);
		}
	}
	memory->count = 0;
}

static void add_to_batch(struct memory *memory, const struct memory_task *task, struct memory_piece *piece,
                         uint32_t offset, uint32_t size)
{
	if (memory->count == MEMORY_PIECES)
		read_batch(memory, task);
	if (piece->status != CAPTURE_WHOLE)
		return;
	memory->local[memory->count] = (struct iovec){piece->into + offset, size};
	memory->remote[memory->count] = (struct iovec){(void *)(uintptr_t)(piece->address + offset), size};
	memory->of[memory->count++] = piece;
}

/* Up to its first page that is not there; how much of it that is. */
static uint32_t read_present(struct memory *memory, const struct memory_task *task, struct memory_piece *piece)
{
	uint32_t offset = 0;

	while (offset < piece->size) {
		uint64_t address = piece->address + offset, last = piece->address + piece->size - 1;
		uint64_t page = address / page_size, pages = last / page_size - page + 1;
		unsigned asked = pages < PAGES_AT_ONCE ? (unsigned)pages : PAGES_AT_ONCE;
		unsigned present = present_from(memory, task, page, asked);

		for (unsigned i = 0; i < present; i++) {
			uint64_t left = page_size - (piece->address + offset) % page_size;
			uint32_t size = left < piece->size - offset ? (uint32_t)left : piece->size - offset;

			add_to_batch(memory, task, piece, offset, size);
			offset += size;
		}
		if (present < asked)
			return offset;
	}
	return offset;
}

/* What was not there. */
static void read_by_probe(const struct memory_task *task, struct memory_piece *piece)
{
	while (piece->status == CAPTURE_WHOLE && piece->got < piece->size) {
		uint64_t address = piece->address + piece->got, left = page_size - address % page_size;
		uint32_t size = piece->size - piece->got;

		size = left < size ? (uint32_t)left : size;
		size = size < PROBE_MOST ? size : PROBE_MOST;
		int error = probe_memory(task->tid, address, piece->into + piece->got, size, task->hung_until_ns);

		if (error == 0)
			piece->got += size;
		else
			piece->status = error == -ETIMEDOUT || error == -EBUSY ? CAPTURE_UNSERVED : CAPTURE_FAULT;
	}
}

static bool is_users(const struct memory_piece *piece)
{
	return piece->address >= LOWEST && piece->address < HIGHEST && piece->size < HIGHEST - piece->address;
}

void memory_read(struct memory *memory, const struct memory_task *task, struct memory_piece *pieces, unsigned count)
{
	bool absent = false;

	for (unsigned i = 0; i < count; i++) {
		pieces[i].got = 0;
		pieces[i].status = is_users(&pieces[i]) ? CAPTURE_WHOLE : CAPTURE_FAULT;
		if (pieces[i].status == CAPTURE_WHOLE)
			absent |= read_present(memory, task, &pieces[i]) < pieces[i].size;
	}
	read_batch(memory, task);
	for (unsigned i = 0; absent && i < count; i++)
		read_by_probe(task, &pieces[i]);
}

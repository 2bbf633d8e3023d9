/* SPDX-License-Identifier: Apache-2.0
 *
 * A tracee's memory, read without ever waiting for the tracee: a page that is not there yet may be one that it serves
 * itself (userfaultfd(2), FUSE). What /proc/PID/pagemap says is there is read at once, all of it by one call; for the
 * rest a probe looks, which is killed when it hangs.
 */
#ifndef STL_MEMORY_H
#define STL_MEMORY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#define MEMORY_MAPS 32
#define MEMORY_LOOKED 16
#define MEMORY_PIECES 256

struct memory_piece {
	uint64_t address;
	unsigned char *into;
	uint32_t size;
	uint32_t got;   /* from the front */
	uint8_t status; /* CAPTURE_WHOLE, or why it is less */
};

/* Of one tracer thread. */
struct memory {
	struct {
		pid_t pid; /* 0: free */
		int fd;
		uint64_t used;
	} maps[MEMORY_MAPS];
	uint64_t uses;
	/* Of the present stop: what was looked at already. */
	struct {
		uint64_t page;
		bool present;
	} looked[MEMORY_LOOKED];
	unsigned looked_count;
	struct iovec local[MEMORY_PIECES], remote[MEMORY_PIECES];
	struct memory_piece *of[MEMORY_PIECES]; /* whose each of them is */
	unsigned count;
};

/* Who is read: a stopped tracee. */
struct memory_task {
	pid_t tid, pid;
	_Atomic uint64_t *hung_until_ns; /* probes.h */
};

void memory_prepare(void); /* once, before any thread */
/* Before the first read at a stop. */
void memory_begin(struct memory *memory);
void memory_read(struct memory *memory, const struct memory_task *task, struct memory_piece *pieces, unsigned count);
/* Its memory is another, by an exec, or it is gone. */
void memory_forget(struct memory *memory, pid_t pid);
void memory_close(struct memory *memory);

#endif

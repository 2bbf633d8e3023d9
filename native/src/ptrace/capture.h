/* SPDX-License-Identifier: Apache-2.0
 *
 * What a row (records/rows.h) says is worth capturing, read from a stopped tracee into a record. All that a phase needs
 * is gathered first and read by one call; what depends on that (the strings of argv, the parts of an iovec) by further
 * ones. Every length and every pointer is the tracee's word.
 */
#ifndef STL_CAPTURE_H
#define STL_CAPTURE_H

#include "memory.h"
#include "records/builder.h"
#include "records/rows.h"

#define CAPTURE_WANTS 1280
#define CAPTURE_SCRATCH (2u * RECORD_MAX)
#define CAPTURE_GROUPS 4

struct want {
	uint64_t address;
	uint64_t budget; /* an iovec's: bytes that may be copied of all its parts */
	uint32_t most;   /* bytes that are wanted in all; fewer are read first where it ends sooner than that */
	uint32_t size;   /* that are read now */
	uint32_t got;
	uint32_t at; /* in the scratch */
	uint8_t kind, status, group;
	bool pending, limited;
	uint32_t whole; /* of a socket's data, that is taken as a whole when it is netlink's; 0: of what is none */
};

/* Pointers to strings, and the strings: they become one capture. */
struct want_group {
	uint64_t address;
	uint32_t total, first, count;
	uint8_t status;
};

/* The work of one tracer thread; all of it is of the present stop, but for the memory's descriptors. */
struct capturer {
	struct memory memory;
	unsigned char *scratch; /* NULL until it is needed */
	uint32_t used;
	struct want wants[CAPTURE_WANTS];
	uint32_t count;
	struct want_group groups[CAPTURE_GROUPS];
	uint32_t group_count;
	struct memory_piece pieces[CAPTURE_WANTS];
	enum { NETLINK_NOT_ASKED, NETLINK_NOT, NETLINK_SOCKET } netlink; /* the call's socket */
};

/* One phase of a call, of a task in its stop. */
struct capture_call {
	struct memory_task task;
	int abi;
	enum call_id call;
	uint64_t args[6];
	int64_t result;
	uint64_t stack;
	bool failed;
	uint8_t phase;         /* PHASE_* */
	uint32_t string_limit; /* bytes of strings and data, elements of arrays */
	bool whole_data;       /* of file and socket data all */
	bool no_data;          /* none */
	bool verbose;          /* whole arrays, the environment's strings */
};

void capture_phase(struct capturer *capturer, const struct capture_call *call, const struct capture_row *row,
                   struct builder *out);
void capturer_close(struct capturer *capturer);

#endif

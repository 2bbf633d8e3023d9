/* SPDX-License-Identifier: Apache-2.0
 *
 * What is wanted of a tracee's memory at one stop, and what is done with it when it is read: capture.c plans it from a
 * row, wants.c reads it, with what it leads to, into the record.
 */
#ifndef STL_WANTS_H
#define STL_WANTS_H

#include "capture.h"

#define IOVECS_MOST 1024 /* IOV_MAX */

enum want_kind {
	WANT_BYTES,
	WANT_STACK,
	WANT_STRING,
	WANT_POINTERS,
	WANT_ARGUMENT,
	WANT_IOVEC,
	WANT_MSGHDR,
	WANT_MMSGHDR,
	WANT_IOCB_POINTERS,
	WANT_IOCB
};

struct context {
	struct capturer *c;
	const struct capture_call *call;
	struct builder *out;
	unsigned word;
};

/* A pointer or long of the tracee's. */
uint64_t want_word(const struct context *x, const unsigned char *bytes);
/* NULL: of nothing, or there is no room, which the record says. limited: there is more than `most` of it. */
struct want *want_add(const struct context *x, uint8_t kind, uint64_t address, uint64_t most, bool limited);
void want_iovec(const struct context *x, uint64_t address, uint64_t count, uint64_t budget);
/* File or socket data: at most the limit. */
void want_data(const struct context *x, uint64_t address, uint64_t length);
/* How many of an array's are wanted. */
uint64_t want_elements(const struct context *x, uint64_t count, uint64_t most);
void wants_read(const struct context *x);
void want_put_group(const struct context *x, const struct want_group *group);

#endif

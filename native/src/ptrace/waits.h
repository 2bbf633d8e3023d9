/* SPDX-License-Identifier: Apache-2.0
 *
 * Which syscalls notice that a tracer stopped them, and how. All that is not in the table restarts by itself
 * (signal(7), "Interruption of system calls and library functions by stop signals").
 */
#ifndef STL_WAITS_H
#define STL_WAITS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum wait_kind {
	WAIT_REWOUND,  /* returns -EINTR to the program: undone by a rewind */
	WAIT_SOCKET,   /* the same, if it is on a socket that has a time-out; with MSG_WAITALL a transfer */
	WAIT_GUESS,    /* the same, perhaps with a time-out that cannot be seen */
	WAIT_TRANSFER, /* returns a part of what it would have moved: nothing can undo that */
};

struct wait_call {
	const char *name;
	enum wait_kind kind;
	int8_t timeout_arg; /* index of the argument that holds the time-out, or -1 */
	int8_t timeout_form;
	int8_t flags_arg; /* index of the argument that may hold MSG_WAITALL, or -1 */
	bool sends;       /* its socket's time-out is SO_SNDTIMEO */
	int timed_out;    /* what it returns at its time-out: 0 or a negative errno */
};

#define WAIT_FOREVER INT64_MAX
#define WAIT_UNKNOWN INT64_MIN

void waits_prepare(void); /* once, before any thread */

/* NULL: it restarts by itself. */
const struct wait_call *wait_call_find(int abi, int number);

/* The call's time-out in ns, WAIT_FOREVER, or WAIT_UNKNOWN. Reads the tracee's memory where it lies there. */
int64_t wait_call_timeout(const struct wait_call *call, int abi, pid_t tid, const uint64_t args[6],
                          _Atomic uint64_t *until_ns);

#endif

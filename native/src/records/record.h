/* SPDX-License-Identifier: Apache-2.0
 *
 * A record: one event of one task, with the memory that was captured for it. It is what an engine writes into a ring,
 * what the decoder reads, and what a file keeps; docs/record-format.md says the same byte by byte. Little-endian,
 * every part begins at a multiple of 8.
 *
 *     struct stl_record, then `captures` times: struct stl_capture, `size` bytes, padding to a multiple of 8
 *
 * Whoever reads one trusts nothing in it: record_check() first, on a copy that nobody else can change.
 */
#ifndef STL_RECORD_H
#define STL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stracelet.h"

/* struct stl_record's type */
#define RECORD_PAD 0     /* fills the end of a ring; only `size` and `type` are there */
#define RECORD_SYSCALL 1 /* a call that has ended: both phases */
#define RECORD_ENTRY 2   /* a call that has not ended, and something else is to be said meanwhile: its first phase */
#define RECORD_SIGNAL 3  /* number: the signal that is delivered; capture: CAPTURE_SIGINFO */
#define RECORD_STOPPED 4 /* number: the signal that has stopped its process (a group stop) */
#define RECORD_FORK 5    /* args[0], args[1]: the child's thread ID on the host and in its PID namespace */
#define RECORD_EXEC 6    /* after a successful exec; args[0]: the thread's ID before it; captures: path, argv */
#define RECORD_EXIT 7    /* result: the wait status; args[0] 1: not its own end, another thread's exec took its place */
#define RECORD_ATTACHED 8 /* traced from now on */
#define RECORD_DETACHED 9 /* no longer traced, and alive */
#define RECORD_DROPPED 10 /* args[0]: how many records were lost here; args[1]: since when, CLOCK_REALTIME in ns */

/* struct stl_record's flags */
#define RECORD_RESUMED 1     /* SYSCALL: its entry was a RECORD_ENTRY before */
#define RECORD_UNFINISHED 2  /* SYSCALL: it never returned: its task was killed in it, or it ended the task */
#define RECORD_CUT 4         /* captures were left out: there was no room */
#define RECORD_IN_PROGRESS 8 /* it was in progress at the attach, its entry was seen only when it went on */

#define RECORD_COMM 16

struct stl_record {
	uint32_t size; /* of the whole, captures included; a multiple of 8 */
	uint16_t type;
	uint16_t flags;
	uint64_t time_ns;     /* CLOCK_REALTIME; of a call: its entry */
	uint64_t duration_ns; /* of a call that has ended */
	uint64_t order_ns;    /* CLOCK_MONOTONIC at which it was written: what rings are merged by */
	uint64_t serial;      /* of the container's slot */
	uint32_t slot;
	int32_t tid, pid;   /* on the host: the thread, its process */
	int32_t vtid, vpid; /* in the task's own PID namespace; 0: not known */
	uint32_t abi;       /* STL_ABI_* */
	int32_t number;     /* of the call or of the signal; as the task gave it, so any int */
	uint32_t captures;
	uint64_t args[6];
	int64_t result;         /* as the task sees it: of an error -errno */
	uint64_t ip;            /* its instruction pointer at the entry */
	char comm[RECORD_COMM]; /* NUL-terminated */
};

/* struct stl_capture's kind */
#define CAPTURED_MEMORY 0     /* address, and the bytes that were there */
#define CAPTURED_DESCRIPTOR 1 /* address: a descriptor's number; what it is: see below */
#define CAPTURED_SIGINFO 2    /* a siginfo_t of the native ABI */
#define CAPTURED_PID 3        /* address: a PID as the task knows it; int32_t host PID, then its comm without a NUL */
#define CAPTURED_STRINGS                                                                                               \
	4                 /* address: an argv or envp; int32_t how many it has in all, 4 bytes of 0, then the strings
                               * that were captured, each ended by NUL */
#define CAPTURED_STACK 5  /* address: the stack pointer, and the bytes that were there */
#define CAPTURED_SOCKET 6 /* address: a descriptor's number; int32_t family, int32_t protocol, -1: not known */
/* Of the task's network namespace: uint32_t index, 16 bytes of name ended by NUL, as often as it has interfaces that
 * take multicast; the first one, "lo", is left out. */
#define CAPTURED_INTERFACES 7
#define INTERFACE_NAME 16

/* A descriptor is described in parts, with a NUL between two of them: first its path, as bytes ("/tmp/x",
 * "socket:[1234]", "anon_inode:[eventfd]"), which -y shows; then any of these, the letter first, in this order:
 *     d         the file has no name any more: "(deleted)" goes behind the brackets
 *     c1:3 b8:0 under -yy: it is the character or block device of that number
 *     s...      under -yy, instead of the path: text of the engine's own, "TCP:[127.0.0.1:80]"
 *     q...      behind that: bytes that are quoted, the path of a socket
 *     @...      likewise, with an @ before the quotes: its abstract name
 * So "s" may come again behind "q": s UNIX-STREAM:[12, q /run/x, s ]. */

/* struct stl_capture's phase */
#define PHASE_ENTRY 0
#define PHASE_EXIT 1

/* struct stl_capture's status: why it is shorter than what was asked for */
#define CAPTURE_WHOLE 0
#define CAPTURE_LIMITED 1 /* there is more than the limit on what is copied */
#define CAPTURE_FAULT 2   /* the rest is not mapped */
#define CAPTURE_UNSERVED                                                                                               \
	3 /* the rest is a page that the tracee itself would have had to serve (userfaultfd(2), FUSE) */

struct stl_capture {
	uint64_t address;
	uint32_t size; /* of the bytes that follow, without the padding */
	uint8_t kind;
	uint8_t phase;
	uint8_t status;
	uint8_t reserved;
};

#define RECORD_VERSION 1
#define RECORD_MAX (512u * 1024)
#define RECORD_ALIGN(size) (((size) + 7u) & ~(size_t)7u)

_Static_assert(sizeof(struct stl_record) == 152, "the record's layout is a format");
_Static_assert(sizeof(struct stl_capture) == 16, "the capture's layout is a format");

/* Whether `available` bytes hold a whole record at `record` whose parts lie within it. */
bool record_check(const struct stl_record *record, size_t available);

struct captured_interface {
	uint32_t index;
	char name[INTERFACE_NAME];
};

_Static_assert(sizeof(struct captured_interface) == 20, "the interface's layout is a format");

static inline const void *capture_bytes(const struct stl_capture *capture)
{
	return capture + 1;
}

static inline const struct stl_capture *capture_first(const struct stl_record *record)
{
	return (const struct stl_capture *)(record + 1);
}

static inline const struct stl_capture *capture_next(const struct stl_capture *capture)
{
	return (const struct stl_capture *)((const char *)(capture + 1) + RECORD_ALIGN(capture->size));
}

#endif

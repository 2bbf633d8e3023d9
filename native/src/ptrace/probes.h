/* SPDX-License-Identifier: Apache-2.0
 *
 * Looks at a tracee that may wait for the tracee itself: a page of its memory that it serves (userfaultfd(2), FUSE), a
 * copy of its descriptor whose close asks a FUSE server. Such a wait lasts for as long as the tracee likes, and can
 * perhaps not even be killed. So processes of their own look: one that hangs is killed, and another takes its place.
 */
#ifndef STL_PROBES_H
#define STL_PROBES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROBE_MOST 4096
#define PROBE_PROTOCOL 32

/* Starts the processes: before any thread. confine: what each calls on itself first; it returns 0 or -errno. */
void probes_start(int (*confine)(void));

/* Each returns 0 or -errno; -ETIMEDOUT: not within 20 ms, or 100 ms where it gets no CPU; -EBUSY: all hang, or are at
 * work, or whose task it is made one hang a moment ago: what *until_ns keeps, for each owner of tasks, 0 at first. */
int probe_memory(pid_t tid, uint64_t address, void *buffer, size_t size, _Atomic uint64_t *until_ns);
/* The name of the socket's protocol, ended with NUL: "TCP". */
int probe_socket_protocol(pid_t tid, int descriptor, char name[PROBE_PROTOCOL], _Atomic uint64_t *until_ns);
/* SO_RCVTIMEO, or SO_SNDTIMEO, of the socket behind the tracee's descriptor, in ns; 0: none. -ENOTSOCK: it is none. */
int probe_socket_timeout(pid_t tid, int descriptor, bool sends, int64_t *timeout_ns, _Atomic uint64_t *until_ns);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Records of what tracees do, into the ring of the tracer thread that has them. A call's record is begun at its entry
 * and written at its exit; where another task's line would come between, its entry is written first, as strace prints
 * it.
 */
#ifndef STL_RECORDING_H
#define STL_RECORDING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "thread.h"

struct recording; /* of a tracee; NULL: nothing of it was recorded yet */
struct recorder;  /* of a tracer thread */

extern _Atomic uint32_t recording_flags; /* STL_RECORD_* */

static inline bool recording_is_on(void)
{
	return atomic_load_explicit(&recording_flags, memory_order_relaxed) & STL_RECORD_ON;
}

static inline bool recording_is_of(const struct tracee *tracee)
{
	return recording_is_on() && !atomic_load_explicit(&tracee->container->silent, memory_order_relaxed);
}

/* The control thread's: once, before any thread; at each of its rounds; and for its requests. */
void recording_open(const struct stl_positions *positions);
void recording_tick(void);
void recording_take_filter(const struct stl_message *message);
void recording_request(const struct stl_message *message);

/* A thread's own. NULL: no memory. */
struct recorder *recorder_new(struct thread *thread);
void recorder_close(struct recorder *recorder);
/* Writes the entry of what has been in its call for long. */
void recording_poll(struct thread *thread, uint64_t now);
/* Whether a reader that is slow has to come first (STL_RECORD_LOSSLESS), before any more is made of the tracees' stops. */
bool recording_awaits_reader(struct thread *thread);
/* Whether a tracee's end, or its child, can be written even so. */
bool recording_has_room(const struct thread *thread, const struct tracee *tracee);
/* Since when a call is open whose entry is not written; 0: none. For any thread. */
uint64_t recorder_open_since(const struct recorder *recorder);

struct __ptrace_syscall_info;

/* At the stops of a tracee. in_progress: the call was begun before it was traced. */
void recording_entry(struct thread *thread, struct tracee *tracee, const struct __ptrace_syscall_info *info,
                     uint64_t now, bool in_progress);
/* Whether its call's record is begun already: a call that is made again is one. */
bool recording_goes_on(const struct tracee *tracee);
void recording_exit(struct thread *thread, struct tracee *tracee, int64_t result, uint64_t now);
/* It is not to be recorded after all. */
void recording_forget(struct thread *thread, struct tracee *tracee);
void recording_signal(struct thread *thread, struct tracee *tracee, int signal, uint64_t now);
void recording_stopped(struct thread *thread, struct tracee *tracee, int signal, uint64_t now);
/* Behind the child's adoption, if it is in the table (else NULL). */
void recording_fork(struct thread *thread, struct tracee *tracee, pid_t child, struct tracee *added, uint64_t now);
/* Of a runtime's exec no entry was seen: it is made up from what the new program was given. */
void recording_first_exec(struct thread *thread, struct tracee *tracee, uint64_t now);
void recording_exec(struct thread *thread, struct tracee *tracee, pid_t former, uint64_t now);
/* status: of wait(2); superseded: another thread's exec took its ID. */
void recording_death(struct thread *thread, struct tracee *tracee, int status, bool superseded, uint64_t now);
void recording_attached(struct thread *thread, struct tracee *tracee, uint64_t now);
void recording_detached(struct thread *thread, struct tracee *tracee, uint64_t now);
/* Frees what it holds of a tracee. */
void recording_lost(struct thread *thread, struct tracee *tracee);

#endif

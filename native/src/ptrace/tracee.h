/* SPDX-License-Identifier: Apache-2.0
 *
 * One task under trace, and the tables in which it is found.
 */
#ifndef STL_TRACEE_H
#define STL_TRACEE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../arena/arena.h"
#include "procfs.h"
#include "records/calls.h"
#include "waits.h"

/*
 * What is known of a tracee between two of its stops.
 *
 *   SETUP      the runtime's own process in a container; it runs on PTRACE_CONT        -exec-> IN_SYSCALL
 *   ATTACHING  found; seized and interrupted when that leaves no trace                             -event stop-> USER, REWOUND
 *   USER       outside of a syscall                                              -entry-> IN_SYSCALL
 *   IN_SYSCALL between entry and exit                                             -exit-> USER, EINTR, REWOUND
 *   EINTR      left a call that tracing can interrupt, with -EINTR, and a signal is due: whether that is the
 *              program's to see is known at the next stop: one that it handles -> USER, else -> REWOUND
 *   REWOUND    about to make the same call again        -entry-> IN_SYSCALL, -handled signal-> USER
 *   LISTENING  in a group stop                                             -event stop-> USER
 *   RELEASED   runs on PTRACE_CONT until its thread ends: no stop of a syscall any more
 *
 * Death ends every state.
 */
/* No number: a tracee may use any, -1 too. */
#define RESUMED_NONE INT_MIN

enum tracee_state {
	TRACEE_SETUP,
	TRACEE_ATTACHING,
	TRACEE_USER,
	TRACEE_IN_SYSCALL,
	TRACEE_EINTR,
	TRACEE_REWOUND,
	TRACEE_LISTENING,
	TRACEE_RELEASED,
};

/* A container, or a process that was named by its PID. One for each slot of the arena, and of the same index. */
struct container {
	struct stl_slot *slot; /* NULL: not in use */
	pid_t leader;          /* of a process that was named by its PID, or 0 */
	uint64_t leader_ticks; /* when that process started */
	bool descendants;      /* are traced too */
	_Atomic uint32_t tracees;
	_Atomic uint32_t pending;
	_Atomic uint32_t seizing;        /* tasks posted to a tracer thread that it has not looked at */
	_Atomic bool leaving;            /* its tasks are let go, each at its next safe stop */
	_Atomic bool silent;             /* counted alone: nothing of it is recorded */
	_Atomic uint64_t stuck_until_ns; /* a seize of one of its tasks was broken off: none is tried until then */
	_Atomic uint64_t hung_until_ns;  /* a look at one of them hung: probes.h */
};

/* What a call that is under way changes of what descriptors are: descriptors.h */
struct files_change {
	struct files *files; /* NULL: none of it */
	enum call_id call;
	int32_t first, last; /* last < first: it has no place in the list of what is under way */
	bool addresses;      /* those of a socket */
	uint64_t socket;     /* its inode; 0: any's */
};

struct tracee {
	struct tracee *next_in_bucket;
	struct tracee *next_pending, *last_pending, *next_timed, *last_timed;
	struct container *container;
	pid_t tid;
	enum tracee_state state;
	bool seized;      /* a child of a tracee always is */
	bool cpu_known;   /* cpu_ns is what it had used when it was looked at last, or was born */
	bool leaving;     /* to be detached at its next safe stop, for reasons of its own: tracee_is_leaving() */
	bool checked;     /* it was found to be its container's, or comes from one that was */
	bool counted;     /* the present call is booked when it ends */
	bool interrupted; /* PTRACE_INTERRUPT was sent and has not shown yet */
	bool expired;     /* its rewound call is over its time-out */
	bool pending;     /* in the list of those that wait to be interrupted */
	bool timed;       /* in the list of those with a deadline */
	bool delayed;     /* counted in attach_delayed */
	bool execed;      /* SETUP: its last exec was over, or nearly, when it was seized */
	bool watched;     /* SETUP: its syscalls stop, so that its exec is seen to begin */
	bool unseen;      /* it was found among many: whether it is busy, its first look tells */
	int abi, number;
	pid_t leader; /* its process's, whose ID its exec takes; 0: it has made none */
	int resumed;  /* number of a call that was in progress at the attach, and goes on; or RESUMED_NONE */
	uint64_t args[6];
	struct recording *recording; /* recording.h */
	struct files *files;         /* descriptors.h; NULL: not looked at yet */
	struct files_change change;
	uint64_t entry_ns, exit_ns, deadline_ns;

	struct file_identity exe, root; /* SETUP: the runtime's */
	uint64_t found_ns, sampled_ns;
	uint64_t retry_ns, backoff_ns; /* its seizing had to be broken off: when it is tried again */
	uint64_t start_ticks;          /* who it was when it was found; 0: not looked at */
	uint64_t began_ns;             /* its present call, to a few ms; 0: not known */
	bool settled;        /* at the last sample it was in a call that alone its own end makes safe to leave */
	struct task_ran ran; /* at the last sample */
	uint64_t voluntary,
		awake_cpu_ns; /* its sleeps, and the CPU time it had used when it was last seen to have slept */

	/* Overhead, not yet added to the slot. */
	uint64_t resume_ns, held_ns, outside_ns, cpu_ns, flushed_ns;
	uint32_t entries;

	/* Asked to go because the target traces it itself: who waits for that. */
	uint32_t yield_to_thread;
	pid_t yield_to;
	uint64_t held_until_ns; /* stopped at the entry of its own ptrace(2) until then */
};

/* Its next call, if it makes one, goes on with one that was interrupted. */
static inline bool tracee_makes_again(const struct tracee *tracee)
{
	return tracee->state == TRACEE_REWOUND || tracee->resumed != RESUMED_NONE;
}

struct tracee_table {
	struct tracee **buckets;
	uint32_t size, used;
};

int tracee_table_init(struct tracee_table *table);
void tracee_table_free(struct tracee_table *table);
struct tracee *tracee_find(const struct tracee_table *table, pid_t tid);
/* NULL: no memory. */
struct tracee *tracee_add(struct tracee_table *table, pid_t tid);
/* Unlinks without freeing. */
void tracee_unlink(struct tracee_table *table, struct tracee *tracee);
void tracee_relink(struct tracee_table *table, struct tracee *tracee, pid_t tid);
void tracee_each(const struct tracee_table *table, void (*each)(struct tracee *tracee, void *context), void *context);

/*
 * Which tracer thread has which task, over all threads: who asks whom to let go, which entry an exec retires, and
 * what an attach need not try again. Every call takes its lock; nothing here is on the path of a syscall.
 */
#define REGISTRY_NOBODY UINT32_MAX

/* Nobody has it, and nobody bars it. A task that has the ID of one that was barred is not barred. */
bool registry_open(pid_t tid);

enum registry_place { REGISTRY_TAKEN, REGISTRY_NEW, REGISTRY_RETRY };

/* TAKEN: it is there already, or barred. */
enum registry_place registry_reserve(pid_t tid, uint32_t thread, struct container *container);
void registry_set(pid_t tid, uint32_t thread, struct container *container);
void registry_remove(pid_t tid, uint32_t thread);
uint32_t registry_thread(pid_t tid); /* or REGISTRY_NOBODY */
/* It is a runtime's that sets the container up, with this executable; NULL: no longer. */
void registry_set_up(pid_t tid, const struct file_identity *exe);
bool registry_is_set_up(pid_t tid, struct file_identity *exe);
/* Keeps attaches from it until then. */
void registry_bar(pid_t tid, uint32_t thread, uint64_t until_ns);
void registry_forget(const struct container *container); /* the barred ones */
/* Forgets a few of those whose bar is over and who are gone: nobody tells of their death. The control thread's own. */
void registry_sweep(uint64_t now);
/* The task of `container` that `viewer`, in its PID namespace, calls `ns_pid`; 0: none. */
pid_t registry_by_ns_pid(const struct container *container, pid_t viewer, pid_t ns_pid);

#endif

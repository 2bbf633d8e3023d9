/* SPDX-License-Identifier: Apache-2.0
 *
 * A tracer thread: the only one that may wait for, read or resume the tasks that it seized (ptrace(2)).
 */
#ifndef STL_THREAD_H
#define STL_THREAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "classify.h"
#include "placement.h"
#include "tracee.h"

enum mail_kind {
	MAIL_SEIZE,   /* tid, container, setup, unseen, exe */
	MAIL_RETIRE,  /* tid: another thread's task took its ID by an exec */
	MAIL_LEAVE,   /* container: let its tasks go */
	MAIL_FORGET,  /* container: its rows are about to be freed */
	MAIL_YIELD,   /* tid: the target wants to trace it itself; from, caller: who waits for that */
	MAIL_YIELDED, /* caller: what it waited for is done */
	MAIL_WATCH,   /* tid: the command: its exec is to be seen from its entry on */
	MAIL_DRAIN,   /* let everything go and end */
#ifdef STL_TEST_HOOKS
	MAIL_HANG, /* a test: never come back */
#endif
};

struct mail {
	struct mail *next;
	enum mail_kind kind;
	pid_t tid, caller;
	uint32_t from;
	bool setup, unseen;
	bool here; /* the thread was moved to the sender's CPU */
	struct file_identity exe;
	struct container *container;
	uint64_t posted_ns;
};

/* Children whose first stop came before their parent's stop, which tells whose they are. */
#define PARKED 32

struct parked {
	pid_t tid; /* 0: free */
	uint64_t until_ns;
};

struct thread {
	/* Written by any thread. */
	pthread_mutex_t lock;
	pthread_cond_t posted;
	struct mail *first_mail, **last_mail;
	_Atomic bool has_mail;
	_Atomic bool waits;       /* for any stop, until one comes */
	_Atomic bool wants_ticks; /* something of it is due soon, with no stop to bring it round */
	_Atomic uint32_t load;    /* tasks, those posted to it among them */
	_Atomic uint32_t forgotten;
	_Atomic bool ended;
	_Atomic bool watches; /* MAIL_WATCH was obeyed */

	/* Written before it starts. */
	uint32_t index;
	struct stl_arena *arena;
	_Atomic pid_t tid;
	pthread_t pthread;

	/* Its own. */
	struct tracee_table tracees;
	struct row_cache *rows;
	struct recorder *recorder;
	struct tracee *pending, *last_of_pending, *timed;
	uint32_t pending_count;
	timer_t patience; /* with a seize */
	bool has_patience;
	struct tracee *hot; /* stopped last */
	struct parked parked[PARKED];
	uint32_t parked_count;
	uint32_t held; /* tasks at the entry of ptrace(2), waiting */
	struct placement placement;
	uint64_t next_poll_ns, next_window_ns, last_beat_ns;
	bool draining;
	uint64_t drain_ns;
	uint32_t round_bucket, round_depth; /* where the round of the tracees is */
	uint32_t sweep_every, sweep_in;     /* stops between two looks at the next of the round */
	uint32_t quick;                     /* stops until the next wait for any */
	uint64_t yield_from_ns, yield_backoff_ns;
	uint32_t audited; /* the next bucket to audit */
	uint64_t next_audit_ns;
};

int thread_start(struct thread *thread, struct stl_arena *arena, uint32_t index);
void thread_post(struct thread *thread, const struct mail *mail);
/* Makes a wait of the thread return. */
void thread_kick(struct thread *thread);
/* Of one that has nothing to do: it is woken on the caller's CPU, and runs as soon as the caller lets it. */
bool thread_bring_here(struct thread *thread);
/* Tells the control thread that it should look round soon. */
void thread_attention(void);
struct thread *thread_at(uint32_t index);
/* Its sign of life, in the midst of a long wait; and whether that has to end, since tracees are to be let go. */
void thread_beat(struct thread *thread);
bool thread_is_called(struct thread *thread);

/* nextstop.c */
/* The next stop, unconsumed; false: none within this wait (a kick, no tracees). */
bool next_stop(struct thread *thread, struct stop *stop);
bool is_attached(pid_t tid); /* to the calling thread: the kernel's word */

/* audit.c */
void audit(struct thread *thread, uint64_t now);
void nobody_attached(struct thread *thread);

/* stops.c */
void serve_stop(struct thread *thread, const struct stop *stop, uint64_t now);
void serve_event_stop(struct thread *thread, struct tracee *tracee);
void tracee_lost(struct thread *thread, struct tracee *tracee);
/* It is gone, and its ID another's: its call is over, and its files in /proc are the other's. */
void tracee_retire(struct thread *thread, struct tracee *tracee, uint64_t now);
bool tracee_is_leaving(const struct tracee *tracee);
void tracee_book(struct thread *thread, struct tracee *tracee, uint64_t now, int error);
struct tracee *tracee_adopt(struct thread *thread, pid_t tid, struct container *container);
/* Resumes it as its state wants, or detaches it; a tracee may be gone after either. */
void tracee_resume(struct thread *thread, struct tracee *tracee, int signal);
int tracee_detach(struct thread *thread, struct tracee *tracee, int signal);

/* Its first stop of any kind: it is traced from now on. */
void tracee_begin(struct thread *thread, struct tracee *tracee);

/* execs.c */
bool is_exec(int abi, int number);
/* At its entry: a thread that is no leader will stop under the leader's ID. */
void exec_begins(struct tracee *tracee);
/* Whether a runtime's process was the container's already when it was seized. */
bool setup_has_execed(const struct tracee *tracee);
/* A thread that execs takes the leader's ID: whose stop it is. */
struct tracee *exec_take_over(struct thread *thread, pid_t tid, uint64_t now);
void exec_serve(struct thread *thread, struct tracee *tracee, uint64_t now);

/* rewinds.c */
bool wait_rewinds(const struct wait_call *wait);
void rewind_if_interrupted(struct thread *thread, struct tracee *tracee);
void settle_eintr(struct thread *thread, struct tracee *tracee);
void undo_eintr(struct thread *thread, struct tracee *tracee);
bool signal_is_ignored(pid_t tid, int signal);
/* Whether a signal waits for it that it does not ignore. */
bool signal_is_due(pid_t tid);

/* overhead.c */
void overhead_entry(struct tracee *tracee, uint64_t now);
/* Before it is noted when the task was resumed. */
void overhead_exit(struct tracee *tracee);
void overhead_flush(struct tracee *tracee);

/* newcomers.c */
/* What a tracee's child is: the same container's, and as far on its way. NULL: no memory. */
struct tracee *tracee_adopt_child(struct thread *thread, struct tracee *parent, pid_t tid);
/* At the stop in which its parent tells of it. */
void newcomer_told(struct thread *thread, struct tracee *parent);
/* Whether it was there, found by a look at its container, and is no more. */
bool newcomer_forget_found(struct thread *thread, struct tracee *tracee);
void newcomer_park(struct thread *thread, pid_t tid);
bool newcomer_unpark(struct thread *thread, pid_t tid);
void newcomers_poll(struct thread *thread, uint64_t now);

/* attach.c */
/* Once, in the thread itself. */
void attach_prepare(struct thread *thread);
void attach_begin(struct thread *thread, const struct mail *mail);
/* In the handler of a kick. */
void attach_escape(void);
void attach_poll(struct thread *thread, uint64_t now);
void attach_forget(struct thread *thread, struct tracee *tracee);
/* A set-up that is none (any more) is traced from its next good moment on. */
void attach_late(struct thread *thread, struct tracee *tracee);
int tracee_interrupt(struct tracee *tracee);
/* Once it is seized its ID is its own. Whoever had it when it was found may be dead by then: another's task leaves. */
void tracee_check(struct tracee *tracee);

/* timeouts.c */
void timeout_set(struct thread *thread, struct tracee *tracee, uint64_t deadline_ns);
void timeout_clear(struct thread *thread, struct tracee *tracee);
void timeout_poll(struct thread *thread, uint64_t now);

/* selftrace.c: targets that use ptrace(2) themselves */
bool target_traces(struct thread *thread, struct tracee *tracee, int number);
void target_traces_yield(struct thread *thread, const struct mail *mail);
void target_traces_resume(struct thread *thread, pid_t caller);
void target_traces_poll(struct thread *thread, uint64_t now);
void target_traces_released(struct thread *thread, const struct tracee *tracee);

/* drain.c */
void drain_begin(struct thread *thread, uint64_t now);
bool drain_done(struct thread *thread, uint64_t now);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * What a wait status says: a pure function, so that a table can test every status word.
 */
#ifndef STL_CLASSIFY_H
#define STL_CLASSIFY_H

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/types.h>

enum stop_kind {
	STOP_NONE,    /* nothing that concerns a tracer (a continued child) */
	STOP_DEATH,   /* exited or killed: book what it was in, reap it */
	STOP_SYSCALL, /* entry or exit: PTRACE_GET_SYSCALL_INFO says which */
	STOP_SIGNAL,  /* about to be delivered: resume with that signal */
	STOP_GROUP,   /* job control: PTRACE_LISTEN, and no resume */
	STOP_EVENT,   /* PTRACE_EVENT_STOP: an interrupt, a new child's first stop, the end of a group stop */
	STOP_CHILD,   /* fork, vfork or clone: PTRACE_GETEVENTMSG is the new task's ID */
	STOP_EXEC,    /* PTRACE_GETEVENTMSG is the ID that the task had before */
	STOP_OTHER,   /* an event that was not asked for: resume */
};

struct stop {
	enum stop_kind kind;
	pid_t tid;
	int signal;                        /* STOP_SIGNAL, STOP_GROUP */
	int status;                        /* STOP_DEATH: as of wait(2) */
	struct __ptrace_syscall_info call; /* STOP_SYSCALL; op is PTRACE_SYSCALL_INFO_NONE: still to be asked for */
};

struct stop classify_stop(const siginfo_t *info);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * When a task may be stopped: what /proc shows of it, taken for whether a stop would show in the call that it is in.
 */
#ifndef STL_MOMENTS_H
#define STL_MOMENTS_H

#include "tracee.h"

enum moment {
	MOMENT_NOW,       /* with no trace of it */
	MOMENT_LATER,     /* to be looked at again */
	MOMENT_ELSEWHERE, /* it is busy, and this thread is not for such */
};

/* interval_ns: between two looks at it. seen: what it was in. */
enum moment moment_of(struct tracee *tracee, uint64_t interval_ns, struct task_syscall *seen);
/* Whether it still is. */
bool moment_lasts(pid_t tid, const struct task_syscall *seen);
/* In a call that would show a stop. */
bool task_is_in_wait(pid_t tid);

#endif

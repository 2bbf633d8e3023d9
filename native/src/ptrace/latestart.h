/* SPDX-License-Identifier: Apache-2.0
 *
 * Processes that must not be traced before they have exec'ed. The control thread's own.
 */
#ifndef STL_LATESTART_H
#define STL_LATESTART_H

#include "procfs.h"

enum late_start {
	LATE_UNKNOWN, /* it is not waited for */
	LATE_NOT_YET,
	LATE_NOW, /* it has exec'ed: from here on it is forgotten */
};

void late_start_open(void);
/* false: it may be traced from its set-up on. */
bool late_start_await(pid_t pid, const struct file_identity *exe);
enum late_start late_start_of(pid_t pid);
/* Whether any is waited for, so that it is to be looked at often. */
bool late_start_pending(void);

#endif

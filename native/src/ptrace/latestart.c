/* SPDX-License-Identifier: Apache-2.0
 *
 * Under SELinux an exec that changes the domain is refused if the tracer may not trace the new one
 * (security/selinux/hooks.c, selinux_bprm_creds_for_exec): a container whose set-up is traced would fail to start.
 * There the set-up is left alone, and tracing begins after its exec, late.
 */
#define _GNU_SOURCE
#include "latestart.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Starts at one time; one more is traced from its set-up on, as elsewhere. */
#define MOST 256

static struct {
	pid_t pid;
	struct file_identity exe;
} awaited[MOST];

static bool needed;

void late_start_open(void)
{
	char enforcing = '0';
	int fd = open("/sys/fs/selinux/enforce", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		needed = read(fd, &enforcing, 1) == 1 && enforcing == '1';
		close(fd);
	}
#ifdef STL_TEST_HOOKS
	needed |= getenv("STRACELET_LATE_START") != NULL;
#endif
}

bool late_start_await(pid_t pid, const struct file_identity *exe)
{
	for (int i = 0; needed && i < MOST; i++) {
		if (awaited[i].pid)
			continue;
		awaited[i].pid = pid;
		awaited[i].exe = *exe;
		return true;
	}
	return false;
}

enum late_start late_start_of(pid_t pid)
{
	struct file_identity exe;
	bool in_memory;

	for (int i = 0; needed && i < MOST; i++) {
		if (awaited[i].pid != pid)
			continue;
		int error = task_exe_read(pid, &exe, &in_memory);

		if (error == 0 && (in_memory || task_is_runtime(pid) || file_is(&exe, &awaited[i].exe)))
			return LATE_NOT_YET;
		awaited[i].pid = 0;
		return error == 0 ? LATE_NOW : LATE_NOT_YET;
	}
	return LATE_UNKNOWN;
}

bool late_start_pending(void)
{
	bool pending = false;

	for (int i = 0; needed && i < MOST; i++) {
		if (awaited[i].pid && count_tasks(awaited[i].pid) == 0)
			awaited[i].pid = 0;
		pending |= awaited[i].pid != 0;
	}
	return pending;
}

/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "placement.h"

#include <errno.h>
#include <sys/wait.h>

#include "clock.h"
#include "thread.h"

#define WAIT_OPTIONS (WSTOPPED | WEXITED | WNOWAIT | __WALL | __WNOTHREAD)

void placement_init(struct placement *placement)
{
	CPU_ZERO(&placement->allowed);
	sched_getaffinity(0, sizeof(placement->allowed), &placement->allowed);
	placement->cpus = CPU_COUNT(&placement->allowed);
	placement->cpu = -1;
}

static bool look(idtype_t type, pid_t tid, siginfo_t *info, int flags)
{
	info->si_pid = 0;
	return waitid(type, (id_t)tid, info, WAIT_OPTIONS | flags) == 0 && info->si_pid != 0;
}

bool next_stop(struct thread *thread, siginfo_t *info)
{
	if (thread->hot && look(P_PID, thread->hot->tid, info, WNOHANG))
		return true;
	return look(P_ALL, 0, info, 0);
}

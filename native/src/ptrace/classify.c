/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "classify.h"

#include <sys/ptrace.h>

static enum stop_kind classify_event(int event, int signal)
{
	switch (event) {
	case 0:
		return signal == (SIGTRAP | 0x80) ? STOP_SYSCALL : STOP_SIGNAL;
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		return STOP_CHILD;
	case PTRACE_EVENT_EXEC:
		return STOP_EXEC;
	case PTRACE_EVENT_STOP:
		/* ptrace(2), "Group-stop": only these four signals stop a group; all else is an interrupt. */
		switch (signal) {
		case SIGSTOP:
		case SIGTSTP:
		case SIGTTIN:
		case SIGTTOU:
			return STOP_GROUP;
		default:
			return STOP_EVENT;
		}
	default:
		return STOP_OTHER;
	}
}

struct stop classify_stop(const siginfo_t *info)
{
	struct stop stop = {
		.kind = STOP_NONE,
		.tid = info->si_pid,
		.call.op = PTRACE_SYSCALL_INFO_NONE,
	};
	int status = info->si_status;

	switch (info->si_code) {
	case CLD_EXITED:
		stop.kind = STOP_DEATH;
		stop.status = (status & 0xff) << 8;
		return stop;
	case CLD_KILLED:
	case CLD_DUMPED:
		stop.kind = STOP_DEATH;
		stop.status = (status & 0x7f) | (info->si_code == CLD_DUMPED ? 0x80 : 0);
		return stop;
	case CLD_TRAPPED:
	case CLD_STOPPED:
		stop.kind = classify_event(status >> 8, status & 0xff);
		if (stop.kind == STOP_SIGNAL || stop.kind == STOP_GROUP)
			stop.signal = status & 0x7f;
		return stop;
	default:
		return stop;
	}
}

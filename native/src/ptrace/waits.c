/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "waits.h"

#include <errno.h>
#include <stddef.h>

#include "probes.h"
#include "stracelet.h"

enum { FORM_NONE, FORM_MS, FORM_TIMESPEC, FORM_TIMESPEC64 };

static const struct wait_call table[] = {
	{"epoll_wait", WAIT_REWOUND, 3, FORM_MS, -1, false, 0},
	{"epoll_pwait", WAIT_REWOUND, 3, FORM_MS, -1, false, 0},
	{"epoll_pwait2", WAIT_REWOUND, 3, FORM_TIMESPEC64, -1, false, 0},
	{"semop", WAIT_REWOUND, -1, FORM_NONE, -1, false, 0},
	{"semtimedop", WAIT_REWOUND, 3, FORM_TIMESPEC, -1, false, -EAGAIN},
	{"semtimedop_time64", WAIT_REWOUND, 3, FORM_TIMESPEC64, -1, false, -EAGAIN},
	{"rt_sigtimedwait", WAIT_REWOUND, 2, FORM_TIMESPEC, -1, false, -EAGAIN},
	{"rt_sigtimedwait_time64", WAIT_REWOUND, 2, FORM_TIMESPEC64, -1, false, -EAGAIN},
	{"io_getevents", WAIT_REWOUND, 4, FORM_TIMESPEC, -1, false, 0},
	{"io_pgetevents", WAIT_REWOUND, 4, FORM_TIMESPEC, -1, false, 0},
	{"io_pgetevents_time64", WAIT_REWOUND, 4, FORM_TIMESPEC64, -1, false, 0},
	{"read", WAIT_SOCKET, -1, FORM_NONE, -1, false, -EAGAIN},
	{"readv", WAIT_SOCKET, -1, FORM_NONE, -1, false, -EAGAIN},
	{"recvfrom", WAIT_SOCKET, -1, FORM_NONE, 3, false, -EAGAIN},
	{"recvmsg", WAIT_SOCKET, -1, FORM_NONE, 2, false, -EAGAIN},
	{"recvmmsg", WAIT_TRANSFER, -1, FORM_NONE, -1, false, 0},
	{"recvmmsg_time64", WAIT_TRANSFER, -1, FORM_NONE, -1, false, 0},
	{"accept", WAIT_SOCKET, -1, FORM_NONE, -1, false, -EAGAIN},
	{"accept4", WAIT_SOCKET, -1, FORM_NONE, -1, false, -EAGAIN},
	{"connect", WAIT_SOCKET, -1, FORM_NONE, -1, true, -EINPROGRESS},
	{"io_uring_enter", WAIT_GUESS, -1, FORM_NONE, -1, false, 0},
	{"ipc", WAIT_GUESS, -1, FORM_NONE, -1, false, -EAGAIN},
	{"socketcall", WAIT_GUESS, -1, FORM_NONE, -1, false, -EAGAIN},
	{"write", WAIT_TRANSFER, -1, FORM_NONE, -1, true, 0},
	{"writev", WAIT_TRANSFER, -1, FORM_NONE, -1, true, 0},
	{"pwrite64", WAIT_TRANSFER, -1, FORM_NONE, -1, true, 0},
	{"pwritev", WAIT_TRANSFER, -1, FORM_NONE, -1, true, 0},
	{"pwritev2", WAIT_TRANSFER, -1, FORM_NONE, -1, true, 0},
	{"send", WAIT_TRANSFER, -1, FORM_NONE, -1, true, 0},
	{"sendto", WAIT_TRANSFER, -1, FORM_NONE, -1, true, 0},
	{"sendmsg", WAIT_TRANSFER, -1, FORM_NONE, -1, true, 0},
	{"sendmmsg", WAIT_TRANSFER, -1, FORM_NONE, -1, true, 0},
	{"sendfile", WAIT_TRANSFER, -1, FORM_NONE, -1, true, 0},
	{"sendfile64", WAIT_TRANSFER, -1, FORM_NONE, -1, true, 0},
	{"splice", WAIT_TRANSFER, -1, FORM_NONE, -1, true, 0},
	{"tee", WAIT_TRANSFER, -1, FORM_NONE, -1, true, 0},
	{"vmsplice", WAIT_TRANSFER, -1, FORM_NONE, -1, true, 0},
	{"copy_file_range", WAIT_TRANSFER, -1, FORM_NONE, -1, true, 0},
};

/* By ABI and number: index into the table plus one. */
static uint8_t by_number[STL_ABI_UNKNOWN][STL_MAX_NUMBER];

void waits_prepare(void)
{
	for (int abi = 0; abi < STL_ABI_UNKNOWN; abi++) {
		for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
			int number = stl_syscall_number(abi, table[i].name);

			if (number >= 0 && number < STL_MAX_NUMBER)
				by_number[abi][number] = (uint8_t)(i + 1);
		}
	}
}

const struct wait_call *wait_call_find(int abi, int number)
{
	if (abi < 0 || abi >= STL_ABI_UNKNOWN || number < 0 || number >= STL_MAX_NUMBER)
		return NULL;
	uint8_t index = by_number[abi][number];

	return index ? &table[index - 1] : NULL;
}

static int64_t timespec_in(pid_t tid, int abi, int form, uint64_t address, _Atomic uint64_t *until_ns)
{
	union {
		int64_t wide[2];
		int32_t narrow[2];
	} value;
	bool narrow = abi == STL_ABI_I386 && form == FORM_TIMESPEC;
	size_t size = narrow ? sizeof(value.narrow) : sizeof(value.wide);

	if (probe_memory(tid, address, &value, size, until_ns) < 0)
		return WAIT_UNKNOWN;
	int64_t seconds = narrow ? value.narrow[0] : value.wide[0];
	int64_t nanoseconds = narrow ? value.narrow[1] : value.wide[1];

	if (seconds < 0 || nanoseconds < 0 || nanoseconds >= 1000000000)
		return WAIT_UNKNOWN;
	if (seconds > 1000000000)
		return WAIT_FOREVER;
	return seconds * 1000000000 + nanoseconds;
}

static int64_t socket_timeout(pid_t tid, int descriptor, bool sends, _Atomic uint64_t *until_ns)
{
	int64_t timeout;

	switch (probe_socket_timeout(tid, descriptor, sends, &timeout, until_ns)) {
	case 0:
		return timeout > 0 ? timeout : WAIT_FOREVER;
	case -ENOTSOCK:
		return WAIT_FOREVER;
	default:
		return WAIT_UNKNOWN;
	}
}

int64_t wait_call_timeout(const struct wait_call *call, int abi, pid_t tid, const uint64_t args[6],
                          _Atomic uint64_t *until_ns)
{
	switch (call->kind) {
	case WAIT_SOCKET:
		return socket_timeout(tid, (int)args[0], call->sends, until_ns);
	case WAIT_REWOUND:
		break;
	default:
		return WAIT_UNKNOWN;
	}
	if (call->timeout_arg < 0)
		return WAIT_FOREVER;
	uint64_t value = args[call->timeout_arg];

	if (call->timeout_form == FORM_MS)
		return (int32_t)value < 0 ? WAIT_FOREVER : (int64_t)(int32_t)value * 1000000;
	return value ? timespec_in(tid, abi, call->timeout_form, value, until_ns) : WAIT_FOREVER;
}

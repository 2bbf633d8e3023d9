/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "changes.h"

#include <fcntl.h>
#include <linux/net.h>

bool changes_names(enum call_id call)
{
	switch (call) {
	case CALL_rename:
	case CALL_renameat:
	case CALL_renameat2:
	case CALL_unlink:
	case CALL_unlinkat:
	case CALL_rmdir:
	case CALL_chroot:
	case CALL_pivot_root:
	case CALL_mount:
	case CALL_move_mount:
	case CALL_umount:
	case CALL_umount2:
	case CALL_setns:
		return true;
	default:
		return false;
	}
}

bool changes_addresses(enum call_id call, const uint64_t args[6])
{
	if (call == CALL_socketcall)
		return (uint32_t)args[0] >= SYS_BIND && (uint32_t)args[0] <= SYS_LISTEN;
	return call == CALL_bind || call == CALL_connect || call == CALL_listen;
}

bool changes_range(enum call_id call, const uint64_t args[6], int32_t *first, int32_t *last)
{
	switch (call) {
	case CALL_close:
	case CALL_bind: /* what these change is the socket's addresses */
	case CALL_connect:
	case CALL_listen:
		*first = *last = (int32_t)args[0];
		return true;
	case CALL_dup2:
	case CALL_dup3:
		*first = *last = (int32_t)args[1];
		return true;
	case CALL_close_range:
		/* unsigned ints: fs/file.c */
		*first = (uint32_t)args[0] > INT32_MAX ? INT32_MAX : (int32_t)args[0];
		*last = (uint32_t)args[1] > INT32_MAX ? INT32_MAX : (int32_t)args[1];
		return *first <= *last;
	case CALL_chdir:
	case CALL_fchdir:
		*first = *last = AT_FDCWD;
		return true;
	case CALL_socketcall:
		*first = INT32_MIN;
		*last = INT32_MAX;
		return changes_addresses(call, args);
	case CALL_unshare:
		*first = INT32_MIN;
		*last = INT32_MAX;
		return true;
	default:
		return false;
	}
}

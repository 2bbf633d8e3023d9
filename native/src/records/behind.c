/* SPDX-License-Identifier: Apache-2.0 */
#include "records/behind.h"

#include <linux/net.h>
#include <stddef.h>

#include "stracelet.h"

static const uint16_t socket_calls[] = {
	[SYS_SOCKET] = CALL_socket,
	[SYS_BIND] = CALL_bind,
	[SYS_CONNECT] = CALL_connect,
	[SYS_LISTEN] = CALL_listen,
	[SYS_ACCEPT] = CALL_accept,
	[SYS_GETSOCKNAME] = CALL_getsockname,
	[SYS_GETPEERNAME] = CALL_getpeername,
	[SYS_SOCKETPAIR] = CALL_socketpair,
	[SYS_SEND] = CALL_send,
	[SYS_RECV] = CALL_recv,
	[SYS_SENDTO] = CALL_sendto,
	[SYS_RECVFROM] = CALL_recvfrom,
	[SYS_SHUTDOWN] = CALL_shutdown,
	[SYS_SETSOCKOPT] = CALL_setsockopt,
	[SYS_GETSOCKOPT] = CALL_getsockopt,
	[SYS_SENDMSG] = CALL_sendmsg,
	[SYS_RECVMSG] = CALL_recvmsg,
	[SYS_ACCEPT4] = CALL_accept4,
	[SYS_RECVMMSG] = CALL_recvmmsg,
	[SYS_SENDMMSG] = CALL_sendmmsg,
};

struct call_behind call_behind(int abi, enum call_id call, const uint64_t args[6])
{
	uint32_t which = (uint32_t)args[0];
	struct call_behind behind = {.call = call};

	if (call == CALL_socketcall && which < sizeof(socket_calls) / sizeof(*socket_calls) && socket_calls[which]) {
		behind.call = (enum call_id)socket_calls[which];
		behind.address = args[1];
	} else if (call == CALL_select && abi == STL_ABI_I386) {
		behind.call = CALL__newselect;
		behind.address = args[0];
	}
	if (behind.call != call)
		behind.count = calls[behind.call].count;
	return behind;
}

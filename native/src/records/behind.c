/* SPDX-License-Identifier: Apache-2.0 */
#include "records/behind.h"

#include <linux/net.h>
#include <stddef.h>

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

enum call_id call_behind(enum call_id call, uint64_t first, unsigned *count)
{
	uint32_t which = (uint32_t)first;

	*count = 0;
	if (call != CALL_socketcall || which >= sizeof(socket_calls) / sizeof(*socket_calls) || !socket_calls[which])
		return call;
	*count = calls[socket_calls[which]].count;
	return (enum call_id)socket_calls[which];
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Sockets: their making, their addresses, data without a struct msghdr around it.
 */
#include "decode/network.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <linux/net.h>
#include <string.h>
#include <sys/socket.h>

#include "constants/network.h"
#include "records/behind.h"

#define SOCKET_TYPE_MASK 0xfu /* include/linux/net.h: SOCK_TYPE_MASK */

static const struct {
	int family;
	const struct constants *protocols;
} protocols[] = {
	{AF_INET, &inet_protocols},       {AF_INET6, &inet_protocols},
	{AF_NETLINK, &netlink_protocols}, {AF_BLUETOOTH, &bluetooth_protocols},
	{AF_CAN, &can_protocols},         {AF_CAIF, &caif_protocols},
	{AF_NFC, &nfc_protocols},         {AF_KCM, &kcm_protocols},
	{AF_PHONET, &phonet_protocols},   {AF_SMC, &smc_protocols},
	{AF_ISDN, &isdn_protocols},       {AF_IRDA, &irda_protocols},
	{AF_AX25, &ax25_protocols},       {AF_RXRPC, &address_families},
};

static void print_protocol(struct decoder *d, uint32_t family, uint32_t protocol)
{
	if (family == AF_PACKET) {
		print_ethernet_protocol(d, (uint16_t)protocol);
		return;
	}
	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++) {
		if ((uint32_t)protocols[i].family == family) {
			print_constant(d, protocols[i].protocols, protocol);
			return;
		}
	}
	print_unsigned(d, protocol);
}

/* The type, and flags in the same int. */
static void print_socket_type(struct decoder *d, uint32_t value)
{
	uint32_t type = value & SOCKET_TYPE_MASK, flags = value & ~SOCKET_TYPE_MASK;

	if (!constant_name(&socket_types, type)) {
		print_flags_with(d, &socket_types, SOCKET_TYPE_MASK, &socket_flags, value);
		return;
	}
	print_constant(d, &socket_types, type);
	if (flags) {
		print_text(d, "|");
		print_flags(d, &socket_flags, flags);
	}
}

static void decode_socket(struct decoder *d)
{
	if (!entering(d)) {
		result_is(d, RESULT_FD);
		return;
	}
	argument(d);
	print_constant(d, &address_families, (uint32_t)d->args[0]);
	argument(d);
	print_socket_type(d, (uint32_t)d->args[1]);
	argument(d);
	print_protocol(d, (uint32_t)d->args[0], (uint32_t)d->args[2]);
}

static void decode_socketpair(struct decoder *d)
{
	int32_t pair[2];

	if (entering(d)) {
		argument(d);
		print_constant(d, &address_families, (uint32_t)d->args[0]);
		argument(d);
		print_socket_type(d, (uint32_t)d->args[1]);
		argument(d);
		print_unsigned(d, (uint32_t)d->args[2]);
		return;
	}
	argument(d);
	if (failed(d) || !fetch(d, d->args[3], pair, sizeof(pair))) {
		print_address(d, d->args[3]);
		return;
	}
	print_text(d, "[");
	print_fd(d, (uint64_t)pair[0]);
	print_text(d, ", ");
	print_fd(d, (uint64_t)pair[1]);
	print_text(d, "]");
}

/* bind(2), connect(2) */
static void decode_address(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_fd(d, d->args[0]);
	argument(d);
	print_sockaddr(d, d->args[1], d->args[2]);
	argument(d);
	print_signed(d, (int32_t)d->args[2]);
}

static void decode_listen(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_fd(d, d->args[0]);
	argument(d);
	print_signed(d, (int32_t)d->args[1]);
}

static void decode_shutdown(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_fd(d, d->args[0]);
	argument(d);
	print_constant(d, &shutdown_modes, (uint32_t)d->args[1]);
}

/* An address that the kernel gives, and its length: how much room there was, and how much it needed. */
static void print_given_address(struct decoder *d, uint64_t address, uint64_t length_address)
{
	int32_t room, size;

	argument(d);
	if (!address || !length_address || !fetch_entry(d, length_address, &room, sizeof(room))) {
		print_address(d, address);
		argument(d);
		print_address(d, length_address);
		return;
	}
	if (failed(d) || !fetch(d, length_address, &size, sizeof(size))) {
		print_address(d, address);
		size = room;
	} else {
		print_sockaddr(d, address, (uint32_t)(size < room ? size : room));
	}
	argument(d);
	if (size != room)
		print(d, "[%" PRId32 " => %" PRId32 "]", room, size);
	else
		print(d, "[%" PRId32 "]", room);
}

/* getsockname(2), getpeername(2) */
static void decode_name(struct decoder *d)
{
	if (entering(d)) {
		argument(d);
		print_fd(d, d->args[0]);
	} else {
		print_given_address(d, d->args[1], d->args[2]);
	}
}

static void decode_accept(struct decoder *d)
{
	decode_name(d);
	result_is(d, RESULT_FD);
}

static void decode_accept4(struct decoder *d)
{
	decode_accept(d);
	if (entering(d))
		return;
	argument(d);
	print_flags(d, &socket_flags, (uint32_t)d->args[3]);
}

static void send_data(struct decoder *d)
{
	argument(d);
	print_fd(d, d->args[0]);
	argument(d);
	print_payload(d, d->args[0], d->args[1], d->args[2]);
	argument(d);
	print_unsigned(d, d->args[2]);
	argument(d);
	print_flags(d, &message_flags, (uint32_t)d->args[3]);
}

static void decode_send(struct decoder *d)
{
	if (entering(d))
		send_data(d);
}

static void decode_sendto(struct decoder *d)
{
	if (!entering(d))
		return;
	send_data(d);
	argument(d);
	print_sockaddr(d, d->args[4], d->args[5]);
	argument(d);
	print_signed(d, (int32_t)d->args[5]);
}

static void decode_recv(struct decoder *d)
{
	if (entering(d)) {
		argument(d);
		print_fd(d, d->args[0]);
		return;
	}
	argument(d);
	if (failed(d))
		print_address(d, d->args[1]);
	else /* with MSG_TRUNC the result may be more than there was room for */
		print_payload(d, d->args[0], d->args[1],
		              (uint64_t)d->result < d->args[2] ? (uint64_t)d->result : d->args[2]);
	argument(d);
	print_unsigned(d, d->args[2]);
	argument(d);
	print_flags(d, &message_flags, (uint32_t)d->args[3]);
}

static void decode_recvfrom(struct decoder *d)
{
	decode_recv(d);
	if (!entering(d))
		print_given_address(d, d->args[4], d->args[5]);
}

/* sethostname(2), setdomainname(2): printed when they have succeeded, as what was passed need be no string. */
static void decode_set_name(struct decoder *d)
{
	unsigned char name[65]; /* __NEW_UTS_LEN and one */
	uint64_t size = (uint32_t)d->args[1];

	if (entering(d))
		return;
	argument(d);
	if (failed(d) || size > sizeof(name) || (size && !fetch(d, d->args[0], name, (size_t)size)))
		print_address(d, d->args[0]);
	else
		print_quoted(d, name, (size_t)size, d->options->string_limit, false);
	argument(d);
	print_unsigned(d, size);
}

/* ---- i386's socketcall(2) ------------------------------------------------------------------------------------- */

static void decode_socketcall(struct decoder *d)
{
	struct call_behind behind = call_behind(d->abi, CALL_socketcall, d->args);
	uint64_t args[6] = {0};
	bool known = behind.count != 0;

	for (unsigned i = 0; i < behind.count && known; i++)
		known = fetch_word(d, behind.address + i * d->word, &args[i]);
	if (known) {
		decode_as(d, behind.call, args);
		return;
	}
	if (!entering(d))
		return;
	argument(d);
	if (constant_name(&socketcall_calls, (uint32_t)d->args[0]))
		print_constant(d, &socketcall_calls, (uint32_t)d->args[0]);
	else
		print_signed(d, (int32_t)d->args[0]);
	argument(d);
	print_address(d, d->args[1]);
}

const struct decoder_entry network_decoders[] = {
	{CALL_accept, decode_accept},
	{CALL_accept4, decode_accept4},
	{CALL_bind, decode_address},
	{CALL_connect, decode_address},
	{CALL_epoll_ctl, decode_epoll_ctl},
	{CALL_epoll_pwait, decode_epoll_pwait},
	{CALL_epoll_pwait2, decode_epoll_pwait2},
	{CALL_epoll_wait, decode_epoll_wait},
	{CALL_getpeername, decode_name},
	{CALL_getsockname, decode_name},
	{CALL_getsockopt, decode_getsockopt},
	{CALL_listen, decode_listen},
	{CALL__newselect, decode_select},
	{CALL_poll, decode_poll},
	{CALL_ppoll, decode_ppoll},
	{CALL_ppoll_time64, decode_ppoll_time64},
	{CALL_pselect6, decode_pselect6},
	{CALL_pselect6_time64, decode_pselect6_time64},
	{CALL_recv, decode_recv},
	{CALL_recvfrom, decode_recvfrom},
	{CALL_recvmmsg, decode_recvmmsg},
	{CALL_recvmmsg_time64, decode_recvmmsg_time64},
	{CALL_recvmsg, decode_recvmsg},
	{CALL_select, decode_select},
	{CALL_send, decode_send},
	{CALL_sendmmsg, decode_sendmmsg},
	{CALL_sendmsg, decode_sendmsg},
	{CALL_sendto, decode_sendto},
	{CALL_setdomainname, decode_set_name},
	{CALL_sethostname, decode_set_name},
	{CALL_setsockopt, decode_setsockopt},
	{CALL_shutdown, decode_shutdown},
	{CALL_socket, decode_socket},
	{CALL_socketcall, decode_socketcall},
	{CALL_socketpair, decode_socketpair},
	{CALL_UNKNOWN, NULL},
};

/* SPDX-License-Identifier: Apache-2.0
 *
 * getsockopt(2) and setsockopt(2): names of every level, values of the options that have a form of their own. Of the rest
 * 4 bytes are taken for an int, anything else for bytes.
 */
#include <inttypes.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "constants/network.h"
#include "decode/network.h"

#define LEVEL_ICMP_FILTER 1 /* linux/icmp.h: the one option of SOL_RAW */
#define VALUE_MOST 512

enum value_form {
	FORM_ANY, /* an int, or bytes */
	FORM_INT,
	FORM_ERROR,
	FORM_TXREHASH,
	FORM_LINGER,
	FORM_CREDENTIALS,
	FORM_FILTER,
	FORM_MEMBERSHIP,
	FORM_MEMBERSHIP6,
	FORM_GROUP,
	FORM_ICMP_FILTER,
	FORM_PACKET_STATISTICS,
	FORM_PACKET_RING,
	FORM_PACKET_MEMBERSHIP,
	FORM_INTS,
};

struct option_form {
	uint32_t level, name;
	enum value_form set, get;
};

static const struct option_form forms[] = {
	{SOL_SOCKET, SO_ERROR, FORM_ANY, FORM_ERROR},
	{SOL_SOCKET, SO_LINGER, FORM_LINGER, FORM_LINGER},
	{SOL_SOCKET, SO_PEERCRED, FORM_ANY, FORM_CREDENTIALS},
	{SOL_SOCKET, SO_ATTACH_FILTER, FORM_FILTER, FORM_FILTER},
	{SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, FORM_FILTER, FORM_ANY},
	{SOL_SOCKET, 74, FORM_TXREHASH, FORM_TXREHASH}, /* SO_TXREHASH, which older headers lack */
	{SOL_IP, IP_ADD_MEMBERSHIP, FORM_MEMBERSHIP, FORM_ANY},
	{SOL_IP, IP_DROP_MEMBERSHIP, FORM_MEMBERSHIP, FORM_ANY},
	{SOL_IP, MCAST_JOIN_GROUP, FORM_GROUP, FORM_ANY},
	{SOL_IP, MCAST_LEAVE_GROUP, FORM_GROUP, FORM_ANY},
	{SOL_IPV6, IPV6_ADD_MEMBERSHIP, FORM_MEMBERSHIP6, FORM_ANY},
	{SOL_IPV6, IPV6_DROP_MEMBERSHIP, FORM_MEMBERSHIP6, FORM_ANY},
	{SOL_IPV6, IPV6_JOIN_ANYCAST, FORM_MEMBERSHIP6, FORM_ANY},
	{SOL_IPV6, IPV6_LEAVE_ANYCAST, FORM_MEMBERSHIP6, FORM_ANY},
	{SOL_IPV6, MCAST_JOIN_GROUP, FORM_GROUP, FORM_ANY},
	{SOL_IPV6, MCAST_LEAVE_GROUP, FORM_GROUP, FORM_ANY},
	{SOL_RAW, LEVEL_ICMP_FILTER, FORM_ICMP_FILTER, FORM_ICMP_FILTER},
	{SOL_PACKET, PACKET_STATISTICS, FORM_ANY, FORM_PACKET_STATISTICS},
	{SOL_PACKET, PACKET_RX_RING, FORM_PACKET_RING, FORM_ANY},
	{SOL_PACKET, PACKET_TX_RING, FORM_PACKET_RING, FORM_ANY},
	{SOL_PACKET, PACKET_ADD_MEMBERSHIP, FORM_PACKET_MEMBERSHIP, FORM_ANY},
	{SOL_PACKET, PACKET_DROP_MEMBERSHIP, FORM_PACKET_MEMBERSHIP, FORM_ANY},
	{SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, FORM_INT, FORM_INTS},
};

static const struct {
	uint32_t level;
	const struct constants *names;
} levels[] = {
	{SOL_IP, &ip_options},       {SOL_SOCKET, &socket_options},     {SOL_TCP, &tcp_options},
	{IPPROTO_UDP, &udp_options}, {SOL_IPV6, &ipv6_options},         {IPPROTO_SCTP, &sctp_options},
	{SOL_RAW, &raw_options},     {SOL_PACKET, &packet_options},     {SOL_LLC, &llc_options},
	{SOL_DCCP, &dccp_options},   {SOL_NETLINK, &netlink_options},   {SOL_TIPC, &tipc_options},
	{SOL_RXRPC, &rxrpc_options}, {SOL_PPPOL2TP, &pppol2tp_options}, {SOL_BLUETOOTH, &bluetooth_options},
	{SOL_RDS, &rds_options},     {SOL_CAIF, &caif_options},         {SOL_ALG, &alg_options},
	{SOL_NFC, &nfc_options},     {SOL_KCM, &kcm_options},           {SOL_TLS, &tls_options},
	{SOL_XDP, &xdp_options},
};

/* Which options of SOL_SOCKET the kernel takes as an int and nothing else. */
static bool is_int(uint32_t level, uint32_t name)
{
	return level == SOL_NETLINK || (level == SOL_SOCKET && constant_name(&socket_int_options, name));
}

static enum value_form form_of(uint32_t level, uint32_t name, bool set)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		if (forms[i].level == level && forms[i].name == name)
			return set ? forms[i].set : forms[i].get;
	}
	return is_int(level, name) ? FORM_INT : FORM_ANY;
}

/* What is called otherwise when it is got than when it is set. */
static const struct constants *got_names(uint32_t level, uint32_t name)
{
	if (level == SOL_SOCKET && name == SO_ATTACH_FILTER)
		return &socket_get_options;
	if (level == SOL_IP && constant_name(&ip_get_options, name))
		return &ip_get_options;
	if (level == SOL_IPV6 && constant_name(&ipv6_get_options, name))
		return &ipv6_get_options;
	return NULL;
}

static void print_option(struct decoder *d, uint32_t level, uint32_t name, bool set)
{
	const struct constants *names = set ? NULL : got_names(level, name);

	argument(d);
	print_constant(d, &socket_levels, level);
	argument(d);
	for (size_t i = 0; i < sizeof(levels) / sizeof(*levels) && !names; i++) {
		if (levels[i].level == level)
			names = levels[i].names;
	}
	if (names)
		print_constant(d, names, name);
	else
		print_unsigned(d, name);
}

/* ---- values --------------------------------------------------------------------------------------------- */

struct value {
	uint64_t address;
	uint32_t size; /* of what the kernel took or gave */
	unsigned char bytes[VALUE_MOST];
	size_t there; /* of the bytes */
};

static int32_t int_of(const struct value *value, size_t offset)
{
	int32_t number;

	memcpy(&number, value->bytes + offset, sizeof(number));
	return number;
}

/* A field of which the kernel may have given a part only: false: nothing of it. */
static bool begin_int(struct decoder *d, const struct value *value, size_t offset, const char *name)
{
	if (value->size <= offset)
		return false;
	field(d, name);
	if (value->size >= offset + sizeof(int32_t))
		return true;
	print_hex_string(d, value->bytes + offset, value->size - offset);
	return false;
}

static void print_linger(struct decoder *d, const struct value *value)
{
	begin_struct(d);
	if (begin_int(d, value, 0, "l_onoff"))
		print_signed(d, int_of(value, 0));
	if (begin_int(d, value, 4, "l_linger"))
		print_signed(d, int_of(value, 4));
	end_struct(d);
}

static void print_credentials(struct decoder *d, const struct value *value)
{
	begin_struct(d);
	if (begin_int(d, value, 0, "pid"))
		print_pid(d, (uint64_t)int_of(value, 0));
	if (begin_int(d, value, 4, "uid"))
		print_id(d, (uint32_t)int_of(value, 4));
	if (begin_int(d, value, 8, "gid"))
		print_id(d, (uint32_t)int_of(value, 8));
	end_struct(d);
}

static void print_packet_statistics(struct decoder *d, const struct value *value)
{
	static const char *const names[] = {"tp_packets", "tp_drops", "tp_freeze_q_cnt"};

	begin_struct(d);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (begin_int(d, value, i * 4, names[i]))
			print_unsigned(d, (uint32_t)int_of(value, i * 4));
	}
	end_struct(d);
}

static void print_membership(struct decoder *d, const struct value *value)
{
	begin_struct(d);
	field(d, "imr_multiaddr");
	print_inet_address(d, value->bytes);
	field(d, "imr_interface");
	print_inet_address(d, value->bytes + 4);
	end_struct(d);
}

static void print_membership6(struct decoder *d, const struct value *value)
{
	begin_struct(d);
	print_inet6_field(d, "ipv6mr_multiaddr", value->bytes);
	field(d, "ipv6mr_interface");
	print_interface(d, (uint32_t)int_of(value, 16));
	end_struct(d);
}

/* struct group_req: the address is aligned as a long is. */
static void print_group(struct decoder *d, const struct value *value)
{
	begin_struct(d);
	field(d, "gr_interface");
	print_interface(d, (uint32_t)int_of(value, 0));
	field(d, "gr_group");
	print_sockaddr_bytes(d, value->bytes + d->word, ADDRESS_MOST);
	end_struct(d);
}

static void print_packet_ring(struct decoder *d, const struct value *value)
{
	static const char *const names[] = {"tp_block_size", "tp_block_nr", "tp_frame_size", "tp_frame_nr"};

	begin_struct(d);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		field(d, names[i]);
		print_unsigned(d, (uint32_t)int_of(value, i * 4));
	}
	end_struct(d);
}

static void print_packet_membership(struct decoder *d, const struct value *value)
{
	struct packet_mreq request;

	memcpy(&request, value->bytes, sizeof(request));
	begin_struct(d);
	field(d, "mr_ifindex");
	print_interface(d, (uint32_t)request.mr_ifindex);
	field(d, "mr_type");
	print_constant(d, &packet_membership_types, request.mr_type);
	field(d, "mr_alen");
	print_unsigned(d, request.mr_alen);
	field(d, "mr_address");
	print_hardware_address(d, request.mr_address,
	                       request.mr_alen < sizeof(request.mr_address) ? request.mr_alen
	                                                                    : sizeof(request.mr_address));
	end_struct(d);
}

/* struct icmp_filter: a bit for each type; those that are fewer are shown. */
static void print_icmp_filter(struct decoder *d, const struct value *value)
{
	uint32_t types = UINT32_MAX, shown;
	bool any = false;

	memcpy(&types, value->bytes, value->size < sizeof(types) ? value->size : sizeof(types));
	shown = __builtin_popcount(types) > 16 ? ~types : types;
	print_text(d, shown == types ? "[" : "~[");
	for (unsigned bit = 0; bit < 32; bit++) {
		if (!(shown & 1u << bit))
			continue;
		if (any)
			print_text(d, " ");
		any = true;
		print_constant(d, &icmp_types, bit);
	}
	print_text(d, "]");
}

static void print_error_value(struct decoder *d, const struct value *value)
{
	print_text(d, "[");
	if (int_of(value, 0) > 0 && stl_errno_name(int_of(value, 0)))
		print_errno(d, int_of(value, 0));
	else
		print_signed(d, int_of(value, 0));
	print_text(d, "]");
}

static void print_txrehash(struct decoder *d, const struct value *value)
{
	const char *name = constant_name(&txrehash_values, (uint32_t)int_of(value, 0));

	print_text(d, "[");
	if (name) {
		print_constant(d, &txrehash_values, (uint32_t)int_of(value, 0));
	} else {
		print_signed(d, int_of(value, 0));
		if (d->options->constants != STL_CONSTANTS_RAW)
			print_comment(d, "%s", txrehash_values.unknown);
	}
	print_text(d, "]");
}

static void print_ints(struct decoder *d, const struct value *value)
{
	print_text(d, "[");
	for (size_t i = 0; i + 4 <= value->there; i += 4)
		print(d, "%s%" PRIu32, i ? ", " : "", (uint32_t)int_of(value, i));
	print_text(d, "]");
}

static void print_any(struct decoder *d, const struct value *value)
{
	if (value->size == sizeof(int32_t)) {
		print(d, "[%" PRId32 "]", int_of(value, 0));
		return;
	}
	/* of many options it is a key */
	if (d->options->flags & STL_PRINT_NO_DATA) {
		print_address(d, value->address);
		return;
	}
	size_t limit = d->options->string_limit, shown = value->there < limit ? value->there : limit;

	print_shown(d, value->bytes, value->there, shown);
	if (value->size > shown)
		print_text(d, "...");
}

/* How many bytes a form needs; of what is got a part may be shown too. */
static size_t size_of(const struct decoder *d, enum value_form form)
{
	switch (form) {
	case FORM_LINGER:
	case FORM_MEMBERSHIP:
		return 8;
	case FORM_INT:
	case FORM_ERROR:
	case FORM_TXREHASH:
		return sizeof(int32_t);
	case FORM_MEMBERSHIP6:
		return 20;
	case FORM_PACKET_RING:
	case FORM_PACKET_MEMBERSHIP:
		return 16;
	case FORM_GROUP:
		return d->word + ADDRESS_MOST;
	case FORM_FILTER:
		return 2 * d->word;
	default:
		return 1;
	}
}

static void print_form(struct decoder *d, enum value_form form, const struct value *value)
{
	switch (form) {
	case FORM_INT:
		print(d, "[%" PRId32 "]", int_of(value, 0));
		break;
	case FORM_ERROR:
		print_error_value(d, value);
		break;
	case FORM_TXREHASH:
		print_txrehash(d, value);
		break;
	case FORM_LINGER:
		print_linger(d, value);
		break;
	case FORM_CREDENTIALS:
		print_credentials(d, value);
		break;
	case FORM_MEMBERSHIP:
		print_membership(d, value);
		break;
	case FORM_MEMBERSHIP6:
		print_membership6(d, value);
		break;
	case FORM_GROUP:
		print_group(d, value);
		break;
	case FORM_ICMP_FILTER:
		print_icmp_filter(d, value);
		break;
	case FORM_PACKET_STATISTICS:
		print_packet_statistics(d, value);
		break;
	case FORM_PACKET_RING:
		print_packet_ring(d, value);
		break;
	case FORM_PACKET_MEMBERSHIP:
		print_packet_membership(d, value);
		break;
	case FORM_INTS:
		print_ints(d, value);
		break;
	default:
		print_any(d, value);
	}
}

/* What of the value was captured; false: not as much as is shown of it. */
static bool fetch_value(const struct decoder *d, struct value *value, size_t needed)
{
	size_t wanted = value->size < sizeof(value->bytes) ? value->size : sizeof(value->bytes);

	memset(value->bytes, 0, sizeof(value->bytes));
	value->there = fetch_some(d, value->address, value->bytes, wanted);
	return value->address && value->there >= (needed < wanted ? needed : wanted);
}

/* ---- the calls ------------------------------------------------------------------------------------------- */

static void print_set_filter(struct decoder *d, uint64_t address)
{
	uint16_t length;
	uint64_t instructions;

	if (!fetch(d, address, &length, sizeof(length)) || !fetch_word(d, address + d->word, &instructions)) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field(d, "len");
	print_unsigned(d, length);
	field(d, "filter");
	print_filter(d, instructions, length);
	end_struct(d);
}

/* strace(1) takes a longer value for something else. */
static bool is_exact(enum value_form form)
{
	return form == FORM_FILTER || form == FORM_PACKET_RING || form == FORM_PACKET_MEMBERSHIP;
}

static void print_set_value(struct decoder *d, enum value_form form, uint64_t address, int32_t size)
{
	struct value value = {.address = address, .size = (uint32_t)size};
	size_t least = size_of(d, form), limit = d->options->string_limit;

	if (form == FORM_ANY)
		least = 0;
	if (size < 0 || (size_t)size < least || (is_exact(form) && (size_t)size > least)) {
		print_address(d, address);
		return;
	}
	if (form == FORM_FILTER) {
		print_set_filter(d, address);
		return;
	}
	if (!fetch_value(d, &value, form != FORM_ANY || size == 4 ? least + 4 : limit))
		print_address(d, address);
	else
		print_form(d, form, &value);
}

void decode_setsockopt(struct decoder *d)
{
	uint32_t level = (uint32_t)d->args[1], name = (uint32_t)d->args[2];

	if (!entering(d))
		return;
	argument(d);
	print_fd(d, d->args[0]);
	print_option(d, level, name, true);
	argument(d);
	print_set_value(d, form_of(level, name, true), d->args[3], (int32_t)d->args[4]);
	argument(d);
	print_signed(d, (int32_t)d->args[4]);
}

/* Of a form with several fields the kernel may give the first only. */
static bool may_be_part(enum value_form form)
{
	return form == FORM_LINGER || form == FORM_CREDENTIALS || form == FORM_PACKET_STATISTICS ||
	       form == FORM_ICMP_FILTER || form == FORM_ANY || form == FORM_INTS;
}

static void print_got_value(struct decoder *d, enum value_form form, uint64_t address, int32_t room, int32_t size)
{
	struct value value = {.address = address, .size = (uint32_t)size};

	if (room < 0 || size < 0 || (size == 0 && form != FORM_INTS)) {
		print_address(d, address);
		return;
	}
	if (form == FORM_FILTER) {
		/* with no room the kernel tells how many there are, and gives none */
		if (room)
			print_filter(d, address, (uint32_t)size);
		else
			print_address(d, address);
		return;
	}
	if (form == FORM_INTS && size > room)
		value.size = (uint32_t)room;
	if ((form == FORM_INTS && !size) || !fetch_value(d, &value, 0))
		print_address(d, address);
	else if (!may_be_part(form) && value.size < size_of(d, form))
		print_hex_string(d, value.bytes, value.there);
	else
		print_form(d, form, &value);
}

void decode_getsockopt(struct decoder *d)
{
	uint32_t level = (uint32_t)d->args[1], name = (uint32_t)d->args[2];
	int32_t room, size;

	if (entering(d)) {
		argument(d);
		print_fd(d, d->args[0]);
		print_option(d, level, name, false);
		return;
	}
	argument(d);
	if (!d->args[4] || !fetch_entry(d, d->args[4], &room, sizeof(room))) {
		print_address(d, d->args[3]);
		argument(d);
		print_address(d, d->args[4]);
		return;
	}
	if (failed(d) || !fetch(d, d->args[4], &size, sizeof(size))) {
		print_address(d, d->args[3]);
		size = room;
	} else {
		print_got_value(d, form_of(level, name, false), d->args[3], room, size);
	}
	argument(d);
	if (size != room)
		print(d, "[%" PRId32 " => %" PRId32 "]", room, size);
	else
		print(d, "[%" PRId32 "]", room);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * NETLINK_ROUTE's messages (rtnetlink(7)): links, addresses, routes, neighbours.
 */
#include <inttypes.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "constants/network.h"
#include "decode/netlink.h"

static uint32_t u32_of(struct part data)
{
	uint32_t number = 0;

	memcpy(&number, data.bytes, sizeof(number));
	return number;
}

/* ---- what attributes hold -------------------------------------------------------------------------------------- */

static bool print_u8_data(struct decoder *d, struct part data, unsigned family)
{
	(void)family;
	if (data.size < 1)
		return false;
	print_unsigned(d, data.bytes[0]);
	return true;
}

static bool print_u32_data(struct decoder *d, struct part data, unsigned family)
{
	(void)family;
	if (data.size < sizeof(uint32_t))
		return false;
	print_unsigned(d, u32_of(data));
	return true;
}

static bool print_string_data(struct decoder *d, struct part data, unsigned family)
{
	size_t length = strnlen((const char *)data.bytes, data.size), limit = d->options->string_limit;

	(void)family;
	/* under -xx strace(1) takes the NUL for a byte like others */
	if (d->options->hex > 1)
		length = data.size;
	print_shown(d, data.bytes, length, length < limit ? length : limit);
	/* strace(1) reads as far as the limit, and has seen no end there */
	if (length == data.size || length >= limit)
		print_text(d, "...");
	return true;
}

static bool print_hardware_data(struct decoder *d, struct part data, unsigned family)
{
	(void)family;
	print_hardware_address(d, data.bytes, data.size < 256 ? data.size : 256);
	return true;
}

static bool print_address_data(struct decoder *d, struct part data, unsigned family)
{
	if (family == AF_INET && data.size >= 4)
		print_inet_address(d, data.bytes);
	else if (family == AF_INET6 && data.size >= 16)
		print_inet6_address(d, data.bytes, NULL);
	else
		return false;
	return true;
}

static bool print_interface_data(struct decoder *d, struct part data, unsigned family)
{
	(void)family;
	if (data.size < sizeof(uint32_t))
		return false;
	print_interface(d, u32_of(data));
	return true;
}

static bool print_table_data(struct decoder *d, struct part data, unsigned family)
{
	(void)family;
	if (data.size < sizeof(uint32_t))
		return false;
	print_constant(d, &route_tables, u32_of(data));
	return true;
}

static bool print_address_flags_data(struct decoder *d, struct part data, unsigned family)
{
	(void)family;
	if (data.size < sizeof(uint32_t))
		return false;
	print_flags(d, &address_flags, u32_of(data));
	return true;
}

static bool print_link_filter_data(struct decoder *d, struct part data, unsigned family)
{
	(void)family;
	if (data.size < sizeof(uint32_t))
		return false;
	print_flags(d, &link_filters, u32_of(data));
	return true;
}

/* A struct of numbers of one width, of which newer kernels have more: as many as there are. */
static bool print_numbers(struct decoder *d, struct part data, const char *const *names, size_t width, size_t least)
{
	if (data.size < least * width)
		return false;
	begin_struct(d);
	for (size_t i = 0; names[i] && (i + 1) * width <= data.size; i++) {
		uint64_t number = 0;

		memcpy(&number, data.bytes + i * width, width);
		field(d, names[i]);
		print_unsigned(d, number);
	}
	end_struct(d);
	return true;
}

static const char *const statistics[] = {"rx_packets",
                                         "tx_packets",
                                         "rx_bytes",
                                         "tx_bytes",
                                         "rx_errors",
                                         "tx_errors",
                                         "rx_dropped",
                                         "tx_dropped",
                                         "multicast",
                                         "collisions",
                                         "rx_length_errors",
                                         "rx_over_errors",
                                         "rx_crc_errors",
                                         "rx_frame_errors",
                                         "rx_fifo_errors",
                                         "rx_missed_errors",
                                         "tx_aborted_errors",
                                         "tx_carrier_errors",
                                         "tx_fifo_errors",
                                         "tx_heartbeat_errors",
                                         "tx_window_errors",
                                         "rx_compressed",
                                         "tx_compressed",
                                         "rx_nohandler",
                                         "rx_otherhost_dropped",
                                         NULL};

static bool print_statistics_data(struct decoder *d, struct part data, unsigned family)
{
	(void)family;
	/* struct rtnl_link_stats ends before rx_otherhost_dropped */
	if (data.size > 24 * sizeof(uint32_t))
		data.size = 24 * sizeof(uint32_t);
	return print_numbers(d, data, statistics, sizeof(uint32_t), 23);
}

static bool print_statistics64_data(struct decoder *d, struct part data, unsigned family)
{
	(void)family;
	return print_numbers(d, data, statistics, sizeof(uint64_t), 23);
}

static bool print_address_cache_data(struct decoder *d, struct part data, unsigned family)
{
	static const char *const names[] = {"ifa_prefered", "ifa_valid", "cstamp", "tstamp", NULL};

	(void)family;
	return print_numbers(d, data, names, sizeof(uint32_t), 4);
}

static bool print_route_cache_data(struct decoder *d, struct part data, unsigned family)
{
	static const char *const names[] = {"rta_clntref", "rta_lastuse", "rta_expires", "rta_error", "rta_used",
	                                    "rta_id",      "rta_ts",      "rta_tsage",   NULL};

	(void)family;
	return print_numbers(d, data, names, sizeof(uint32_t), 8);
}

static bool print_neighbour_cache_data(struct decoder *d, struct part data, unsigned family)
{
	static const char *const names[] = {"ndm_confirmed", "ndm_used", "ndm_updated", "ndm_refcnt", NULL};

	(void)family;
	return print_numbers(d, data, names, sizeof(uint32_t), 4);
}

static const struct attribute_form link_info_forms[] = {
	{IFLA_INFO_KIND, print_string_data}, {IFLA_INFO_SLAVE_KIND, print_string_data}, {0, NULL}};

static bool print_link_info_data(struct decoder *d, struct part data, unsigned family)
{
	static const struct attribute_kind kind = {&link_info_attributes, link_info_forms};

	print_attributes(d, data, &kind, family);
	return true;
}

/* ---- which attribute holds what ----------------------------------------------------------------------------------- */

static const struct attribute_form link_forms[] = {
	{IFLA_ADDRESS, print_hardware_data},
	{IFLA_BROADCAST, print_hardware_data},
	{IFLA_PERM_ADDRESS, print_hardware_data},
	{IFLA_IFNAME, print_string_data},
	{IFLA_QDISC, print_string_data},
	{IFLA_IFALIAS, print_string_data},
	{IFLA_PHYS_PORT_NAME, print_string_data},
	{IFLA_ALT_IFNAME, print_string_data},
	{IFLA_PARENT_DEV_NAME, print_string_data},
	{IFLA_PARENT_DEV_BUS_NAME, print_string_data},
	{IFLA_MTU, print_u32_data},
	{IFLA_LINK, print_u32_data},
	{IFLA_MASTER, print_u32_data},
	{IFLA_TXQLEN, print_u32_data},
	{IFLA_WEIGHT, print_u32_data},
	{IFLA_OPERSTATE, print_u8_data},
	{IFLA_LINKMODE, print_u8_data},
	{IFLA_LINKINFO, print_link_info_data},
	{IFLA_NET_NS_PID, print_u32_data},
	{IFLA_NUM_VF, print_u32_data},
	{IFLA_STATS, print_statistics_data},
	{IFLA_STATS64, print_statistics64_data},
	{IFLA_GROUP, print_u32_data},
	{IFLA_NET_NS_FD, print_u32_data},
	{IFLA_EXT_MASK, print_link_filter_data},
	{IFLA_PROMISCUITY, print_u32_data},
	{IFLA_ALLMULTI, print_u32_data},
	{IFLA_NUM_TX_QUEUES, print_u32_data},
	{IFLA_NUM_RX_QUEUES, print_u32_data},
	{IFLA_CARRIER, print_u8_data},
	{IFLA_CARRIER_CHANGES, print_u32_data},
	{IFLA_CARRIER_UP_COUNT, print_u32_data},
	{IFLA_CARRIER_DOWN_COUNT, print_u32_data},
	{IFLA_LINK_NETNSID, print_u32_data},
	{IFLA_PROTO_DOWN, print_u8_data},
	{IFLA_GSO_MAX_SEGS, print_u32_data},
	{IFLA_GSO_MAX_SIZE, print_u32_data},
	{IFLA_GRO_MAX_SIZE, print_u32_data},
	{IFLA_TSO_MAX_SIZE, print_u32_data},
	{IFLA_TSO_MAX_SEGS, print_u32_data},
	{IFLA_MIN_MTU, print_u32_data},
	{IFLA_MAX_MTU, print_u32_data},
	{0, NULL},
};

static const struct attribute_form address_forms[] = {
	{IFA_ADDRESS, print_address_data},   {IFA_LOCAL, print_address_data},
	{IFA_LABEL, print_string_data},      {IFA_BROADCAST, print_address_data},
	{IFA_ANYCAST, print_address_data},   {IFA_CACHEINFO, print_address_cache_data},
	{IFA_MULTICAST, print_address_data}, {IFA_FLAGS, print_address_flags_data},
	{IFA_RT_PRIORITY, print_u32_data},   {0, NULL},
};

static const struct attribute_form route_forms[] = {
	{RTA_DST, print_address_data},
	{RTA_SRC, print_address_data},
	{RTA_IIF, print_interface_data},
	{RTA_OIF, print_interface_data},
	{RTA_GATEWAY, print_address_data},
	{RTA_PRIORITY, print_u32_data},
	{RTA_PREFSRC, print_address_data},
	{RTA_CACHEINFO, print_route_cache_data},
	{RTA_TABLE, print_table_data},
	{RTA_MARK, print_u32_data},
	{RTA_PREF, print_u8_data},
	{RTA_UID, print_u32_data},
	{0, NULL},
};

static const struct attribute_form neighbour_forms[] = {
	{NDA_DST, print_address_data},
	{NDA_LLADDR, print_hardware_data},
	{NDA_CACHEINFO, print_neighbour_cache_data},
	{NDA_PROBES, print_u32_data},
	{NDA_IFINDEX, print_interface_data},
	{NDA_MASTER, print_interface_data},
	{0, NULL},
};

/* ---- structs --------------------------------------------------------------------------------------------------------- */

static void print_link(struct decoder *d, const unsigned char *bytes)
{
	struct ifinfomsg link;

	memcpy(&link, bytes, sizeof(link));
	field(d, "ifi_type");
	print_constant(d, &hardware_types, link.ifi_type);
	field(d, "ifi_index");
	print_interface(d, (uint32_t)link.ifi_index);
	field(d, "ifi_flags");
	print_flags(d, &interface_flags, link.ifi_flags);
	field(d, "ifi_change");
	print_hex(d, link.ifi_change);
}

static void print_interface_address(struct decoder *d, const unsigned char *bytes)
{
	struct ifaddrmsg address;

	memcpy(&address, bytes, sizeof(address));
	field(d, "ifa_prefixlen");
	print_unsigned(d, address.ifa_prefixlen);
	field(d, "ifa_flags");
	print_flags(d, &address_flags, address.ifa_flags);
	field(d, "ifa_scope");
	print_constant(d, &route_scopes, address.ifa_scope);
	field(d, "ifa_index");
	print_interface(d, address.ifa_index);
}

static void print_route(struct decoder *d, const unsigned char *bytes)
{
	struct rtmsg route;

	memcpy(&route, bytes, sizeof(route));
	field(d, "rtm_dst_len");
	print_unsigned(d, route.rtm_dst_len);
	field(d, "rtm_src_len");
	print_unsigned(d, route.rtm_src_len);
	field(d, "rtm_tos");
	print_flags(d, &route_services, route.rtm_tos);
	field(d, "rtm_table");
	print_constant(d, &route_tables, route.rtm_table);
	field(d, "rtm_protocol");
	print_constant(d, &route_protocols, route.rtm_protocol);
	field(d, "rtm_scope");
	print_constant(d, &route_scopes, route.rtm_scope);
	field(d, "rtm_type");
	print_constant(d, &route_kinds, route.rtm_type);
	field(d, "rtm_flags");
	print_flags(d, &route_flags, route.rtm_flags);
}

static void print_neighbour(struct decoder *d, const unsigned char *bytes)
{
	struct ndmsg neighbour;

	memcpy(&neighbour, bytes, sizeof(neighbour));
	field(d, "ndm_ifindex");
	print_interface(d, (uint32_t)neighbour.ndm_ifindex);
	field(d, "ndm_state");
	print_flags(d, &neighbour_states, neighbour.ndm_state);
	field(d, "ndm_flags");
	print_flags(d, &neighbour_flags, neighbour.ndm_flags);
	field(d, "ndm_type");
	print_constant(d, &route_kinds, neighbour.ndm_type);
}

static const struct route_message {
	unsigned first, last; /* types */
	const char *family;
	void (*print)(struct decoder *d, const unsigned char *bytes);
	size_t size;
	struct attribute_kind attributes;
} messages[] = {
	{RTM_NEWLINK, RTM_SETLINK, "ifi_family", print_link, sizeof(struct ifinfomsg), {&link_attributes, link_forms}},
	{RTM_NEWADDR,
         RTM_GETADDR,
         "ifa_family",
         print_interface_address,
         sizeof(struct ifaddrmsg),
         {&address_attributes, address_forms}},
	{RTM_NEWROUTE, RTM_GETROUTE, "rtm_family", print_route, sizeof(struct rtmsg), {&route_attributes, route_forms}},
	{RTM_NEWNEIGH,
         RTM_GETNEIGH,
         "ndm_family",
         print_neighbour,
         sizeof(struct ndmsg),
         {&neighbour_attributes, neighbour_forms}},
};

static void print_other(struct decoder *d, struct part part)
{
	begin_struct(d);
	field(d, "family");
	print_constant(d, &address_families, part.bytes[0]);
	if (part.size > 1) {
		field(d, "data");
		print_hex_part(d, (struct part){part.bytes + 1, part.size - 1});
	}
	end_struct(d);
}

/* Every struct begins with the family, which alone a request may have. */
void print_route_payload(struct decoder *d, unsigned type, struct part part)
{
	const struct route_message *message = messages, *end = messages + sizeof(messages) / sizeof(*messages);
	size_t used;

	while (message < end && (type < message->first || type > message->last))
		message++;
	if (message == end) {
		print_other(d, part);
		return;
	}
	begin_struct(d);
	field(d, message->family);
	print_constant(d, &address_families, part.bytes[0]);
	if (part.size < message->size) {
		end_struct_short(d);
		return;
	}
	message->print(d, part.bytes);
	end_struct(d);
	used = NLMSG_ALIGN(message->size);
	if (part.size <= used)
		return;
	print_text(d, ", ");
	print_attributes(d, (struct part){part.bytes + used, part.size - used}, &message->attributes, part.bytes[0]);
}

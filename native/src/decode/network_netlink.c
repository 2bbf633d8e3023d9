/* SPDX-License-Identifier: Apache-2.0
 *
 * Netlink's messages (netlink(7)): headers, errors, attributes.
 */
#include <inttypes.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "constants/network.h"
#include "decode/netlink.h"

#define HEADER sizeof(struct nlmsghdr)
#define ERROR_DEPTH 4 /* an error holds the message that it answers, which a task may send as well */

static void print_one(struct decoder *d, int protocol, struct part part, int depth);

static struct part part_of(struct part whole, size_t from, size_t size)
{
	struct part part = {whole.bytes + from, whole.size - from};

	if (part.size > size)
		part.size = size;
	return part;
}

bool is_netlink(const struct decoder *d, uint64_t fd, int *protocol)
{
	const struct stl_capture *capture = fetch_capture(d, (uint32_t)fd, CAPTURED_SOCKET);
	int32_t what[2];

	if (!capture || capture->size < sizeof(what))
		return false;
	memcpy(what, capture_bytes(capture), sizeof(what));
	*protocol = what[1];
	return what[0] == AF_NETLINK;
}

void print_hex_part(struct decoder *d, struct part part)
{
	size_t limit = d->options->string_limit, shown = part.size < limit ? part.size : limit;

	print_hex_string(d, part.bytes, shown);
	if (shown < part.size)
		print_text(d, "...");
}

/* ---- attributes -------------------------------------------------------------------------------------------- */

static void print_attribute_header(struct decoder *d, const struct nlattr *header, const struct constants *names)
{
	uint16_t type = header->nla_type & NLA_TYPE_MASK, flags = header->nla_type & (uint16_t)~NLA_TYPE_MASK;

	begin_struct(d);
	field(d, "nla_len");
	print_unsigned(d, header->nla_len);
	field(d, "nla_type");
	for (uint16_t flag = NLA_F_NESTED; flag & ~NLA_TYPE_MASK; flag >>= 1) {
		if (!(flags & flag))
			continue;
		print_flags(d, &netlink_attribute_flags, flag);
		print_text(d, "|");
	}
	print_constant(d, names, type);
	end_struct(d);
}

static void print_attribute(struct decoder *d, const struct nlattr *header, struct part data,
                            const struct attribute_kind *kind, unsigned family)
{
	const struct attribute_form *form = kind->forms;
	uint16_t type = header->nla_type & NLA_TYPE_MASK;

	if (data.size)
		print_text(d, "[");
	print_attribute_header(d, header, kind->names);
	if (!data.size)
		return;
	print_text(d, ", ");
	while (form && form->print && form->type != type)
		form++;
	if (!form || !form->print || !form->print(d, data, family))
		print_hex_part(d, data);
	print_text(d, "]");
}

void print_attributes(struct decoder *d, struct part part, const struct attribute_kind *kind, unsigned family)
{
	uint64_t limit = verbose(d) ? UINT64_MAX : d->options->string_limit;
	struct nlattr header;
	bool several = false;

	for (uint64_t i = 0; part.size; i++) {
		if (i)
			print_text(d, ", ");
		if (part.size < sizeof(header)) {
			print_hex_part(d, part);
			break;
		}
		if (i >= limit) {
			print_text(d, "...");
			break;
		}
		memcpy(&header, part.bytes, sizeof(header));
		size_t size = header.nla_len < part.size ? header.nla_len : part.size;
		size_t next = NLA_ALIGN(size) < part.size ? NLA_ALIGN(size) : part.size;

		if (!i && size >= sizeof(header) && next < part.size) {
			print_text(d, "[");
			several = true;
		}
		if (size < sizeof(header)) {
			print_attribute_header(d, &header, kind->names);
			break;
		}
		print_attribute(d, &header, part_of(part, sizeof(header), size - sizeof(header)), kind, family);
		part = part_of(part, next, part.size);
	}
	if (several)
		print_text(d, "]");
}

/* ---- messages ----------------------------------------------------------------------------------------------- */

static void print_type(struct decoder *d, int protocol, uint16_t type)
{
	if (type < NLMSG_MIN_TYPE || (protocol != NETLINK_ROUTE && protocol != NETLINK_GENERIC))
		print_constant(d, &netlink_types, type);
	else
		print_constant(d, protocol == NETLINK_ROUTE ? &route_types : &generic_types, type);
}

static const struct constants *flags_of(int protocol, uint16_t type)
{
	static const struct constants *const by_operation[] = {&netlink_new_flags, &netlink_delete_flags,
	                                                       &netlink_get_flags, &netlink_flags};

	if (type == NLMSG_ERROR)
		return &netlink_error_flags;
	if (protocol != NETLINK_ROUTE || type < NLMSG_MIN_TYPE)
		return &netlink_flags;
	/* rtnetlink(7): NEW, DEL, GET, SET of each kind follow on one another */
	return by_operation[type & 3];
}

static void print_header(struct decoder *d, int protocol, const struct nlmsghdr *header)
{
	begin_struct(d);
	field(d, "nlmsg_len");
	print_unsigned(d, header->nlmsg_len);
	field(d, "nlmsg_type");
	print_type(d, protocol, header->nlmsg_type);
	field(d, "nlmsg_flags");
	print_flags(d, flags_of(protocol, header->nlmsg_type), header->nlmsg_flags);
	field(d, "nlmsg_seq");
	print_unsigned(d, header->nlmsg_seq);
	field(d, "nlmsg_pid");
	print_unsigned(d, header->nlmsg_pid);
	end_struct(d);
}

static void print_error_code(struct decoder *d, int32_t error)
{
	const char *name = error < 0 && error >= -STL_MAX_ERRNO ? stl_errno_name(-error) : NULL;

	if (!name || d->options->constants == STL_CONSTANTS_RAW)
		print_signed(d, error);
	else if (d->options->constants == STL_CONSTANTS_ABBREV)
		print(d, "-%s", name);
	else
		print(d, "%" PRId32 " /* -%s */", error, name);
}

/* The error, the message that it answers (its header alone, when it is capped), attributes. */
static void print_error_payload(struct decoder *d, int protocol, const struct nlmsghdr *header, struct part part,
                                int depth)
{
	static const struct attribute_kind attributes = {&netlink_error_attributes, NULL};
	struct nlmsghdr answered;
	struct part message = part_of(part, sizeof(int32_t), part.size);
	int32_t error;
	size_t used;

	memcpy(&error, part.bytes, sizeof(error));
	memcpy(&answered, message.bytes, HEADER);
	used = answered.nlmsg_len < HEADER || header->nlmsg_flags & NLM_F_CAPPED ? HEADER : answered.nlmsg_len;
	if (used > message.size)
		used = message.size;
	if (used < message.size)
		print_text(d, "[");
	begin_struct(d);
	field(d, "error");
	print_error_code(d, error);
	field(d, "msg");
	print_one(d, protocol, part_of(message, 0, used), depth + 1);
	end_struct(d);
	if (used < message.size) {
		print_text(d, ", ");
		print_attributes(d, part_of(message, used, message.size), &attributes, AF_UNSPEC);
		print_text(d, "]");
	}
}

static void print_netlink_payload(struct decoder *d, int protocol, const struct nlmsghdr *header, struct part part,
                                  int depth)
{
	int32_t number;

	if (header->nlmsg_type == NLMSG_DONE && part.size == sizeof(number)) {
		memcpy(&number, part.bytes, sizeof(number));
		print_signed(d, number);
	} else if (header->nlmsg_type == NLMSG_ERROR && part.size >= sizeof(int32_t) + HEADER && depth < ERROR_DEPTH) {
		print_error_payload(d, protocol, header, part, depth);
	} else if (protocol == NETLINK_ROUTE && header->nlmsg_type >= NLMSG_MIN_TYPE) {
		print_route_payload(d, header->nlmsg_type, part);
	} else {
		print_hex_part(d, part);
	}
}

/* A message of which there are at least the header, and no more than it claims. */
static void print_one(struct decoder *d, int protocol, struct part part, int depth)
{
	struct nlmsghdr header;

	memcpy(&header, part.bytes, sizeof(header));
	if (part.size == HEADER || header.nlmsg_len <= HEADER) {
		print_header(d, protocol, &header);
		return;
	}
	print_text(d, "[");
	print_header(d, protocol, &header);
	print_text(d, ", ");
	print_netlink_payload(d, protocol, &header, part_of(part, HEADER, part.size), depth);
	print_text(d, "]");
}

void print_netlink(struct decoder *d, int protocol, const unsigned char *bytes, size_t size)
{
	uint64_t limit = verbose(d) ? UINT64_MAX : d->options->string_limit;
	struct part part = {bytes, size};
	bool several = false;
	uint32_t length;

	for (uint64_t i = 0; part.size; i++) {
		if (i)
			print_text(d, ", ");
		if (part.size < HEADER) {
			print_hex_part(d, part);
			break;
		}
		if (i >= limit) {
			print_text(d, "...");
			break;
		}
		memcpy(&length, part.bytes, sizeof(length));
		size_t one = length < part.size ? length : part.size;
		size_t next = NLMSG_ALIGN(one) < part.size ? NLMSG_ALIGN(one) : part.size;

		if (!i && one >= HEADER && next < part.size) {
			print_text(d, "[");
			several = true;
		}
		print_one(d, protocol, part_of(part, 0, one < HEADER ? HEADER : one), 0);
		if (one < HEADER)
			break;
		part = part_of(part, next, part.size);
	}
	if (several)
		print_text(d, "]");
}

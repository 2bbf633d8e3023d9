/* SPDX-License-Identifier: Apache-2.0
 *
 * Socket addresses: struct sockaddr of every family that containers use; of the others the bytes.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "constants/network.h"
#include "decode/network.h"

/* Network byte order, whatever the machine's own. */
static uint16_t big16(const void *bytes)
{
	const unsigned char *at = bytes;

	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t big32(const void *bytes)
{
	return (uint32_t)big16(bytes) << 16 | big16((const char *)bytes + 2);
}

bool fetch_entry(const struct decoder *d, uint64_t address, void *into, size_t size)
{
	struct decoder before = *d;

	before.exiting = false;
	return fetch(&before, address, into, size);
}

void print_hex_string(struct decoder *d, const void *bytes, size_t size)
{
	const unsigned char *at = bytes;

	print_text(d, "\"");
	for (size_t i = 0; i < size; i++)
		print(d, "\\x%02x", at[i]);
	print_text(d, "\"");
}

/* Under -X raw and verbose what has a form of its own is printed as its bytes, under verbose with that behind them.
 * False: the form is not wanted. */
static bool begin_form(struct decoder *d, const void *bytes, size_t size)
{
	if (d->options->constants == STL_CONSTANTS_ABBREV)
		return true;
	print_hex_string(d, bytes, size);
	if (d->options->constants == STL_CONSTANTS_RAW)
		return false;
	print_text(d, " /* ");
	return true;
}

static void end_form(struct decoder *d)
{
	if (d->options->constants == STL_CONSTANTS_VERBOSE)
		print_text(d, " */");
}

void print_hardware_address(struct decoder *d, const unsigned char *bytes, size_t size)
{
	if (!begin_form(d, bytes, size))
		return;
	for (size_t i = 0; i < size; i++)
		print(d, "%s%02x", i ? ":" : "", bytes[i]);
	end_form(d);
}

static void print_form_text(struct decoder *d, const char *text)
{
	print_quoted(d, text, strlen(text), 0, false);
}

void print_inet_address(struct decoder *d, const void *bytes)
{
	char text[INET_ADDRSTRLEN];

	if (!begin_form(d, bytes, 4))
		return;
	print_text(d, "inet_addr(");
	print_form_text(d, inet_ntop(AF_INET, bytes, text, sizeof(text)));
	print_text(d, ")");
	end_form(d);
}

void print_inet6_address(struct decoder *d, const void *bytes, const char *name)
{
	char text[INET6_ADDRSTRLEN];

	if (!begin_form(d, bytes, 16))
		return;
	print_text(d, "inet_pton(AF_INET6, ");
	print_form_text(d, inet_ntop(AF_INET6, bytes, text, sizeof(text)));
	if (name)
		print(d, ", &%s", name);
	print_text(d, ")");
	end_form(d);
}

void print_inet6_field(struct decoder *d, const char *name, const void *bytes)
{
	bool named = d->options->constants != STL_CONSTANTS_ABBREV;

	field(d, named ? name : "");
	print_inet6_address(d, bytes, named ? NULL : name);
}

static const char *interface_name(const struct decoder *d, uint32_t index, struct captured_interface *one)
{
	const struct stl_capture *capture = fetch_capture(d, 0, CAPTURED_INTERFACES);

	/* include/net/net_namespace.h: LOOPBACK_IFINDEX */
	if (index == 1)
		return "lo";
	for (size_t at = 0; capture && at + sizeof(*one) <= capture->size; at += sizeof(*one)) {
		memcpy(one, (const char *)capture_bytes(capture) + at, sizeof(*one));
		one->name[sizeof(one->name) - 1] = '\0';
		if (one->index == index)
			return one->name;
	}
	return NULL;
}

void print_interface(struct decoder *d, uint32_t index)
{
	struct captured_interface one;
	const char *name = interface_name(d, index, &one);

	if (!name || d->options->constants != STL_CONSTANTS_ABBREV)
		print_unsigned(d, index);
	if (!name || d->options->constants == STL_CONSTANTS_RAW)
		return;
	if (d->options->constants == STL_CONSTANTS_VERBOSE)
		print_text(d, " /* ");
	print_text(d, "if_nametoindex(");
	print_form_text(d, name);
	print_text(d, ")");
	end_form(d);
}

static void print_port(struct decoder *d, uint16_t port)
{
	if (!begin_form(d, &port, sizeof(port)))
		return;
	print(d, "htons(%u)", big16(&port));
	end_form(d);
}

void print_ethernet_protocol(struct decoder *d, uint16_t protocol)
{
	print_text(d, "htons(");
	print_constant(d, &ethernet_protocols, big16(&protocol));
	print_text(d, ")");
}

/* As a field of an address it is bytes first. */
static void print_link_protocol(struct decoder *d, uint16_t protocol)
{
	const char *name = constant_name(&ethernet_protocols, big16(&protocol));

	if (!begin_form(d, &protocol, sizeof(protocol)))
		return;
	if (name)
		print(d, "htons(%s)", name);
	else
		print(d, "htons(%#x /* %s */)", big16(&protocol), ethernet_protocols.unknown);
	end_form(d);
}

static void print_flow(struct decoder *d, uint32_t flow)
{
	if (!begin_form(d, &flow, sizeof(flow)))
		return;
	print(d, "htonl(%" PRIu32 ")", big32(&flow));
	end_form(d);
}

/* unix(7): a path up to a NUL or the length, or an abstract name, all of whose bytes count. */
static void print_unix(struct decoder *d, const unsigned char *bytes, size_t size)
{
	const char *path = (const char *)bytes + offsetof(struct sockaddr_un, sun_path);
	size_t length = size - offsetof(struct sockaddr_un, sun_path);

	if (length > sizeof(((struct sockaddr_un *)0)->sun_path))
		length = sizeof(((struct sockaddr_un *)0)->sun_path);
	field(d, "sun_path");
	if (path[0]) {
		print_quoted(d, path, length, 0, true);
	} else {
		print_text(d, "@");
		print_quoted(d, path + 1, length - 1, 0, false);
	}
}

static void print_inet(struct decoder *d, const unsigned char *bytes)
{
	struct sockaddr_in in;

	memcpy(&in, bytes, sizeof(in));
	field(d, "sin_port");
	print_port(d, in.sin_port);
	field(d, "sin_addr");
	print_inet_address(d, &in.sin_addr);
}

static bool is_link_local(const struct in6_addr *address)
{
	return IN6_IS_ADDR_LINKLOCAL(address) || IN6_IS_ADDR_MC_LINKLOCAL(address);
}

static void print_inet6(struct decoder *d, const unsigned char *bytes, size_t size)
{
	struct sockaddr_in6 in6;

	memset(&in6, 0, sizeof(in6));
	memcpy(&in6, bytes, size < sizeof(in6) ? size : sizeof(in6));
	field(d, "sin6_port");
	print_port(d, in6.sin6_port);
	field(d, "sin6_flowinfo");
	print_flow(d, in6.sin6_flowinfo);
	print_inet6_field(d, "sin6_addr", &in6.sin6_addr);
	/* before RFC 2553 there was no sin6_scope_id, and the kernel takes addresses without it */
	if (size <= offsetof(struct sockaddr_in6, sin6_scope_id))
		return;
	field(d, "sin6_scope_id");
	if (is_link_local(&in6.sin6_addr))
		print_interface(d, in6.sin6_scope_id);
	else
		print_unsigned(d, in6.sin6_scope_id);
}

static void print_netlink_address(struct decoder *d, const unsigned char *bytes)
{
	struct sockaddr_nl nl;

	memcpy(&nl, bytes, sizeof(nl));
	if (nl.nl_pad) {
		field(d, "nl_pad");
		print_hex(d, nl.nl_pad);
	}
	field(d, "nl_pid");
	print_unsigned(d, nl.nl_pid);
	field(d, "nl_groups");
	print(d, "%#08" PRIx32, nl.nl_groups);
}

static void print_packet(struct decoder *d, const unsigned char *bytes, size_t size)
{
	struct sockaddr_ll ll;
	size_t there = size - offsetof(struct sockaddr_ll, sll_addr);
	const unsigned char *address = bytes + offsetof(struct sockaddr_ll, sll_addr);

	memcpy(&ll, bytes, sizeof(ll));
	field(d, "sll_protocol");
	print_link_protocol(d, ll.sll_protocol);
	field(d, "sll_ifindex");
	print_interface(d, (uint32_t)ll.sll_ifindex);
	field(d, "sll_hatype");
	print_constant(d, &hardware_types, ll.sll_hatype);
	field(d, "sll_pkttype");
	print_constant(d, &packet_types, ll.sll_pkttype);
	field(d, "sll_halen");
	print_unsigned(d, ll.sll_halen);
	if (!ll.sll_halen)
		return;
	field(d, "sll_addr");
	print_text(d, "[");
	for (size_t i = 0; i < ll.sll_halen && i < there; i++)
		print(d, "%s%#02x", i ? ", " : "", address[i]);
	print_text(d, ll.sll_halen > there ? ", ...]" : "]");
}

static void print_vsock(struct decoder *d, const unsigned char *bytes)
{
	static const unsigned char zero[3];
	struct sockaddr_vm vm;
	const unsigned char *rest = bytes + offsetof(struct sockaddr_vm, svm_flags) + 1;

	memcpy(&vm, bytes, sizeof(vm));
	if (vm.svm_reserved1) {
		field(d, "svm_reserved1");
		print_hex(d, vm.svm_reserved1);
	}
	field(d, "svm_cid");
	print_constant(d, &vsock_cids, vm.svm_cid);
	field(d, "svm_port");
	print_constant(d, &vsock_ports, vm.svm_port);
	field(d, "svm_flags");
	print_flags(d, &vsock_flags, bytes[offsetof(struct sockaddr_vm, svm_flags)]);
	if (memcmp(rest, zero, sizeof(zero)) != 0) {
		field(d, "svm_zero");
		print_hex_string(d, rest, sizeof(zero));
	}
}

/* False: it is too short for its family, or of one that is not decoded. */
static bool print_by_family(struct decoder *d, unsigned family, const unsigned char *bytes, size_t size)
{
	switch (family) {
	case AF_UNIX:
		print_unix(d, bytes, size);
		return true;
	case AF_INET:
		if (size < sizeof(struct sockaddr_in))
			return false;
		print_inet(d, bytes);
		return true;
	case AF_INET6:
		if (size < offsetof(struct sockaddr_in6, sin6_scope_id))
			return false;
		print_inet6(d, bytes, size);
		return true;
	case AF_NETLINK:
		if (size < sizeof(struct sockaddr_nl))
			return false;
		print_netlink_address(d, bytes);
		return true;
	case AF_PACKET:
		if (size < sizeof(struct sockaddr_ll))
			return false;
		print_packet(d, bytes, size);
		return true;
	case AF_VSOCK:
		if (size < sizeof(struct sockaddr_vm))
			return false;
		print_vsock(d, bytes);
		return true;
	default:
		return false;
	}
}

void print_sockaddr_bytes(struct decoder *d, const void *bytes, size_t size)
{
	uint16_t family;

	memcpy(&family, bytes, sizeof(family));
	begin_struct(d);
	field(d, "sa_family");
	print_constant(d, &address_families, family);
	if (size > sizeof(family) && !print_by_family(d, family, bytes, size)) {
		field(d, "sa_data");
		print_quoted(d, (const char *)bytes + sizeof(family), size - sizeof(family), 0, false);
	}
	end_struct(d);
}

void print_sockaddr(struct decoder *d, uint64_t address, uint64_t length)
{
	unsigned char bytes[ADDRESS_MOST];
	int32_t size = (int32_t)length;

	if (size > ADDRESS_MOST)
		size = ADDRESS_MOST;
	if (!address || size < (int32_t)sizeof(uint16_t) || !fetch(d, address, bytes, (size_t)size))
		print_address(d, address);
	else
		print_sockaddr_bytes(d, bytes, (size_t)size);
}

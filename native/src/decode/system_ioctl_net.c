/* SPDX-License-Identifier: Apache-2.0
 *
 * The ioctls of network interfaces: netdevice(7).
 */
#include <inttypes.h>
#include <string.h>

#include <linux/sockios.h>

#include "constants/network.h"
#include "decode/system.h"

#define NAME_SIZE 16 /* IFNAMSIZ */
#define ADDRESS_SIZE 16
#define LIST_MOST 4096

/* include/uapi/linux/if_arp.h: whose addresses have six bytes */
#define ARPHRD_ETHER 1
#define ARPHRD_LOOPBACK 772

static unsigned request_size(const struct decoder *d)
{
	return d->word == 8 ? 40 : 32; /* struct ifreq */
}

static void print_name(struct decoder *d, const char *name)
{
	bool cut = !memchr(name, 0, NAME_SIZE);

	print_quoted(d, name, cut ? NAME_SIZE - 1 : NAME_SIZE, 0, true);
	if (cut)
		print_text(d, "...");
}

static void print_hardware_address(struct decoder *d, const unsigned char *address)
{
	unsigned family = address[0] | address[1] << 8;
	unsigned size = family == ARPHRD_ETHER || family == ARPHRD_LOOPBACK ? 6 : ADDRESS_SIZE - 2;

	begin_struct(d);
	field_constant(d, "sa_family", &hardware_types, family);
	field(d, "sa_data");
	for (unsigned i = 0; i < size; i++)
		print(d, i ? ":%02x" : "%02x", address[2 + i]);
	end_struct(d);
}

/* struct ifmap */
static void print_map(struct decoder *d, uint64_t address)
{
	static const char *const names[] = {"irq", "dma", "port"};
	uint64_t begin = 0, end = 0;
	uint16_t base = 0;
	uint8_t rest[3] = {0, 0, 0};

	fetch_word(d, address, &begin);
	fetch_word(d, address + d->word, &end);
	fetch(d, address + 2 * d->word, &base, sizeof(base));
	fetch(d, address + 2 * d->word + 2, rest, sizeof(rest));
	begin_struct(d);
	field_hex(d, "mem_start", begin);
	field_hex(d, "mem_end", end);
	field_hex(d, "base_addr", base);
	for (int i = 0; i < 3; i++)
		field_hex(d, names[i], rest[i]);
	end_struct(d);
}

static void field_number(struct decoder *d, const char *name, uint64_t address)
{
	int32_t number = 0;

	fetch(d, address, &number, sizeof(number));
	field(d, name);
	print_signed(d, number);
}

static void field_address_of(struct decoder *d, const char *name, uint64_t address)
{
	field(d, name);
	print_sockaddr(d, address, ADDRESS_SIZE);
}

static bool print_protocol_address(struct decoder *d, uint32_t number, uint64_t address)
{
	switch (number) {
	case SIOCGIFADDR:
	case SIOCSIFADDR:
		field_address_of(d, "ifr_addr", address);
		break;
	case SIOCGIFDSTADDR:
	case SIOCSIFDSTADDR:
		field_address_of(d, "ifr_dstaddr", address);
		break;
	case SIOCGIFBRDADDR:
	case SIOCSIFBRDADDR:
		field_address_of(d, "ifr_broadaddr", address);
		break;
	case SIOCGIFNETMASK:
	case SIOCSIFNETMASK:
		field_address_of(d, "ifr_netmask", address);
		break;
	default:
		return false;
	}
	return true;
}

/* What stands behind the name, by the request. */
static void print_value(struct decoder *d, uint32_t number, uint64_t address)
{
	unsigned char bytes[ADDRESS_SIZE] = {0};

	if (print_protocol_address(d, number, address))
		return;
	fetch(d, address, bytes, sizeof(bytes));
	switch (number) {
	case SIOCGIFINDEX:
		field_number(d, "ifr_ifindex", address);
		break;
	case SIOCGIFFLAGS:
	case SIOCSIFFLAGS:
		field_flags(d, "ifr_flags", &interface_flags, bytes[0] | (unsigned)bytes[1] << 8);
		break;
	case SIOCGIFMETRIC:
	case SIOCSIFMETRIC:
		field_number(d, "ifr_metric", address);
		break;
	case SIOCGIFMTU:
	case SIOCSIFMTU:
		field_number(d, "ifr_mtu", address);
		break;
	case SIOCGIFTXQLEN:
	case SIOCSIFTXQLEN:
		field_number(d, "ifr_qlen", address);
		break;
	case SIOCGIFSLAVE:
	case SIOCSIFSLAVE:
		field(d, "ifr_slave");
		print_name(d, (const char *)bytes);
		break;
	case SIOCSIFNAME:
		field(d, "ifr_newname");
		print_name(d, (const char *)bytes);
		break;
	case SIOCGIFMAP:
	case SIOCSIFMAP:
		field(d, "ifr_map");
		print_map(d, address);
		break;
	default:
		field(d, "ifr_hwaddr");
		print_hardware_address(d, bytes);
	}
}

static bool fetch_request(const struct decoder *d, char name[NAME_SIZE])
{
	char bytes[40];

	if (!d->args[2] || !fetch(d, d->args[2], bytes, request_size(d)))
		return false;
	memcpy(name, bytes, NAME_SIZE);
	return true;
}

/* The name is known at the entry, the answer at the exit: one struct over both phases. */
static bool decode_get(struct decoder *d, uint32_t number)
{
	char name[NAME_SIZE];

	if (entering(d)) {
		if (!fetch_request(d, name))
			return true;
		argument(d);
		print_text(d, "{ifr_name=");
		print_name(d, name);
		return true;
	}
	if (d->begun < 3) {
		argument_address(d, d->args[2]);
		return true;
	}
	if (!failed(d)) {
		print_text(d, ", ");
		print_value(d, number, d->args[2] + NAME_SIZE);
	}
	print_text(d, "}");
	return true;
}

static bool decode_set(struct decoder *d, uint32_t number)
{
	char name[NAME_SIZE];

	if (!entering(d))
		return true;
	argument(d);
	if (!fetch_request(d, name)) {
		print_address(d, d->args[2]);
		return true;
	}
	begin_struct(d);
	field(d, "ifr_name");
	print_name(d, name);
	print_value(d, number, d->args[2] + NAME_SIZE);
	end_struct(d);
	return true;
}

static bool decode_name(struct decoder *d)
{
	char name[NAME_SIZE];

	if (entering(d)) {
		if (!fetch_request(d, name))
			return true;
		argument(d);
		print_text(d, "{");
		field_number(d, "ifr_ifindex", d->args[2] + NAME_SIZE);
		return true;
	}
	if (d->begun < 3) {
		argument_address(d, d->args[2]);
		return true;
	}
	if (!failed(d) && fetch_request(d, name)) {
		print_text(d, ", ifr_name=");
		print_name(d, name);
	}
	print_text(d, "}");
	return true;
}

/* ---- SIOCGIFCONF ---------------------------------------------------------------------------------------- */

static bool fetch_list(const struct decoder *d, int32_t *length, uint64_t *buffer)
{
	return d->args[2] && fetch(d, d->args[2], length, sizeof(*length)) &&
	       fetch_word(d, d->args[2] + d->word, buffer);
}

/* What it was before the call. */
static bool fetch_before(const struct decoder *d, int32_t *length)
{
	struct decoder before = *d;

	before.exiting = false;
	return fetch(&before, d->args[2], length, sizeof(*length));
}

static void print_length(struct decoder *d, int32_t length)
{
	int32_t size = (int32_t)request_size(d);

	print_signed(d, length);
	if (length > 0 && length % size == 0)
		print_comment(d, "%" PRId32 " * sizeof(struct ifreq)", length / size);
}

static void print_interface(struct decoder *d, const void *element, size_t index)
{
	uint64_t buffer = 0;

	fetch_word(d, d->args[2] + d->word, &buffer);
	begin_struct(d);
	field(d, "ifr_name");
	print_name(d, element);
	field_address_of(d, "ifr_addr", buffer + index * request_size(d) + NAME_SIZE);
	end_struct(d);
}

static void print_list_end(struct decoder *d, int32_t length, uint64_t buffer)
{
	print_text(d, ", ifc_buf=");
	if (failed(d) || !buffer)
		print_address(d, buffer);
	else
		print_array(d, buffer, length > 0 ? (uint32_t)length / request_size(d) : 0, request_size(d),
		            print_interface);
	print_text(d, "}");
}

static bool decode_list(struct decoder *d)
{
	int32_t length, before;
	uint64_t buffer;

	if (entering(d)) {
		if (!fetch_list(d, &length, &buffer))
			return true;
		argument(d);
		print_text(d, "{ifc_len=");
		if (buffer)
			print_length(d, length);
		return true;
	}
	if (d->begun < 3 || !fetch_list(d, &length, &buffer)) {
		if (d->begun < 3)
			argument_address(d, d->args[2]);
		return true;
	}
	if (!buffer)
		print_length(d, length);
	else if (!failed(d) && fetch_before(d, &before) && before != length) {
		print_text(d, " => ");
		print_length(d, length);
	}
	print_list_end(d, length, buffer);
	return true;
}

bool decode_interface_ioctl(struct decoder *d, uint32_t number)
{
	switch (number) {
	case SIOCGIFCONF:
		return decode_list(d);
	case SIOCGIFNAME:
		return decode_name(d);
	case SIOCGIFINDEX:
	case SIOCGIFFLAGS:
	case SIOCGIFADDR:
	case SIOCGIFDSTADDR:
	case SIOCGIFBRDADDR:
	case SIOCGIFNETMASK:
	case SIOCGIFMETRIC:
	case SIOCGIFMTU:
	case SIOCGIFTXQLEN:
	case SIOCGIFSLAVE:
	case SIOCGIFMAP:
	case SIOCGIFHWADDR:
		return decode_get(d, number);
	case SIOCSIFFLAGS:
	case SIOCSIFADDR:
	case SIOCSIFDSTADDR:
	case SIOCSIFBRDADDR:
	case SIOCSIFNETMASK:
	case SIOCSIFMETRIC:
	case SIOCSIFMTU:
	case SIOCSIFTXQLEN:
	case SIOCSIFSLAVE:
	case SIOCSIFNAME:
	case SIOCSIFMAP:
	case SIOCSIFHWADDR:
	case SIOCADDMULTI:
	case SIOCDELMULTI:
		return decode_set(d, number);
	default:
		return false;
	}
}

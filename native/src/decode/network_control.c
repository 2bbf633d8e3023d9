/* SPDX-License-Identifier: Apache-2.0
 *
 * Control messages (cmsg(3)): what goes with a message beside its data.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/errqueue.h>

#include "constants/network.h"
#include "decode/network.h"

#define CONTROL_MOST 4096 /* as much is captured */

/* asm-generic/socket.h: what depends on the libc's idea of time has no fixed name in user headers */
#define TIMESTAMP_OLD 29
#define TIMESTAMPNS_OLD 35
#define TIMESTAMPING_OLD 37
#define TIMESTAMP_NEW 63
#define TIMESTAMPNS_NEW 64
#define TIMESTAMPING_NEW 65
#define SCM_SECURITY_NUMBER 3

uint64_t fetched_word(const struct decoder *d, const unsigned char *bytes)
{
	uint64_t wide;
	uint32_t narrow;

	if (d->word == 8) {
		memcpy(&wide, bytes, sizeof(wide));
		return wide;
	}
	memcpy(&narrow, bytes, sizeof(narrow));
	return narrow;
}

static void print_descriptors(struct decoder *d, const unsigned char *data, size_t size)
{
	size_t count = size / sizeof(int32_t), limit = verbose(d) ? count : d->options->string_limit;

	print_text(d, "[");
	for (size_t i = 0; i < count; i++) {
		int32_t fd;

		if (i)
			print_text(d, ", ");
		if (i >= limit) {
			print_text(d, "...");
			break;
		}
		memcpy(&fd, data + i * sizeof(fd), sizeof(fd));
		print_fd(d, (uint64_t)fd);
	}
	print_text(d, "]");
}

static void print_credentials(struct decoder *d, const unsigned char *data)
{
	struct {
		int32_t pid;
		uint32_t uid, gid;
	} credentials;

	memcpy(&credentials, data, sizeof(credentials));
	begin_struct(d);
	field(d, "pid");
	print_pid(d, (uint64_t)credentials.pid);
	field(d, "uid");
	print_id(d, credentials.uid);
	field(d, "gid");
	print_id(d, credentials.gid);
	end_struct(d);
}

void print_fetched_time(struct decoder *d, const unsigned char *data, size_t word, const char *fraction)
{
	int64_t wide[2];
	int32_t narrow[2];

	if (word == 8) {
		memcpy(wide, data, sizeof(wide));
	} else {
		memcpy(narrow, data, sizeof(narrow));
		wide[0] = narrow[0];
		wide[1] = narrow[1];
	}
	begin_struct(d);
	field(d, "tv_sec");
	print_signed(d, wide[0]);
	field(d, fraction);
	if (fraction[3] == 'n' && wide[1] < 0)
		print_unsigned(d, (uint64_t)wide[1]);
	else
		print_signed(d, wide[1]);
	end_struct(d);
}

/* The times of the ABI's own layout, or of the one with 64 bits on every ABI. */
static void print_times(struct decoder *d, const unsigned char *data, size_t size, uint32_t type)
{
	size_t word = type >= TIMESTAMP_NEW ? 8 : d->word;
	bool micro = type == TIMESTAMP_OLD || type == TIMESTAMP_NEW;
	size_t count = type == TIMESTAMPING_OLD || type == TIMESTAMPING_NEW ? 3 : 1;

	if (size < count * 2 * word) {
		print_text(d, "???");
		return;
	}
	if (count > 1)
		print_text(d, "[");
	for (size_t i = 0; i < count; i++) {
		if (i)
			print_text(d, ", ");
		print_fetched_time(d, data + i * 2 * word, word, micro ? "tv_usec" : "tv_nsec");
	}
	if (count > 1)
		print_text(d, "]");
}

static void print_ints(struct decoder *d, const unsigned char *data, size_t size, size_t width)
{
	size_t count = size / width, limit = verbose(d) ? count : d->options->string_limit;

	print_text(d, "[");
	for (size_t i = 0; i < count; i++) {
		int32_t number;

		if (i)
			print_text(d, ", ");
		if (i >= limit) {
			print_text(d, "...");
			break;
		}
		if (width == 1) {
			print_hex(d, data[i]);
			continue;
		}
		memcpy(&number, data + i * width, sizeof(number));
		print_unsigned(d, (uint32_t)number);
	}
	print_text(d, "]");
}

static void print_packet_info(struct decoder *d, const unsigned char *data)
{
	struct in_pktinfo info;

	memcpy(&info, data, sizeof(info));
	begin_struct(d);
	field(d, "ipi_ifindex");
	print_interface(d, (uint32_t)info.ipi_ifindex);
	field(d, "ipi_spec_dst");
	print_inet_address(d, &info.ipi_spec_dst);
	field(d, "ipi_addr");
	print_inet_address(d, &info.ipi_addr);
	end_struct(d);
}

/* ip(7): the error, then the address of who reported it */
static void print_extended_error(struct decoder *d, const unsigned char *data, size_t size)
{
	struct sock_extended_err error;

	memcpy(&error, data, sizeof(error));
	begin_struct(d);
	field(d, "ee_errno");
	print_unsigned(d, error.ee_errno);
	field(d, "ee_origin");
	print_unsigned(d, error.ee_origin);
	field(d, "ee_type");
	print_unsigned(d, error.ee_type);
	field(d, "ee_code");
	print_unsigned(d, error.ee_code);
	field(d, "ee_info");
	print_unsigned(d, error.ee_info);
	field(d, "ee_data");
	print_unsigned(d, error.ee_data);
	field(d, "offender");
	print_sockaddr_bytes(d, data + sizeof(error),
	                     size - sizeof(error) < sizeof(struct sockaddr_in) ? size - sizeof(error)
	                                                                       : sizeof(struct sockaddr_in));
	end_struct(d);
}

static void print_socket_control(struct decoder *d, uint32_t type, const unsigned char *data, size_t size)
{
	switch (type) {
	case SCM_RIGHTS:
		if (size < sizeof(int32_t))
			return;
		field(d, "cmsg_data");
		print_descriptors(d, data, size);
		break;
	case SCM_CREDENTIALS:
		if (size < 3 * sizeof(int32_t))
			return;
		field(d, "cmsg_data");
		print_credentials(d, data);
		break;
	case SCM_SECURITY_NUMBER:
		field(d, "cmsg_data");
		print_quoted(d, data, size, 0, false);
		break;
	case TIMESTAMP_OLD:
	case TIMESTAMPNS_OLD:
	case TIMESTAMPING_OLD:
	case TIMESTAMP_NEW:
	case TIMESTAMPNS_NEW:
	case TIMESTAMPING_NEW:
		field(d, "cmsg_data");
		print_times(d, data, size, type);
		break;
	default:
		break;
	}
}

static void print_ip_control(struct decoder *d, uint32_t type, const unsigned char *data, size_t size)
{
	switch (type) {
	case IP_PKTINFO:
		if (size < sizeof(struct in_pktinfo))
			return;
		field(d, "cmsg_data");
		print_packet_info(d, data);
		break;
	case IP_TTL:
	case IP_CHECKSUM:
		if (size < sizeof(int32_t))
			return;
		field(d, "cmsg_data");
		print_ints(d, data, size, sizeof(int32_t));
		break;
	case IP_TOS:
	case IP_RECVOPTS:
	case IP_RETOPTS:
		field(d, "cmsg_data");
		print_ints(d, data, size, 1);
		break;
	case IP_RECVERR:
		if (size < sizeof(struct sock_extended_err) + sizeof(uint16_t))
			return;
		field(d, "cmsg_data");
		print_extended_error(d, data, size);
		break;
	case IP_ORIGDSTADDR:
		if (size < sizeof(struct sockaddr_in))
			return;
		field(d, "cmsg_data");
		print_sockaddr_bytes(d, data, size < ADDRESS_MOST ? size : ADDRESS_MOST);
		break;
	case SCM_SECURITY_NUMBER:
		field(d, "cmsg_data");
		print_quoted(d, data, size, 0, false);
		break;
	default:
		break;
	}
}

static void print_control_type(struct decoder *d, uint32_t level, uint32_t type)
{
	field(d, "cmsg_type");
	if (level == SOL_SOCKET)
		print_constant(d, &socket_control_types, type);
	else if (level == IPPROTO_IP)
		print_constant(d, &ip_control_types, type);
	else
		print_hex(d, type);
}

/* One of them, whose header is there; `size`: of it and its data, as far as they are there. */
static void print_one_control(struct decoder *d, const unsigned char *bytes, size_t size)
{
	uint64_t length = fetched_word(d, bytes);
	size_t header = d->word + 8, data = length < size ? (length < header ? 0 : length - header) : size - header;
	uint32_t level, type;

	memcpy(&level, bytes + d->word, sizeof(level));
	memcpy(&type, bytes + d->word + 4, sizeof(type));
	begin_struct(d);
	field(d, "cmsg_len");
	print_unsigned(d, length);
	field(d, "cmsg_level");
	print_constant(d, &control_levels, level);
	print_control_type(d, level, type);
	if (data && level == SOL_SOCKET)
		print_socket_control(d, type, bytes + header, data);
	else if (data && level == IPPROTO_IP)
		print_ip_control(d, type, bytes + header, data);
	end_struct(d);
}

void print_control(struct decoder *d, uint64_t address, uint64_t length)
{
	unsigned char bytes[CONTROL_MOST];
	size_t header = d->word + 8, wanted = length < sizeof(bytes) ? (size_t)length : sizeof(bytes), at = 0;

	field(d, "msg_control");
	if (length < header || !address || !fetch(d, address, bytes, wanted)) {
		print_address(d, address);
		return;
	}
	print_text(d, "[");
	while (wanted - at >= header) {
		uint64_t one = fetched_word(d, bytes + at);

		if (at)
			print_text(d, ", ");
		print_one_control(d, bytes + at, wanted - at);
		if (one < header) {
			at += header;
			break;
		}
		/* lengths are rounded up to a long (CMSG_ALIGN); what is beyond the end ends them */
		size_t step = one < wanted - at ? ((size_t)one + d->word - 1) & ~(size_t)(d->word - 1) : wanted - at;

		at += step < wanted - at ? step : wanted - at;
	}
	if (at < wanted || wanted < length) {
		print_text(d, ", ...");
		print_comment(d, "0x%" PRIx64, address + at);
	}
	print_text(d, "]");
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * struct msghdr and what is in it: address, data.
 */
#include <inttypes.h>
#include <string.h>

#include "constants/network.h"
#include "decode/network.h"
#include "decode/output.h"

#define NETLINK_MOST (32 * 1024)
#define MESSAGES_MOST 1024 /* the kernel's UIO_MAXIOV, to which it cuts vlen */

struct message {
	uint64_t name, iov, iovlen, control, controllen;
	int32_t namelen;
	uint32_t flags;
};

static uint64_t header_size(const struct decoder *d)
{
	return (uint64_t)7 * d->word;
}

/* recvmsg(2); namelen and flags are ints, aligned as pointers are */
static void read_message(const struct decoder *d, const unsigned char *bytes, struct message *message)
{
	message->name = fetched_word(d, bytes);
	message->namelen = (int32_t)fetched_word(d, bytes + d->word);
	message->iov = fetched_word(d, bytes + 2 * d->word);
	message->iovlen = fetched_word(d, bytes + 3 * d->word);
	message->control = fetched_word(d, bytes + 4 * d->word);
	message->controllen = fetched_word(d, bytes + 5 * d->word);
	message->flags = (uint32_t)fetched_word(d, bytes + 6 * d->word);
}

static bool fetch_message(const struct decoder *d, uint64_t address, bool at_entry, struct message *message)
{
	unsigned char bytes[7 * 8];

	if (!address ||
	    !(at_entry ? fetch_entry(d, address, bytes, header_size(d)) : fetch(d, address, bytes, header_size(d))))
		return false;
	read_message(d, bytes, message);
	return true;
}

/* ---- data ------------------------------------------------------------------------------------------------- */

static bool print_netlink_payload(struct decoder *d, uint64_t fd, uint64_t address, uint64_t size)
{
	static _Thread_local unsigned char bytes[NETLINK_MOST];
	int protocol;

	if (!address || !size || d->options->flags & STL_PRINT_NO_DATA || !is_netlink(d, fd, &protocol))
		return false;
	size_t there = fetch_some(d, address, bytes, size < sizeof(bytes) ? (size_t)size : sizeof(bytes));

	if (!there)
		return false;
	print_netlink(d, protocol, bytes, there);
	return true;
}

void print_payload(struct decoder *d, uint64_t fd, uint64_t address, uint64_t size)
{
	if (!print_netlink_payload(d, fd, address, size))
		print_bytes(d, address, size);
}

static void print_netlink_iovec(struct decoder *d, uint64_t fd, uint64_t address, uint64_t count, uint64_t limit)
{
	uint64_t base, length, shown = verbose(d) ? MESSAGES_MOST : d->options->string_limit;

	print_text(d, "[");
	for (uint64_t i = 0; i < count; i++, address += 2 * d->word) {
		if (i)
			print_text(d, ", ");
		if (i >= shown || d->out->line.cut) {
			print_text(d, "...");
			break;
		}
		if (!fetch_word(d, address, &base) || !fetch_word(d, address + d->word, &length)) {
			print_text(d, "...");
			print_comment(d, "0x%" PRIx64, address);
			break;
		}
		uint64_t part = length < limit ? length : limit;

		begin_struct(d);
		field(d, "iov_base");
		print_payload(d, fd, base, part);
		field(d, "iov_len");
		print_unsigned(d, length);
		end_struct(d);
		limit -= limit == UINT64_MAX ? 0 : part;
	}
	print_text(d, "]");
}

static void print_data(struct decoder *d, uint64_t fd, const struct message *message, uint64_t limit)
{
	uint64_t word;
	int protocol;

	field(d, "msg_iov");
	/* to the kernel it is no error whatever it points to when there are none */
	if (!message->iovlen && message->iov)
		print_text(d, "[]");
	else if (message->iov && fetch_word(d, message->iov, &word) && is_netlink(d, fd, &protocol))
		print_netlink_iovec(d, fd, message->iov, message->iovlen, limit);
	else
		print_iovec(d, message->iov, message->iovlen, limit);
	field(d, "msg_iovlen");
	print_unsigned(d, message->iovlen);
}

/* ---- messages ----------------------------------------------------------------------------------------------- */

/* `room`: msg_namelen before the call, where that is another; `limit`: of the data. */
static void print_message(struct decoder *d, uint64_t fd, const struct message *message, int32_t room, uint64_t limit)
{
	int32_t size = message->namelen < room ? message->namelen : room;

	begin_struct(d);
	field(d, "msg_name");
	print_sockaddr(d, message->name, (uint32_t)size);
	field(d, "msg_namelen");
	print_signed(d, room);
	if (room != message->namelen)
		print(d, " => %" PRId32, message->namelen);
	print_data(d, fd, message, limit);
	if (message->controllen)
		print_control(d, message->control, message->controllen);
	field(d, "msg_controllen");
	print_unsigned(d, message->controllen);
	field(d, "msg_flags");
	print_flags(d, &message_flags, message->flags);
	end_struct(d);
}

void decode_sendmsg(struct decoder *d)
{
	struct message message;

	if (!entering(d))
		return;
	argument(d);
	print_fd(d, d->args[0]);
	argument(d);
	if (fetch_message(d, d->args[1], false, &message))
		print_message(d, d->args[0], &message, message.namelen, UINT64_MAX);
	else
		print_address(d, d->args[1]);
	argument(d);
	print_flags(d, &message_flags, (uint32_t)d->args[2]);
}

void decode_recvmsg(struct decoder *d)
{
	struct message before, message;

	if (entering(d)) {
		argument(d);
		print_fd(d, d->args[0]);
		return;
	}
	argument(d);
	if (!fetch_message(d, d->args[1], true, &before)) {
		print_address(d, d->args[1]);
	} else if (failed(d)) {
		begin_struct(d);
		field(d, "msg_namelen");
		print_signed(d, before.namelen);
		end_struct(d);
	} else if (!fetch_message(d, d->args[1], false, &message)) {
		print_address(d, d->args[1]);
	} else {
		print_message(d, d->args[0], &message, before.namelen, (uint64_t)d->result);
	}
	argument(d);
	print_flags(d, &message_flags, (uint32_t)d->args[2]);
}

/* `done`: how many of them were sent or received: these have a length. */
static void print_messages(struct decoder *d, uint64_t address, uint64_t count, uint64_t done, bool received)
{
	uint64_t each = header_size(d) + d->word, limit = verbose(d) ? MESSAGES_MOST : d->options->string_limit;
	struct message message, before;
	uint32_t length = 0;

	if (!address || (count && !fetch_message(d, address, false, &message))) {
		print_address(d, address);
		return;
	}
	print_text(d, "[");
	for (uint64_t i = 0; i < count; i++, address += each) {
		if (i)
			print_text(d, ", ");
		if (i >= limit || d->out->line.cut) {
			print_text(d, "...");
			break;
		}
		if (!fetch_message(d, address, false, &message)) {
			print_text(d, "...");
			print_comment(d, "0x%" PRIx64, address);
			break;
		}
		bool sized = i < done && fetch(d, address + header_size(d), &length, sizeof(length));
		bool known = received && fetch_message(d, address, true, &before);

		begin_struct(d);
		field(d, "msg_hdr");
		print_message(d, d->args[0], &message, known ? before.namelen : message.namelen,
		              received && sized ? length : UINT64_MAX);
		if (sized) {
			field(d, "msg_len");
			print_unsigned(d, length);
		}
		end_struct(d);
	}
	print_text(d, "]");
}

void decode_sendmmsg(struct decoder *d)
{
	if (entering(d)) {
		argument(d);
		print_fd(d, d->args[0]);
		return;
	}
	argument(d);
	print_messages(d, d->args[1], (uint32_t)d->args[2], failed(d) ? 0 : (uint64_t)d->result, false);
	argument(d);
	print_unsigned(d, (uint32_t)d->args[2]);
	argument(d);
	print_flags(d, &message_flags, (uint32_t)d->args[3]);
}

static bool print_entry_time(struct decoder *d, uint64_t address, size_t word)
{
	unsigned char bytes[16];

	if (!address || !fetch_entry(d, address, bytes, 2 * word)) {
		print_address(d, address);
		return false;
	}
	print_fetched_time(d, bytes, word, "tv_nsec");
	return true;
}

static void receive_messages(struct decoder *d, size_t word)
{
	unsigned char left[16];
	bool timed;

	if (entering(d)) {
		argument(d);
		print_fd(d, d->args[0]);
		return;
	}
	argument(d);
	if (failed(d))
		print_address(d, d->args[1]);
	else
		print_messages(d, d->args[1], (uint64_t)d->result, (uint64_t)d->result, true);
	argument(d);
	print_unsigned(d, (uint32_t)d->args[2]);
	argument(d);
	print_flags(d, &message_flags, (uint32_t)d->args[3]);
	argument(d);
	timed = print_entry_time(d, d->args[4], word);
	if (failed(d))
		return;
	if (!d->result) {
		result_note(d, "Timeout");
	} else if (timed && fetch(d, d->args[4], left, 2 * word)) {
		begin_note(d);
		print_text(d, "left ");
		print_fetched_time(d, left, word, "tv_nsec");
		end_note(d);
	}
}

void decode_recvmmsg(struct decoder *d)
{
	receive_messages(d, d->word);
}

void decode_recvmmsg_time64(struct decoder *d)
{
	receive_messages(d, 8);
}

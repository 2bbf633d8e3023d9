/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting for descriptors: poll(2), select(2), epoll(7).
 */
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>

#include "constants/network.h"
#include "decode/network.h"

/* FD_SETSIZE and more: the kernel takes what the task's limit on descriptors allows. */
#define SET_BITS 65536

/* What was there before a call that failed is not read again (strace(1) does not). */
static bool is_unread(const struct decoder *d, uint64_t address)
{
	return !address || (d->exiting && failed(d));
}

static void print_timeout(struct decoder *d, uint64_t address, bool wide)
{
	if (is_unread(d, address))
		print_address(d, address);
	else if (wide)
		print_timespec64(d, address);
	else
		print_timespec(d, address);
}

/* The kernel's sigset_t has 8 bytes; of another size as much is read as strace(1) reads. */
static void print_mask(struct decoder *d, uint64_t address, uint64_t size)
{
	if (is_unread(d, address) || size < d->word || size > 8)
		print_address(d, address);
	else
		print_sigset(d, address, size);
}

/* ---- poll ------------------------------------------------------------------------------------------------- */

static void print_pollfd(struct decoder *d, const void *element, size_t index)
{
	struct pollfd one;

	(void)index;
	memcpy(&one, element, sizeof(one));
	begin_struct(d);
	field(d, "fd");
	print_fd(d, (uint64_t)one.fd);
	if (one.fd >= 0) {
		field(d, "events");
		print_flags(d, &poll_events, (uint16_t)one.events);
	}
	end_struct(d);
}

static void begin_poll(struct decoder *d)
{
	argument(d);
	print_array(d, d->args[0], (uint32_t)d->args[1], sizeof(struct pollfd), print_pollfd);
	argument(d);
	print_unsigned(d, (uint32_t)d->args[1]);
}

/* Of those that something has happened to. */
static void print_happened(struct decoder *d)
{
	uint64_t limit = verbose(d) ? UINT64_MAX : d->options->string_limit, shown = 0;
	struct pollfd one;

	print_text(d, "[");
	for (uint64_t i = 0; i < (uint32_t)d->args[1]; i++) {
		if (!fetch(d, d->args[0] + i * sizeof(one), &one, sizeof(one)))
			break;
		if (!one.revents)
			continue;
		if (shown)
			print_text(d, ", ");
		if (shown++ >= limit) {
			print_text(d, "...");
			break;
		}
		begin_struct(d);
		field(d, "fd");
		print_signed(d, one.fd);
		field(d, "revents");
		print_flags(d, &poll_events, (uint16_t)one.revents);
		end_struct(d);
	}
	print_text(d, "]");
}

static void end_poll(struct decoder *d, uint64_t timeout, bool wide)
{
	if (failed(d))
		return;
	if (!d->result) {
		result_note(d, "Timeout");
		return;
	}
	begin_note(d);
	print_happened(d);
	if (timeout) {
		print_text(d, ", left ");
		print_timeout(d, timeout, wide);
	}
	end_note(d);
}

void decode_poll(struct decoder *d)
{
	if (!entering(d)) {
		end_poll(d, 0, false);
		return;
	}
	begin_poll(d);
	argument(d);
	print_signed(d, (int32_t)d->args[2]);
}

static void ppoll_with(struct decoder *d, bool wide)
{
	if (!entering(d)) {
		end_poll(d, d->args[2], wide);
		return;
	}
	begin_poll(d);
	argument(d);
	print_timeout(d, d->args[2], wide);
	argument(d);
	print_mask(d, d->args[3], d->args[4]);
	argument(d);
	print_unsigned(d, d->args[4]);
}

void decode_ppoll(struct decoder *d)
{
	ppoll_with(d, false);
}

void decode_ppoll_time64(struct decoder *d)
{
	ppoll_with(d, true);
}

/* ---- select ------------------------------------------------------------------------------------------------ */

enum select_time { SELECT_TIMEVAL, SELECT_TIMESPEC, SELECT_TIMESPEC64 };

static uint32_t set_size(int32_t count)
{
	return count > SET_BITS ? SET_BITS : (uint32_t)count;
}

/* Words of the ABI's, little-endian; how many of its first `count` bits are there. */
static uint32_t fetch_set(const struct decoder *d, uint64_t address, int32_t count, unsigned char set[SET_BITS / 8])
{
	uint32_t bits = set_size(count);
	size_t size = fetch_some(d, address, set, (bits + 7) / 8);

	return size * 8 < bits ? (uint32_t)size * 8 : bits;
}

/* All words of it, as the kernel copies it. */
static bool is_set_known(const struct decoder *d, uint64_t address, int32_t count)
{
	uint32_t unit = 8 * d->word, bytes = (set_size(count) + unit - 1) / unit * d->word;
	unsigned char byte;

	return bytes && fetch(d, address, &byte, 1) && fetch(d, address + bytes - 1, &byte, 1);
}

/* At most `most` of its members; how many. */
static uint64_t print_set_members(struct decoder *d, uint64_t address, int32_t count, bool described, uint64_t most)
{
	unsigned char set[SET_BITS / 8];
	uint32_t bits = fetch_set(d, address, count, set);
	uint64_t shown = 0;

	print_text(d, "[");
	for (uint32_t fd = 0; fd < bits && shown < most; fd++) {
		if (!(set[fd / 8] >> fd % 8 & 1))
			continue;
		if (shown++)
			print_text(d, " ");
		if (described)
			print_fd(d, fd);
		else
			print_unsigned(d, fd);
	}
	print_text(d, "]");
	return shown;
}

static bool has_members(const struct decoder *d, uint64_t address, int32_t count)
{
	unsigned char set[SET_BITS / 8];
	uint32_t bits = fetch_set(d, address, count, set);

	for (uint32_t fd = 0; fd < bits; fd++) {
		if (set[fd / 8] >> fd % 8 & 1)
			return true;
	}
	return false;
}

static void print_set(struct decoder *d, uint64_t address, int32_t count)
{
	if (!address || count < 0 || count > SET_BITS || (count && !is_set_known(d, address, count)))
		print_address(d, address);
	else
		print_set_members(d, address, count, true, UINT64_MAX);
}

static void print_select_time(struct decoder *d, uint64_t address, enum select_time kind)
{
	if (is_unread(d, address))
		print_address(d, address);
	else if (kind == SELECT_TIMEVAL)
		print_timeval(d, address);
	else
		print_timeout(d, address, kind == SELECT_TIMESPEC64);
}

/* Also of the old call, whose arguments lie in memory: not `d`'s own. */
static void begin_select(struct decoder *d, const uint64_t args[5], enum select_time kind)
{
	int32_t count = (int32_t)args[0];

	argument_named(d, "n", args[0]);
	print_signed(d, count);
	for (int i = 1; i < 4; i++) {
		static const char *const names[] = {"inp", "outp", "exp"};

		argument_named(d, names[i - 1], args[i]);
		print_set(d, args[i], count);
	}
	argument_named(d, kind == SELECT_TIMEVAL ? "tvp" : "tsp", args[4]);
	print_select_time(d, args[4], kind);
}

static void end_select(struct decoder *d, const uint64_t args[5], enum select_time kind)
{
	static const char *const names[] = {"in ", "out ", "except "};
	int32_t count = (int32_t)args[0];
	uint64_t left = (uint64_t)d->result;
	bool any = false;

	if (failed(d))
		return;
	if (!d->result) {
		result_note(d, "Timeout");
		return;
	}
	begin_note(d);
	/* no more than the call has counted: one set may have been passed for two */
	for (int i = 1; i < 4; i++) {
		if (!args[i] || !left || !has_members(d, args[i], count))
			continue;
		if (any)
			print_text(d, ", ");
		any = true;
		print_text(d, names[i - 1]);
		left -= print_set_members(d, args[i], count, false, left);
	}
	if (args[4]) {
		print_text(d, any ? ", left " : "left ");
		print_select_time(d, args[4], kind);
	}
	end_note(d);
}

void decode_select(struct decoder *d)
{
	uint64_t args[5];

	/* i386's select(2) of old takes a pointer to its five arguments */
	if (d->abi != STL_ABI_I386 || d->call != CALL_select) {
		memcpy(args, d->args, sizeof(args));
	} else if (!fetch(d, d->args[0], (uint32_t[5]){0}, 20)) {
		if (entering(d)) {
			argument(d);
			print_address(d, d->args[0]);
		}
		return;
	} else {
		for (unsigned i = 0; i < 5; i++)
			fetch_word(d, d->args[0] + i * d->word, &args[i]);
	}
	if (entering(d))
		begin_select(d, args, SELECT_TIMEVAL);
	else
		end_select(d, args, SELECT_TIMEVAL);
}

/* pselect6(2): the last argument points to the mask's address and size. */
static void print_select_mask(struct decoder *d, uint64_t address)
{
	uint64_t mask, size;

	if (!address || !fetch_word(d, address, &mask) || !fetch_word(d, address + d->word, &size)) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field(d, "sigmask");
	print_mask(d, mask, size);
	field(d, "sigsetsize");
	print_unsigned(d, size);
	end_struct(d);
}

static void pselect_with(struct decoder *d, enum select_time kind)
{
	if (!entering(d)) {
		end_select(d, d->args, kind);
		return;
	}
	begin_select(d, d->args, kind);
	argument(d);
	print_select_mask(d, d->args[5]);
}

void decode_pselect6(struct decoder *d)
{
	pselect_with(d, SELECT_TIMESPEC);
}

void decode_pselect6_time64(struct decoder *d)
{
	pselect_with(d, SELECT_TIMESPEC64);
}

/* ---- epoll -------------------------------------------------------------------------------------------------- */

/* struct epoll_event is packed on x86, so that both its ABIs have the same. */
#define EVENT_SIZE 12

static void print_event(struct decoder *d, const void *element, size_t index)
{
	uint32_t events, narrow;
	uint64_t data;

	(void)index;
	memcpy(&events, element, sizeof(events));
	memcpy(&data, (const char *)element + sizeof(events), sizeof(data));
	narrow = (uint32_t)data;
	begin_struct(d);
	field(d, "events");
	print_flags(d, &epoll_events, events);
	field(d, "data");
	begin_struct(d);
	field(d, "u32");
	print_unsigned(d, narrow);
	field(d, "u64");
	print_unsigned(d, data);
	end_struct(d);
	end_struct(d);
}

void decode_epoll_ctl(struct decoder *d)
{
	unsigned char event[EVENT_SIZE];

	if (!entering(d))
		return;
	argument(d);
	print_fd(d, d->args[0]);
	argument(d);
	print_constant(d, &epoll_operations, (uint32_t)d->args[1]);
	argument(d);
	print_fd(d, d->args[2]);
	argument(d);
	if ((uint32_t)d->args[1] == EPOLL_CTL_DEL || !d->args[3] || !fetch(d, d->args[3], event, sizeof(event)))
		print_address(d, d->args[3]);
	else
		print_event(d, event, 0);
}

static void print_events(struct decoder *d)
{
	argument(d);
	if (failed(d))
		print_address(d, d->args[1]);
	else if (!d->result)
		print_text(d, "[]");
	else
		print_array(d, d->args[1], (uint64_t)d->result, EVENT_SIZE, print_event);
	argument(d);
	print_signed(d, (int32_t)d->args[2]);
}

static void print_epoll_mask(struct decoder *d)
{
	argument(d);
	print_mask(d, d->args[4], d->args[5]);
	argument(d);
	print_unsigned(d, d->args[5]);
}

static bool begin_epoll(struct decoder *d)
{
	if (!entering(d))
		return false;
	argument(d);
	print_fd(d, d->args[0]);
	return true;
}

void decode_epoll_wait(struct decoder *d)
{
	if (begin_epoll(d))
		return;
	print_events(d);
	argument(d);
	print_signed(d, (int32_t)d->args[3]);
}

void decode_epoll_pwait(struct decoder *d)
{
	if (begin_epoll(d))
		return;
	print_events(d);
	argument(d);
	print_signed(d, (int32_t)d->args[3]);
	print_epoll_mask(d);
}

void decode_epoll_pwait2(struct decoder *d)
{
	if (begin_epoll(d))
		return;
	print_events(d);
	argument(d);
	print_timeout(d, d->args[3], true);
	print_epoll_mask(d);
}

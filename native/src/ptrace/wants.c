/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "wants.h"

#include <linux/aio_abi.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "interfaces.h"
#include "sockets.h"

/* Most strings are shorter, and on one page. */
#define FIRST_CHUNK 256
#define PAGE 4096
#define ROUNDS 24
#define STRINGS_MOST 1024
#define NAME_MOST 128 /* struct sockaddr_storage */
#define CONTROL_MOST 4096
#define NETLINK_MOST (32 * 1024)

uint64_t want_word(const struct context *x, const unsigned char *bytes)
{
	uint64_t wide = 0;
	uint32_t narrow = 0;

	if (x->word == 8) {
		memcpy(&wide, bytes, sizeof(wide));
		return wide;
	}
	memcpy(&narrow, bytes, sizeof(narrow));
	return narrow;
}

/* ---- what is wanted ------------------------------------------------------------------------------------ */

static bool has_scratch(struct capturer *c)
{
	if (c->scratch)
		return true;
	void *mapped = mmap(NULL, CAPTURE_SCRATCH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mapped == MAP_FAILED)
		return false;
	c->scratch = mapped;
	return true;
}

static bool ends_at_zero(uint8_t kind)
{
	return kind == WANT_STRING || kind == WANT_ARGUMENT || kind == WANT_POINTERS;
}

/* How much of it is read next: of what ends at a zero up to the end of a page, since the next need not be there. */
static uint32_t chunk_of(const struct want *want)
{
	uint64_t chunk = FIRST_CHUNK, left;

	if (!ends_at_zero(want->kind))
		return want->most;
	if (want->got)
		chunk = want->got < PAGE ? PAGE : 2 * (uint64_t)want->got;
	left = PAGE - (want->address + want->got) % PAGE;
	if (chunk > want->got + left)
		chunk = want->got + left + (chunk - want->got - left) / PAGE * PAGE;
	return chunk < want->most ? (uint32_t)chunk : want->most;
}

/* Takes room for its next chunk; what was read of it is read again, so that it lies in one piece. */
static bool prepare(const struct context *x, struct want *want)
{
	struct capturer *c = x->c;

	want->size = chunk_of(want);
	if (want->size > CAPTURE_SCRATCH - c->used) {
		x->out->record->flags |= RECORD_CUT;
		return false;
	}
	want->at = c->used;
	c->used += want->size;
	want->pending = true;
	return true;
}

struct want *want_add(const struct context *x, uint8_t kind, uint64_t address, uint64_t most, bool limited)
{
	struct capturer *c = x->c;

	if (!address || !most)
		return NULL;
	if (c->count == CAPTURE_WANTS || !has_scratch(c)) {
		x->out->record->flags |= RECORD_CUT;
		return NULL;
	}
	struct want *want = &c->wants[c->count];

	*want = (struct want){.address = address, .kind = kind, .budget = UINT64_MAX};
	want->limited = limited || most > RECORD_MAX / 2;
	want->most = most > RECORD_MAX / 2 ? RECORD_MAX / 2 : (uint32_t)most;
	if (!prepare(x, want))
		return NULL;
	c->count++;
	return want;
}

static bool is_socket_call(enum call_id call)
{
	switch (call) {
	case CALL_send:
	case CALL_sendto:
	case CALL_sendmsg:
	case CALL_sendmmsg:
	case CALL_recv:
	case CALL_recvfrom:
	case CALL_recvmsg:
	case CALL_recvmmsg:
	case CALL_recvmmsg_time64:
		return true;
	default:
		return false;
	}
}

void want_data(const struct context *x, uint64_t address, uint64_t length)
{
	uint64_t limit = x->call->whole_data ? UINT64_MAX : x->call->string_limit;

	if (x->call->no_data)
		return;
	if (!is_socket_call(x->call->call)) {
		want_add(x, WANT_BYTES, address, length < limit ? length : limit, length > limit);
		return;
	}
	/* a header at least, by which netlink's messages are told */
	uint64_t most = limit < NLMSG_HDRLEN ? NLMSG_HDRLEN : limit;
	struct want *want = want_add(x, WANT_BYTES, address, length < most ? length : most, length > limit);

	if (want)
		want->whole = length < NETLINK_MOST ? (uint32_t)length : NETLINK_MOST;
}

uint64_t want_elements(const struct context *x, uint64_t count, uint64_t most)
{
	uint64_t limit = x->call->verbose ? most : (uint64_t)x->call->string_limit + 1;

	return count < limit ? count : limit;
}

/* ---- what was read --------------------------------------------------------------------------------------- */

static void put(const struct context *x, const struct want *want, uint8_t kind, uint32_t size, uint8_t status)
{
	struct stl_capture capture = {
		.address = want->address, .size = size, .kind = kind, .phase = x->call->phase, .status = status};
	void *into = builder_add(x->out, &capture);

	if (into && size)
		memcpy(into, x->c->scratch + want->at, size);
}

static uint8_t status_of(const struct want *want)
{
	if (want->status != CAPTURE_WHOLE)
		return want->status;
	return want->limited ? CAPTURE_LIMITED : CAPTURE_WHOLE;
}

/* Whether there is more of it to be read. */
static bool goes_on(const struct context *x, struct want *want)
{
	return want->status == CAPTURE_WHOLE && want->got == want->size && want->size < want->most && prepare(x, want);
}

/* Of a string what there is up to its NUL, that included. */
static uint32_t string_size(const struct context *x, const struct want *want, bool *ended)
{
	const unsigned char *bytes = x->c->scratch + want->at;
	const unsigned char *end = memchr(bytes, 0, want->got);

	*ended = end != NULL;
	return end ? (uint32_t)(end - bytes) + 1 : want->got;
}

static void take_string(const struct context *x, struct want *want)
{
	bool ended;
	uint32_t size = string_size(x, want, &ended);

	if (!ended && goes_on(x, want))
		return;
	if (ended)
		put(x, want, CAPTURED_MEMORY, size, CAPTURE_WHOLE);
	else
		put(x, want, CAPTURED_MEMORY, size, want->status != CAPTURE_WHOLE ? want->status : CAPTURE_LIMITED);
}

static void take_argument(const struct context *x, struct want *want)
{
	bool ended;

	string_size(x, want, &ended);
	if (!ended)
		goes_on(x, want);
}

/* Which strings of them are wanted: none of a TAKE_COUNT. */
static void take_pointers(const struct context *x, struct want *want)
{
	struct capturer *c = x->c;
	uint32_t total = 0, most = want->got / x->word;
	struct want_group *group = &c->groups[want->group];

	while (total < most && want_word(x, c->scratch + want->at + (size_t)total * x->word))
		total++;
	if (total == most && goes_on(x, want))
		return;
	group->total = total;
	group->first = c->count;
	group->status = total < most ? CAPTURE_WHOLE : want->status != CAPTURE_WHOLE ? want->status : CAPTURE_LIMITED;
	uint64_t wanted = want->limited ? 0 : want_elements(x, total, STRINGS_MOST);
	uint32_t at = want->at;

	for (uint32_t i = 0; i < wanted && i < STRINGS_MOST; i++) {
		uint64_t address = want_word(x, c->scratch + at + (size_t)i * x->word);

		if (!want_add(x, WANT_ARGUMENT, address, (uint64_t)x->call->string_limit + 1, false))
			break;
		group->count++;
	}
}

void want_iovec(const struct context *x, uint64_t address, uint64_t count, uint64_t budget)
{
	uint64_t wanted = want_elements(x, count < IOVECS_MOST ? count : IOVECS_MOST, IOVECS_MOST);
	struct want *want = want_add(x, WANT_IOVEC, address, wanted * 2 * x->word, wanted < count);

	if (want)
		want->budget = budget;
}

static void take_iovec(const struct context *x, const struct want *want)
{
	uint64_t budget = want->budget;
	uint32_t count = want->got / (2 * x->word), at = want->at;

	put(x, want, CAPTURED_MEMORY, want->got, status_of(want));
	for (uint32_t i = 0; i < count && budget; i++) {
		const unsigned char *part = x->c->scratch + at + (size_t)i * 2 * x->word;
		uint64_t address = want_word(x, part), length = want_word(x, part + x->word);

		length = length < budget ? length : budget;
		budget -= length;
		want_data(x, address, length);
	}
}

/* struct msghdr: name, namelen (an int), iov, iovlen, control, controllen, flags; recvmsg(2) */
static void add_message(const struct context *x, const unsigned char *bytes, uint64_t budget)
{
	uint64_t fields[6];
	uint32_t name_size;

	for (int i = 0; i < 6; i++)
		fields[i] = want_word(x, bytes + (size_t)i * x->word);
	name_size = (uint32_t)fields[1];
	want_add(x, WANT_BYTES, fields[0], name_size < NAME_MOST ? name_size : NAME_MOST, name_size > NAME_MOST);
	want_iovec(x, fields[2], fields[3], budget);
	want_add(x, WANT_BYTES, fields[4], fields[5] < CONTROL_MOST ? fields[5] : CONTROL_MOST,
	         fields[5] > CONTROL_MOST);
}

static void take_messages(const struct context *x, const struct want *want)
{
	uint32_t message = 7 * x->word, at = want->at;
	uint32_t each =
		want->kind == WANT_MSGHDR ? message : message + x->word; /* struct mmsghdr: and an unsigned int */

	put(x, want, CAPTURED_MEMORY, want->got, status_of(want));
	for (uint32_t i = 0; (i + 1) * each <= want->got; i++) {
		const unsigned char *bytes = x->c->scratch + at + (size_t)i * each;
		uint64_t budget = want->budget;
		uint32_t received;

		if (want->kind == WANT_MMSGHDR && x->call->phase == PHASE_EXIT) {
			memcpy(&received, bytes + message, sizeof(received));
			budget = received;
		}
		add_message(x, bytes, budget);
	}
}

static void take_iocb_pointers(const struct context *x, const struct want *want)
{
	uint32_t count = want->got / x->word, at = want->at;

	put(x, want, CAPTURED_MEMORY, want->got, status_of(want));
	for (uint32_t i = 0; i < count; i++)
		want_add(x, WANT_IOCB, want_word(x, x->c->scratch + at + (size_t)i * x->word), sizeof(struct iocb),
		         false);
}

static void take_iocb(const struct context *x, const struct want *want)
{
	struct iocb iocb;

	put(x, want, CAPTURED_MEMORY, want->got, status_of(want));
	if (want->got < sizeof(iocb))
		return;
	memcpy(&iocb, x->c->scratch + want->at, sizeof(iocb));
	if (iocb.aio_lio_opcode == IOCB_CMD_PWRITE)
		want_data(x, iocb.aio_buf, iocb.aio_nbytes);
	else if (iocb.aio_lio_opcode == IOCB_CMD_PWRITEV)
		want_iovec(x, iocb.aio_buf, iocb.aio_nbytes, UINT64_MAX);
	else if (iocb.aio_lio_opcode == IOCB_CMD_PREADV)
		want_iovec(x, iocb.aio_buf, iocb.aio_nbytes, 0);
}

static void put_interfaces(const struct context *x)
{
	struct captured_interface all[INTERFACES_MOST];
	size_t size = interfaces_of(x->call->task.tid, all) * sizeof(*all);
	struct stl_capture capture = {.size = (uint32_t)size, .kind = CAPTURED_INTERFACES};
	void *into;

	capture.phase = x->call->phase;
	into = size ? builder_add(x->out, &capture) : NULL;
	if (into)
		memcpy(into, all, size);
}

/* Asked once a phase, and only where the data looks like it: the kernel has to be asked about the descriptor. */
static bool is_netlink(const struct context *x)
{
	int32_t what[2] = {AF_NETLINK, -1};
	struct stl_capture capture = {.address = (uint32_t)x->call->args[0], .size = sizeof(what)};
	void *into;

	if (x->c->netlink != NETLINK_NOT_ASKED)
		return x->c->netlink == NETLINK_SOCKET;
	x->c->netlink = NETLINK_NOT;
	if (!netlink_socket(x->call->task.tid, (int32_t)x->call->args[0], x->call->task.hung_until_ns, &what[1]))
		return false;
	x->c->netlink = NETLINK_SOCKET;
	capture.kind = CAPTURED_SOCKET;
	capture.phase = x->call->phase;
	into = builder_add(x->out, &capture);
	if (into)
		memcpy(into, what, sizeof(what));
	if (what[1] == NETLINK_ROUTE)
		put_interfaces(x);
	return true;
}

/* Messages are decoded as a whole, so they are taken as a whole. */
static bool goes_on_as_netlink(const struct context *x, struct want *want)
{
	struct nlmsghdr header;
	uint32_t whole = want->whole;

	want->whole = 0;
	if (!whole || want->got < sizeof(header))
		return false;
	memcpy(&header, x->c->scratch + want->at, sizeof(header));
	if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > NLMSG_ALIGN(whole) || !is_netlink(x))
		return false;
	want->limited = false;
	if (want->got >= whole)
		return false;
	want->most = whole;
	return prepare(x, want);
}

static void take_bytes(const struct context *x, struct want *want)
{
	bool is_socket = want->whole != 0;
	uint32_t limit = x->call->string_limit, size = want->got;

	if (goes_on_as_netlink(x, want))
		return;
	if (is_socket && x->c->netlink != NETLINK_SOCKET && !x->call->whole_data && size > limit)
		size = limit;
	put(x, want, CAPTURED_MEMORY, size, status_of(want));
}

static void take(const struct context *x, struct want *want)
{
	switch (want->kind) {
	case WANT_BYTES:
		take_bytes(x, want);
		break;
	case WANT_STACK:
		put(x, want, CAPTURED_STACK, want->got, status_of(want));
		break;
	case WANT_STRING:
		take_string(x, want);
		break;
	case WANT_POINTERS:
		take_pointers(x, want);
		break;
	case WANT_ARGUMENT:
		take_argument(x, want);
		break;
	case WANT_IOVEC:
		take_iovec(x, want);
		break;
	case WANT_IOCB_POINTERS:
		take_iocb_pointers(x, want);
		break;
	case WANT_IOCB:
		take_iocb(x, want);
		break;
	default:
		take_messages(x, want);
	}
}

static uint32_t argument_size(const struct context *x, const struct want *want, bool *ended)
{
	return want->got ? string_size(x, want, ended) : (*ended = false, 0);
}

/* An argv or envp as one capture: each string ended by a NUL, the last that is not readable left out with the rest. */
void want_put_group(const struct context *x, const struct want_group *group)
{
	struct stl_capture capture = {.address = group->address, .size = 8, .kind = CAPTURED_STRINGS};
	uint32_t count = 0;
	bool ended;

	capture.phase = x->call->phase;
	capture.status = group->status;
	for (; count < group->count; count++) {
		const struct want *want = &x->c->wants[group->first + count];
		uint32_t size = argument_size(x, want, &ended);

		if (want->status != CAPTURE_WHOLE && !ended) {
			capture.status = want->status;
			break;
		}
		if (capture.size + size + 1 > RECORD_MAX / 2)
			break;
		capture.size += size + !ended;
	}
	unsigned char *into = builder_add(x->out, &capture);

	if (!into)
		return;
	memcpy(into, &(int32_t[2]){(int32_t)group->total, 0}, 8);
	into += 8;
	for (uint32_t i = 0; i < count; i++) {
		const struct want *want = &x->c->wants[group->first + i];
		uint32_t size = argument_size(x, want, &ended);

		memcpy(into, x->c->scratch + want->at, size);
		into += size;
		if (!ended)
			*into++ = 0;
	}
}

void wants_read(const struct context *x)
{
	struct capturer *c = x->c;

	for (int round = 0; round < ROUNDS; round++) {
		uint32_t which[CAPTURE_WANTS];
		unsigned count = 0;

		for (uint32_t i = 0; i < c->count; i++) {
			struct want *want = &c->wants[i];

			if (!want->pending)
				continue;
			want->pending = false;
			which[count] = i;
			c->pieces[count++] = (struct memory_piece){
				.address = want->address, .into = c->scratch + want->at, .size = want->size};
		}
		if (!count)
			return;
		memory_read(&c->memory, &x->call->task, c->pieces, count);
		for (unsigned i = 0; i < count; i++) {
			struct want *want = &c->wants[which[i]];

			want->got = c->pieces[i].got;
			want->status = c->pieces[i].status;
			take(x, want);
		}
	}
}

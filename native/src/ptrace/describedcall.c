/* SPDX-License-Identifier: Apache-2.0
 *
 * Which descriptors a call is about: its arguments, its result, and those that lie in what was captured of its memory.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <string.h>
#include <sys/socket.h>

#include "descriptors.h"

#define IN_SETS_MOST 1024
/* Of one phase, in all: of more the numbers alone are shown. A look at one that costs nothing else takes some us. */
#define LOOKS_MOST 2048

struct taking {
	struct tracee *tracee;
	struct builder *out;
	uint8_t phase;
	bool addresses;
	struct look_budget budget;
	uint32_t looks;
	uint64_t taken[IN_SETS_MOST / 64]; /* those that were looked at: one may be in each of three sets */
};

/* False: it was taken before, or there were too many. */
static bool is_next(struct taking *taking, int32_t fd)
{
	if (fd >= 0 && fd < IN_SETS_MOST) {
		uint64_t *word = &taking->taken[fd / 64], bit = UINT64_C(1) << (fd % 64);

		if (*word & bit)
			return false;
		*word |= bit;
	}
	return taking->looks++ < LOOKS_MOST;
}

static void take_one(struct taking *taking, int32_t fd)
{
	char text[DESCRIPTOR_TEXT_MOST];

	if ((fd < 0 && fd != AT_FDCWD) || !is_next(taking, fd))
		return;
	size_t size = descriptor_text(taking->tracee, fd, taking->addresses, &taking->budget, text);
	struct stl_capture capture = {
		.address = (uint32_t)fd, .size = (uint32_t)size, .kind = CAPTURED_DESCRIPTOR, .phase = taking->phase};
	void *into = size ? builder_add(taking->out, &capture) : NULL;

	if (into)
		memcpy(into, text, size);
}

/* Where the record has what lies at that address, from this phase; its place within the record: that may move. */
static size_t captured_at(const struct taking *taking, uint64_t address, uint32_t *size)
{
	const struct stl_capture *capture = capture_first(taking->out->record);

	for (uint32_t i = 0; i < taking->out->record->captures; i++, capture = capture_next(capture)) {
		if (capture->kind == CAPTURED_MEMORY && capture->address == address &&
		    capture->phase == taking->phase) {
			*size = capture->size;
			return (size_t)((const char *)capture_bytes(capture) - (const char *)taking->out->record);
		}
	}
	*size = 0;
	return 0;
}

/* What the pointer at that address was at the call's entry, where it was captured then; 0: it was not. */
static uint64_t captured_pointer(const struct taking *taking, uint64_t object, uint32_t offset)
{
	const struct taking entry = {.out = taking->out, .phase = PHASE_ENTRY};
	uint32_t size, word = taking->out->record->abi == STL_ABI_I386 ? 4 : 8;
	uint64_t pointer = 0;

	size_t at = captured_at(&entry, object, &size);

	if (size >= offset + word)
		memcpy(&pointer, (const char *)taking->out->record + at + offset, word);
	return pointer;
}

static uint32_t word_of(const struct taking *taking)
{
	return taking->out->record->abi == STL_ABI_I386 ? 4 : 8;
}

/* Every `each` bytes a descriptor. */
static void take_array(struct taking *taking, uint64_t address, uint32_t each, uint32_t limit)
{
	uint32_t size;
	size_t at = captured_at(taking, address, &size);

	for (uint32_t i = 0; i < limit && (i + 1) * each <= size; i++) {
		int32_t fd;

		memcpy(&fd, (const char *)taking->out->record + at + (size_t)i * each, sizeof(fd));
		take_one(taking, fd);
	}
}

/* A member of a struct that was captured. */
static void take_member(struct taking *taking, uint64_t address, uint32_t offset)
{
	uint32_t size;
	size_t at = captured_at(taking, address, &size);
	int32_t fd;

	if (size < offset + sizeof(fd))
		return;
	memcpy(&fd, (const char *)taking->out->record + at + offset, sizeof(fd));
	take_one(taking, fd);
}

/* io_submit(2)'s control blocks. */
static void take_iocbs(struct taking *taking, uint64_t address, uint32_t limit)
{
	uint32_t word = word_of(taking), size;
	size_t at = captured_at(taking, address, &size);

	for (uint32_t i = 0; i < limit && (i + 1) * word <= size && !look_budget_over(&taking->budget); i++) {
		uint64_t pointer = 0;
		uint32_t block_size;
		struct iocb iocb;

		memcpy(&pointer, (const char *)taking->out->record + at + (size_t)i * word, word);
		size_t block = captured_at(taking, pointer, &block_size);

		if (block_size < sizeof(iocb))
			continue;
		memcpy(&iocb, (const char *)taking->out->record + block, sizeof(iocb));
		take_one(taking, (int32_t)iocb.aio_fildes);
		if (iocb.aio_flags & IOCB_FLAG_RESFD)
			take_one(taking, (int32_t)iocb.aio_resfd);
	}
}

/* All of them, whatever -v says, as strace has it. */
static void take_set(struct taking *taking, uint64_t address, int32_t bits)
{
	uint32_t size;
	size_t at = captured_at(taking, address, &size);

	bits = bits < IN_SETS_MOST ? bits : IN_SETS_MOST;
	for (int32_t fd = 0; fd < bits && (uint32_t)fd / 8 < size; fd++) {
		unsigned char byte = *((const unsigned char *)taking->out->record + at + fd / 8);

		if (byte >> (fd % 8) & 1)
			take_one(taking, fd);
	}
}

static uint64_t word_in(const struct taking *taking, size_t at)
{
	uint64_t value = 0;

	/* Little-endian, so that a narrow one is the low half. */
	memcpy(&value, (const char *)taking->out->record + at, word_of(taking));
	return value;
}

/* A control message's header: a size_t and two ints, cmsg(3); its data are the descriptors. */
static void take_rights(struct taking *taking, uint64_t address, uint32_t limit)
{
	uint32_t word = word_of(taking), header = word + 8, size;
	size_t at = captured_at(taking, address, &size);

	for (uint64_t used = 0; used + header <= size;) {
		uint64_t length = word_in(taking, at + used);
		int32_t kind[2], fd;

		memcpy(kind, (const char *)taking->out->record + at + used + word, sizeof(kind));
		if (length < header || length > size - used)
			break;
		for (uint64_t i = header; i + sizeof(fd) <= length && limit; i += sizeof(fd), limit--) {
			if (kind[0] != SOL_SOCKET || kind[1] != SCM_RIGHTS)
				break;
			memcpy(&fd, (const char *)taking->out->record + at + used + i, sizeof(fd));
			take_one(taking, fd);
		}
		used += (length + word - 1) / word * word;
	}
}

/* Those that a message hands over: of struct msghdr the fifth word points to them, recvmsg(2). */
static void take_message(struct taking *taking, uint64_t address, uint32_t limit)
{
	uint32_t size;
	size_t at = captured_at(taking, address, &size);

	if (size >= 6 * word_of(taking))
		take_rights(taking, word_in(taking, at + 4 * (size_t)word_of(taking)), limit);
}

/* Of each struct mmsghdr: struct msghdr, which is 7 words, and an int. */
static void take_messages(struct taking *taking, uint64_t address, uint32_t limit)
{
	uint32_t word = word_of(taking), size;
	size_t at = captured_at(taking, address, &size);

	for (uint32_t i = 0; i < limit && (uint64_t)(i + 1) * 8 * word <= size && !look_budget_over(&taking->budget);
	     i++)
		take_rights(taking, word_in(taking, at + (size_t)i * 8 * word + 4 * (size_t)word), limit);
}

static bool is_now(const struct capture *capture, uint8_t phase, bool failed)
{
	if (capture->take == TAKE_RESULT_FD)
		return phase == PHASE_EXIT && !failed;
	if (phase == PHASE_ENTRY)
		return capture->when == WHEN_ENTRY || capture->when == WHEN_BOTH;
	return capture->when == WHEN_ALWAYS || (!failed && capture->when != WHEN_ENTRY);
}

void descriptors_capture(struct tracee *tracee, const struct described_call *call, struct builder *out)
{
	struct taking taking = {.tracee = tracee, .out = out, .phase = call->phase, .addresses = call->addresses};

	for (int i = 0; i < TAKES && call->row->captures[i].take != TAKE_END; i++) {
		const struct capture *capture = &call->row->captures[i];
		uint64_t arg = call->args[capture->arg % 6];

		if (!is_now(capture, call->phase, call->failed))
			continue;
		switch (capture->take) {
		case TAKE_DESCRIPTOR:
			if (capture->at)
				take_member(&taking, arg, capture->at - 1u);
			else
				take_one(&taking, (int32_t)arg);
			break;
		case TAKE_RESULT_FD:
			take_one(&taking, (int32_t)call->result);
			break;
		case TAKE_FDS:
			if (capture->at)
				arg = captured_pointer(&taking, arg, capture->at - 1u);
			take_array(&taking, arg, sizeof(int32_t), call->limit);
			break;
		case TAKE_POLLFDS:
			take_array(&taking, arg, 8, call->limit);
			break;
		case TAKE_MSGHDR:
			take_message(&taking, arg, call->limit);
			break;
		case TAKE_MMSGHDR:
			take_messages(&taking, arg, call->limit);
			break;
		case TAKE_IOCBS:
			take_iocbs(&taking, arg, call->limit);
			break;
		case TAKE_FDSETS:
			take_set(&taking, arg, (int32_t)call->args[capture->length_arg % 6]);
			break;
		default:
			break;
		}
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "wants.h"

#include <limits.h>
#include <string.h>
#include <sys/mman.h>

#include "stracelet.h"

#define POINTERS_MOST (16 * 1024) /* of argv and envp */
#define POLLFDS_MOST 4096
#define BITS_MOST 65536 /* of a set of descriptors */

/* What a capture is of, once it is known. */
struct operand {
	uint64_t address, length;
};

/* ---- from the row to what is wanted ------------------------------------------------------------------------ */

static bool is_now(const struct context *x, const struct capture *capture)
{
	if (capture->take == TAKE_DESCRIPTOR || capture->take == TAKE_PID || capture->take == TAKE_RESULT_FD ||
	    capture->take == TAKE_RESULT_PID)
		return false; /* nothing of its memory */
	if (x->call->phase == PHASE_ENTRY)
		return capture->when == WHEN_ENTRY || capture->when == WHEN_BOTH;
	if (capture->when == WHEN_ALWAYS)
		return true;
	return !x->call->failed && (capture->when == WHEN_EXIT || capture->when == WHEN_BOTH);
}

struct operand_reads {
	struct memory_piece pieces[2 * TAKES];
	unsigned char bytes[2 * TAKES][8];
	unsigned count;
};

static void ask(struct operand_reads *reads, uint64_t address, uint32_t size, bool wanted)
{
	struct memory_piece *piece = &reads->pieces[reads->count];

	memset(reads->bytes[reads->count], 0, 8);
	*piece = (struct memory_piece){.into = reads->bytes[reads->count++]};
	if (!wanted)
		return;
	piece->address = address;
	piece->size = size;
}

static void ask_operand(const struct context *x, const struct capture *capture, struct operand_reads *reads)
{
	const uint64_t *args = x->call->args;
	bool narrow = x->word == 4;
	uint64_t object = args[capture->arg % 6];
	uint8_t at = narrow && capture->at32 ? capture->at32 : capture->at;
	uint8_t length_at = narrow && capture->length_at32 ? capture->length_at32 : capture->length_at;

	ask(reads, object + at - 1, x->word, at != 0);
	switch (capture->length) {
	case LENGTH_POINTED:
		ask(reads, args[capture->length_arg % 6], 4, true);
		break;
	case LENGTH_FIELD:
		ask(reads, object + length_at, x->word, true);
		break;
	case LENGTH_FIELD32:
		ask(reads, object + length_at, 4, true);
		break;
	case LENGTH_FIELD16:
		ask(reads, object + length_at, 2, true);
		break;
	default:
		ask(reads, 0, 0, false);
	}
}

static uint64_t given_length(const struct context *x, const struct capture *capture)
{
	uint64_t arg = x->call->args[capture->length_arg % 6];
	uint64_t result = x->call->result > 0 ? (uint64_t)x->call->result : 0;

	switch (capture->length) {
	case LENGTH_ONE:
		return 1;
	case LENGTH_ARG:
		return arg;
	case LENGTH_RESULT:
		return result;
	default:
		return arg < result ? arg : result;
	}
}

static struct operand operand_of(const struct context *x, const struct capture *capture,
                                 const struct operand_reads *reads, unsigned index)
{
	struct operand operand = {.address = x->call->args[capture->arg % 6], .length = given_length(x, capture)};
	const struct memory_piece *pointer = &reads->pieces[index], *length = pointer + 1;

	if (pointer->size)
		operand.address = pointer->got == pointer->size ? want_word(x, reads->bytes[index]) : 0;
	if (operand.address)
		operand.address += x->word == 4 ? capture->skip32 : capture->skip;
	if (length->size) {
		memcpy(&operand.length, reads->bytes[index + 1], 8);
		if (length->got != length->size)
			operand.length = 0;
	}
	return operand;
}

static void add_strings(const struct context *x, uint64_t address, bool count_only)
{
	struct want *want = NULL;

	if (x->c->group_count < CAPTURE_GROUPS)
		want = want_add(x, WANT_POINTERS, address, (uint64_t)POINTERS_MOST * x->word, count_only);
	if (!want)
		return;
	want->group = (uint8_t)x->c->group_count;
	x->c->groups[x->c->group_count++] = (struct want_group){.address = address};
}

static void add_set(const struct context *x, uint64_t address, uint64_t bits)
{
	uint64_t unit = 8 * x->word;

	bits = (int32_t)bits < 0 ? 0 : bits & INT32_MAX;
	bits = bits < BITS_MOST ? bits : BITS_MOST;
	want_add(x, WANT_BYTES, address, (bits + unit - 1) / unit * x->word, false);
}

static void add_array(const struct context *x, uint64_t address, uint64_t count, uint64_t size)
{
	uint64_t wanted = want_elements(x, count, RECORD_MAX);

	want_add(x, WANT_BYTES, address, wanted * size, wanted < count);
}

static void add_messages(const struct context *x, uint64_t address, uint64_t count)
{
	uint64_t wanted = want_elements(x, count < IOVECS_MOST ? count : IOVECS_MOST, IOVECS_MOST);

	want_add(x, WANT_MMSGHDR, address, wanted * 8 * x->word, wanted < count);
}

static uint64_t data_budget(const struct context *x)
{
	if (x->call->phase == PHASE_ENTRY)
		return UINT64_MAX;
	return x->call->result > 0 ? (uint64_t)x->call->result : 0;
}

static bool is_formed(const struct capture_call *call)
{
	return (call->call == CALL_setsockopt || call->call == CALL_getsockopt) &&
	       option_has_form((uint32_t)call->args[1], (uint32_t)call->args[2]);
}

static uint64_t size_of(const struct context *x, const struct capture *capture)
{
	uint64_t size = x->word == 4 && capture->size32 ? capture->size32 : capture->size;

	if (!capture->opaque || !x->call->no_data || is_formed(x->call))
		return size;
	return capture->take == TAKE_SIZED ? sizeof(int32_t) : 0;
}

static void want_capture(const struct context *x, const struct capture *capture, struct operand operand)
{
	uint64_t size = size_of(x, capture);
	uint64_t address = operand.address, length = operand.length, limit = x->call->string_limit;
	struct want *want;

	switch (capture->take) {
	case TAKE_PATH:
		want_add(x, WANT_STRING, address, PATH_MAX, false);
		break;
	case TAKE_STRING:
		want_add(x, WANT_STRING, address, limit + 1, false);
		break;
	case TAKE_BYTES:
		want_data(x, address, length);
		break;
	case TAKE_OBJECT:
		want_add(x, WANT_BYTES, address, size, false);
		break;
	case TAKE_SIZED:
		want_add(x, WANT_BYTES, address, length < size ? length : size, length > size);
		break;
	case TAKE_ARRAY:
	case TAKE_FDS:
		add_array(x, address, length, size);
		break;
	case TAKE_POLLFDS:
		/* what has happened is looked for in all of them */
		if (x->call->phase == PHASE_EXIT)
			want_add(x, WANT_BYTES, address, (length < POLLFDS_MOST ? length : POLLFDS_MOST) * 8,
			         length > POLLFDS_MOST);
		else
			add_array(x, address, length, 8);
		break;
	case TAKE_FDSETS:
		add_set(x, address, length);
		break;
	case TAKE_STRINGS:
		add_strings(x, address, false);
		break;
	case TAKE_COUNT:
		add_strings(x, address, !x->call->verbose);
		break;
	case TAKE_IOVEC:
		want_iovec(x, address, length, data_budget(x));
		break;
	case TAKE_MSGHDR:
		want = want_add(x, WANT_MSGHDR, address, 7 * x->word, false);
		if (want)
			want->budget = data_budget(x);
		break;
	case TAKE_MMSGHDR:
		add_messages(x, address, length);
		break;
	case TAKE_IOCBS:
		length = want_elements(x, length < IOVECS_MOST ? length : IOVECS_MOST, IOVECS_MOST);
		want_add(x, WANT_IOCB_POINTERS, address, length * x->word, length < operand.length);
		break;
	case TAKE_STACK:
		want_add(x, WANT_STACK, x->call->stack, size, false);
		break;
	default:
		break;
	}
}

void capture_phase(struct capturer *capturer, const struct capture_call *call, const struct capture_row *row,
                   struct builder *out)
{
	struct context x = {capturer, call, out, call->abi == STL_ABI_I386 ? 4 : 8};
	struct operand_reads reads;
	bool indirect = false;

	capturer->used = capturer->count = capturer->group_count = 0;
	capturer->netlink = NETLINK_NOT_ASKED;
	reads.count = 0;
	memory_begin(&capturer->memory);
	for (int i = 0; i < TAKES && row->captures[i].take != TAKE_END; i++) {
		if (!is_now(&x, &row->captures[i]))
			continue;
		ask_operand(&x, &row->captures[i], &reads);
		indirect |= reads.pieces[reads.count - 1].size || reads.pieces[reads.count - 2].size;
	}
	if (!reads.count)
		return;
	if (indirect)
		memory_read(&capturer->memory, &call->task, reads.pieces, reads.count);
	for (int i = 0, index = 0; i < TAKES && row->captures[i].take != TAKE_END; i++) {
		if (!is_now(&x, &row->captures[i]))
			continue;
		want_capture(&x, &row->captures[i], operand_of(&x, &row->captures[i], &reads, (unsigned)index));
		index += 2;
	}
	wants_read(&x);
	for (uint32_t i = 0; i < capturer->group_count; i++)
		want_put_group(&x, &capturer->groups[i]);
}

void capturer_close(struct capturer *capturer)
{
	memory_close(&capturer->memory);
	if (capturer->scratch)
		munmap(capturer->scratch, CAPTURE_SCRATCH);
	capturer->scratch = NULL;
}

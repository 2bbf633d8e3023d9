/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernel's asynchronous input and output. Layouts: include/uapi/linux/aio_abi.h, the same on every ABI.
 */
#include <inttypes.h>
#include <linux/aio_abi.h>
#include <string.h>

#include "constants/file.h"
#include "decode/file.h"

/* include/uapi/linux/ioprio.h */
#define PRIORITY_CLASS_SHIFT 13
#define PRIORITY_MASK ((1u << PRIORITY_CLASS_SHIFT) - 1)

void decode_io_setup(struct decoder *d)
{
	uint64_t context;

	if (entering(d)) {
		argument_uint(d, 0);
		return;
	}
	argument(d);
	if (failed(d) || !fetch_word(d, d->args[1], &context)) {
		print_address(d, d->args[1]);
		return;
	}
	print_text(d, "[");
	print_address(d, context);
	print_text(d, "]");
}

/* ---- what is submitted -------------------------------------------------------------------------------- */

static void print_priority(struct decoder *d, const struct iocb *iocb)
{
	unsigned priority = (uint16_t)iocb->aio_reqprio;

	if (!(iocb->aio_flags & IOCB_FLAG_IOPRIO)) {
		if (!iocb->aio_reqprio)
			return;
		field(d, "aio_reqprio");
		print_signed(d, iocb->aio_reqprio);
		return;
	}
	field(d, "aio_reqprio");
	if (d->options->constants != STL_CONSTANTS_ABBREV)
		print_hex(d, priority);
	if (d->options->constants == STL_CONSTANTS_RAW)
		return;
	if (d->options->constants == STL_CONSTANTS_VERBOSE)
		print_text(d, " /* ");
	print_text(d, "IOPRIO_PRIO_VALUE(");
	print_constant(d, &io_classes, priority >> PRIORITY_CLASS_SHIFT);
	print(d, ", %u)", priority & PRIORITY_MASK);
	if (d->options->constants == STL_CONSTANTS_VERBOSE)
		print_text(d, " */");
}

/* A number where it has no name, unlike other constants. */
static void print_opcode(struct decoder *d, unsigned opcode)
{
	const char *name = constant_name(&aio_commands, opcode);

	if (name && d->options->constants == STL_CONSTANTS_ABBREV) {
		print_text(d, name);
		return;
	}
	print_unsigned(d, opcode);
	if (d->options->constants != STL_CONSTANTS_RAW)
		print_comment(d, "%s", name ? name : aio_commands.unknown);
}

static void print_common(struct decoder *d, const struct iocb *iocb)
{
	field(d, "aio_data");
	print_hex(d, iocb->aio_data);
	if (iocb->aio_rw_flags) {
		field(d, "aio_rw_flags");
		print_flags(d, &rw_flags, (uint32_t)iocb->aio_rw_flags);
	}
	field(d, "aio_lio_opcode");
	print_opcode(d, iocb->aio_lio_opcode);
	print_priority(d, iocb);
	field(d, "aio_fildes");
	print_fd(d, iocb->aio_fildes);
}

static void print_transfer(struct decoder *d, const struct iocb *iocb)
{
	field(d, "aio_buf");
	switch (iocb->aio_lio_opcode) {
	case IOCB_CMD_PWRITE:
		print_bytes(d, iocb->aio_buf, iocb->aio_nbytes);
		break;
	case IOCB_CMD_PWRITEV:
		print_iovec(d, iocb->aio_buf, iocb->aio_nbytes, UINT64_MAX);
		break;
	case IOCB_CMD_PREADV:
		print_iovec_addresses(d, iocb->aio_buf, iocb->aio_nbytes);
		break;
	default:
		print_address(d, iocb->aio_buf);
	}
	if (iocb->aio_lio_opcode == IOCB_CMD_PREAD || iocb->aio_lio_opcode == IOCB_CMD_PWRITE) {
		field(d, "aio_nbytes");
		print_unsigned(d, iocb->aio_nbytes);
	}
	field(d, "aio_offset");
	print_signed(d, iocb->aio_offset);
}

static void print_iocb(struct decoder *d, uint64_t address)
{
	struct iocb iocb;

	if (!address || !fetch(d, address, &iocb, sizeof(iocb))) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	print_common(d, &iocb);
	switch (iocb.aio_lio_opcode) {
	case IOCB_CMD_PREAD:
	case IOCB_CMD_PWRITE:
	case IOCB_CMD_PREADV:
	case IOCB_CMD_PWRITEV:
		print_transfer(d, &iocb);
		if (iocb.aio_flags) {
			field(d, "aio_flags");
			print_flags(d, &aio_flags, iocb.aio_flags);
		}
		if (iocb.aio_flags & IOCB_FLAG_RESFD) {
			field(d, "aio_resfd");
			print_fd(d, iocb.aio_resfd);
		}
		break;
	case IOCB_CMD_POLL:
		field(d, "aio_buf");
		print_flags(d, &aio_poll_events, iocb.aio_buf);
		break;
	default:
		break;
	}
	end_struct(d);
}

static void print_pointed(struct decoder *d, const void *element, size_t index)
{
	uint64_t address = 0;

	(void)index;
	memcpy(&address, element, d->word);
	print_iocb(d, address);
}

void decode_io_submit(struct decoder *d)
{
	int64_t count = d->word == 4 ? (int32_t)d->args[1] : (int64_t)d->args[1];

	if (!entering(d))
		return;
	argument_address(d, 0);
	argument_long(d, 1);
	argument(d);
	if (count < 0)
		print_address(d, d->args[2]);
	else
		print_array(d, d->args[2], (uint64_t)count, d->word, print_pointed);
}

/* ---- what has come of it -------------------------------------------------------------------------------- */

static void print_event(struct decoder *d, const void *element, size_t index)
{
	struct io_event event;

	(void)index;
	memcpy(&event, element, sizeof(event));
	begin_struct(d);
	field(d, "data");
	print_hex(d, event.data);
	field(d, "obj");
	print_address(d, event.obj);
	field(d, "res");
	print_signed(d, event.res);
	field(d, "res2");
	print_signed(d, event.res2);
	end_struct(d);
}

void decode_io_cancel(struct decoder *d)
{
	struct iocb iocb;

	if (!entering(d)) {
		argument(d);
		if (failed(d))
			print_address(d, d->args[2]);
		else
			print_array(d, d->args[2], 1, sizeof(struct io_event), print_event);
		return;
	}
	argument_address(d, 0);
	argument(d);
	if (!d->args[1] || !fetch(d, d->args[1], &iocb, sizeof(iocb))) {
		print_address(d, d->args[1]);
		return;
	}
	begin_struct(d);
	print_common(d, &iocb);
	end_struct(d);
}

static void print_getevents(struct decoder *d, unsigned word)
{
	if (entering(d)) {
		argument_address(d, 0);
		argument_long(d, 1);
		argument_long(d, 2);
		return;
	}
	argument(d);
	if (failed(d) || d->result < 0)
		print_address(d, d->args[3]);
	else
		print_array(d, d->args[3], (uint64_t)d->result, sizeof(struct io_event), print_event);
	argument(d);
	(word == 4 ? print_timespec : print_timespec64)(d, d->args[4]);
}

void decode_io_getevents(struct decoder *d)
{
	print_getevents(d, d->word);
}

/* struct __aio_sigset, fs/aio.c */
static void print_mask(struct decoder *d, uint64_t address)
{
	uint64_t mask, size;

	if (!address || !fetch_word(d, address, &mask) || !fetch_word(d, address + d->word, &size)) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field(d, "sigmask");
	if (size < d->word || size > 8)
		print_address(d, mask);
	else
		print_sigset(d, mask, size);
	field(d, "sigsetsize");
	print_unsigned(d, size);
	end_struct(d);
}

void decode_io_pgetevents(struct decoder *d)
{
	print_getevents(d, d->word);
	if (entering(d))
		return;
	argument(d);
	print_mask(d, d->args[5]);
}

void decode_io_pgetevents_time64(struct decoder *d)
{
	print_getevents(d, 8);
	if (entering(d))
		return;
	argument(d);
	print_mask(d, d->args[5]);
}

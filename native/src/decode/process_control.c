/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls by which a process looks at or acts on another, and those about what a task alone has: pidfd_open(2),
 * process_vm_readv(2), kcmp(2), membarrier(2), ports and segments.
 */
#include <inttypes.h>
#include <linux/kcmp.h>
#include <string.h>

#include "constants/process.h"
#include "constants/system.h"
#include "decode/process.h"

void decode_pidfd_open(struct decoder *d)
{
	if (entering(d)) {
		argument(d);
		print_pid(d, d->args[0]);
		argument(d);
		print_flags(d, &pidfd_flags, (uint32_t)d->args[1]);
	} else {
		result_is(d, RESULT_FD);
	}
}

void decode_pidfd_getfd(struct decoder *d)
{
	if (entering(d)) {
		argument(d);
		print_fd(d, d->args[0]);
		argument(d);
		/* the other process's descriptor */
		print_signed(d, (int32_t)d->args[1]);
		argument(d);
		print_hex(d, (uint32_t)d->args[2]);
	} else {
		result_is(d, RESULT_FD);
	}
}

void decode_process_mrelease(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_fd(d, d->args[0]);
	argument(d);
	print_hex(d, (uint32_t)d->args[1]);
}

/* ---- another's memory --------------------------------------------------------------------------------------- */

static void print_part(struct decoder *d, const void *element, size_t index)
{
	uint64_t wide[2] = {0};
	uint32_t narrow[2];

	(void)index;
	if (d->word == 8) {
		memcpy(wide, element, sizeof(wide));
	} else {
		memcpy(narrow, element, sizeof(narrow));
		wide[0] = narrow[0];
		wide[1] = narrow[1];
	}
	begin_struct(d);
	field(d, "iov_base");
	print_address(d, wide[0]);
	field(d, "iov_len");
	print_unsigned(d, wide[1]);
	end_struct(d);
}

static void print_parts(struct decoder *d, uint64_t address, uint64_t count)
{
	if (count)
		print_array(d, address, count, 2 * d->word, print_part);
	else if (address)
		print_text(d, "[]");
	else
		print_address(d, address);
}

void decode_process_madvise(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_fd(d, d->args[0]);
	argument(d);
	print_parts(d, d->args[1], d->args[2]);
	argument(d);
	print_unsigned(d, d->args[2]);
	argument(d);
	print_constant(d, &advices, (uint32_t)d->args[3]);
	argument(d);
	print_hex(d, (uint32_t)d->args[4]);
}

static void print_remote(struct decoder *d)
{
	argument(d);
	print_parts(d, d->args[3], d->args[4]);
	argument(d);
	print_unsigned(d, d->args[4]);
	argument(d);
	print_unsigned(d, d->args[5]);
}

void decode_process_vm_readv(struct decoder *d)
{
	argument(d);
	if (entering(d)) {
		print_pid(d, d->args[0]);
		return;
	}
	if (failed(d))
		print_parts(d, d->args[1], d->args[2]);
	else
		print_iovec(d, d->args[1], d->args[2], (uint64_t)d->result);
	argument(d);
	print_unsigned(d, d->args[2]);
	print_remote(d);
}

void decode_process_vm_writev(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_pid(d, d->args[0]);
	argument(d);
	print_iovec(d, d->args[1], d->args[2], UINT64_MAX);
	argument(d);
	print_unsigned(d, d->args[2]);
	print_remote(d);
}

/* ---- comparisons, barriers -------------------------------------------------------------------------------------- */

static void print_epoll_slot(struct decoder *d, uint64_t address)
{
	uint32_t slot[3]; /* struct kcmp_epoll_slot */

	if (!address || !fetch(d, address, slot, sizeof(slot))) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field(d, "efd");
	print_fd(d, slot[0]);
	field(d, "tfd");
	print_fd(d, slot[1]);
	field(d, "toff");
	print_unsigned(d, slot[2]);
	end_struct(d);
}

/* A descriptor of the process `pid`: what it is, is known of the caller's own alone. */
static void print_fd_of(struct decoder *d, uint64_t pid, uint64_t fd)
{
	if ((int32_t)pid == d->record->vpid)
		print_fd(d, fd);
	else
		print_signed(d, (int32_t)fd);
}

void decode_kcmp(struct decoder *d)
{
	uint32_t type = (uint32_t)d->args[2];

	if (!entering(d))
		return;
	argument(d);
	print_pid(d, d->args[0]);
	argument(d);
	print_pid(d, d->args[1]);
	argument(d);
	print_constant(d, &kcmp_types, type);
	if (type == KCMP_FILE) {
		for (int i = 3; i < 5; i++) {
			argument(d);
			print_fd_of(d, d->args[i - 3], d->args[i]);
		}
	} else if (type == KCMP_EPOLL_TFD) {
		argument(d);
		print_fd_of(d, d->args[0], d->args[3]);
		argument(d);
		print_epoll_slot(d, d->args[4]);
	} else if (!constant_name(&kcmp_types, type)) {
		for (int i = 3; i < 5; i++) {
			argument(d);
			print_hex(d, d->args[i]);
		}
	}
}

#define CMD_FLAG_CPU 1 /* MEMBARRIER_CMD_FLAG_CPU: the third argument has a meaning */

void decode_membarrier(struct decoder *d)
{
	if (entering(d)) {
		argument(d);
		print_constant(d, &membarrier_commands, (uint32_t)d->args[0]);
		argument(d);
		print_flags(d, &membarrier_flags, (uint32_t)d->args[1]);
		if (d->args[1] & CMD_FLAG_CPU) {
			argument(d);
			print_signed(d, (int32_t)d->args[2]);
		}
		return;
	}
	if (failed(d) || (uint32_t)d->args[0])
		return;
	result_is(d, RESULT_HEX);
	note_flags(d, &membarrier_commands, (uint64_t)d->result);
}

void decode_rseq(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_hex(d, d->args[0]);
	for (int i = 1; i < 4; i++) {
		argument(d);
		print_hex(d, (uint32_t)d->args[i]);
	}
}

/* ---- ports, segments ---------------------------------------------------------------------------------- */

void decode_iopl(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_signed(d, (int32_t)d->args[0]);
}

void decode_ioperm(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_hex(d, d->args[0]);
	argument(d);
	print_hex(d, d->args[1]);
	argument(d);
	print_signed(d, (int32_t)d->args[2]);
}

/* struct user_desc of asm/ldt.h: three ints, then bits */
#define USER_DESC_SIZE 16

static void print_user_desc_bits(struct decoder *d, const uint32_t words[4])
{
	static const struct {
		const char *name;
		uint8_t shift, width;
	} bits[] = {{"seg_32bit", 0, 1},
	            {"contents", 1, 2},
	            {"read_exec_only", 3, 1},
	            {"limit_in_pages", 4, 1},
	            {"seg_not_present", 5, 1},
	            {"useable", 6, 1},
	            {"lm", 7, 1}};
	/* the last one is of 64-bit segments alone */
	size_t count = sizeof(bits) / sizeof(*bits) - (d->word == 4);

	field(d, "base_addr");
	print(d, "%#08" PRIx32, words[1]);
	field(d, "limit");
	print(d, "%#08" PRIx32, words[2]);
	for (size_t i = 0; i < count; i++) {
		field(d, bits[i].name);
		print_unsigned(d, words[3] >> bits[i].shift & ((1u << bits[i].width) - 1));
	}
}

static void print_entry_number(struct decoder *d, uint32_t number)
{
	field(d, "entry_number");
	print_signed(d, (int32_t)number);
}

void print_user_desc(struct decoder *d, uint64_t address)
{
	uint32_t words[4];

	if (!address || !fetch(d, address, words, sizeof(words))) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	print_entry_number(d, words[0]);
	print_user_desc_bits(d, words);
	end_struct(d);
}

void decode_set_thread_area(struct decoder *d)
{
	uint32_t number;

	if (entering(d)) {
		argument(d);
		print_user_desc(d, d->args[0]);
	} else if (!failed(d) && fetch(d, d->args[0], &number, sizeof(number))) {
		result_note(d, "entry_number=%" PRId32, (int32_t)number);
	}
}

void decode_get_thread_area(struct decoder *d)
{
	uint32_t words[4];

	if (entering(d)) {
		argument(d);
		if (!fetch(d, d->args[0], words, sizeof(*words))) {
			print_address(d, d->args[0]);
			return;
		}
		print_text(d, "{entry_number=");
		print_signed(d, (int32_t)words[0]);
		return;
	}
	if (!fetch(d, d->args[0], words, sizeof(*words)))
		return;
	print_text(d, ", ");
	if (failed(d) || !fetch(d, d->args[0], words, sizeof(words))) {
		print_text(d, "...}");
		return;
	}
	print_user_desc_bits(d, words);
	print_text(d, "}");
}

void decode_modify_ldt(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_signed(d, (int32_t)d->args[0]);
	argument(d);
	if (d->args[2] == USER_DESC_SIZE)
		print_user_desc(d, d->args[1]);
	else
		print_address(d, d->args[1]);
	argument(d);
	print_unsigned(d, d->args[2]);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * seccomp(2), and its filters: programs of the classic BPF (linux/bpf_common.h, linux/filter.h).
 */
#include <linux/bpf_common.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>

#include "constants/process.h"
#include "decode/process.h"

/* What of an instruction's code has a meaning in a class of them. */
static void print_code_part(struct decoder *d, const struct constants *table, uint32_t value)
{
	print_text(d, "|");
	print_constant(d, table, value);
}

static void print_rest(struct decoder *d, uint32_t value)
{
	if (value) {
		print_text(d, "|");
		print_hex(d, value);
		print_comment(d, "BPF_???");
	}
}

static void print_code(struct decoder *d, uint16_t code)
{
	uint32_t class = BPF_CLASS(code);

	print_constant(d, &filter_classes, class);
	switch (class) {
	case BPF_LD:
	case BPF_LDX:
		print_code_part(d, &filter_sizes, BPF_SIZE(code));
		print_code_part(d, &filter_modes, BPF_MODE(code));
		break;
	case BPF_ALU:
		print_code_part(d, &filter_sources, BPF_SRC(code));
		print_code_part(d, &filter_alu_operations, BPF_OP(code));
		break;
	case BPF_JMP:
		print_code_part(d, &filter_sources, BPF_SRC(code));
		print_code_part(d, &filter_jumps, BPF_OP(code));
		break;
	case BPF_RET:
		print_code_part(d, &filter_returns, BPF_RVAL(code));
		print_rest(d, code & 0xe0);
		break;
	case BPF_MISC:
		if (constant_name(&filter_misc_operations, BPF_MISCOP(code)))
			print_code_part(d, &filter_misc_operations, BPF_MISCOP(code));
		else
			print_rest(d, BPF_MISCOP(code));
		break;
	default:
		print_rest(d, code & 0xf8);
	}
	print_rest(d, code & 0xff00);
}

static void print_returned(struct decoder *d, uint32_t value)
{
	print_constant(d, &seccomp_actions, value & SECCOMP_RET_ACTION_FULL);
	if (value & SECCOMP_RET_DATA) {
		print_text(d, "|");
		print_hex(d, value & SECCOMP_RET_DATA);
	}
}

/* packet(7): what an absolute address below 0 means to a socket's filter (linux/filter.h). */
static void print_packet_offset(struct decoder *d, uint32_t offset)
{
	if (offset >= (uint32_t)SKF_AD_OFF) {
		print_text(d, "SKF_AD_OFF+");
		print_constant(d, &filter_ancillary_data, offset - (uint32_t)SKF_AD_OFF);
	} else if (offset >= (uint32_t)SKF_NET_OFF) {
		print(d, "SKF_NET_OFF+%u", offset - (uint32_t)SKF_NET_OFF);
	} else if (offset >= (uint32_t)SKF_LL_OFF) {
		print(d, "SKF_LL_OFF+%u", offset - (uint32_t)SKF_LL_OFF);
	} else {
		print_hex(d, offset);
	}
}

static bool is_absolute_load(uint16_t code)
{
	return (BPF_CLASS(code) == BPF_LD || BPF_CLASS(code) == BPF_LDX) && BPF_MODE(code) == BPF_ABS;
}

static void print_one_instruction(struct decoder *d, const void *element, bool of_socket)
{
	struct sock_filter instruction;

	memcpy(&instruction, element, sizeof(instruction));
	bool jumps = instruction.jt || instruction.jf;

	print_text(d, jumps ? "BPF_JUMP(" : "BPF_STMT(");
	print_code(d, instruction.code);
	print_text(d, ", ");
	if (of_socket && is_absolute_load(instruction.code))
		print_packet_offset(d, instruction.k);
	else if (!of_socket && BPF_CLASS(instruction.code) == BPF_RET)
		print_returned(d, instruction.k);
	else
		print_hex(d, instruction.k);
	if (jumps) {
		print_text(d, ", ");
		print_hex(d, instruction.jt);
		print_text(d, ", ");
		print_hex(d, instruction.jf);
	}
	print_text(d, ")");
}

static void print_instruction(struct decoder *d, const void *element, size_t index)
{
	(void)index;
	print_one_instruction(d, element, false);
}

static void print_socket_instruction(struct decoder *d, const void *element, size_t index)
{
	(void)index;
	print_one_instruction(d, element, true);
}

void print_filter(struct decoder *d, uint64_t address, uint64_t count)
{
	if (verbose(d) && count <= BPF_MAXINSNS)
		print_array(d, address, count, sizeof(struct sock_filter), print_socket_instruction);
	else
		print_address(d, address);
}

/* struct sock_fprog: a count and a pointer. */
void print_seccomp_program(struct decoder *d, uint64_t address)
{
	uint16_t count;
	uint64_t filter;

	if (!address || !fetch(d, address, &count, sizeof(count)) || !fetch_word(d, address + d->word, &filter)) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field(d, "len");
	print_unsigned(d, count);
	field(d, "filter");
	if (verbose(d) && count <= BPF_MAXINSNS)
		print_array(d, filter, count, sizeof(struct sock_filter), print_instruction);
	else
		print_address(d, filter);
	end_struct(d);
}

static void print_sizes(struct decoder *d, uint64_t address)
{
	struct seccomp_notif_sizes sizes;

	if (!address || !fetch(d, address, &sizes, sizeof(sizes))) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field(d, "seccomp_notif");
	print_unsigned(d, sizes.seccomp_notif);
	field(d, "seccomp_notif_resp");
	print_unsigned(d, sizes.seccomp_notif_resp);
	field(d, "seccomp_data");
	print_unsigned(d, sizes.seccomp_data);
	end_struct(d);
}

static void print_action_at(struct decoder *d, uint64_t address)
{
	uint32_t action;

	if (!address || !fetch(d, address, &action, sizeof(action))) {
		print_address(d, address);
		return;
	}
	print_text(d, "[");
	print_returned(d, action);
	print_text(d, "]");
}

void decode_seccomp(struct decoder *d)
{
	uint32_t operation = (uint32_t)d->args[0];

	if (!entering(d)) {
		if (operation == SECCOMP_GET_NOTIF_SIZES) {
			argument(d);
			print_filled(d, d->args[2], print_sizes);
		} else if (operation == SECCOMP_SET_MODE_FILTER && d->args[1] & SECCOMP_FILTER_FLAG_NEW_LISTENER) {
			result_is(d, RESULT_FD);
		}
		return;
	}
	argument(d);
	print_constant(d, &seccomp_operations, operation);
	argument(d);
	if (operation == SECCOMP_SET_MODE_FILTER)
		print_flags(d, &seccomp_filter_flags, (uint32_t)d->args[1]);
	else
		print_hex(d, (uint32_t)d->args[1]);
	if (operation == SECCOMP_GET_NOTIF_SIZES)
		return;
	argument(d);
	if (operation == SECCOMP_SET_MODE_FILTER)
		print_seccomp_program(d, d->args[2]);
	else if (operation == SECCOMP_GET_ACTION_AVAIL)
		print_action_at(d, d->args[2]);
	else
		print_address(d, d->args[2]);
}

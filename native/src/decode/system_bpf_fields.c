/* SPDX-License-Identifier: Apache-2.0
 *
 * bpf(2): one field of the attributes, and instructions.
 */
#include <string.h>

#include <linux/bpf.h>

#include "decode/system.h"
#include "decode/system_bpf.h"

uint64_t bpf_value(const struct bpf_attributes *attributes, uint16_t at, unsigned size)
{
	uint64_t value = 0;

	if (at + size <= sizeof(attributes->bytes))
		memcpy(&value, attributes->bytes + at, size);
	return value;
}

/* An instruction's code is a class and what that class has: include/uapi/linux/bpf_common.h. */
static void print_code(struct decoder *d, uint8_t code)
{
	uint8_t class = code & 7;

	print_constant(d, &bpf_classes, class);
	print_text(d, "|");
	switch (class) {
	case BPF_LD:
	case BPF_LDX:
	case BPF_ST:
	case BPF_STX:
		print_constant(d, &bpf_sizes, code & 0x18);
		print_text(d, "|");
		print_constant(d, &bpf_modes, code & 0xe0);
		break;
	case BPF_ALU:
	case BPF_ALU64:
		print_constant(d, &bpf_sources, code & 8);
		print_text(d, "|");
		print_constant(d, &bpf_operations, code & 0xf0);
		break;
	case BPF_JMP:
		print_constant(d, &bpf_sources, code & 8);
		print_text(d, "|");
		print_constant(d, &bpf_jumps, code & 0xf0);
		break;
	default:
		print_hex(d, code & ~7u);
		print_comment(d, "BPF_???");
	}
}

static void print_instruction(struct decoder *d, const void *element, size_t index)
{
	struct bpf_insn one;

	(void)index;
	memcpy(&one, element, sizeof(one));
	begin_struct(d);
	field(d, "code");
	print_code(d, one.code);
	field_constant(d, "dst_reg", &bpf_registers, one.dst_reg);
	field_constant(d, "src_reg", &bpf_registers, one.src_reg);
	field(d, "off");
	print_signed(d, one.off);
	field_hex(d, "imm", (uint32_t)one.imm);
	end_struct(d);
}

static void print_instructions(struct decoder *d, uint64_t address, const struct bpf_attributes *attributes)
{
	if (verbose(d))
		print_array(d, address, bpf_value(attributes, offsetof(union bpf_attr, insn_cnt), 4),
		            sizeof(struct bpf_insn), print_instruction);
	else
		print_address(d, address);
}

static void print_changed(struct decoder *d, uint16_t at, uint32_t before)
{
	uint32_t now;

	print_unsigned(d, before);
	if (d->exiting && !failed(d) && fetch(d, d->args[1] + at, &now, sizeof(now)) && now != before) {
		print_text(d, " => ");
		print_unsigned(d, now);
	}
}

static void print_name(struct decoder *d, const unsigned char *name)
{
	bool cut = !memchr(name, 0, BPF_OBJ_NAME_LEN);

	print_quoted(d, name, cut ? BPF_OBJ_NAME_LEN - 1 : BPF_OBJ_NAME_LEN, 0, true);
	if (cut)
		print_text(d, "...");
}

static bool is_there(const struct bpf_field *one, const struct bpf_attributes *attributes)
{
	if (one->kind == BPF_NODE)
		return bpf_value(attributes, offsetof(union bpf_attr, map_flags), 4) & BPF_F_NUMA_NODE;
	if (one->kind == BPF_REPLACED)
		return bpf_value(attributes, offsetof(union bpf_attr, link_update.flags), 4) & BPF_F_REPLACE;
	return true;
}

static void print_version(struct decoder *d, uint32_t version)
{
	static const char format[] = "KERNEL_VERSION(%u, %u, %u)";
	unsigned major = version >> 16, minor = version >> 8 & 0xff, patch = version & 0xff;

	if (d->options->constants == STL_CONSTANTS_ABBREV) {
		print(d, format, major, minor, patch);
		return;
	}
	print_hex(d, version);
	if (d->options->constants == STL_CONSTANTS_VERBOSE)
		print_comment(d, format, major, minor, patch);
}

static void print_sized_string(struct decoder *d, uint64_t address, uint64_t size)
{
	const struct stl_capture *capture = fetch_capture(d, address, CAPTURED_MEMORY);
	uint64_t limit = d->options->string_limit, shown = size < limit ? size : limit;

	if (!address || !capture) {
		print_address(d, address);
		return;
	}
	shown = shown < capture->size ? shown : capture->size;
	print_shown(d, capture_bytes(capture),
	            strnlen(capture_bytes(capture), size < capture->size ? size : capture->size),
	            strnlen(capture_bytes(capture), shown));
	if (!memchr(capture_bytes(capture), 0, shown))
		print_text(d, "...");
}

static void print_pointed(struct decoder *d, const struct bpf_field *one, const struct bpf_attributes *attributes)
{
	uint64_t address = bpf_value(attributes, one->at, 8);

	switch (one->kind) {
	case BPF_STRING:
		print_string(d, address);
		break;
	case BPF_SIZED_STRING:
		print_sized_string(d, address,
		                   bpf_value(attributes, offsetof(union bpf_attr, task_fd_query.buf_len), 4));
		break;
	case BPF_PATH:
		print_path(d, address);
		break;
	case BPF_DATA:
		print_bytes(d, address, bpf_value(attributes, offsetof(union bpf_attr, btf_size), 4));
		break;
	case BPF_INSTRUCTIONS:
		print_instructions(d, address, attributes);
		break;
	default:
		print_address(d, address);
	}
}

void print_bpf_field(struct decoder *d, const struct bpf_field *one, const struct bpf_attributes *attributes)
{
	uint32_t value = (uint32_t)bpf_value(attributes, one->at, 4);
	uint64_t wide = bpf_value(attributes, one->at, 8);

	if (!is_there(one, attributes))
		return;
	field(d, one->name);
	switch (one->kind) {
	case BPF_NUMBER:
	case BPF_NODE:
		print_unsigned(d, value);
		break;
	case BPF_HEX:
		print_hex(d, value);
		break;
	case BPF_WIDE:
		print_unsigned(d, wide);
		break;
	case BPF_WIDE_HEX:
		print_hex(d, wide);
		break;
	case BPF_DESCRIPTOR:
	case BPF_REPLACED:
		print_fd(d, value);
		break;
	case BPF_PID:
		print_pid(d, value);
		break;
	case BPF_CONSTANT:
		print_constant(d, one->table, value);
		break;
	case BPF_WIDE_CONSTANT:
		print_constant(d, one->table, wide);
		break;
	case BPF_FLAGS:
		print_flags(d, one->table, value);
		break;
	case BPF_NAME:
		print_name(d, attributes->bytes + one->at);
		break;
	case BPF_VERSION:
		print_version(d, value);
		break;
	case BPF_CHANGED:
		print_changed(d, one->at, value);
		break;
	default:
		print_pointed(d, one, attributes);
	}
}

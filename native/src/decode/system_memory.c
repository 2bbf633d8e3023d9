/* SPDX-License-Identifier: Apache-2.0
 *
 * Mappings: mmap(2) and what is done to them.
 */
#include <inttypes.h>

#include "decode/system.h"

#define PAGE 4096

#define HUGE_SHIFT 26 /* include/uapi/asm-generic/hugetlb_encode.h */
#define HUGE_MASK 0x3f
#define MAP_TYPE 0xf
#define MREMAP_FIXED 2

/* The low bits are one of several types, the high ones the logarithm of the pages' size. */
static void print_map_names(struct decoder *d, uint64_t flags)
{
	const char *type = constant_name(&map_types, flags & MAP_TYPE);
	uint64_t left = flags & ~(uint64_t)(MAP_TYPE | (uint64_t)HUGE_MASK << HUGE_SHIFT);

	if (type) {
		print_text(d, type);
	} else {
		print_hex(d, flags & MAP_TYPE);
		print_comment(d, "%s", map_types.unknown);
	}
	for (size_t i = 0; i < map_flags.count; i++) {
		uint64_t bits = map_flags.items[i].value;

		if (!bits || (left & bits) != bits)
			continue;
		print(d, "|%s", map_flags.items[i].name);
		left &= ~bits;
	}
	if (left)
		print(d, "|0x%" PRIx64, left);
	if (flags >> HUGE_SHIFT & HUGE_MASK)
		print(d, "|%u<<MAP_HUGE_SHIFT", (unsigned)(flags >> HUGE_SHIFT & HUGE_MASK));
}

static void print_map_flags(struct decoder *d, uint64_t flags)
{
	if (d->options->constants != STL_CONSTANTS_ABBREV)
		print_hex(d, flags);
	if (d->options->constants == STL_CONSTANTS_RAW)
		return;
	if (d->options->constants == STL_CONSTANTS_VERBOSE)
		print_text(d, " /* ");
	print_map_names(d, flags);
	if (d->options->constants == STL_CONSTANTS_VERBOSE)
		print_text(d, " */");
}

static void print_mapping(struct decoder *d, const uint64_t args[6], uint64_t offset)
{
	argument_named(d, "addr", args[0]);
	print_address(d, args[0]);
	argument_named(d, "len", args[1]);
	print_unsigned(d, args[1]);
	argument_named(d, "prot", args[2]);
	print_flags(d, &protections, args[2]);
	argument_named(d, "flags", args[3]);
	print_map_flags(d, args[3]);
	argument_named(d, "fd", args[4]);
	print_fd(d, args[4]);
	argument_named(d, "off", offset);
	print_hex(d, offset);
}

/* i386's first mmap had its arguments in memory: arch/x86/kernel/sys_ia32.c, struct mmap_arg_struct32. */
static void decode_old_mmap(struct decoder *d)
{
	uint32_t words[6];
	uint64_t args[6];

	if (!fetch(d, d->args[0], words, sizeof(words))) {
		argument_address(d, d->args[0]);
		return;
	}
	for (int i = 0; i < 6; i++)
		args[i] = words[i];
	print_mapping(d, args, args[5]);
}

void decode_mmap(struct decoder *d)
{
	if (d->exiting)
		result_is(d, RESULT_HEX);
	else if (d->abi == STL_ABI_I386)
		decode_old_mmap(d);
	else
		print_mapping(d, d->args, d->args[5]);
}

void decode_mmap2(struct decoder *d)
{
	if (d->exiting)
		result_is(d, RESULT_HEX);
	else
		print_mapping(d, d->args, d->args[5] * PAGE);
}

static void print_range(struct decoder *d)
{
	argument_address(d, d->args[0]);
	argument_unsigned(d, d->args[1]);
}

void decode_munmap(struct decoder *d)
{
	if (entering(d))
		print_range(d);
}

void decode_mprotect(struct decoder *d)
{
	if (!entering(d))
		return;
	print_range(d);
	argument_flags(d, &protections, d->args[2]);
}

void decode_pkey_mprotect(struct decoder *d)
{
	if (!entering(d))
		return;
	print_range(d);
	argument_flags(d, &protections, d->args[2]);
	argument_int(d, d->args[3]);
}

void decode_pkey_alloc(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_hex(d, d->args[0]);
	argument_flags(d, &pkey_rights, d->args[1]);
}

void decode_pkey_free(struct decoder *d)
{
	if (entering(d))
		argument_int(d, d->args[0]);
}

void decode_mremap(struct decoder *d)
{
	if (d->exiting) {
		result_is(d, RESULT_HEX);
		return;
	}
	print_range(d);
	argument_unsigned(d, d->args[2]);
	argument_flags(d, &mremap_flags, d->args[3]);
	if (d->args[3] & MREMAP_FIXED)
		argument_address(d, d->args[4]);
}

void decode_madvise(struct decoder *d)
{
	if (!entering(d))
		return;
	print_range(d);
	argument_constant(d, &advices, (uint32_t)d->args[2]);
}

static void print_residence(struct decoder *d, const void *element, size_t index)
{
	(void)index;
	print_unsigned(d, *(const uint8_t *)element & 1);
}

void decode_mincore(struct decoder *d)
{
	if (entering(d)) {
		print_range(d);
		return;
	}
	argument(d);
	if (failed(d))
		print_address(d, d->args[2]);
	else
		print_array(d, d->args[2], d->args[1] / PAGE + (d->args[1] % PAGE != 0), 1, print_residence);
}

void decode_msync(struct decoder *d)
{
	if (!entering(d))
		return;
	print_range(d);
	argument_flags(d, &msync_flags, (uint32_t)d->args[2]);
}

void decode_mlock(struct decoder *d)
{
	if (entering(d))
		print_range(d);
}

void decode_mlock2(struct decoder *d)
{
	if (!entering(d))
		return;
	print_range(d);
	argument_flags(d, &mlock2_flags, (uint32_t)d->args[2]);
}

void decode_mlockall(struct decoder *d)
{
	if (entering(d))
		argument_flags(d, &mlockall_flags, (uint32_t)d->args[0]);
}

void decode_brk(struct decoder *d)
{
	if (entering(d))
		argument_address(d, d->args[0]);
	else
		result_is(d, RESULT_HEX);
}

void decode_remap_file_pages(struct decoder *d)
{
	if (!entering(d))
		return;
	print_range(d);
	argument_flags(d, &protections, d->args[2]);
	argument_unsigned(d, d->args[3]);
	argument(d);
	print_map_flags(d, d->args[4]);
}

void decode_map_shadow_stack(struct decoder *d)
{
	if (d->exiting) {
		result_is(d, RESULT_HEX);
		return;
	}
	print_range(d);
	argument_flags(d, &shadow_stack_flags, (uint32_t)d->args[2]);
}

void decode_mseal(struct decoder *d)
{
	if (!entering(d))
		return;
	print_range(d);
	argument_hex(d, d->args[2]);
}

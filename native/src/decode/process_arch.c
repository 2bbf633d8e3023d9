/* SPDX-License-Identifier: Apache-2.0
 *
 * What a task is to the architecture and to other systems' programs: arch_prctl(2), personality(2).
 */
#include "constants/process.h"
#include "decode/process.h"

/* ---- arch_prctl --------------------------------------------------------------------------------------------- */

/* arch/x86/include/uapi/asm/prctl.h */
#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002
#define ARCH_GET_FS 0x1003
#define ARCH_GET_GS 0x1004
#define ARCH_GET_CPUID 0x1011
#define ARCH_GET_XCOMP_SUPP 0x1021
#define ARCH_GET_XCOMP_PERM 0x1022
#define ARCH_REQ_XCOMP_PERM 0x1023
#define ARCH_GET_XCOMP_GUEST_PERM 0x1024
#define ARCH_REQ_XCOMP_GUEST_PERM 0x1025

static bool fills_in(uint32_t option)
{
	return option == ARCH_GET_FS || option == ARCH_GET_GS || option == ARCH_GET_XCOMP_SUPP ||
	       option == ARCH_GET_XCOMP_PERM || option == ARCH_GET_XCOMP_GUEST_PERM;
}

static void print_features_at(struct decoder *d, uint64_t address)
{
	uint64_t features;

	if (!fetch(d, address, &features, sizeof(features))) {
		print_address(d, address);
		return;
	}
	print_text(d, "[");
	print_hex(d, features);
	if (features && d->options->constants != STL_CONSTANTS_RAW) {
		struct stl_print_options options;
		struct decoder named = with_short_names(d, &options);

		print_text(d, " /* ");
		print_flags(&named, &xfeature_masks, features);
		print_text(d, " */");
	}
	print_text(d, "]");
}

void decode_arch_prctl(struct decoder *d)
{
	uint32_t option = (uint32_t)d->args[0];

	if (entering(d)) {
		argument(d);
		print_constant(d, &arch_prctl_options, option);
		if (fills_in(option) || option == ARCH_GET_CPUID)
			return;
		argument(d);
		if (option == ARCH_REQ_XCOMP_PERM || option == ARCH_REQ_XCOMP_GUEST_PERM)
			print_commented(d, &xfeatures, d->args[1]);
		else
			print_hex(d, d->args[1]);
		return;
	}
	if (!fills_in(option))
		return;
	argument(d);
	if (failed(d))
		print_address(d, d->args[1]);
	else if (option == ARCH_GET_FS || option == ARCH_GET_GS)
		print_pointer_at(d, d->args[1]);
	else
		print_features_at(d, d->args[1]);
}

/* ---- personality -------------------------------------------------------------------------------------------- */

#define PERSONALITY_MASK 0xff
#define PERSONALITY_ASK 0xffffffff /* nothing is set: what it is */

/* The kind goes before the flags, and is shown by its number where it has no name. */
static void print_personality(struct decoder *d, uint32_t value)
{
	print_constant(d, &personalities, value & PERSONALITY_MASK);
	if (value & ~(uint32_t)PERSONALITY_MASK) {
		print_text(d, "|");
		print_flags(d, &personality_flags, value & ~(uint32_t)PERSONALITY_MASK);
	}
}

void decode_personality(struct decoder *d)
{
	if (entering(d)) {
		argument(d);
		if ((uint32_t)d->args[0] == PERSONALITY_ASK)
			print_hex(d, PERSONALITY_ASK);
		else
			print_personality(d, (uint32_t)d->args[0]);
		return;
	}
	result_is(d, RESULT_HEX);
	if (failed(d))
		return;
	begin_note(d);
	print_personality(d, (uint32_t)d->result);
	end_note(d);
}

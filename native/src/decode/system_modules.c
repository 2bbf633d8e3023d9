/* SPDX-License-Identifier: Apache-2.0
 *
 * Code for the kernel: its modules, and another kernel (kexec_load(2)).
 */
#include <inttypes.h>
#include <string.h>

#include "decode/system.h"

#define SEGMENTS_MOST 16 /* include/uapi/linux/kexec.h: KEXEC_SEGMENT_MAX */
#define ARCHITECTURE_MASK 0xffff0000u

void decode_init_module(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_address(d, d->args[0]);
	argument_unsigned(d, d->args[1]);
	argument(d);
	print_string(d, d->args[2]);
}

void decode_finit_module(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_fd(d, d->args[0]);
	argument(d);
	print_string(d, d->args[1]);
	argument_flags(d, &module_flags, (uint32_t)d->args[2]);
}

void decode_delete_module(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_string(d, d->args[0]);
	argument_flags(d, &delete_module_flags, (uint32_t)d->args[1]);
}

static void print_segment(struct decoder *d, const void *element, size_t index)
{
	uint64_t words[4] = {0, 0, 0, 0};

	(void)index;
	for (unsigned i = 0; i < 4; i++)
		memcpy(&words[i], (const char *)element + i * d->word, d->word);
	begin_struct(d);
	field_address(d, "buf", words[0]);
	field_unsigned(d, "bufsz", words[1]);
	field_address(d, "mem", words[2]);
	field_unsigned(d, "memsz", words[3]);
	end_struct(d);
}

void decode_kexec_load(struct decoder *d)
{
	uint64_t flags = d->args[3];

	if (!entering(d))
		return;
	argument_address(d, d->args[0]);
	argument_unsigned(d, d->args[1]);
	argument(d);
	if (d->args[1] > SEGMENTS_MOST)
		print_address(d, d->args[2]);
	else
		print_array(d, d->args[2], d->args[1], 4 * d->word, print_segment);
	argument(d);
	print_constant(d, &kexec_architectures, flags & ARCHITECTURE_MASK);
	if (flags & ~(uint64_t)ARCHITECTURE_MASK) {
		print_text(d, "|");
		print_flags(d, &kexec_flags, flags & ~(uint64_t)ARCHITECTURE_MASK);
	}
}

void decode_kexec_file_load(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_fd(d, d->args[0]);
	argument_fd(d, d->args[1]);
	argument_unsigned(d, d->args[2]);
	argument(d);
	print_bytes(d, d->args[3], d->args[2]);
	argument_flags(d, &kexec_file_flags, d->args[4]);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "decode/decode.h"

void print_mode(struct decoder *d, uint64_t value)
{
	uint32_t mode = (uint32_t)value;

	/* at least three digits, as chmod(1) has them */
	print(d, "%#03o", mode);
}

void print_file_mode(struct decoder *d, uint64_t value)
{
	print_mode(d, value);
}

void print_device(struct decoder *d, uint64_t value)
{
	print(d, "makedev(%#x, %#x)", major(value), minor(value));
}

void print_open_flags(struct decoder *d, uint64_t value)
{
	print_hex(d, (uint32_t)value);
}

const struct decoder_entry file_decoders[] = {{CALL_UNKNOWN, NULL}};

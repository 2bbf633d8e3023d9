/* SPDX-License-Identifier: Apache-2.0
 *
 * Extended attributes.
 */
#include <linux/xattr.h>
#include <string.h>

#include "constants/file.h"
#include "decode/file.h"

/* A value is nearly always a string, with its NUL or without. */
static void print_value(struct decoder *d, uint64_t address, uint64_t size)
{
	char last;

	/* with -x a NUL is a reason to print it in hex, and then is shown */
	if (!d->options->hex && size && size <= d->options->string_limit && fetch(d, address + size - 1, &last, 1) &&
	    !last)
		size--;
	print_bytes(d, address, size);
}

static void print_set(struct decoder *d)
{
	argument_string(d, 1);
	argument(d);
	print_value(d, d->args[2], d->args[3]);
	argument_unsigned(d, 3);
	argument_flags(d, 4, &xattr_flags);
}

void decode_setxattr(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_path(d, 0);
	print_set(d);
}

void decode_fsetxattr(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_fd(d, 0);
	print_set(d);
}

static void print_got(struct decoder *d)
{
	argument(d);
	if (failed(d) || d->result < 0)
		print_address(d, d->args[2]);
	else
		print_value(d, d->args[2], (uint64_t)d->result);
	argument_unsigned(d, 3);
}

void decode_getxattr(struct decoder *d)
{
	if (!entering(d)) {
		print_got(d);
		return;
	}
	argument_path(d, 0);
	argument_string(d, 1);
}

void decode_fgetxattr(struct decoder *d)
{
	if (!entering(d)) {
		print_got(d);
		return;
	}
	argument_fd(d, 0);
	argument_string(d, 1);
}

/* With a size of 0 the call tells how much room it would need, and writes nothing. */
static void print_names(struct decoder *d, unsigned list)
{
	argument(d);
	if (!d->args[list + 1])
		print_address(d, d->args[list]);
	else
		print_result_bytes(d, d->args[list]);
	argument_unsigned(d, list + 1);
}

void decode_listxattr(struct decoder *d)
{
	if (entering(d))
		argument_path(d, 0);
	else
		print_names(d, 1);
}

void decode_flistxattr(struct decoder *d)
{
	if (entering(d))
		argument_fd(d, 0);
	else
		print_names(d, 1);
}

/* ---- by a directory's descriptor (Linux 6.13) ------------------------------------------------------------- */

/* struct xattr_args, include/uapi/linux/xattr.h */
struct value {
	uint64_t address;
	uint32_t size, flags;
};

static void print_value_at(struct decoder *d, uint64_t address, uint64_t struct_size, bool written)
{
	struct value value;

	if (struct_size < sizeof(value) || !fetch(d, address, &value, sizeof(value))) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field(d, "value");
	if (written && failed(d))
		print_address(d, value.address);
	else
		print_value(d, value.address, written ? (uint64_t)d->result : value.size);
	field(d, "size");
	print_unsigned(d, value.size);
	field(d, "flags");
	print_flags(d, &xattr_flags, value.flags);
	end_struct(d);
}

static void print_place(struct decoder *d)
{
	argument_dirfd(d, 0);
	argument_path(d, 1);
	argument_flags(d, 2, &at_flags);
}

void decode_setxattrat(struct decoder *d)
{
	if (!entering(d))
		return;
	print_place(d);
	argument_string(d, 3);
	argument(d);
	print_value_at(d, d->args[4], d->args[5], false);
	argument_unsigned(d, 5);
}

void decode_getxattrat(struct decoder *d)
{
	if (entering(d)) {
		print_place(d);
		argument_string(d, 3);
		return;
	}
	argument(d);
	print_value_at(d, d->args[4], d->args[5], true);
	argument_unsigned(d, 5);
}

void decode_listxattrat(struct decoder *d)
{
	if (entering(d))
		print_place(d);
	else
		print_names(d, 3);
}

void decode_removexattrat(struct decoder *d)
{
	if (!entering(d))
		return;
	print_place(d);
	argument_string(d, 3);
}

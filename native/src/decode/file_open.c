/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening, closing and doubling of descriptors.
 */
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>

#include "constants/file.h"
#include "decode/file.h"

#define TEMPORARY_FILE 020000000 /* __O_TMPFILE, include/uapi/asm-generic/fcntl.h */

/* MFD_HUGE_SHIFT, include/uapi/linux/memfd.h: above it the logarithm of a huge page's size */
#define HUGE_SHIFT 26
#define HUGE_MASK 0x3fu
#define NAME_MOST 250 /* what strace shows: a NAME_MAX less "memfd:", and one to see that it is longer */

/* arch/arm64/include/uapi/asm/fcntl.h has four of its own. */
static const struct constants *flags_of(const struct decoder *d)
{
	return d->abi == STL_ABI_AARCH64 ? &open_flags_aarch64 : &open_flags;
}

void print_open_flags(struct decoder *d, uint64_t value)
{
	print_flags_with(d, &access_modes, O_ACCMODE, flags_of(d), value);
}

static bool has_mode(uint64_t flags)
{
	return flags & (O_CREAT | TEMPORARY_FILE);
}

static void print_open(struct decoder *d, unsigned path)
{
	if (!entering(d)) {
		result_is(d, RESULT_FD);
		return;
	}
	argument_path(d, path);
	argument(d);
	print_open_flags(d, (uint32_t)d->args[path + 1]);
	if (has_mode(d->args[path + 1])) {
		argument(d);
		print_mode(d, d->args[path + 2]);
	}
}

void decode_open(struct decoder *d)
{
	print_open(d, 0);
}

void decode_openat(struct decoder *d)
{
	if (entering(d))
		argument_dirfd(d, 0);
	print_open(d, 1);
}

void decode_creat(struct decoder *d)
{
	if (!entering(d)) {
		result_is(d, RESULT_FD);
		return;
	}
	argument_path(d, 0);
	argument(d);
	print_mode(d, d->args[1]);
}

static void print_open_how(struct decoder *d, uint64_t address, uint64_t size)
{
	struct open_how how;

	if (size < sizeof(how) || !fetch(d, address, &how, sizeof(how))) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field(d, "flags");
	print_open_flags(d, how.flags);
	if (how.mode || has_mode(how.flags)) {
		field(d, "mode");
		print(d, "%#03llo", (unsigned long long)how.mode);
	}
	field(d, "resolve");
	print_flags(d, &resolve_flags, how.resolve);
	print_beyond(d, address, size, sizeof(how));
	end_struct(d);
}

void decode_openat2(struct decoder *d)
{
	if (!entering(d)) {
		result_is(d, RESULT_FD);
		return;
	}
	argument_dirfd(d, 0);
	argument_path(d, 1);
	argument(d);
	print_open_how(d, d->args[2], d->args[3]);
	argument_unsigned(d, 3);
}

void decode_close_range(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_uint(d, 0);
	argument_uint(d, 1);
	argument_flags(d, 2, &close_range_flags);
}

void decode_dup(struct decoder *d)
{
	if (entering(d))
		argument_fd(d, 0);
	else
		result_is(d, RESULT_FD);
}

void decode_dup2(struct decoder *d)
{
	if (!entering(d)) {
		result_is(d, RESULT_FD);
		return;
	}
	argument_fd(d, 0);
	argument_fd(d, 1);
}

void decode_dup3(struct decoder *d)
{
	decode_dup2(d);
	if (entering(d))
		argument_flags(d, 2, flags_of(d));
}

static void print_one_fd(struct decoder *d, const void *element, size_t index)
{
	int32_t fd;

	(void)index;
	memcpy(&fd, element, sizeof(fd));
	print_fd(d, (uint32_t)fd);
}

static void print_pipe(struct decoder *d)
{
	argument(d);
	if (failed(d))
		print_address(d, d->args[0]);
	else
		print_array(d, d->args[0], 2, sizeof(int32_t), print_one_fd);
}

void decode_pipe(struct decoder *d)
{
	if (!entering(d))
		print_pipe(d);
}

void decode_pipe2(struct decoder *d)
{
	if (entering(d))
		return;
	print_pipe(d);
	argument_flags(d, 1, flags_of(d));
}

static void print_memfd_names(struct decoder *d, uint32_t flags, uint32_t size)
{
	const struct stl_print_options *options = d->options;
	struct stl_print_options by_name = *options;

	by_name.constants = STL_CONSTANTS_ABBREV;
	d->options = &by_name;
	if (flags)
		print_flags(d, &memfd_flags, flags);
	print(d, "%s%u<<MFD_HUGE_SHIFT", flags ? "|" : "", size);
	d->options = options;
}

static void print_memfd_flags(struct decoder *d, uint32_t value)
{
	uint32_t size = value >> HUGE_SHIFT & HUGE_MASK, flags = value & ~(HUGE_MASK << HUGE_SHIFT);

	if (!size || d->options->constants == STL_CONSTANTS_RAW) {
		print_flags(d, &memfd_flags, value);
	} else if (d->options->constants == STL_CONSTANTS_VERBOSE) {
		print(d, "%#x /* ", value);
		print_memfd_names(d, flags, size);
		print_text(d, " */");
	} else {
		print_memfd_names(d, flags, size);
	}
}

/* No more of a name is told than it may have. */
static void print_memfd_name(struct decoder *d, uint64_t address)
{
	const struct stl_print_options *options = d->options;
	struct stl_print_options limited = *options;

	limited.string_limit = options->string_limit < NAME_MOST ? options->string_limit : NAME_MOST;
	d->options = &limited;
	print_string(d, address);
	d->options = options;
}

void decode_memfd_create(struct decoder *d)
{
	if (!entering(d)) {
		result_is(d, RESULT_FD);
		return;
	}
	argument(d);
	print_memfd_name(d, d->args[0]);
	argument(d);
	print_memfd_flags(d, (uint32_t)d->args[1]);
}

void decode_memfd_secret(struct decoder *d)
{
	if (entering(d))
		argument_flags(d, 0, &memfd_secret_flags);
	else
		result_is(d, RESULT_FD);
}

void decode_umask(struct decoder *d)
{
	if (!entering(d)) {
		result_is(d, RESULT_OCTAL);
		return;
	}
	argument(d);
	print_mode(d, d->args[0]);
}

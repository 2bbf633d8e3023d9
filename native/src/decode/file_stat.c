/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known of a file: stat(2) in the layout of each ABI, statx(2).
 */
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "constants/file.h"
#include "decode/file.h"

void print_mode(struct decoder *d, uint64_t value)
{
	/* the kernel's umode_t; at least three digits, as chmod(1) has them */
	print(d, "%#03o", (unsigned)(uint16_t)value);
}

static void print_mode_names(struct decoder *d, const char *type, unsigned mode)
{
	if (type)
		print(d, "%s|", type);
	for (size_t i = 0; i < mode_bits.count; i++) {
		if (mode & mode_bits.items[i].value)
			print(d, "%s|", mode_bits.items[i].name);
	}
	print(d, "%#03o", mode & 0777);
}

void print_file_mode(struct decoder *d, uint64_t value)
{
	unsigned mode = (unsigned)value;
	const char *type = constant_name(&file_types, mode & S_IFMT);
	/* what is of no known type has no meaning, nor have its other bits */
	bool named = type || !(mode & ~07777u);

	if (!named || d->options->constants == STL_CONSTANTS_RAW) {
		print(d, "%#03o", mode);
	} else if (d->options->constants == STL_CONSTANTS_VERBOSE) {
		print(d, "%#03o /* ", mode);
		print_mode_names(d, type, mode);
		print_text(d, " */");
	} else {
		print_mode_names(d, type, mode);
	}
}

void print_device(struct decoder *d, uint64_t value)
{
	if (d->options->constants != STL_CONSTANTS_ABBREV)
		print_hex(d, value);
	if (d->options->constants == STL_CONSTANTS_RAW)
		return;
	if (d->options->constants == STL_CONSTANTS_VERBOSE)
		print_comment(d, "makedev(%#x, %#x)", major(value), minor(value));
	else
		print(d, "makedev(%#x, %#x)", major(value), minor(value));
}

/* ---- stat ---------------------------------------------------------------------------------------------- */

enum member {
	DEVICE,
	INODE,
	MODE,
	LINKS,
	OWNER,
	GROUP,
	OF_DEVICE,
	SIZE,
	BLOCK_SIZE,
	BLOCKS,
	ACCESS,
	ACCESS_NS,
	CHANGE,
	CHANGE_NS,
	STATUS,
	STATUS_NS,
	MEMBERS,
};

struct layout {
	uint16_t size;
	struct {
		uint8_t offset, size;
	} members[MEMBERS];
};

#define TIMES(from, width)                                                                                             \
	[ACCESS] = {(from), (width)}, [ACCESS_NS] = {(from) + (width), (width)},                                       \
	[CHANGE] = {(from) + 2 * (width), (width)}, [CHANGE_NS] = {(from) + 3 * (width), (width)},                     \
	[STATUS] = {(from) + 4 * (width), (width)}, [STATUS_NS] = {(from) + 5 * (width), (width)}

/* arch/x86/include/uapi/asm/stat.h; asm-generic's is aarch64's */
static const struct layout layout_x86_64 = {
	144,
	{[DEVICE] = {0, 8},
         [INODE] = {8, 8},
         [LINKS] = {16, 8},
         [MODE] = {24, 4},
         [OWNER] = {28, 4},
         [GROUP] = {32, 4},
         [OF_DEVICE] = {40, 8},
         [SIZE] = {48, 8},
         [BLOCK_SIZE] = {56, 8},
         [BLOCKS] = {64, 8},
         TIMES(72, 8)},
};
static const struct layout layout_generic = {
	128,
	{[DEVICE] = {0, 8},
         [INODE] = {8, 8},
         [MODE] = {16, 4},
         [LINKS] = {20, 4},
         [OWNER] = {24, 4},
         [GROUP] = {28, 4},
         [OF_DEVICE] = {32, 8},
         [SIZE] = {48, 8},
         [BLOCK_SIZE] = {56, 4},
         [BLOCKS] = {64, 8},
         TIMES(72, 8)},
};
static const struct layout layout_i386 = {
	64,
	{[DEVICE] = {0, 4},
         [INODE] = {4, 4},
         [MODE] = {8, 2},
         [LINKS] = {10, 2},
         [OWNER] = {12, 2},
         [GROUP] = {14, 2},
         [OF_DEVICE] = {16, 4},
         [SIZE] = {20, 4},
         [BLOCK_SIZE] = {24, 4},
         [BLOCKS] = {28, 4},
         TIMES(32, 4)},
};
static const struct layout layout_i386_64 = {
	96,
	{[DEVICE] = {0, 8},
         [MODE] = {16, 4},
         [LINKS] = {20, 4},
         [OWNER] = {24, 4},
         [GROUP] = {28, 4},
         [OF_DEVICE] = {32, 8},
         [SIZE] = {44, 8},
         [BLOCK_SIZE] = {52, 4},
         [BLOCKS] = {56, 8},
         TIMES(64, 4),
         [INODE] = {88, 8}},
};

static uint64_t value_of(const struct layout *layout, const char *bytes, enum member member)
{
	uint64_t value = 0;

	memcpy(&value, bytes + layout->members[member].offset, layout->members[member].size);
	return value;
}

static int64_t seconds_of(const struct layout *layout, const char *bytes, enum member member)
{
	uint64_t value = value_of(layout, bytes, member);

	return layout->members[member].size == 4 ? (int32_t)value : (int64_t)value;
}

static void print_number(struct decoder *d, const char *name, uint64_t value)
{
	field(d, name);
	print_unsigned(d, value);
}

static void print_stat_times(struct decoder *d, const struct layout *layout, const char *bytes)
{
	static const char *const names[] = {"st_atime", "st_mtime", "st_ctime"};
	static const char *const fractions[] = {"st_atime_nsec", "st_mtime_nsec", "st_ctime_nsec"};

	for (unsigned i = 0; i < 3; i++) {
		int64_t seconds = seconds_of(layout, bytes, ACCESS + 2 * i);
		uint64_t fraction = value_of(layout, bytes, ACCESS_NS + 2 * i);

		field(d, names[i]);
		print_signed(d, seconds);
		print_moment(d, seconds, fraction, 9);
		print_number(d, fractions[i], fraction);
	}
}

static bool is_device(uint64_t mode)
{
	return (mode & S_IFMT) == S_IFCHR || (mode & S_IFMT) == S_IFBLK;
}

static void print_stat(struct decoder *d, uint64_t address, const struct layout *layout)
{
	char bytes[144];

	if (failed(d) || !fetch(d, address, bytes, layout->size)) {
		print_address(d, address);
		return;
	}
	uint64_t mode = value_of(layout, bytes, MODE);

	begin_struct(d);
	if (verbose(d)) {
		field(d, "st_dev");
		print_device(d, value_of(layout, bytes, DEVICE));
		print_number(d, "st_ino", value_of(layout, bytes, INODE));
	}
	field(d, "st_mode");
	print_file_mode(d, mode);
	if (verbose(d)) {
		print_number(d, "st_nlink", value_of(layout, bytes, LINKS));
		print_number(d, "st_uid", value_of(layout, bytes, OWNER));
		print_number(d, "st_gid", value_of(layout, bytes, GROUP));
		print_number(d, "st_blksize", value_of(layout, bytes, BLOCK_SIZE));
		print_number(d, "st_blocks", value_of(layout, bytes, BLOCKS));
	}
	if (is_device(mode)) {
		field(d, "st_rdev");
		print_device(d, value_of(layout, bytes, OF_DEVICE));
	} else {
		print_number(d, "st_size", value_of(layout, bytes, SIZE));
	}
	if (!verbose(d)) {
		end_struct_short(d);
		return;
	}
	print_stat_times(d, layout, bytes);
	end_struct(d);
}

static const struct layout *layout_of(const struct decoder *d)
{
	if (d->abi == STL_ABI_AARCH64)
		return &layout_generic;
	return d->word == 8 ? &layout_x86_64 : &layout_i386;
}

static void print_stat_call(struct decoder *d, const struct layout *layout)
{
	if (entering(d)) {
		argument_path(d, 0);
		return;
	}
	argument(d);
	print_stat(d, d->args[1], layout);
}

static void print_fstat_call(struct decoder *d, const struct layout *layout)
{
	if (entering(d)) {
		argument_fd(d, 0);
		return;
	}
	argument(d);
	print_stat(d, d->args[1], layout);
}

static void print_fstatat_call(struct decoder *d, const struct layout *layout)
{
	if (entering(d)) {
		argument_dirfd(d, 0);
		argument_path(d, 1);
		return;
	}
	argument(d);
	print_stat(d, d->args[2], layout);
	argument_flags(d, 3, &at_flags);
}

void decode_stat(struct decoder *d)
{
	print_stat_call(d, layout_of(d));
}

void decode_fstat(struct decoder *d)
{
	print_fstat_call(d, layout_of(d));
}

void decode_newfstatat(struct decoder *d)
{
	print_fstatat_call(d, layout_of(d));
}

void decode_stat64(struct decoder *d)
{
	print_stat_call(d, &layout_i386_64);
}

void decode_fstat64(struct decoder *d)
{
	print_fstat_call(d, &layout_i386_64);
}

void decode_fstatat64(struct decoder *d)
{
	print_fstatat_call(d, &layout_i386_64);
}

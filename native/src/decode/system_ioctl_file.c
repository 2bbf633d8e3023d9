/* SPDX-License-Identifier: Apache-2.0
 *
 * The ioctls of files and file systems: FICLONE(2const) and its like, FS_IOC_*.
 */
#include <string.h>

#include <linux/fiemap.h>
#include <linux/fs.h>

#include "decode/system.h"

/* Of the other ABI, whose long has another size. */
#define FS_IOC_GETFLAGS_64 0x80086601u
#define FS_IOC_SETFLAGS_64 0x40086602u
#define FS_IOC_GETFLAGS_32 0x80046601u
#define FS_IOC_SETFLAGS_32 0x40046602u

static bool decode_clone_range(struct decoder *d)
{
	struct file_clone_range range;

	if (!entering(d))
		return true;
	argument(d);
	if (!d->args[2] || !fetch(d, d->args[2], &range, sizeof(range))) {
		print_address(d, d->args[2]);
		return true;
	}
	begin_struct(d);
	field_fd(d, "src_fd", (uint64_t)range.src_fd);
	field_unsigned(d, "src_offset", range.src_offset);
	field_unsigned(d, "src_length", range.src_length);
	field_unsigned(d, "dest_offset", range.dest_offset);
	end_struct(d);
	return true;
}

static void print_destination(struct decoder *d, const void *element, size_t index)
{
	struct file_dedupe_range_info info;

	(void)index;
	memcpy(&info, element, sizeof(info));
	begin_struct(d);
	field_fd(d, "dest_fd", (uint64_t)info.dest_fd);
	field_unsigned(d, "dest_offset", info.dest_offset);
	end_struct(d);
}

static void print_deduplicated(struct decoder *d, const void *element, size_t index)
{
	struct file_dedupe_range_info info;

	(void)index;
	memcpy(&info, element, sizeof(info));
	begin_struct(d);
	field_unsigned(d, "bytes_deduped", info.bytes_deduped);
	field(d, "status");
	print_signed(d, info.status);
	end_struct(d);
}

static bool decode_dedupe_range(struct decoder *d)
{
	struct file_dedupe_range range;
	bool there = d->args[2] && fetch(d, d->args[2], &range, sizeof(range));
	uint64_t infos = d->args[2] + sizeof(range);

	if (entering(d)) {
		argument(d);
		if (!there) {
			print_address(d, d->args[2]);
			return true;
		}
		begin_struct(d);
		field_unsigned(d, "src_offset", range.src_offset);
		field_unsigned(d, "src_length", range.src_length);
		field_unsigned(d, "dest_count", range.dest_count);
		field(d, "info");
		print_array(d, infos, range.dest_count, sizeof(struct file_dedupe_range_info), print_destination);
		end_struct(d);
	} else if (there && !failed(d)) {
		print_text(d, " => ");
		begin_struct(d);
		field(d, "info");
		print_array(d, infos, range.dest_count, sizeof(struct file_dedupe_range_info), print_deduplicated);
		end_struct(d);
	}
	return true;
}

static void print_extent(struct decoder *d, const void *element, size_t index)
{
	struct fiemap_extent extent;

	(void)index;
	memcpy(&extent, element, sizeof(extent));
	begin_struct(d);
	field_unsigned(d, "fe_logical", extent.fe_logical);
	field_unsigned(d, "fe_physical", extent.fe_physical);
	field_unsigned(d, "fe_length", extent.fe_length);
	field_flags(d, "fe_flags", &extent_flags, extent.fe_flags);
	end_struct(d);
}

static bool decode_extents(struct decoder *d)
{
	struct fiemap map;
	bool there = d->args[2] && fetch(d, d->args[2], &map, sizeof(map));

	if (entering(d)) {
		argument(d);
		if (!there) {
			print_address(d, d->args[2]);
			return true;
		}
		begin_struct(d);
		field_unsigned(d, "fm_start", map.fm_start);
		field_unsigned(d, "fm_length", map.fm_length);
		field_flags(d, "fm_flags", &fiemap_flags, map.fm_flags);
		field_unsigned(d, "fm_extent_count", map.fm_extent_count);
		end_struct(d);
	} else if (there && !failed(d)) {
		print_text(d, " => ");
		begin_struct(d);
		field_flags(d, "fm_flags", &fiemap_flags, map.fm_flags);
		field_unsigned(d, "fm_mapped_extents", map.fm_mapped_extents);
		if (!verbose(d)) {
			end_struct_short(d);
			return true;
		}
		uint32_t count =
			map.fm_mapped_extents < map.fm_extent_count ? map.fm_mapped_extents : map.fm_extent_count;

		field(d, "fm_extents");
		print_array(d, d->args[2] + sizeof(map), count, sizeof(struct fiemap_extent), print_extent);
		end_struct(d);
	}
	return true;
}

/* The kernel takes an int, whatever the number says (fs/ioctl.c). */
static bool decode_attributes(struct decoder *d, bool setting)
{
	uint32_t flags;

	if (setting == d->exiting)
		return true;
	argument(d);
	if ((!setting && failed(d)) || !d->args[2] || !fetch(d, d->args[2], &flags, sizeof(flags))) {
		print_address(d, d->args[2]);
		return true;
	}
	print_text(d, "[");
	print_flags(d, &inode_flags, flags);
	print_text(d, "]");
	return true;
}

static bool decode_extended(struct decoder *d, bool setting)
{
	struct fsxattr attributes;

	if (setting == d->exiting)
		return true;
	argument(d);
	if ((!setting && failed(d)) || !d->args[2] || !fetch(d, d->args[2], &attributes, sizeof(attributes))) {
		print_address(d, d->args[2]);
		return true;
	}
	begin_struct(d);
	field_flags(d, "fsx_xflags", &extended_flags, attributes.fsx_xflags);
	field_unsigned(d, "fsx_extsize", attributes.fsx_extsize);
	if (!setting)
		field_unsigned(d, "fsx_nextents", attributes.fsx_nextents);
	field_unsigned(d, "fsx_projid", attributes.fsx_projid);
	field_unsigned(d, "fsx_cowextsize", attributes.fsx_cowextsize);
	end_struct(d);
	return true;
}

static bool decode_label(struct decoder *d, bool setting)
{
	char label[FSLABEL_MAX];

	if (setting == d->exiting)
		return true;
	argument(d);
	if ((!setting && failed(d)) || !d->args[2] || !fetch(d, d->args[2], label, sizeof(label)))
		print_address(d, d->args[2]);
	else
		print_quoted(d, label, sizeof(label), 0, true);
	return true;
}

/* Whether it was printed at the entry; trimmed is what the exit says. */
static bool decode_trim(struct decoder *d)
{
	struct fstrim_range range;
	bool there = d->args[2] && fetch(d, d->args[2], &range, sizeof(range));

	if (entering(d)) {
		argument(d);
		if (!there) {
			print_address(d, d->args[2]);
			return true;
		}
		begin_struct(d);
		field_unsigned(d, "start", range.start);
		field(d, "len");
		print_unsigned(d, range.len);
		field_unsigned(d, "minlen", range.minlen);
		end_struct(d);
	} else if (there && !failed(d)) {
		print_text(d, " => ");
		begin_struct(d);
		field_unsigned(d, "len", range.len);
		end_struct(d);
	}
	return true;
}

bool decode_file_ioctl(struct decoder *d, uint32_t number)
{
	switch (number) {
	case FICLONERANGE:
		return decode_clone_range(d);
	case FIDEDUPERANGE:
		return decode_dedupe_range(d);
	case FS_IOC_FIEMAP:
		return decode_extents(d);
	case FS_IOC_GETFLAGS_64:
	case FS_IOC_GETFLAGS_32:
		return decode_attributes(d, false);
	case FS_IOC_SETFLAGS_64:
	case FS_IOC_SETFLAGS_32:
		return decode_attributes(d, true);
	case FS_IOC_FSGETXATTR:
		return decode_extended(d, false);
	case FS_IOC_FSSETXATTR:
		return decode_extended(d, true);
	case FS_IOC_GETFSLABEL:
		return decode_label(d, false);
	case FS_IOC_SETFSLABEL:
		return decode_label(d, true);
	case FITRIM:
		return decode_trim(d);
	default:
		return false;
	}
}

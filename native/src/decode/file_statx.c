/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known of a file, as much as is asked for (statx(2)), and of its file system (statfs(2), ustat(2)).
 */
#include <fcntl.h>
#include <inttypes.h>
#include <linux/stat.h>
#include <stddef.h>
#include <string.h>

#include "constants/file.h"
#include "decode/file.h"

#ifndef STATX_DIOALIGN
#define STATX_DIOALIGN 0x2000u
#endif
#define SYNC_MASK 0x6000u /* AT_STATX_SYNC_TYPE, include/uapi/linux/fcntl.h */

static void print_number(struct decoder *d, const char *name, uint64_t value)
{
	field(d, name);
	print_unsigned(d, value);
}

static void print_statx_time(struct decoder *d, const char *name, const struct statx_timestamp *time)
{
	field(d, name);
	begin_struct(d);
	field(d, "tv_sec");
	print_signed(d, time->tv_sec);
	print_number(d, "tv_nsec", time->tv_nsec);
	end_struct(d);
	print_moment(d, time->tv_sec, time->tv_nsec, 9);
}

/* The alignment of direct I/O is younger than some headers: it follows stx_mnt_id. */
static void print_alignment(struct decoder *d, uint64_t address)
{
	uint32_t alignment[2];

	if (!fetch(d, address + offsetof(struct statx, stx_mnt_id) + sizeof(uint64_t), alignment, sizeof(alignment)))
		return;
	print_number(d, "stx_dio_mem_align", alignment[0]);
	print_number(d, "stx_dio_offset_align", alignment[1]);
}

static void print_statx_rest(struct decoder *d, uint64_t address, const struct statx *stx)
{
	print_number(d, "stx_blocks", stx->stx_blocks);
	field(d, "stx_attributes_mask");
	print_flags(d, &statx_attributes, stx->stx_attributes_mask);
	if (stx->stx_mask & STATX_ATIME)
		print_statx_time(d, "stx_atime", &stx->stx_atime);
	if (stx->stx_mask & STATX_BTIME)
		print_statx_time(d, "stx_btime", &stx->stx_btime);
	if (stx->stx_mask & STATX_CTIME)
		print_statx_time(d, "stx_ctime", &stx->stx_ctime);
	if (stx->stx_mask & STATX_MTIME)
		print_statx_time(d, "stx_mtime", &stx->stx_mtime);
	print_number(d, "stx_rdev_major", stx->stx_rdev_major);
	print_number(d, "stx_rdev_minor", stx->stx_rdev_minor);
	print_number(d, "stx_dev_major", stx->stx_dev_major);
	print_number(d, "stx_dev_minor", stx->stx_dev_minor);
	if (stx->stx_mask & STATX_MNT_ID) {
		field(d, "stx_mnt_id");
		print_hex(d, stx->stx_mnt_id);
	}
	if (stx->stx_mask & STATX_DIOALIGN)
		print_alignment(d, address);
}

static void print_statx(struct decoder *d, uint64_t address)
{
	struct statx stx;

	if (failed(d) || !fetch(d, address, &stx, sizeof(stx))) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field(d, "stx_mask");
	print_flags(d, &statx_masks, stx.stx_mask);
	if (verbose(d))
		print_number(d, "stx_blksize", stx.stx_blksize);
	field(d, "stx_attributes");
	print_flags(d, &statx_attributes, stx.stx_attributes);
	if (verbose(d)) {
		print_number(d, "stx_nlink", stx.stx_nlink);
		print_number(d, "stx_uid", stx.stx_uid);
		print_number(d, "stx_gid", stx.stx_gid);
	}
	field(d, "stx_mode");
	print_file_mode(d, stx.stx_mode);
	if (verbose(d))
		print_number(d, "stx_ino", stx.stx_ino);
	print_number(d, "stx_size", stx.stx_size);
	if (!verbose(d)) {
		end_struct_short(d);
		return;
	}
	print_statx_rest(d, address, &stx);
	end_struct(d);
}

/* Two bits of them are a number of their own, and what is left is told by itself. */
static void print_statx_flags(struct decoder *d, uint32_t flags)
{
	struct constants others = at_flags;

	others.unknown = NULL;
	print_constant(d, &statx_sync, flags & SYNC_MASK);
	if (!(flags & ~SYNC_MASK))
		return;
	print_text(d, "|");
	print_flags(d, &others, flags & ~SYNC_MASK);
}

void decode_statx(struct decoder *d)
{
	if (entering(d)) {
		argument_dirfd(d, 0);
		argument_path(d, 1);
		argument(d);
		print_statx_flags(d, (uint32_t)d->args[2]);
		argument_flags(d, 3, &statx_masks);
		return;
	}
	argument(d);
	print_statx(d, d->args[4]);
}

/* ---- file systems ------------------------------------------------------------------------------------ */

/* The fields of struct statfs, in its order on every ABI, but for `val` all of them numbers. */
struct file_system {
	uint64_t type, block_size, blocks, free_blocks, available, files, free_files;
	uint32_t id[2];
	uint64_t name_length, fragment, flags;
};

static const char *take(const char *bytes, unsigned size, uint64_t *value)
{
	*value = 0;
	memcpy(value, bytes, size);
	return bytes + size;
}

/* `word`: bytes of a long there; `wide`: of the counts. */
static void unpack(struct file_system *to, const char *bytes, unsigned word, unsigned wide)
{
	bytes = take(bytes, word, &to->type);
	bytes = take(bytes, word, &to->block_size);
	bytes = take(bytes, wide, &to->blocks);
	bytes = take(bytes, wide, &to->free_blocks);
	bytes = take(bytes, wide, &to->available);
	bytes = take(bytes, wide, &to->files);
	bytes = take(bytes, wide, &to->free_files);
	memcpy(to->id, bytes, sizeof(to->id));
	bytes = take(bytes + sizeof(to->id), word, &to->name_length);
	bytes = take(bytes, word, &to->fragment);
	take(bytes, word, &to->flags);
}

static void print_statfs(struct decoder *d, uint64_t address, unsigned word, unsigned wide)
{
	size_t size = (size_t)5 * word + (size_t)5 * wide + 8;
	struct file_system found;
	char bytes[88];

	if (failed(d) || !fetch(d, address, bytes, size)) {
		print_address(d, address);
		return;
	}
	unpack(&found, bytes, word, wide);
	begin_struct(d);
	field(d, "f_type");
	print_constant(d, &file_system_types, found.type);
	print_number(d, "f_bsize", found.block_size);
	print_number(d, "f_blocks", found.blocks);
	print_number(d, "f_bfree", found.free_blocks);
	print_number(d, "f_bavail", found.available);
	print_number(d, "f_files", found.files);
	print_number(d, "f_ffree", found.free_files);
	field(d, "f_fsid");
	print_text(d, "{val=[");
	print_hex(d, found.id[0]);
	print_text(d, ", ");
	print_hex(d, found.id[1]);
	print_text(d, "]}");
	print_number(d, "f_namelen", found.name_length);
	print_number(d, "f_frsize", found.fragment);
	field(d, "f_flags");
	print_flags(d, &mounted_flags, found.flags);
	end_struct(d);
}

void decode_statfs(struct decoder *d)
{
	if (entering(d)) {
		argument_path(d, 0);
		return;
	}
	argument(d);
	print_statfs(d, d->args[1], d->word, d->word);
}

void decode_fstatfs(struct decoder *d)
{
	if (entering(d)) {
		argument_fd(d, 0);
		return;
	}
	argument(d);
	print_statfs(d, d->args[1], d->word, d->word);
}

void decode_statfs64(struct decoder *d)
{
	if (entering(d)) {
		argument_path(d, 0);
		argument_unsigned(d, 1);
		return;
	}
	argument(d);
	print_statfs(d, d->args[2], 4, 8);
}

void decode_fstatfs64(struct decoder *d)
{
	if (entering(d)) {
		argument_fd(d, 0);
		argument_unsigned(d, 1);
		return;
	}
	argument(d);
	print_statfs(d, d->args[2], 4, 8);
}

/* What it fills in is left as an address, as ustat(2) has no user that is left. */
void decode_ustat(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_device(d, (uint32_t)d->args[0]);
	argument_address(d, 1);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Files by a handle, and attributes that only some file systems have.
 */
#include <errno.h>
#include <inttypes.h>

#include "constants/file.h"
#include "decode/file.h"

#define HANDLE_MOST 128 /* MAX_HANDLE_SZ, include/linux/exportfs.h */

/* struct file_handle, without what follows it */
struct handle {
	uint32_t size;
	int32_t type;
};

/* What there is of it; nothing more is told where it is shorter than it says. */
static void print_handle_bytes(struct decoder *d, uint64_t address, const struct handle *handle)
{
	char bytes[HANDLE_MOST];
	size_t size = handle->size < HANDLE_MOST ? handle->size : HANDLE_MOST;

	print(d, ", handle_type=%" PRId32 ", f_handle=", handle->type);
	if (fetch_some(d, address + sizeof(*handle), bytes, size) < size) {
		print_address(d, address + sizeof(*handle));
		return;
	}
	print_hex_bytes(d, bytes, size, 0);
	if (handle->size > size)
		print_text(d, "...");
}

static bool print_handle_begin(struct decoder *d, uint64_t address, struct handle *handle)
{
	if (!address || !fetch(d, address, handle, sizeof(*handle))) {
		print_address(d, address);
		return false;
	}
	print(d, "{handle_bytes=%" PRIu32, handle->size);
	return true;
}

/* Its size goes in, and comes out: what it should have been, where that was too little (EOVERFLOW). */
static void print_handle_result(struct decoder *d)
{
	struct decoder at_entry = *d;
	struct handle before, after;
	const uint64_t address = d->args[2];

	at_entry.exiting = false;
	if (!address || !fetch(&at_entry, address, &before, sizeof(before)))
		return;
	if (d->finished && (!d->error || d->error == EOVERFLOW) && fetch(d, address, &after, sizeof(after))) {
		if (after.size != before.size)
			print(d, " => %" PRIu32, after.size);
		if (!d->error)
			print_handle_bytes(d, address, &after);
	}
	print_text(d, "}");
}

void decode_name_to_handle_at(struct decoder *d)
{
	struct handle handle;

	if (entering(d)) {
		argument_dirfd(d, 0);
		argument_path(d, 1);
		argument(d);
		print_handle_begin(d, d->args[2], &handle);
		return;
	}
	print_handle_result(d);
	argument(d);
	if (failed(d))
		print_address(d, d->args[3]);
	else
		print_int_at(d, d->args[3]);
	argument_flags(d, 4, &handle_at_flags);
}

void decode_open_by_handle_at(struct decoder *d)
{
	struct handle handle;

	if (!entering(d)) {
		result_is(d, RESULT_FD);
		return;
	}
	argument_fd(d, 0);
	argument(d);
	if (print_handle_begin(d, d->args[1], &handle)) {
		print_handle_bytes(d, d->args[1], &handle);
		print_text(d, "}");
	}
	argument(d);
	print_open_flags(d, (uint32_t)d->args[2]);
}

/* ---- calls that strace 6.1 does not know --------------------------------------------------------------------- */

/* struct file_attr, include/uapi/linux/fs.h (Linux 6.17) */
struct attributes {
	uint64_t flags;
	uint32_t extent_size, extents, project, copy_extent_size;
};

static void print_attributes(struct decoder *d, uint64_t address, uint64_t size)
{
	struct attributes attributes;

	if ((d->exiting && failed(d)) || size < sizeof(attributes) ||
	    !fetch(d, address, &attributes, sizeof(attributes))) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field(d, "fa_xflags");
	print_hex(d, attributes.flags);
	field(d, "fa_extsize");
	print_unsigned(d, attributes.extent_size);
	field(d, "fa_nextents");
	print_unsigned(d, attributes.extents);
	field(d, "fa_projid");
	print_unsigned(d, attributes.project);
	field(d, "fa_cowextsize");
	print_unsigned(d, attributes.copy_extent_size);
	print_beyond(d, address, size, sizeof(attributes));
	end_struct(d);
}

static void print_file_attributes(struct decoder *d)
{
	argument(d);
	print_attributes(d, d->args[2], d->args[3]);
	argument_unsigned(d, 3);
	argument_flags(d, 4, &at_flags);
}

void decode_file_getattr(struct decoder *d)
{
	if (!entering(d)) {
		print_file_attributes(d);
		return;
	}
	argument_dirfd(d, 0);
	argument_path(d, 1);
}

void decode_file_setattr(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_dirfd(d, 0);
	argument_path(d, 1);
	print_file_attributes(d);
}

/* struct cachestat_range and cachestat, include/uapi/linux/mman.h (Linux 6.5) */
static void print_cache(struct decoder *d, uint64_t address)
{
	static const char *const names[] = {"nr_cache", "nr_dirty", "nr_writeback", "nr_evicted",
	                                    "nr_recently_evicted"};
	uint64_t pages[5];

	if (failed(d) || !fetch(d, address, pages, sizeof(pages))) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	for (int i = 0; i < 5; i++) {
		field(d, names[i]);
		print_unsigned(d, pages[i]);
	}
	end_struct(d);
}

void decode_cachestat(struct decoder *d)
{
	uint64_t range[2];

	if (!entering(d)) {
		argument(d);
		print_cache(d, d->args[2]);
		argument(d);
		print_hex(d, (uint32_t)d->args[3]);
		return;
	}
	argument_fd(d, 0);
	argument(d);
	if (!d->args[1] || !fetch(d, d->args[1], range, sizeof(range)))
		print_address(d, d->args[1]);
	else
		print(d, "{off=%" PRIu64 ", len=%" PRIu64 "}", range[0], range[1]);
}

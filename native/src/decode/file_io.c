/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading, writing, seeking, copying.
 */
#include <inttypes.h>

#include "constants/file.h"
#include "decode/file.h"

void decode_read(struct decoder *d)
{
	if (entering(d)) {
		argument_fd(d, 0);
		return;
	}
	argument(d);
	print_result_bytes(d, d->args[1]);
	argument_unsigned(d, 2);
}

void decode_pread64(struct decoder *d)
{
	decode_read(d);
	if (!entering(d))
		argument_wide(d, 3, "pos");
}

void decode_write(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_fd(d, 0);
	argument(d);
	print_bytes(d, d->args[1], d->args[2]);
	argument_unsigned(d, 2);
}

void decode_pwrite64(struct decoder *d)
{
	decode_write(d);
	if (entering(d))
		argument_wide(d, 3, "pos");
}

void decode_readv(struct decoder *d)
{
	if (entering(d)) {
		argument_fd(d, 0);
		return;
	}
	argument(d);
	if (failed(d))
		print_iovec_addresses(d, d->args[1], d->args[2]);
	else
		print_iovec(d, d->args[1], d->args[2], (uint64_t)d->result);
	argument_unsigned(d, 2);
}

static void print_rw_flags(struct decoder *d)
{
	argument_named(d, "flags", d->args[5]);
	print_flags(d, &rw_flags, (uint32_t)d->args[5]);
}

/* The kernel's arguments are two halves on every ABI; where a word is as wide as an offset, the first is all of it. */
void decode_preadv(struct decoder *d)
{
	decode_readv(d);
	if (!entering(d))
		argument_wide(d, 3, "pos");
}

void decode_preadv2(struct decoder *d)
{
	decode_preadv(d);
	if (!entering(d))
		print_rw_flags(d);
}

void decode_writev(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_fd(d, 0);
	argument(d);
	print_iovec(d, d->args[1], d->args[2], UINT64_MAX);
	argument_unsigned(d, 2);
}

void decode_pwritev(struct decoder *d)
{
	decode_writev(d);
	if (entering(d))
		argument_wide(d, 3, "pos");
}

void decode_pwritev2(struct decoder *d)
{
	decode_pwritev(d);
	if (entering(d))
		print_rw_flags(d);
}

void decode_vmsplice(struct decoder *d)
{
	decode_writev(d);
	if (entering(d))
		argument_flags(d, 3, &splice_flags);
}

void decode_lseek(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_fd(d, 0);
	argument_long(d, 1);
	argument_constant(d, 2, &seek_origins);
}

/* The high half comes first. */
void decode_llseek(struct decoder *d)
{
	uint64_t offset = d->args[1] << 32 | (uint32_t)d->args[2];

	if (entering(d)) {
		argument_fd(d, 0);
		argument_named(d, "offset", offset);
		print_signed(d, (int64_t)offset);
		return;
	}
	argument_named(d, "result", d->args[3]);
	if (failed(d))
		print_address(d, d->args[3]);
	else
		print_u64_at(d, d->args[3]);
	argument_named(d, "whence", d->args[4]);
	print_constant(d, &seek_origins, (uint32_t)d->args[4]);
}

static bool fetch_offset(const struct decoder *d, unsigned size, int64_t *offset)
{
	int32_t narrow;

	if (!d->args[2])
		return false;
	if (size == 8)
		return fetch(d, d->args[2], offset, size);
	if (!fetch(d, d->args[2], &narrow, size))
		return false;
	*offset = narrow;
	return true;
}

/* The offset is known before the call, and again after it; what comes behind it waits for that. */
static void print_sendfile(struct decoder *d, unsigned size)
{
	int64_t offset;

	if (entering(d)) {
		argument_fd(d, 0);
		argument_fd(d, 1);
		argument(d);
		if (fetch_offset(d, size, &offset)) {
			print(d, "[%" PRId64 "]", offset);
			return;
		}
		print_address(d, d->args[2]);
		argument_unsigned(d, 3);
	} else if (d->begun == 3) {
		if (!failed(d) && d->result && fetch_offset(d, size, &offset))
			print(d, " => [%" PRId64 "]", offset);
		argument_unsigned(d, 3);
	}
}

void decode_sendfile(struct decoder *d)
{
	print_sendfile(d, d->word);
}

void decode_sendfile64(struct decoder *d)
{
	print_sendfile(d, 8);
}

static void print_fds_and_offsets(struct decoder *d)
{
	argument_fd(d, 0);
	argument(d);
	print_offset_at(d, d->args[1]);
	argument_fd(d, 2);
	argument(d);
	print_offset_at(d, d->args[3]);
	argument_unsigned(d, 4);
}

void decode_splice(struct decoder *d)
{
	if (!entering(d))
		return;
	print_fds_and_offsets(d);
	argument_flags(d, 5, &splice_flags);
}

void decode_copy_file_range(struct decoder *d)
{
	if (!entering(d))
		return;
	print_fds_and_offsets(d);
	argument_uint(d, 5);
}

void decode_tee(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_fd(d, 0);
	argument_fd(d, 1);
	argument_unsigned(d, 2);
	argument_flags(d, 3, &splice_flags);
}

void decode_fadvise64(struct decoder *d)
{
	unsigned length = d->word == 4 ? 3 : 2;

	if (!entering(d))
		return;
	argument_fd(d, 0);
	argument_wide(d, 1, "offset");
	argument_named(d, "len", d->args[length]);
	print_unsigned(d, d->args[length]);
	argument_named(d, "advice", d->args[length + 1]);
	print_constant(d, &file_advices, (uint32_t)d->args[length + 1]);
}

void decode_fadvise64_64(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_fd(d, 0);
	argument_wide(d, 1, "offset");
	argument_wide(d, d->word == 4 ? 3 : 2, "len");
	argument_named(d, "advice", d->args[d->word == 4 ? 5 : 3]);
	print_constant(d, &file_advices, (uint32_t)d->args[d->word == 4 ? 5 : 3]);
}

void decode_readahead(struct decoder *d)
{
	unsigned count = d->word == 4 ? 3 : 2;

	if (!entering(d))
		return;
	argument_fd(d, 0);
	argument_wide(d, 1, "offset");
	argument_named(d, "count", d->args[count]);
	print_unsigned(d, d->args[count]);
}

void decode_sync_file_range(struct decoder *d)
{
	unsigned flags = d->word == 4 ? 5 : 3;

	if (!entering(d))
		return;
	argument_fd(d, 0);
	argument_wide(d, 1, "offset");
	argument_wide(d, d->word == 4 ? 3 : 2, "nbytes");
	argument_named(d, "flags", d->args[flags]);
	print_flags(d, &sync_range_flags, (uint32_t)d->args[flags]);
}

void decode_fallocate(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_fd(d, 0);
	argument_flags(d, 1, &fallocate_modes);
	argument_wide(d, 2, "offset");
	argument_wide(d, d->word == 4 ? 4 : 3, "len");
}

void decode_truncate(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_path(d, 0);
	argument_unsigned(d, 1);
}

void decode_truncate64(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_path(d, 0);
	argument_named(d, "length", wide_value(d, 1));
	print_unsigned(d, wide_value(d, 1));
}

void decode_ftruncate(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_fd(d, 0);
	argument_unsigned(d, 1);
}

void decode_ftruncate64(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_fd(d, 0);
	argument_named(d, "length", wide_value(d, 1));
	print_unsigned(d, wide_value(d, 1));
}

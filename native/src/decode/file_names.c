/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of files: what is made, moved, linked and read by them, with which modes and rights.
 */
#include <sys/stat.h>

#include "constants/file.h"
#include "decode/file.h"

#define SWAP_PRIORITY 0x7fffu /* SWAP_FLAG_PRIO_MASK, include/linux/swap.h */

void decode_renameat2(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_dirfd(d, 0);
	argument_path(d, 1);
	argument_dirfd(d, 2);
	argument_path(d, 3);
	argument_flags(d, 4, &rename_flags);
}

void decode_linkat(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_dirfd(d, 0);
	argument_path(d, 1);
	argument_dirfd(d, 2);
	argument_path(d, 3);
	argument_flags(d, 4, &at_flags);
}

void decode_unlinkat(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_dirfd(d, 0);
	argument_path(d, 1);
	argument_flags(d, 2, &at_flags);
}

/* A device has a number; of anything else the kernel does not look at it. */
static void print_node(struct decoder *d, unsigned mode)
{
	argument(d);
	print_file_mode(d, (uint16_t)d->args[mode]);
	if (S_ISCHR(d->args[mode]) || S_ISBLK(d->args[mode])) {
		argument(d);
		print_device(d, (uint32_t)d->args[mode + 1]);
	}
}

void decode_mknod(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_path(d, 0);
	print_node(d, 1);
}

void decode_mknodat(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_dirfd(d, 0);
	argument_path(d, 1);
	print_node(d, 2);
}

static void print_link(struct decoder *d, unsigned buffer)
{
	argument(d);
	print_result_string(d, d->args[buffer]);
	argument_uint(d, buffer + 1);
}

void decode_readlink(struct decoder *d)
{
	if (entering(d))
		argument_path(d, 0);
	else
		print_link(d, 1);
}

void decode_readlinkat(struct decoder *d)
{
	if (entering(d)) {
		argument_dirfd(d, 0);
		argument_path(d, 1);
	} else {
		print_link(d, 2);
	}
}

void decode_getcwd(struct decoder *d)
{
	if (entering(d))
		return;
	argument(d);
	if (failed(d))
		print_address(d, d->args[0]);
	else
		print_path(d, d->args[0]);
	argument_unsigned(d, 1);
}

void decode_lookup_dcookie(struct decoder *d)
{
	unsigned buffer = d->word == 4 ? 2 : 1;

	if (entering(d)) {
		argument_named(d, "cookie64", wide_value(d, 0));
		print_unsigned(d, wide_value(d, 0));
		return;
	}
	argument_named(d, "buf", d->args[buffer]);
	print_address(d, d->args[buffer]);
	argument_named(d, "len", d->args[buffer + 1]);
	print_unsigned(d, d->args[buffer + 1]);
}

void decode_access(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_path(d, 0);
	argument_flags(d, 1, &access_rights);
}

void decode_faccessat(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_dirfd(d, 0);
	argument_path(d, 1);
	argument_flags(d, 2, &access_rights);
}

void decode_faccessat2(struct decoder *d)
{
	decode_faccessat(d);
	if (entering(d))
		argument_flags(d, 3, &access_at_flags);
}

void decode_fchmodat2(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_dirfd(d, 0);
	argument_path(d, 1);
	argument(d);
	print_mode(d, d->args[2]);
	argument_flags(d, 3, &at_flags);
}

/* i386 has calls whose IDs have 16 bits (UID16), and others with 32. */
static void print_owner(struct decoder *d, unsigned index, bool short_ids)
{
	uint64_t id = d->args[index];

	argument(d);
	if (short_ids && d->word == 4)
		id = (uint16_t)id == UINT16_MAX ? UINT32_MAX : (uint16_t)id;
	print_id(d, id);
}

void decode_chown(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_path(d, 0);
	print_owner(d, 1, true);
	print_owner(d, 2, true);
}

void decode_fchown(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_fd(d, 0);
	print_owner(d, 1, true);
	print_owner(d, 2, true);
}

void decode_fchownat(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_dirfd(d, 0);
	argument_path(d, 1);
	print_owner(d, 2, false);
	print_owner(d, 3, false);
	argument_flags(d, 4, &at_flags);
}

void decode_acct(struct decoder *d)
{
	if (entering(d))
		argument_path(d, 0);
}

void decode_swapon(struct decoder *d)
{
	uint32_t flags = (uint32_t)d->args[1] & ~SWAP_PRIORITY, priority = (uint32_t)d->args[1] & SWAP_PRIORITY;

	if (!entering(d))
		return;
	argument_path(d, 0);
	argument(d);
	if (flags) {
		print_flags(d, &swap_flags, flags);
		print_text(d, "|");
	}
	print_unsigned(d, priority);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Mounts: mount(2), and the calls by which a mount is an object with a descriptor.
 */
#include <linux/mount.h>
#include <string.h>
#include <sys/mount.h>

#include "constants/file.h"
#include "decode/file.h"

/* mount(2): once needed in the upper half, ignored since */
#define MAGIC 0xc0ed0000u
#define MAGIC_MASK 0xffff0000u
#define PROPAGATION (MS_UNBINDABLE | MS_PRIVATE | MS_SLAVE | MS_SHARED)
#define ATTRIBUTES_FIRST 32 /* MOUNT_ATTR_SIZE_VER0 */

static void print_mount_flags(struct decoder *d, uint64_t flags)
{
	if ((flags & MAGIC_MASK) != MAGIC) {
		print_flags(d, &mount_flags, flags);
		return;
	}
	print_constant(d, &mount_magic, MAGIC);
	if (flags & ~(uint64_t)MAGIC_MASK) {
		print_text(d, "|");
		print_flags(d, &mount_flags, flags & ~(uint64_t)MAGIC_MASK);
	}
}

/* Which of them the kernel looks at, its flags say (fs/namespace.c, path_mount()). */
void decode_mount(struct decoder *d)
{
	uint64_t flags = d->args[3];
	bool changes = flags & (MS_BIND | MS_MOVE | PROPAGATION), remounts = flags & MS_REMOUNT;

	if (!entering(d))
		return;
	if ((flags & MAGIC_MASK) == MAGIC) {
		changes = flags & (MS_BIND | MS_MOVE);
		remounts = flags & MS_REMOUNT;
	}
	argument_path(d, 0);
	argument_path(d, 1);
	if (changes || remounts)
		argument_address(d, 2);
	else
		argument_string(d, 2);
	argument(d);
	print_mount_flags(d, flags);
	if (changes && !remounts)
		argument_address(d, 4);
	else
		argument_string(d, 4);
}

void decode_umount(struct decoder *d)
{
	if (entering(d))
		argument_path(d, 0);
}

void decode_umount2(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_path(d, 0);
	argument_flags(d, 1, &umount_flags);
}

void decode_fsopen(struct decoder *d)
{
	if (!entering(d)) {
		result_is(d, RESULT_FD);
		return;
	}
	argument_string(d, 0);
	argument_flags(d, 1, &fsopen_flags);
}

static void print_setting(struct decoder *d)
{
	switch ((uint32_t)d->args[1]) {
	case FSCONFIG_SET_STRING:
		argument_string(d, 3);
		argument_int(d, 4);
		break;
	case FSCONFIG_SET_BINARY:
		argument(d);
		print_binary(d, d->args[3], (int32_t)d->args[4]);
		argument_int(d, 4);
		break;
	case FSCONFIG_SET_PATH:
	case FSCONFIG_SET_PATH_EMPTY:
		argument_path(d, 3);
		argument_dirfd(d, 4);
		break;
	case FSCONFIG_SET_FD:
		argument_address(d, 3);
		argument_fd(d, 4);
		break;
	default:
		argument_address(d, 3);
		argument_int(d, 4);
	}
}

void decode_fsconfig(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_fd(d, 0);
	argument_constant(d, 1, &fsconfig_commands);
	if ((uint32_t)d->args[1] <= FSCONFIG_SET_FD)
		argument_string(d, 2);
	else
		argument_address(d, 2);
	print_setting(d);
}

void decode_fsmount(struct decoder *d)
{
	if (!entering(d)) {
		result_is(d, RESULT_FD);
		return;
	}
	argument_fd(d, 0);
	argument_flags(d, 1, &fsmount_flags);
	argument_flags(d, 2, &fsmount_attributes);
}

static void print_place(struct decoder *d, const struct constants *flags)
{
	if (!entering(d)) {
		result_is(d, RESULT_FD);
		return;
	}
	argument_dirfd(d, 0);
	argument_path(d, 1);
	argument_flags(d, 2, flags);
}

void decode_fspick(struct decoder *d)
{
	print_place(d, &fspick_flags);
}

void decode_open_tree(struct decoder *d)
{
	print_place(d, &open_tree_flags);
}

void decode_move_mount(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_dirfd(d, 0);
	argument_path(d, 1);
	argument_dirfd(d, 2);
	argument_path(d, 3);
	argument_flags(d, 4, &move_mount_flags);
}

/* struct mount_attr */
struct attributes {
	uint64_t set, clear, propagation, user_namespace;
};

static void print_attributes(struct decoder *d, uint64_t address, uint64_t size)
{
	struct attributes change;

	if (size < ATTRIBUTES_FIRST || !fetch(d, address, &change, sizeof(change))) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field(d, "attr_set");
	print_flags(d, &mount_attributes, change.set);
	field(d, "attr_clr");
	print_flags(d, &mount_attributes, change.clear);
	field(d, "propagation");
	print_constant(d, &propagations, change.propagation);
	field(d, "userns_fd");
	print_unsigned(d, change.user_namespace);
	print_beyond(d, address, size, sizeof(change));
	end_struct(d);
}

void decode_mount_setattr(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_dirfd(d, 0);
	argument_path(d, 1);
	argument_flags(d, 2, &mount_at_flags);
	argument(d);
	print_attributes(d, d->args[3], d->args[4]);
	argument_unsigned(d, 4);
}

void decode_open_tree_attr(struct decoder *d)
{
	print_place(d, &open_tree_flags);
	if (!entering(d))
		return;
	argument(d);
	print_attributes(d, d->args[3], d->args[4]);
	argument_unsigned(d, 4);
}

/* ---- what mounts there are (Linux 6.8) --------------------------------------------------------------------- */

/* struct mnt_id_req; in its first version it ended before the namespace */
struct request {
	uint32_t size, spare;
	uint64_t mount, parameter, namespace;
};

#define REQUEST_FIRST 24

static void print_request(struct decoder *d, uint64_t address, const struct constants *masks)
{
	struct request request = {0};

	if (!address || !fetch(d, address, &request, REQUEST_FIRST)) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field(d, "size");
	print_unsigned(d, request.size);
	field(d, "mnt_id");
	print_hex(d, request.mount);
	field(d, "param");
	if (masks)
		print_flags(d, masks, request.parameter);
	else
		print_hex(d, request.parameter);
	if (request.size >= sizeof(request) && fetch(d, address, &request, sizeof(request))) {
		field(d, "mnt_ns_id");
		print_hex(d, request.namespace);
	}
	end_struct(d);
}

void decode_statmount(struct decoder *d)
{
	if (entering(d)) {
		argument(d);
		print_request(d, d->args[0], &statmount_masks);
		return;
	}
	argument_address(d, 1);
	argument_unsigned(d, 2);
	argument(d);
	print_hex(d, (uint32_t)d->args[3]);
}

static void print_mount_id(struct decoder *d, const void *element, size_t index)
{
	uint64_t mount;

	(void)index;
	memcpy(&mount, element, sizeof(mount));
	print_hex(d, mount);
}

void decode_listmount(struct decoder *d)
{
	if (entering(d)) {
		argument(d);
		print_request(d, d->args[0], NULL);
		return;
	}
	argument(d);
	if (failed(d))
		print_address(d, d->args[1]);
	else
		print_array(d, d->args[1], (uint64_t)d->result, sizeof(uint64_t), print_mount_id);
	argument_unsigned(d, 2);
	argument_flags(d, 3, &list_flags);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The ioctls of a seccomp listener: seccomp_unotify(2).
 */
#include <inttypes.h>
#include <string.h>

#include <linux/audit.h>
#include <linux/ioctl.h>
#include <linux/seccomp.h>

#include "constants/process.h"
#include "decode/system.h"

static int abi_of(uint32_t architecture)
{
	switch (architecture) {
	case AUDIT_ARCH_X86_64:
		return STL_ABI_X86_64;
	case AUDIT_ARCH_I386:
		return STL_ABI_I386;
	case AUDIT_ARCH_AARCH64:
		return STL_ABI_AARCH64;
	default:
		return STL_ABI_UNKNOWN;
	}
}

static void print_call(struct decoder *d, const struct seccomp_data *data)
{
	int abi = abi_of(data->arch);
	const char *name = stl_syscall_name(abi, data->nr);

	begin_struct(d);
	field(d, "nr");
	if (name && abi == d->abi && d->options->constants == STL_CONSTANTS_ABBREV) {
		print(d, "__NR_%s", name);
	} else {
		print_signed(d, data->nr);
		if (name && d->options->constants != STL_CONSTANTS_RAW)
			print_comment(d, "%s", name);
	}
	field_constant(d, "arch", &audit_architectures, data->arch);
	field_address(d, "instruction_pointer", data->instruction_pointer);
	field(d, "args");
	for (int i = 0; i < 6; i++) {
		print_text(d, i ? ", " : "[");
		print_hex(d, data->args[i]);
	}
	print_text(d, "]");
	end_struct(d);
}

static void print_notification(struct decoder *d, const struct seccomp_notif *notification)
{
	begin_struct(d);
	field_hex(d, "id", notification->id);
	field(d, "pid");
	print_pid(d, notification->pid);
	field_hex(d, "flags", notification->flags);
	field(d, "data");
	print_call(d, &notification->data);
	end_struct(d);
}

/* The kernel wants it to be all zeros; what is not is shown too. */
static bool decode_receive(struct decoder *d)
{
	static const struct seccomp_notif zeros;
	struct seccomp_notif notification;
	bool there = d->args[2] && fetch(d, d->args[2], &notification, sizeof(notification));

	if (entering(d)) {
		if (!there || !memcmp(&notification, &zeros, sizeof(zeros)))
			return true;
		argument(d);
		print_notification(d, &notification);
		return true;
	}
	if (d->begun < 3)
		argument(d);
	else
		print_text(d, " => ");
	if (there && !failed(d))
		print_notification(d, &notification);
	else
		print_address(d, d->args[2]);
	return true;
}

static void field_error(struct decoder *d, int32_t error)
{
	const char *name = error < 0 && error > -STL_MAX_ERRNO ? stl_errno_name(-error) : NULL;

	field(d, "error");
	if (name && d->options->constants == STL_CONSTANTS_ABBREV) {
		print(d, "-%s", name);
		return;
	}
	print_signed(d, error);
	if (name && d->options->constants == STL_CONSTANTS_VERBOSE)
		print_comment(d, "-%s", name);
}

static bool decode_answer(struct decoder *d)
{
	struct seccomp_notif_resp answer;

	if (!entering(d))
		return true;
	argument(d);
	if (!d->args[2] || !fetch(d, d->args[2], &answer, sizeof(answer))) {
		print_address(d, d->args[2]);
		return true;
	}
	begin_struct(d);
	field_hex(d, "id", answer.id);
	field(d, "val");
	print_signed(d, answer.val);
	field_error(d, answer.error);
	field_flags(d, "flags", &notify_answer_flags, answer.flags);
	end_struct(d);
	return true;
}

static bool decode_descriptor(struct decoder *d)
{
	struct seccomp_notif_addfd added;

	if (!entering(d))
		return true;
	argument(d);
	if (!d->args[2] || !fetch(d, d->args[2], &added, sizeof(added))) {
		print_address(d, d->args[2]);
		return true;
	}
	begin_struct(d);
	field_hex(d, "id", added.id);
	field_flags(d, "flags", &notify_descriptor_flags, added.flags);
	field_fd(d, "srcfd", added.srcfd);
	field_unsigned(d, "newfd", added.newfd);
	field(d, "newfd_flags");
	if (added.newfd_flags)
		print_flags(d, &notify_new_flags, added.newfd_flags);
	else
		print_unsigned(d, 0);
	end_struct(d);
	return true;
}

bool decode_notify_ioctl(struct decoder *d, uint32_t number)
{
	switch (number) {
	case SECCOMP_IOCTL_NOTIF_RECV:
		return decode_receive(d);
	case SECCOMP_IOCTL_NOTIF_SEND:
		return decode_answer(d);
	case SECCOMP_IOCTL_NOTIF_ADDFD:
		return decode_descriptor(d);
	default:
		return false;
	}
}

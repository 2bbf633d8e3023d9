/* SPDX-License-Identifier: Apache-2.0
 *
 * Quotas. Layouts: include/uapi/linux/quota.h, include/uapi/linux/dqblk_xfs.h.
 */
#include <inttypes.h>
#include <linux/dqblk_xfs.h>
#include <linux/quota.h>
#include <string.h>

#include "constants/file.h"
#include "decode/file.h"

#define KIND_BITS 8 /* SUBCMDSHIFT */
#define GET_NEXT 0x800009u
#define XFS_STATE_VERSION 1

static void print_numbers(struct decoder *d, const char *const *names, const uint64_t *values, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		field(d, names[i]);
		print_unsigned(d, values[i]);
	}
}

static void print_limits(struct decoder *d, uint64_t address, bool next)
{
	static const char *const names[] = {"dqb_bhardlimit", "dqb_bsoftlimit", "dqb_curspace", "dqb_ihardlimit",
	                                    "dqb_isoftlimit", "dqb_curinodes",  "dqb_btime",    "dqb_itime"};
	struct {
		uint64_t limits[8];
		uint32_t valid, id;
	} quota;
	size_t size = next ? sizeof(quota) : sizeof(quota) - sizeof(quota.id);

	if ((d->exiting && failed(d)) || !fetch(d, address, &quota, size)) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	print_numbers(d, names, quota.limits, 6);
	if (!verbose(d)) {
		end_struct_short(d);
		return;
	}
	print_numbers(d, names + 6, quota.limits + 6, 2);
	field(d, "dqb_valid");
	print_flags(d, &quota_valid, quota.valid);
	if (next) {
		field(d, "dqb_id");
		print_unsigned(d, quota.id);
	}
	end_struct(d);
}

static void print_info(struct decoder *d, uint64_t address)
{
	struct {
		uint64_t grace[2];
		uint32_t flags, valid;
	} info;
	static const char *const names[] = {"dqi_bgrace", "dqi_igrace"};

	if ((d->exiting && failed(d)) || !fetch(d, address, &info, sizeof(info))) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	print_numbers(d, names, info.grace, 2);
	field(d, "dqi_flags");
	print_flags(d, &quota_flags, info.flags);
	field(d, "dqi_valid");
	print_flags(d, &quota_info_valid, info.valid);
	end_struct(d);
}

static void print_xfs_times(struct decoder *d, const struct fs_disk_quota *quota)
{
	field(d, "d_itimer");
	print_signed(d, quota->d_itimer);
	field(d, "d_btimer");
	print_signed(d, quota->d_btimer);
	field(d, "d_iwarns");
	print_unsigned(d, quota->d_iwarns);
	field(d, "d_bwarns");
	print_unsigned(d, quota->d_bwarns);
	field(d, "d_rtb_hardlimit");
	print_unsigned(d, quota->d_rtb_hardlimit);
	field(d, "d_rtb_softlimit");
	print_unsigned(d, quota->d_rtb_softlimit);
	field(d, "d_rtbcount");
	print_unsigned(d, quota->d_rtbcount);
	field(d, "d_rtbtimer");
	print_signed(d, quota->d_rtbtimer);
	field(d, "d_rtbwarns");
	print_unsigned(d, quota->d_rtbwarns);
}

static void print_xfs_limits(struct decoder *d, uint64_t address)
{
	static const char *const names[] = {"d_blk_hardlimit", "d_blk_softlimit", "d_ino_hardlimit",
	                                    "d_ino_softlimit", "d_bcount",        "d_icount"};
	struct fs_disk_quota quota;

	if ((d->exiting && failed(d)) || !fetch(d, address, &quota, sizeof(quota))) {
		print_address(d, address);
		return;
	}
	const uint64_t values[] = {quota.d_blk_hardlimit, quota.d_blk_softlimit, quota.d_ino_hardlimit,
	                           quota.d_ino_softlimit, quota.d_bcount,        quota.d_icount};

	begin_struct(d);
	field(d, "d_version");
	print_signed(d, quota.d_version);
	field(d, "d_flags");
	print_flags(d, &xfs_quota_kinds, (uint8_t)quota.d_flags);
	field(d, "d_fieldmask");
	print_hex(d, quota.d_fieldmask);
	field(d, "d_id");
	print_unsigned(d, quota.d_id);
	print_numbers(d, names, values, 6);
	if (!verbose(d)) {
		end_struct_short(d);
		return;
	}
	print_xfs_times(d, &quota);
	end_struct(d);
}

static void print_switches(struct decoder *d, uint64_t address, const struct constants *table)
{
	uint32_t switches;

	if (!address || (d->exiting && failed(d)) || !fetch(d, address, &switches, sizeof(switches))) {
		print_address(d, address);
		return;
	}
	print_text(d, "[");
	print_flags(d, table, switches);
	print_text(d, "]");
}

static void print_format(struct decoder *d, uint64_t address)
{
	uint32_t format;

	if (failed(d) || !fetch(d, address, &format, sizeof(format))) {
		print_address(d, address);
		return;
	}
	print_text(d, "[");
	print_constant(d, &quota_formats, format);
	print_text(d, "]");
}

static void print_id_argument(struct decoder *d, unsigned index)
{
	argument(d);
	print_id(d, d->args[index]);
}

/* What is known before the call. `id`: which argument that is; the address is the next one. */
static void print_before(struct decoder *d, uint32_t command, unsigned id)
{
	switch (command) {
	case Q_SYNC:
	case Q_QUOTAOFF:
	case Q_XQUOTASYNC:
	case Q_GETFMT:
	case Q_GETINFO:
	case Q_XGETQSTAT:
	case Q_XGETQSTATV:
		break;
	case Q_QUOTAON:
		argument_constant(d, id, &quota_formats);
		argument_path(d, id + 1);
		break;
	case Q_GETQUOTA:
	case GET_NEXT:
	case Q_XGETQUOTA:
	case Q_XGETNEXTQUOTA:
		print_id_argument(d, id);
		break;
	case Q_SETQUOTA:
		print_id_argument(d, id);
		argument(d);
		print_limits(d, d->args[id + 1], false);
		break;
	case Q_XSETQLIM:
		print_id_argument(d, id);
		argument(d);
		print_xfs_limits(d, d->args[id + 1]);
		break;
	case Q_SETINFO:
		argument_named(d, "addr", d->args[id + 1]);
		print_info(d, d->args[id + 1]);
		break;
	case Q_XQUOTAON:
	case Q_XQUOTAOFF:
		argument_named(d, "addr", d->args[id + 1]);
		print_switches(d, d->args[id + 1], &xfs_quota_switches);
		break;
	case Q_XQUOTARM:
		argument_named(d, "addr", d->args[id + 1]);
		print_switches(d, d->args[id + 1], &xfs_quota_kinds);
		break;
	default:
		print_id_argument(d, id);
		argument_address(d, id + 1);
	}
}

static void print_after(struct decoder *d, uint32_t command, uint64_t address)
{
	switch (command) {
	case Q_GETQUOTA:
	case GET_NEXT:
		argument(d);
		print_limits(d, address, command == GET_NEXT);
		break;
	case Q_XGETQUOTA:
	case Q_XGETNEXTQUOTA:
		argument(d);
		print_xfs_limits(d, address);
		break;
	case Q_GETFMT:
		argument_named(d, "addr", address);
		print_format(d, address);
		break;
	case Q_GETINFO:
		argument_named(d, "addr", address);
		print_info(d, address);
		break;
	case Q_XGETQSTAT:
	case Q_XGETQSTATV:
		argument_named(d, "addr", address);
		print_address(d, address);
		break;
	default:
		break;
	}
}

static void print_command_names(struct decoder *d, uint32_t command)
{
	const struct stl_print_options *options = d->options;
	struct stl_print_options by_name = *options;

	by_name.constants = STL_CONSTANTS_ABBREV;
	d->options = &by_name;
	print_text(d, "QCMD(");
	print_constant(d, &quota_commands, command >> KIND_BITS);
	print_text(d, ", ");
	print_constant(d, &quota_types, command & ((1u << KIND_BITS) - 1));
	print_text(d, ")");
	d->options = options;
}

static void print_command(struct decoder *d, uint32_t command)
{
	argument_named(d, "cmd", command);
	if (d->options->constants == STL_CONSTANTS_ABBREV) {
		print_command_names(d, command);
		return;
	}
	print_unsigned(d, command);
	if (d->options->constants == STL_CONSTANTS_RAW)
		return;
	print_text(d, " /* ");
	print_command_names(d, command);
	print_text(d, " */");
}

void decode_quotactl(struct decoder *d)
{
	uint32_t command = (uint32_t)d->args[0];

	if (!entering(d)) {
		print_after(d, command >> KIND_BITS, d->args[3]);
		return;
	}
	print_command(d, command);
	argument_path(d, 1);
	print_before(d, command >> KIND_BITS, 2);
}

void decode_quotactl_fd(struct decoder *d)
{
	uint32_t command = (uint32_t)d->args[1];

	if (!entering(d)) {
		print_after(d, command >> KIND_BITS, d->args[3]);
		return;
	}
	argument_fd(d, 0);
	print_command(d, command);
	print_before(d, command >> KIND_BITS, 2);
}

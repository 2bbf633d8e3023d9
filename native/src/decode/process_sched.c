/* SPDX-License-Identifier: Apache-2.0
 *
 * Scheduling: sched(7), getpriority(2), ioprio_set(2).
 */
#include <inttypes.h>
#include <string.h>

#include "constants/process.h"
#include "decode/process.h"

#define AFFINITY_MOST 1024 /* bytes of a mask: more than any kernel has CPUs for (NR_CPUS is 8192 at most) */

static void print_policy(struct decoder *d, uint64_t policy)
{
	argument(d);
	print_constant(d, &sched_policies, (uint32_t)policy);
}

static void begin_with_pid(struct decoder *d)
{
	argument(d);
	print_pid(d, d->args[0]);
}

void decode_sched_policy(struct decoder *d)
{
	if (entering(d))
		print_policy(d, d->args[0]);
}

void decode_sched_getscheduler(struct decoder *d)
{
	if (entering(d))
		begin_with_pid(d);
	else if (!failed(d))
		note_constant(d, &sched_policies, (uint64_t)d->result);
}

void decode_sched_setscheduler(struct decoder *d)
{
	if (!entering(d))
		return;
	begin_with_pid(d);
	print_policy(d, d->args[1]);
	argument(d);
	print_int_at(d, d->args[2]);
}

void decode_sched_getparam(struct decoder *d)
{
	if (entering(d)) {
		begin_with_pid(d);
	} else {
		argument(d);
		print_filled(d, d->args[1], print_int_at);
	}
}

void decode_sched_setparam(struct decoder *d)
{
	if (!entering(d))
		return;
	begin_with_pid(d);
	argument(d);
	print_int_at(d, d->args[1]);
}

static void rr_interval(struct decoder *d, print_pointed *print_time)
{
	if (entering(d)) {
		begin_with_pid(d);
	} else {
		argument(d);
		print_filled(d, d->args[1], print_time);
	}
}

void decode_sched_rr_get_interval(struct decoder *d)
{
	rr_interval(d, print_timespec);
}

void decode_sched_rr_get_interval_time64(struct decoder *d)
{
	rr_interval(d, print_timespec64);
}

/* ---- affinity ----------------------------------------------------------------------------------------------- */

static void print_cpus(struct decoder *d, uint64_t address, uint64_t size)
{
	unsigned char mask[AFFINITY_MOST];
	size_t wanted = size < sizeof(mask) ? (size_t)size : sizeof(mask);
	const char *separator = "";

	if (!address || (wanted && !fetch(d, address, mask, wanted))) {
		print_address(d, address);
		return;
	}
	print_text(d, "[");
	for (size_t cpu = 0; cpu < wanted * 8; cpu++) {
		if (!(mask[cpu / 8] >> cpu % 8 & 1))
			continue;
		print(d, "%s%zu", separator, cpu);
		separator = " ";
	}
	print_text(d, "]");
}

void decode_sched_setaffinity(struct decoder *d)
{
	if (!entering(d))
		return;
	begin_with_pid(d);
	argument(d);
	print_unsigned(d, (uint32_t)d->args[1]);
	argument(d);
	print_cpus(d, d->args[2], (uint32_t)d->args[1]);
}

void decode_sched_getaffinity(struct decoder *d)
{
	if (entering(d)) {
		begin_with_pid(d);
		argument(d);
		print_unsigned(d, (uint32_t)d->args[1]);
		return;
	}
	argument(d);
	if (failed(d))
		print_address(d, d->args[2]);
	else
		print_cpus(d, d->args[2], (uint64_t)d->result);
}

/* ---- attributes --------------------------------------------------------------------------------------------- */

/* struct sched_attr; its first version ended before the clamps (sched_setattr(2)). */
struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};
#define FIRST_VERSION 48
#define KEEP_POLICY 0x08 /* SCHED_FLAG_KEEP_POLICY: what the policy is has no meaning */
#define KEEP_PARAMS 0x10

static void print_attribute_fields(struct decoder *d, const struct attributes *a, uint32_t size)
{
	if (!(a->flags & KEEP_POLICY)) {
		field(d, "sched_policy");
		print_constant(d, &sched_policies, a->policy);
	}
	field(d, "sched_flags");
	print_flags(d, &sched_flags, a->flags);
	if (!(a->flags & KEEP_PARAMS)) {
		field(d, "sched_nice");
		print_signed(d, a->nice);
		field(d, "sched_priority");
		print_unsigned(d, a->priority);
		field(d, "sched_runtime");
		print_unsigned(d, a->runtime);
		field(d, "sched_deadline");
		print_unsigned(d, a->deadline);
		field(d, "sched_period");
		print_unsigned(d, a->period);
	}
	if (size < sizeof(*a))
		return;
	field(d, "sched_util_min");
	print_unsigned(d, a->util_min);
	field(d, "sched_util_max");
	print_unsigned(d, a->util_max);
}

/* The size that the struct itself gives: 0 means the first version. */
static void print_attributes(struct decoder *d, uint64_t address)
{
	struct attributes a;
	uint32_t size;
	size_t got;

	memset(&a, 0, sizeof(a));
	got = address ? fetch_some(d, address, &a, sizeof(a)) : 0;
	size = a.size ? a.size : FIRST_VERSION;
	if (got < sizeof(a.size) || (size >= FIRST_VERSION && got < FIRST_VERSION)) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field(d, "size");
	print_unsigned(d, a.size);
	if (size >= FIRST_VERSION)
		print_attribute_fields(d, &a, size <= got ? size : (uint32_t)got);
	if (size > sizeof(a))
		end_struct_short(d);
	else
		end_struct(d);
}

void decode_sched_setattr(struct decoder *d)
{
	uint32_t size;

	if (entering(d)) {
		begin_with_pid(d);
		argument(d);
		print_attributes(d, d->args[1]);
		return;
	}
	/* E2BIG: the kernel has written which size it knows */
	if (d->error == 7 && fetch(d, d->args[1], &size, sizeof(size)))
		print(d, " => {size=%" PRIu32 "}", size);
	argument(d);
	print_unsigned(d, (uint32_t)d->args[2]);
}

void decode_sched_getattr(struct decoder *d)
{
	if (entering(d)) {
		begin_with_pid(d);
		return;
	}
	argument(d);
	print_filled(d, d->args[1], print_attributes);
	argument(d);
	print_unsigned(d, (uint32_t)d->args[2]);
	argument(d);
	print_unsigned(d, (uint32_t)d->args[3]);
}

/* ---- priorities --------------------------------------------------------------------------------------------- */

void decode_getpriority(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_constant(d, &priority_whichs, (uint32_t)d->args[0]);
	argument(d);
	print_signed(d, (int32_t)d->args[1]);
}

void decode_setpriority(struct decoder *d)
{
	if (!entering(d))
		return;
	decode_getpriority(d);
	argument(d);
	print_signed(d, (int32_t)d->args[2]);
}

void decode_nice(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_signed(d, (int32_t)d->args[0]);
}

#define IOPRIO_CLASS_SHIFT 13 /* include/uapi/linux/ioprio.h */

static void print_ioprio(struct decoder *d, uint32_t value)
{
	print_text(d, "IOPRIO_PRIO_VALUE(");
	print_constant(d, &ioprio_classes, value >> IOPRIO_CLASS_SHIFT);
	print(d, ", %u)", value & ((1u << IOPRIO_CLASS_SHIFT) - 1));
}

static void begin_ioprio(struct decoder *d)
{
	argument(d);
	print_constant(d, &ioprio_whos, (uint32_t)d->args[0]);
	argument(d);
	print_signed(d, (int32_t)d->args[1]);
}

void decode_ioprio_get(struct decoder *d)
{
	if (entering(d)) {
		begin_ioprio(d);
	} else if (!failed(d) && d->options->constants != STL_CONSTANTS_RAW) {
		begin_note(d);
		print_ioprio(d, (uint32_t)d->result);
		end_note(d);
	}
}

void decode_ioprio_set(struct decoder *d)
{
	if (!entering(d))
		return;
	uint32_t style = d->options->constants;

	begin_ioprio(d);
	argument(d);
	if (style != STL_CONSTANTS_ABBREV)
		print_unsigned(d, (uint32_t)d->args[2]);
	if (style == STL_CONSTANTS_RAW)
		return;
	print_text(d, style == STL_CONSTANTS_VERBOSE ? " /* " : "");
	print_ioprio(d, (uint32_t)d->args[2]);
	print_text(d, style == STL_CONSTANTS_VERBOSE ? " */" : "");
}

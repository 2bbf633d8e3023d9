/* SPDX-License-Identifier: Apache-2.0
 *
 * perf_event_open(2): struct perf_event_attr, of which a tracee gives as much as its headers knew.
 */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "decode/system.h"

#define SIZE_MIN 64    /* include/uapi/linux/perf_event.h: PERF_ATTR_SIZE_VER0 */
#define SIZE_KNOWN 128 /* ..._VER7 */

/* Its layout is the same on every ABI; the flags, bit fields there, are one word here. */
struct attributes {
	uint32_t type, size;
	uint64_t config, sample_period, sample_type, read_format, flags;
	uint32_t wakeup, bp_type;
	uint64_t config1, config2, branch_sample_type, sample_regs_user;
	uint32_t sample_stack_user;
	int32_t clockid;
	uint64_t sample_regs_intr;
	uint32_t aux_watermark;
	uint16_t sample_max_stack, reserved_2;
	uint32_t aux_sample_size, reserved_3;
	uint64_t sig_data;
};

_Static_assert(sizeof(struct attributes) == SIZE_KNOWN, "struct perf_event_attr's layout is the kernel's");

enum type { HARDWARE, SOFTWARE, TRACEPOINT, HW_CACHE, RAW, BREAKPOINT };

#define PRECISE_SHIFT 15
#define RESERVED_SHIFT 38
#define FREQUENCY (1u << 10)
#define WATERMARK (1u << 14)
#define USE_CLOCKID (1u << 25)
#define SAMPLE_BRANCH_STACK (1u << 11)
#define SAMPLE_STACK_USER (1u << 13)

/* The bits, from the lowest; NULL: of two bits, precise_ip. */
static const char *const flag_names[] = {
	"disabled",
	"inherit",
	"pinned",
	"exclusive",
	"exclude_user",
	"exclude_kernel",
	"exclude_hv",
	"exclude_idle",
	"mmap",
	"comm",
	"freq",
	"inherit_stat",
	"enable_on_exec",
	"task",
	"watermark",
	NULL,
	NULL,
	"mmap_data",
	"sample_id_all",
	"exclude_host",
	"exclude_guest",
	"exclude_callchain_kernel",
	"exclude_callchain_user",
	"mmap2",
	"comm_exec",
	"use_clockid",
	"context_switch",
	"write_backward",
	"namespaces",
	"ksymbol",
	"bpf_event",
	"aux_output",
	"cgroup",
	"text_poke",
	"build_id",
	"inherit_thread",
	"remove_on_exec",
	"sigtrap",
};

static const char *const skids[] = {"arbitrary skid", "constant skid", "requested to have 0 skid", "must have 0 skid"};

static void print_cache_event(struct decoder *d, uint64_t config)
{
	if (config >> 24)
		print(d, "0x%" PRIx64 "<<24|", config >> 24);
	print_constant(d, &perf_cache_results, config >> 16 & 0xff);
	print_text(d, "<<16|");
	print_constant(d, &perf_cache_operations, config >> 8 & 0xff);
	print_text(d, "<<8|");
	print_constant(d, &perf_caches, config & 0xff);
}

static void print_config(struct decoder *d, const struct attributes *attributes)
{
	field(d, "config");
	switch (attributes->type) {
	case HARDWARE:
		if (attributes->config >> 32)
			print(d, "0x%" PRIx64 "<<32|", attributes->config >> 32);
		print_constant(d, &perf_hardware_events, (uint32_t)attributes->config);
		break;
	case SOFTWARE:
		print_constant(d, &perf_software_events, attributes->config);
		break;
	case TRACEPOINT:
		print_unsigned(d, attributes->config);
		break;
	case HW_CACHE:
		print_cache_event(d, attributes->config);
		break;
	default:
		print_hex(d, attributes->config);
	}
}

static void print_flag_bits(struct decoder *d, uint64_t flags)
{
	for (unsigned i = 0; i < sizeof(flag_names) / sizeof(*flag_names); i++) {
		bool set = flags >> i & 1;

		if (i == PRECISE_SHIFT) {
			field_unsigned(d, "precise_ip", flags >> i & 3);
			print_comment(d, "%s", skids[flags >> i & 3]);
		} else if (flag_names[i] && (set || verbose(d))) {
			field_unsigned(d, flag_names[i], set);
		}
	}
	if (flags >> RESERVED_SHIFT) {
		field_hex(d, "__reserved_1", flags >> RESERVED_SHIFT);
		print_comment(d, "Bits 63..%d", RESERVED_SHIFT);
	}
}

static void print_breakpoint(struct decoder *d, const struct attributes *attributes, uint32_t size)
{
	field_constant(d, "bp_type", &breakpoint_types, attributes->bp_type);
	field_hex(d, "bp_addr", attributes->config1);
	if (size > offsetof(struct attributes, config2))
		field_unsigned(d, "bp_len", attributes->config2);
}

static void print_reserved(struct decoder *d, unsigned first, unsigned last, uint32_t value)
{
	if (value)
		print_comment(d, "bytes %u..%u: 0x%" PRIx32, first, last, value);
}

static void print_later(struct decoder *d, const struct attributes *attributes, uint32_t size)
{
#define HAS(member) (size > offsetof(struct attributes, member))
	if (HAS(branch_sample_type) && attributes->sample_type & SAMPLE_BRANCH_STACK)
		field_flags(d, "branch_sample_type", &perf_branches, attributes->branch_sample_type);
	if (HAS(sample_regs_user))
		field_hex(d, "sample_regs_user", attributes->sample_regs_user);
	if (HAS(sample_stack_user) && attributes->sample_type & SAMPLE_STACK_USER)
		field_hex(d, "sample_stack_user", attributes->sample_stack_user);
	if (HAS(clockid) && attributes->flags & USE_CLOCKID)
		field_constant(d, "clockid", &perf_clocks, (uint32_t)attributes->clockid);
	if (HAS(sample_regs_intr))
		field_hex(d, "sample_regs_intr", attributes->sample_regs_intr);
	if (HAS(aux_watermark))
		field_unsigned(d, "aux_watermark", attributes->aux_watermark);
	if (HAS(sample_max_stack)) {
		field_unsigned(d, "sample_max_stack", attributes->sample_max_stack);
		print_reserved(d, 110, 111, attributes->reserved_2);
	}
	if (HAS(aux_sample_size)) {
		field_unsigned(d, "aux_sample_size", attributes->aux_sample_size);
		print_reserved(d, 116, 119, attributes->reserved_3);
	}
	if (HAS(sig_data))
		field_hex(d, "sig_data", attributes->sig_data);
#undef HAS
}

/* What the kernel would have it be, where it refuses the size (E2BIG). */
static void print_size(struct decoder *d, const struct attributes *attributes)
{
	uint32_t size;

	field_constant(d, "size", &perf_attribute_sizes, attributes->size);
	if (d->exiting && fetch(d, d->args[0] + offsetof(struct attributes, size), &size, sizeof(size)) &&
	    size != attributes->size) {
		print_text(d, " => ");
		print_constant(d, &perf_attribute_sizes, size);
	}
}

static void print_attributes(struct decoder *d, const struct attributes *attributes)
{
	uint32_t size = attributes->size ? attributes->size : SIZE_MIN;

	begin_struct(d);
	field_constant(d, "type", &perf_types, attributes->type);
	print_size(d, attributes);
	print_config(d, attributes);
	field_unsigned(d, attributes->flags & FREQUENCY ? "sample_freq" : "sample_period", attributes->sample_period);
	field_flags(d, "sample_type", &perf_samples, attributes->sample_type);
	field_flags(d, "read_format", &perf_read_formats, attributes->read_format);
	print_flag_bits(d, attributes->flags);
	if (!verbose(d)) {
		end_struct_short(d);
		return;
	}
	field_unsigned(d, attributes->flags & WATERMARK ? "wakeup_watermark" : "wakeup_events", attributes->wakeup);
	if (attributes->type == BREAKPOINT) {
		print_breakpoint(d, attributes, size);
	} else {
		field_hex(d, "config1", attributes->config1);
		if (size > offsetof(struct attributes, config2))
			field_hex(d, "config2", attributes->config2);
	}
	print_later(d, attributes, size);
	if (size > SIZE_KNOWN)
		end_struct_short(d);
	else
		end_struct(d);
}

static bool fetch_attributes(const struct decoder *d, struct attributes *attributes)
{
	struct decoder before = *d;
	uint32_t size;

	before.exiting = false;
	memset(attributes, 0, sizeof(*attributes));
	if (!d->args[0] || !fetch(&before, d->args[0] + offsetof(struct attributes, size), &size, sizeof(size)))
		return false;
	size = size ? size : SIZE_MIN;
	if (size < SIZE_MIN)
		return false;
	return fetch(&before, d->args[0], attributes, size < sizeof(*attributes) ? size : sizeof(*attributes));
}

void decode_perf_event_open(struct decoder *d)
{
	struct attributes attributes;

	if (entering(d))
		return;
	result_is(d, RESULT_FD);
	argument(d);
	if (fetch_attributes(d, &attributes))
		print_attributes(d, &attributes);
	else
		print_address(d, d->args[0]);
	argument(d);
	print_pid(d, d->args[1]);
	argument_int(d, d->args[2]);
	argument_fd(d, d->args[3]);
	argument_flags(d, &perf_open_flags, d->args[4]);
}

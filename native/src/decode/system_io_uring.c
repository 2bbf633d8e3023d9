/* SPDX-License-Identifier: Apache-2.0
 *
 * io_uring(7): rings, and what is registered with them.
 */
#include <inttypes.h>
#include <string.h>

#include "decode/system.h"

/* include/uapi/linux/io_uring.h: struct io_uring_params */
struct parameters {
	uint32_t sq_entries, cq_entries, flags, sq_thread_cpu, sq_thread_idle, features, wq_fd, reserved[3];
	struct {
		uint32_t head, tail, ring_mask, ring_entries, flags, dropped, array, reserved[3];
	} sq_off;
	struct {
		uint32_t head, tail, ring_mask, ring_entries, overflow, cqes, flags, reserved[3];
	} cq_off;
};

_Static_assert(sizeof(struct parameters) == 120, "struct io_uring_params' layout is the kernel's");

#define SETUP_CQSIZE (1u << 3)
#define SETUP_ATTACH_WQ (1u << 5)

enum operation {
	BUFFERS,
	UNREGISTER_BUFFERS,
	FILES,
	UNREGISTER_FILES,
	EVENTFD,
	UNREGISTER_EVENTFD,
	FILES_UPDATE,
	EVENTFD_ASYNC,
	PROBE,
	PERSONALITY,
	UNREGISTER_PERSONALITY,
	RESTRICTIONS,
	ENABLE_RINGS,
	FILES2,
	FILES_UPDATE2,
	BUFFERS2,
	BUFFERS_UPDATE,
	IOWQ_AFF,
	UNREGISTER_IOWQ_AFF,
	IOWQ_MAX_WORKERS,
};

#define LAST_PROBED 256

/* What the kernel was asked for, at the entry. */
static bool fetch_before(const struct decoder *d, uint64_t address, void *into, size_t size)
{
	struct decoder before = *d;

	before.exiting = false;
	return address && fetch(&before, address, into, size);
}

static void print_offsets(struct decoder *d, const struct parameters *now)
{
	field(d, "sq_off");
	begin_struct(d);
	field_unsigned(d, "head", now->sq_off.head);
	field_unsigned(d, "tail", now->sq_off.tail);
	field_unsigned(d, "ring_mask", now->sq_off.ring_mask);
	field_unsigned(d, "ring_entries", now->sq_off.ring_entries);
	field_unsigned(d, "flags", now->sq_off.flags);
	field_unsigned(d, "dropped", now->sq_off.dropped);
	field_unsigned(d, "array", now->sq_off.array);
	end_struct(d);
	field(d, "cq_off");
	begin_struct(d);
	field_unsigned(d, "head", now->cq_off.head);
	field_unsigned(d, "tail", now->cq_off.tail);
	field_unsigned(d, "ring_mask", now->cq_off.ring_mask);
	field_unsigned(d, "ring_entries", now->cq_off.ring_entries);
	field_unsigned(d, "overflow", now->cq_off.overflow);
	field_unsigned(d, "cqes", now->cq_off.cqes);
	field_unsigned(d, "flags", now->cq_off.flags);
	end_struct(d);
}

static void print_parameters(struct decoder *d, uint64_t address)
{
	struct parameters asked, now;

	if (!fetch_before(d, address, &asked, sizeof(asked))) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field_flags(d, "flags", &io_uring_setup_flags, asked.flags);
	if (asked.flags & SETUP_CQSIZE && failed(d))
		field_unsigned(d, "cq_entries", asked.cq_entries);
	field_hex(d, "sq_thread_cpu", asked.sq_thread_cpu);
	field_unsigned(d, "sq_thread_idle", asked.sq_thread_idle);
	if (asked.flags & SETUP_ATTACH_WQ)
		field_fd(d, "wq_fd", asked.wq_fd);
	if (!failed(d) && fetch(d, address, &now, sizeof(now))) {
		field_unsigned(d, "sq_entries", now.sq_entries);
		field_unsigned(d, "cq_entries", now.cq_entries);
		field_flags(d, "features", &io_uring_features, now.features);
		print_offsets(d, &now);
	}
	end_struct(d);
}

void decode_io_uring_setup(struct decoder *d)
{
	if (entering(d)) {
		argument_unsigned(d, (uint32_t)d->args[0]);
		return;
	}
	result_is(d, RESULT_FD);
	argument(d);
	print_parameters(d, d->args[1]);
}

void decode_io_uring_enter(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_fd(d, d->args[0]);
	argument_unsigned(d, (uint32_t)d->args[1]);
	argument_unsigned(d, (uint32_t)d->args[2]);
	argument_flags(d, &io_uring_enter_flags, (uint32_t)d->args[3]);
	argument(d);
	print_sigset(d, d->args[4], d->args[5]);
	argument_unsigned(d, d->args[5]);
}

/* ---- what is registered ---------------------------------------------------------------------------------------- */

static void print_descriptor(struct decoder *d, const void *element, size_t index)
{
	int32_t descriptor;

	(void)index;
	memcpy(&descriptor, element, sizeof(descriptor));
	print_fd(d, (uint32_t)descriptor);
}

static void print_descriptors(struct decoder *d, uint64_t address, uint64_t count)
{
	print_array(d, address, count, sizeof(int32_t), print_descriptor);
}

/* struct io_uring_files_update */
static void print_update(struct decoder *d, uint64_t address, uint64_t count)
{
	uint32_t words[2];
	uint64_t files;

	if (!address || !fetch(d, address, words, sizeof(words)) || !fetch(d, address + 8, &files, sizeof(files))) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field_unsigned(d, "offset", words[0]);
	if (words[1])
		field_hex(d, "resv", words[1]);
	field(d, "fds");
	print_descriptors(d, files, count);
	end_struct(d);
}

/* struct io_uring_rsrc_register, and its update */
static void print_resources(struct decoder *d, uint64_t address, bool update, bool files)
{
	uint32_t words[2];
	uint64_t wide[3];

	if (!address || !fetch(d, address, words, sizeof(words)) || !fetch(d, address + 8, wide, sizeof(wide))) {
		print_address(d, address);
		return;
	}
	uint64_t data = update ? wide[0] : wide[1], tags = update ? wide[1] : wide[2];
	uint32_t count = update ? (uint32_t)wide[2] : words[0];

	begin_struct(d);
	if (update) {
		field_unsigned(d, "offset", words[0]);
	} else {
		field_unsigned(d, "nr", words[0]);
		field_flags(d, "flags", &io_uring_resource_flags, words[1]);
	}
	field(d, "data");
	if (files)
		print_descriptors(d, data, count);
	else
		print_iovec(d, data, count, UINT64_MAX);
	field_address(d, "tags", tags);
	if (update)
		field_unsigned(d, "nr", count);
	end_struct(d);
}

static void print_probed(struct decoder *d, const void *element, size_t index)
{
	uint8_t bytes[8];
	uint16_t flags;

	(void)index;
	memcpy(bytes, element, sizeof(bytes));
	memcpy(&flags, bytes + 2, sizeof(flags));
	begin_struct(d);
	field_constant(d, "op", &io_uring_operations, bytes[0]);
	field_flags(d, "flags", &io_uring_probe_flags, flags);
	end_struct(d);
}

/* struct io_uring_probe */
static void print_probe(struct decoder *d, uint64_t address, uint64_t count)
{
	uint8_t bytes[16];

	if (!address || !fetch(d, address, bytes, sizeof(bytes))) {
		print_address(d, address);
		return;
	}
	uint64_t there = bytes[1] < count ? bytes[1] : count;
	const char *name = constant_name(&io_uring_operations, bytes[0]);

	begin_struct(d);
	field(d, "last_op");
	print_unsigned(d, bytes[0]);
	if (d->options->constants != STL_CONSTANTS_RAW)
		print_comment(d, "%s", name ? name : io_uring_operations.unknown);
	field_unsigned(d, "ops_len", bytes[1]);
	field(d, "ops");
	print_array(d, address + sizeof(bytes), there, 8, print_probed);
	end_struct(d);
}

/* struct io_uring_restriction */
static void print_restriction(struct decoder *d, const void *element, size_t index)
{
	uint8_t bytes[16];
	uint16_t kind;

	(void)index;
	memcpy(bytes, element, sizeof(bytes));
	memcpy(&kind, bytes, sizeof(kind));
	begin_struct(d);
	field_constant(d, "opcode", &io_uring_restrictions, kind);
	if (kind == 0)
		field_constant(d, "register_op", &io_uring_registrations, bytes[2]);
	else if (kind == 1)
		field_constant(d, "sqe_op", &io_uring_operations, bytes[2]);
	else
		field_flags(d, "sqe_flags", &io_uring_entry_flags, bytes[2]);
	end_struct(d);
}

static void print_workers(struct decoder *d, const void *element, size_t index)
{
	uint32_t count;

	memcpy(&count, element, sizeof(count));
	print(d, "[%s]=%" PRIu32, index ? "IO_WQ_UNBOUND" : "IO_WQ_BOUND", count);
}

/* A CPU mask, as bits; of whole longs, as sched_setaffinity(2)'s. */
static void print_cpus(struct decoder *d, uint64_t address, uint64_t size)
{
	unsigned char mask[128];
	bool any = false;

	size = size < sizeof(mask) ? size : sizeof(mask);
	if (!address || !fetch(d, address, mask, size)) {
		print_address(d, address);
		return;
	}
	print_text(d, "[");
	for (uint64_t i = 0; i < size * 8; i++) {
		if (!(mask[i / 8] >> i % 8 & 1))
			continue;
		print(d, "%s%" PRIu64, any ? " " : "", i);
		any = true;
	}
	print_text(d, "]");
}

static void print_registered(struct decoder *d, uint32_t operation, uint64_t address, uint32_t count)
{
	switch (operation) {
	case BUFFERS:
		print_iovec(d, address, count, UINT64_MAX);
		break;
	case FILES:
	case EVENTFD:
	case EVENTFD_ASYNC:
		print_descriptors(d, address, count);
		break;
	case FILES_UPDATE:
		print_update(d, address, count);
		break;
	case PROBE:
		print_probe(d, address, count < LAST_PROBED ? count : LAST_PROBED);
		break;
	case RESTRICTIONS:
		print_array(d, address, count, 16, print_restriction);
		break;
	case FILES2:
	case BUFFERS2:
		print_resources(d, address, false, operation == FILES2);
		break;
	case FILES_UPDATE2:
	case BUFFERS_UPDATE:
		print_resources(d, address, true, operation == FILES_UPDATE2);
		break;
	case IOWQ_AFF:
		print_cpus(d, address, count);
		break;
	default:
		print_address(d, address);
	}
}

void decode_io_uring_register(struct decoder *d)
{
	uint32_t operation = (uint32_t)d->args[1], count = (uint32_t)d->args[3];
	bool answered = operation == PROBE || operation == IOWQ_MAX_WORKERS;

	if (entering(d)) {
		argument_fd(d, d->args[0]);
		argument_constant(d, &io_uring_registrations, operation);
		if (operation == IOWQ_MAX_WORKERS) {
			argument(d);
			print_array(d, d->args[2], count, sizeof(uint32_t), print_workers);
			return;
		}
	}
	if (answered != d->exiting)
		return;
	if (operation == IOWQ_MAX_WORKERS) {
		print_text(d, " => ");
		if (failed(d))
			print_address(d, d->args[2]);
		else
			print_array(d, d->args[2], count, sizeof(uint32_t), print_workers);
	} else {
		argument(d);
		print_registered(d, operation, d->args[2], count);
	}
	argument_unsigned(d, count);
}

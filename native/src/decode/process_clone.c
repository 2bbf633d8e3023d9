/* SPDX-License-Identifier: Apache-2.0
 *
 * New tasks and namespaces: clone(2), setns(2), unshare(2).
 */
#include <inttypes.h>
#include <linux/sched.h>
#include <string.h>

#include "constants/process.h"
#include "decode/process.h"

#define SIGNAL_MASK 0xff /* CSIGNAL: of clone's flags these are the signal at the child's end */
#define ARGS_SIZE 88     /* struct clone_args, as of Linux 5.7 (cgroup) */
#define ARGS_LEAST 64
#define ARGS_MOST 4096  /* a page: what is bigger the kernel refuses without a look (clone3(2), E2BIG) */
#define SET_TID_MOST 32 /* MAX_PID_NS_LEVEL */

void decode_set_tid_address(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_hex(d, d->args[0]);
}

void decode_unshare(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_flags(d, &unshare_flags, d->args[0]);
}

void decode_setns(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_fd(d, d->args[0]);
	argument(d);
	print_flags(d, &setns_types, (uint32_t)d->args[1]);
}

/* ---- clone -------------------------------------------------------------------------------------------------- */

static void print_clone_flags(struct decoder *d, uint64_t value)
{
	uint64_t flags = value & ~(uint64_t)SIGNAL_MASK, signal = value & SIGNAL_MASK;

	if (flags)
		print_flags(d, &clone_flags, flags);
	if (flags && signal)
		print_text(d, "|");
	if (signal)
		print_signal(d, signal);
	else if (!flags)
		print_text(d, "0");
}

static void print_tls(struct decoder *d, uint64_t tls)
{
	if (d->abi == STL_ABI_I386)
		print_user_desc(d, tls);
	else
		print_address(d, tls);
}

static void print_fd_at(struct decoder *d, uint64_t address)
{
	int32_t fd;

	if (!address || !fetch(d, address, &fd, sizeof(fd))) {
		print_address(d, address);
		return;
	}
	print_text(d, "[");
	print_fd(d, (uint32_t)fd);
	print_text(d, "]");
}

/* x86-64: flags, stack, parent_tid, child_tid, tls; i386 and aarch64: tls before child_tid (CONFIG_CLONE_BACKWARDS). */
void decode_clone(struct decoder *d)
{
	bool backwards = d->abi != STL_ABI_X86_64;
	uint64_t flags = d->args[0], parent = d->args[2], tls = d->args[backwards ? 3 : 4],
		 child = d->args[backwards ? 4 : 3];

	if (entering(d)) {
		argument_named(d, "child_stack", d->args[1]);
		print_text(d, "child_stack=");
		print_address(d, d->args[1]);
		argument_named(d, "flags", flags);
		print_text(d, "flags=");
		print_clone_flags(d, flags);
		return;
	}
	result_is(d, RESULT_PID);
	if (!d->finished)
		return;
	if (flags & (CLONE_PARENT_SETTID | CLONE_PIDFD)) {
		argument_named(d, "parent_tid", parent);
		print_text(d, "parent_tid=");
		print_filled(d, parent, flags & CLONE_PIDFD ? print_fd_at : print_int_at);
	}
	if (flags & CLONE_SETTLS) {
		argument_named(d, "tls", tls);
		print_text(d, "tls=");
		print_filled(d, tls, print_tls);
	}
	if (flags & (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID)) {
		argument_named(d, "child_tidptr", child);
		print_text(d, "child_tidptr=");
		print_address(d, child);
	}
}

/* ---- clone3 ------------------------------------------------------------------------------------------------- */

/* struct clone_args of linux/sched.h, whatever version the headers are of. */
struct arguments {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size,
		cgroup;
};

static void hex_field(struct decoder *d, const char *name, uint64_t value)
{
	field(d, name);
	print_hex(d, value);
}

static void address_field(struct decoder *d, const char *name, uint64_t value)
{
	field(d, name);
	print_address(d, value);
}

static void print_tid(struct decoder *d, const void *element, size_t index)
{
	int32_t tid;

	(void)index;
	memcpy(&tid, element, sizeof(tid));
	print_pid(d, (uint32_t)tid);
}

/* In hex, at most as many as of a string. */
static void print_hex_bytes(struct decoder *d, const unsigned char *bytes, size_t size)
{
	size_t limit = d->options->string_limit;

	print_text(d, "\"");
	for (size_t i = 0; i < size && i < limit; i++)
		print(d, "\\x%02x", bytes[i]);
	print_text(d, size > limit ? "\"..." : "\"");
}

/* What a later kernel may understand: shown where it is not 0. */
static void print_more(struct decoder *d, uint64_t address, uint64_t size)
{
	unsigned char more[ARGS_MOST - ARGS_SIZE];
	uint64_t most = size < ARGS_MOST ? size : ARGS_MOST;
	size_t got, used = 0;

	if (size <= ARGS_SIZE)
		return;
	got = fetch_some(d, address + ARGS_SIZE, more, (size_t)(most - ARGS_SIZE));
	if (got < most - ARGS_SIZE) {
		field(d, "");
		print_text(d, "???");
		return;
	}
	for (size_t i = 0; i < got; i++)
		used = more[i] ? i + 1 : used;
	if (!used)
		return;
	field(d, "");
	print(d, "/* bytes %d..%" PRIu64 " */ ", ARGS_SIZE, most - 1);
	print_hex_bytes(d, more, got);
}

static void print_arguments(struct decoder *d, const struct arguments *a, uint64_t size)
{
	begin_struct(d);
	field(d, "flags");
	print_flags(d, &clone3_flags, a->flags);
	if (a->flags & CLONE_PIDFD)
		address_field(d, "pidfd", a->pidfd);
	if (a->flags & (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID))
		address_field(d, "child_tid", a->child_tid);
	if (a->flags & CLONE_PARENT_SETTID)
		address_field(d, "parent_tid", a->parent_tid);
	field(d, "exit_signal");
	if (a->exit_signal < INT32_MAX)
		print_signal(d, a->exit_signal);
	else
		print_unsigned(d, a->exit_signal);
	address_field(d, "stack", a->stack);
	hex_field(d, "stack_size", a->stack_size);
	if (a->flags & CLONE_SETTLS) {
		field(d, "tls");
		print_tls(d, a->tls);
	}
	if (a->set_tid || a->set_tid_size) {
		field(d, "set_tid");
		if (!a->set_tid || a->set_tid_size > SET_TID_MOST)
			print_address(d, a->set_tid);
		else
			print_array(d, a->set_tid, a->set_tid_size, 4, print_tid);
		field(d, "set_tid_size");
		print_unsigned(d, a->set_tid_size);
	}
	if (a->flags & CLONE_INTO_CGROUP) {
		field(d, "cgroup");
		print_fd(d, a->cgroup);
	}
	print_more(d, d->args[0], size);
	end_struct(d);
}

static bool fetch_arguments(const struct decoder *d, struct arguments *a)
{
	memset(a, 0, sizeof(*a));
	if (d->args[1] < ARGS_LEAST || !d->args[0])
		return false;
	return fetch_some(d, d->args[0], a, d->args[1] < sizeof(*a) ? (size_t)d->args[1] : sizeof(*a)) >= ARGS_LEAST;
}

/* What the kernel has written where the arguments point to. */
static void print_written(struct decoder *d, const struct arguments *a)
{
	int32_t pidfd, parent;
	bool has_pidfd = a->flags & CLONE_PIDFD && fetch(d, a->pidfd, &pidfd, sizeof(pidfd));
	bool has_parent = a->flags & CLONE_PARENT_SETTID && fetch(d, a->parent_tid, &parent, sizeof(parent));

	if (!has_pidfd && !has_parent)
		return;
	print_text(d, " => ");
	begin_struct(d);
	if (has_pidfd) {
		field(d, "pidfd");
		print_text(d, "[");
		print_fd(d, (uint32_t)pidfd);
		print_text(d, "]");
	}
	if (has_parent) {
		field(d, "parent_tid");
		print_text(d, "[");
		print_pid(d, (uint32_t)parent);
		print_text(d, "]");
	}
	end_struct(d);
}

void decode_clone3(struct decoder *d)
{
	struct arguments a;
	bool known = fetch_arguments(d, &a);

	if (entering(d)) {
		argument(d);
		if (known)
			print_arguments(d, &a, d->args[1]);
		else
			print_address(d, d->args[0]);
		return;
	}
	result_is(d, RESULT_PID);
	/* what it has written goes before the size */
	if (!d->finished)
		return;
	if (known && !failed(d))
		print_written(d, &a);
	argument(d);
	print_unsigned(d, d->args[1]);
}

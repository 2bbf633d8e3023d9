/* SPDX-License-Identifier: Apache-2.0
 *
 * Descriptors of which events are read: inotify, fanotify, eventfd, epoll, signalfd, timerfd, userfaultfd.
 */
#include "constants/file.h"
#include "decode/file.h"

#define CLASS_MASK 0xcu /* FAN_ALL_CLASS_BITS, include/uapi/linux/fanotify.h */

void decode_inotify_init(struct decoder *d)
{
	if (!entering(d))
		result_is(d, RESULT_FD);
}

static void print_flags_alone(struct decoder *d, const struct constants *table)
{
	if (entering(d))
		argument_flags(d, 0, table);
	else
		result_is(d, RESULT_FD);
}

void decode_inotify_init1(struct decoder *d)
{
	print_flags_alone(d, &inotify_init_flags);
}

void decode_epoll_create1(struct decoder *d)
{
	print_flags_alone(d, &epoll_flags);
}

void decode_userfaultfd(struct decoder *d)
{
	print_flags_alone(d, &userfaultfd_flags);
}

void decode_inotify_add_watch(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_fd(d, 0);
	argument_path(d, 1);
	argument_flags(d, 2, &inotify_masks);
}

void decode_inotify_rm_watch(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_fd(d, 0);
	argument_int(d, 1);
}

void decode_fanotify_init(struct decoder *d)
{
	uint32_t flags = (uint32_t)d->args[0];

	if (!entering(d)) {
		result_is(d, RESULT_FD);
		return;
	}
	argument(d);
	print_constant(d, &fanotify_classes, flags & CLASS_MASK);
	if (flags & ~CLASS_MASK) {
		print_text(d, "|");
		print_flags(d, &fanotify_init_flags, flags & ~CLASS_MASK);
	}
	argument(d);
	print_open_flags(d, (uint32_t)d->args[1]);
}

static void print_marked_directory(struct decoder *d, uint64_t value)
{
	if ((int32_t)value != -1) {
		print_dirfd(d, value);
		return;
	}
	if (d->options->constants != STL_CONSTANTS_ABBREV)
		print_signed(d, -1);
	if (d->options->constants == STL_CONSTANTS_VERBOSE)
		print_comment(d, "FAN_NOFD");
	else if (d->options->constants == STL_CONSTANTS_ABBREV)
		print_text(d, "FAN_NOFD");
}

void decode_fanotify_mark(struct decoder *d)
{
	unsigned place = d->word == 4 ? 4 : 3;

	if (!entering(d))
		return;
	argument_fd(d, 0);
	argument_flags(d, 1, &fanotify_mark_flags);
	argument_named(d, "mask", wide_value(d, 2));
	print_flags(d, &fanotify_masks, wide_value(d, 2));
	argument_named(d, "dfd", d->args[place]);
	print_marked_directory(d, d->args[place]);
	argument_named(d, "pathname", d->args[place + 1]);
	print_path(d, d->args[place + 1]);
}

void decode_eventfd(struct decoder *d)
{
	if (entering(d))
		argument_uint(d, 0);
	else
		result_is(d, RESULT_FD);
}

void decode_eventfd2(struct decoder *d)
{
	decode_eventfd(d);
	if (entering(d))
		argument_flags(d, 1, &eventfd_flags);
}

void decode_epoll_create(struct decoder *d)
{
	if (entering(d))
		argument_int(d, 0);
	else
		result_is(d, RESULT_FD);
}

/* The kernel wants the size of its own sigset_t, and reads nothing else (kernel/fs/signalfd.c); of a 32-bit ABI half of
 * it can be told. */
void decode_signalfd(struct decoder *d)
{
	if (!entering(d)) {
		result_is(d, RESULT_FD);
		return;
	}
	argument_fd(d, 0);
	argument(d);
	if (d->args[2] < d->word || d->args[2] > 8)
		print_address(d, d->args[1]);
	else
		print_sigset(d, d->args[1], d->args[2]);
	argument_unsigned(d, 2);
}

void decode_signalfd4(struct decoder *d)
{
	decode_signalfd(d);
	if (entering(d))
		argument_flags(d, 3, &signalfd_flags);
}

void decode_timerfd_create(struct decoder *d)
{
	if (!entering(d)) {
		result_is(d, RESULT_FD);
		return;
	}
	argument_constant(d, 0, &timer_clocks);
	argument_flags(d, 1, &timerfd_flags);
}

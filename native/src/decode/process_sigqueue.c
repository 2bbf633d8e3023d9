/* SPDX-License-Identifier: Apache-2.0
 *
 * Signals with a siginfo_t: waiting for them, sending them.
 */
#include "constants/process.h"
#include "decode/process.h"

static void decode_timedwait(struct decoder *d, print_pointed *print_time)
{
	if (entering(d)) {
		argument(d);
		if (d->args[3] == KERNEL_SIGSET)
			print_sigset(d, d->args[0], d->args[3]);
		else
			print_address(d, d->args[0]);
		return;
	}
	argument(d);
	print_filled(d, d->args[1], print_siginfo_at);
	argument(d);
	print_time(d, d->args[2]);
	argument(d);
	print_unsigned(d, d->args[3]);
	if (!failed(d)) {
		begin_note(d);
		print_signal_name(d, (uint64_t)d->result);
		end_note(d);
	}
}

void decode_rt_sigtimedwait(struct decoder *d)
{
	decode_timedwait(d, print_timespec);
}

void decode_rt_sigtimedwait_time64(struct decoder *d)
{
	decode_timedwait(d, print_timespec64);
}

void decode_rt_sigqueueinfo(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_pid(d, d->args[0]);
	argument(d);
	print_signal(d, d->args[1]);
	argument(d);
	print_siginfo_at(d, d->args[2]);
}

void decode_rt_tgsigqueueinfo(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_pid(d, d->args[0]);
	argument(d);
	print_pid(d, d->args[1]);
	argument(d);
	print_signal(d, d->args[2]);
	argument(d);
	print_siginfo_at(d, d->args[3]);
}

void decode_pidfd_send_signal(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_fd(d, d->args[0]);
	argument(d);
	print_signal(d, d->args[1]);
	argument(d);
	print_siginfo_at(d, d->args[2]);
	argument(d);
	print_hex(d, (uint32_t)d->args[3]);
}

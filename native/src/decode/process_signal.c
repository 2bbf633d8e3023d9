/* SPDX-License-Identifier: Apache-2.0
 *
 * Sending signals, and what becomes of them: actions, masks, stacks.
 */
#include <string.h>

#include "constants/process.h"
#include "decode/process.h"

#define SIGNALS 64
#define RESTORER 0x04000000 /* SA_RESTORER, which libc's headers do not have */

/* A number in decimal, and what it is called: as -X wants it. */
static void print_called(struct decoder *d, int number, const char *name)
{
	if (name && d->options->constants == STL_CONSTANTS_ABBREV) {
		print_text(d, name);
		return;
	}
	print_signed(d, number);
	if (name && d->options->constants == STL_CONSTANTS_VERBOSE)
		print_comment(d, "%s", name);
}

void print_errno(struct decoder *d, int error)
{
	print_called(d, error, stl_errno_name(error));
}

void print_signal_name(struct decoder *d, uint64_t value)
{
	int signal = (int32_t)value;
	const char *name = stl_signal_name(signal);

	if (name)
		print_text(d, name);
	else
		print_signed(d, signal);
}

void print_signal(struct decoder *d, uint64_t value)
{
	print_called(d, (int32_t)value, stl_signal_name((int32_t)value));
}

/* ---- sets --------------------------------------------------------------------------------------------- */

void print_signals(struct decoder *d, uint64_t set, unsigned bits)
{
	const char *separator = "";
	/* what is not in it is shorter to say */
	bool inverted = (unsigned)__builtin_popcountll(set) >= bits * 2 / 3;

	if (inverted)
		set = ~set;
	print_text(d, inverted ? "~[" : "[");
	for (unsigned signal = 1; signal <= bits; signal++) {
		const char *name = stl_signal_name((int)signal);

		if (!(set >> (signal - 1) & 1))
			continue;
		print_text(d, separator);
		print_called(d, (int)signal, name ? name + strlen("SIG") : NULL);
		separator = " ";
	}
	print_text(d, "]");
}

void print_sigset_value(struct decoder *d, uint64_t set)
{
	print_signals(d, set, SIGNALS);
}

void print_sigset(struct decoder *d, uint64_t address, uint64_t size)
{
	uint64_t set = 0;

	if (!address || size > sizeof(set) || !size || !fetch(d, address, &set, (size_t)size))
		print_address(d, address);
	else
		print_signals(d, set, (unsigned)size * 8);
}

/* The kernel takes sets of one size alone; i386 once had one of a long. */
static void print_exact_set(struct decoder *d, uint64_t address, uint64_t size)
{
	if (size == KERNEL_SIGSET || size == d->word)
		print_sigset(d, address, size);
	else
		print_address(d, address);
}

/* ---- sending ---------------------------------------------------------------------------------------------- */

void decode_kill(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_pid(d, d->args[0]);
	argument(d);
	print_signal(d, d->args[1]);
}

void decode_tkill(struct decoder *d)
{
	decode_kill(d);
}

void decode_tgkill(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_pid(d, d->args[0]);
	argument(d);
	print_pid(d, d->args[1]);
	argument(d);
	print_signal(d, d->args[2]);
}

/* ---- actions ---------------------------------------------------------------------------------------------- */

/* What a struct sigaction has, whatever its layout. */
struct action {
	uint64_t handler, flags, restorer, mask;
	unsigned mask_bits;
};

static void print_handler(struct decoder *d, uint64_t handler)
{
	if (constant_name(&signal_handlers, handler))
		print_constant(d, &signal_handlers, handler);
	else
		print_address(d, handler);
}

static void print_action(struct decoder *d, const struct action *action)
{
	begin_struct(d);
	field(d, "sa_handler");
	print_handler(d, action->handler);
	field(d, "sa_mask");
	print_signals(d, action->mask, action->mask_bits);
	field(d, "sa_flags");
	print_flags(d, &sigaction_flags, action->flags);
	if (action->flags & RESTORER) {
		field(d, "sa_restorer");
		print_address(d, action->restorer);
	}
	end_struct(d);
}

static void print_action_at(struct decoder *d, uint64_t address)
{
	struct action action = {.mask_bits = SIGNALS};
	uint64_t wide[4];
	uint32_t narrow[5];

	if (address && d->word == 8 && fetch(d, address, wide, sizeof(wide))) {
		action.handler = wide[0];
		action.flags = wide[1];
		action.restorer = wide[2];
		action.mask = wide[3];
	} else if (address && d->word == 4 && fetch(d, address, narrow, sizeof(narrow))) {
		action.handler = narrow[0];
		action.flags = narrow[1];
		action.restorer = narrow[2];
		action.mask = narrow[3] | (uint64_t)narrow[4] << 32;
	} else {
		print_address(d, address);
		return;
	}
	print_action(d, &action);
}

/* struct old_sigaction, of i386 alone: the mask is a long and goes before the flags. */
static void print_old_action_at(struct decoder *d, uint64_t address)
{
	uint32_t words[4];

	if (!address || !fetch(d, address, words, sizeof(words))) {
		print_address(d, address);
		return;
	}
	print_action(d, &(struct action){words[0], words[2], words[3], words[1], 32});
}

void decode_rt_sigaction(struct decoder *d)
{
	if (entering(d)) {
		argument(d);
		print_signal(d, d->args[0]);
		argument(d);
		print_action_at(d, d->args[1]);
	} else {
		argument(d);
		print_filled(d, d->args[2], print_action_at);
		argument(d);
		print_unsigned(d, d->args[3]);
	}
}

void decode_sigaction(struct decoder *d)
{
	if (entering(d)) {
		argument(d);
		print_signal(d, d->args[0]);
		argument(d);
		print_old_action_at(d, d->args[1]);
	} else {
		argument(d);
		print_filled(d, d->args[2], print_old_action_at);
	}
}

void decode_signal(struct decoder *d)
{
	if (entering(d)) {
		argument(d);
		print_signal(d, d->args[0]);
		argument(d);
		print_handler(d, d->args[1]);
		return;
	}
	result_is(d, RESULT_HEX);
	if (!failed(d))
		note_constant(d, &signal_handlers, (uint64_t)d->result);
}

/* ---- masks -------------------------------------------------------------------------------------------------- */

void decode_rt_sigprocmask(struct decoder *d)
{
	if (entering(d)) {
		argument(d);
		print_constant(d, &sigprocmask_hows, (uint32_t)d->args[0]);
		argument(d);
		print_exact_set(d, d->args[1], d->args[3]);
		return;
	}
	argument(d);
	if (failed(d))
		print_address(d, d->args[2]);
	else
		print_exact_set(d, d->args[2], d->args[3]);
	argument(d);
	print_unsigned(d, d->args[3]);
}

static void print_old_set(struct decoder *d, uint64_t address)
{
	print_sigset(d, address, 4);
}

void decode_sigprocmask(struct decoder *d)
{
	if (entering(d)) {
		argument(d);
		print_constant(d, &sigprocmask_hows, (uint32_t)d->args[0]);
		argument(d);
		print_old_set(d, d->args[1]);
	} else {
		argument(d);
		print_filled(d, d->args[2], print_old_set);
	}
}

void decode_rt_sigpending(struct decoder *d)
{
	if (entering(d))
		return;
	argument(d);
	if (failed(d))
		print_address(d, d->args[0]);
	else
		print_sigset(d, d->args[0], d->args[1]);
	argument(d);
	print_unsigned(d, d->args[1]);
}

void decode_sigpending(struct decoder *d)
{
	if (entering(d))
		return;
	argument(d);
	print_filled(d, d->args[0], print_old_set);
}

void decode_rt_sigsuspend(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_exact_set(d, d->args[0], d->args[1]);
	argument(d);
	print_unsigned(d, d->args[1]);
}

void decode_sigsuspend(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_named(d, "mask", d->args[2]);
	print_signals(d, (uint32_t)d->args[2], 32);
}

void decode_sgetmask(struct decoder *d)
{
	if (entering(d))
		return;
	result_is(d, RESULT_HEX);
	if (failed(d))
		return;
	begin_note(d);
	print_text(d, "mask ");
	print_signals(d, (uint32_t)d->result, 32);
	end_note(d);
}

void decode_ssetmask(struct decoder *d)
{
	if (entering(d)) {
		argument(d);
		print_signals(d, (uint32_t)d->args[0], 32);
		return;
	}
	result_is(d, RESULT_HEX);
	if (failed(d))
		return;
	begin_note(d);
	print_text(d, "old mask ");
	print_signals(d, (uint32_t)d->result, 32);
	end_note(d);
}

/* ---- the frame on the stack ------------------------------------------------------------------------------------ */

/* Where the mask lies above the stack pointer at the call's entry; the kernel's arch/x86/include/asm/sigframe.h,
 * arch/arm64/kernel/signal.c. The handler's return has taken the return address off the stack, on i386 the number of
 * the signal or what it stands for too. */
#define FRAME_X86_64 296     /* in struct rt_sigframe from uc on: uc_sigmask */
#define FRAME_I386_RT 256    /* sig, pinfo, puc, siginfo, then uc */
#define FRAME_I386_OLD 80    /* in struct sigcontext: oldmask */
#define FRAME_I386_EXTRA 712 /* behind it and the floating point's place: the other half of the mask */
#define FRAME_AARCH64 168    /* siginfo, then uc: uc_sigmask */

static const struct stl_capture *stack_capture(const struct decoder *d)
{
	const struct stl_capture *capture = capture_first(d->record);

	for (uint32_t i = 0; i < d->record->captures; i++, capture = capture_next(capture)) {
		if (capture->kind == CAPTURED_STACK)
			return capture;
	}
	return NULL;
}

static bool fetch_frame(const struct decoder *d, size_t offset, void *into, size_t size)
{
	const struct stl_capture *stack = stack_capture(d);

	if (!stack || offset + size > stack->size)
		return false;
	memcpy(into, (const char *)capture_bytes(stack) + offset, size);
	return true;
}

static bool fetch_mask(const struct decoder *d, uint64_t *mask)
{
	uint32_t low, high;

	if (d->abi == STL_ABI_X86_64)
		return fetch_frame(d, FRAME_X86_64, mask, 8);
	if (d->abi == STL_ABI_AARCH64)
		return fetch_frame(d, FRAME_AARCH64, mask, 8);
	if (d->call == CALL_rt_sigreturn)
		return fetch_frame(d, FRAME_I386_RT, mask, 8);
	if (!fetch_frame(d, FRAME_I386_OLD, &low, 4) || !fetch_frame(d, FRAME_I386_EXTRA, &high, 4))
		return false;
	*mask = low | (uint64_t)high << 32;
	return true;
}

void decode_rt_sigreturn(struct decoder *d)
{
	uint64_t mask;

	if (!entering(d) || !fetch_mask(d, &mask))
		return;
	argument_named(d, "mask", mask);
	begin_struct(d);
	field(d, "mask");
	print_sigset_value(d, mask);
	end_struct(d);
}

/* ---- alternate stacks -------------------------------------------------------------------------------------------- */

static void print_stack(struct decoder *d, uint64_t address)
{
	struct {
		uint64_t pointer;
		int32_t flags, padding;
		uint64_t size;
	} wide;
	uint32_t narrow[3];

	if (address && d->word == 4 && fetch(d, address, narrow, sizeof(narrow))) {
		wide.pointer = narrow[0];
		wide.flags = (int32_t)narrow[1];
		wide.size = narrow[2];
	} else if (!address || d->word == 4 || !fetch(d, address, &wide, sizeof(wide))) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field(d, "ss_sp");
	print_address(d, wide.pointer);
	field(d, "ss_flags");
	print_flags(d, &sigaltstack_flags, (uint32_t)wide.flags);
	field(d, "ss_size");
	print_unsigned(d, wide.size);
	end_struct(d);
}

void decode_sigaltstack(struct decoder *d)
{
	argument(d);
	if (entering(d))
		print_stack(d, d->args[0]);
	else
		print_filled(d, d->args[1], print_stack);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * futex(2): which arguments there are depends on the operation.
 */
#include <inttypes.h>
#include <linux/futex.h>
#include <string.h>

#include "constants/process.h"
#include "decode/process.h"

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif

/* The arguments behind the operation, in their order. */
enum operand { NOTHING, VALUE, TIME, VALUE2, OTHER, VALUE3, BITSET, WAKE_OP };

#define OPERANDS 5

static const uint8_t operands[][OPERANDS] = {
	[FUTEX_WAIT] = {VALUE, TIME},
	[FUTEX_WAKE] = {VALUE},
	[FUTEX_FD] = {VALUE},
	[FUTEX_REQUEUE] = {VALUE, VALUE2, OTHER},
	[FUTEX_CMP_REQUEUE] = {VALUE, VALUE2, OTHER, VALUE3},
	[FUTEX_WAKE_OP] = {VALUE, VALUE2, OTHER, WAKE_OP},
	[FUTEX_LOCK_PI] = {TIME},
	[FUTEX_UNLOCK_PI] = {NOTHING},
	[FUTEX_TRYLOCK_PI] = {NOTHING},
	[FUTEX_WAIT_BITSET] = {VALUE, TIME, BITSET},
	[FUTEX_WAKE_BITSET] = {VALUE, BITSET},
	[FUTEX_WAIT_REQUEUE_PI] = {VALUE, TIME, OTHER},
	[FUTEX_CMP_REQUEUE_PI] = {VALUE, VALUE2, OTHER, VALUE3},
	[FUTEX_LOCK_PI2] = {TIME},
};

/* NAME<<shift, or the number and then what it is not. */
static void print_shifted(struct decoder *d, const struct constants *table, uint32_t value, int shift)
{
	bool named = constant_name(table, value) && d->options->constants != STL_CONSTANTS_RAW;

	if (named)
		print_constant(d, table, value);
	else
		print_hex(d, value);
	print(d, "<<%d", shift);
	if (!named)
		print_comment(d, "%s", table->unknown);
}

/* FUTEX_OP(op, oparg, cmp, cmparg) of linux/futex.h */
static void print_wake_op(struct decoder *d, uint32_t value)
{
	uint32_t op = value >> 28;

	if (op & FUTEX_OP_OPARG_SHIFT) {
		print_constant(d, &futex_wake_flags, FUTEX_OP_OPARG_SHIFT);
		print_text(d, "<<28|");
	}
	print_shifted(d, &futex_wake_operations, op & ~(uint32_t)FUTEX_OP_OPARG_SHIFT, 28);
	print_text(d, "|");
	print_hex(d, value >> 12 & 0xfff);
	print_text(d, "<<12|");
	print_shifted(d, &futex_comparisons, value >> 24 & 0xf, 24);
	print_text(d, "|");
	print_hex(d, value & 0xfff);
}

static void print_operand(struct decoder *d, enum operand operand, print_pointed *print_time)
{
	static const char *const names[] = {"", "val", "utime", "val2", "uaddr2", "val3", "val3", "val3"};
	static const uint8_t places[] = {0, 2, 3, 3, 4, 5, 5, 5};
	uint64_t value = d->args[places[operand]];

	argument_named(d, names[operand], value);
	switch (operand) {
	case TIME:
		print_time(d, value);
		break;
	case OTHER:
		print_address(d, value);
		break;
	case BITSET:
		print_constant(d, &futex_bitsets, (uint32_t)value);
		break;
	case WAKE_OP:
		print_wake_op(d, (uint32_t)value);
		break;
	default:
		print_unsigned(d, (uint32_t)value);
	}
}

/* A name for an operation with the private flag too, but for the one that has gone (FUTEX_FD). */
static void print_operation(struct decoder *d, uint32_t op)
{
	const char *name = constant_name(&futex_operations, op & ~(uint32_t)FUTEX_CLOCK_REALTIME);
	const char *clock = op & FUTEX_CLOCK_REALTIME ? "|FUTEX_CLOCK_REALTIME" : "";

	if (!name || d->options->constants == STL_CONSTANTS_RAW) {
		print_constant(d, &futex_operations, op);
	} else if (d->options->constants == STL_CONSTANTS_VERBOSE) {
		print_hex(d, op);
		print_comment(d, "%s%s", name, clock);
	} else {
		print(d, "%s%s", name, clock);
	}
}

static void futex(struct decoder *d, print_pointed *print_time)
{
	uint32_t op = (uint32_t)d->args[1];
	uint32_t command = op & ~(uint32_t)(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);

	if (!entering(d))
		return;
	argument(d);
	print_address(d, d->args[0]);
	argument(d);
	print_operation(d, op);
	if ((command & 0x7f) < sizeof(operands) / sizeof(*operands)) {
		for (int i = 0; i < OPERANDS && operands[command & 0x7f][i] != NOTHING; i++)
			print_operand(d, operands[command & 0x7f][i], print_time);
		return;
	}
	argument(d);
	print_unsigned(d, (uint32_t)d->args[2]);
	argument(d);
	print_address(d, d->args[3]);
	argument(d);
	print_address(d, d->args[4]);
	argument(d);
	print_hex(d, (uint32_t)d->args[5]);
}

void decode_futex(struct decoder *d)
{
	futex(d, print_timespec);
}

void decode_futex_time64(struct decoder *d)
{
	futex(d, print_timespec64);
}

/* ---- several at once ---------------------------------------------------------------------------------------- */

static void print_waiter(struct decoder *d, const void *element, size_t index)
{
	struct {
		uint64_t value, address;
		uint32_t flags, reserved;
	} waiter;

	(void)index;
	memcpy(&waiter, element, sizeof(waiter));
	begin_struct(d);
	field(d, "val");
	print_hex(d, waiter.value);
	field(d, "uaddr");
	print_address(d, waiter.address);
	field(d, "flags");
	print_flags(d, &futex2_flags, waiter.flags);
	if (waiter.reserved) {
		field(d, "__reserved");
		print_hex(d, waiter.reserved);
	}
	end_struct(d);
}

void decode_futex_waitv(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_array(d, d->args[0], (uint32_t)d->args[1], 24, print_waiter);
	argument(d);
	print_unsigned(d, (uint32_t)d->args[1]);
	argument(d);
	print_hex(d, (uint32_t)d->args[2]);
	argument(d);
	print_timespec64(d, d->args[3]);
	argument(d);
	print_constant(d, &clock_ids, (uint32_t)d->args[4]);
}

/* ---- robust lists ------------------------------------------------------------------------------------------- */

void decode_get_robust_list(struct decoder *d)
{
	argument(d);
	if (entering(d)) {
		print_pid(d, d->args[0]);
		return;
	}
	print_filled(d, d->args[1], print_pointer_at);
	argument(d);
	print_filled(d, d->args[2], print_word_at);
}

void decode_set_robust_list(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_address(d, d->args[0]);
	argument(d);
	print_unsigned(d, d->args[1]);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * From a call to its row: the families' rows, each completed with what follows from the types of its arguments.
 */
#include "records/rows.h"

#include <stdlib.h>

#define VALUE_ROWS 1024

/* include/uapi/asm-generic/ioctl.h: an ioctl's number holds the direction and the size of what its argument points to. */
#define IOCTL_DIRECTION(number) ((number) >> 30 & 3)
#define IOCTL_SIZE(number) ((number) >> 16 & 0x3fff)
#define IOCTL_WRITES 1u
#define IOCTL_READS 2u

static struct capture_row rows[CALLS];            /* for all values that have no row of their own */
static struct capture_row value_rows[VALUE_ROWS]; /* those that one argument's value decides, by call */
static struct {
	uint16_t first, count;
} by_value[CALLS];

static enum take take_of(uint8_t type)
{
	switch (type) {
	case ARGUMENT_PATH:
		return TAKE_PATH;
	case ARGUMENT_STRING:
		return TAKE_STRING;
	case ARGUMENT_FD:
	case ARGUMENT_DIRFD:
		return TAKE_DESCRIPTOR;
	case ARGUMENT_PID:
		return TAKE_PID;
	default:
		return TAKE_END;
	}
}

static void add(struct capture_row *row, const struct capture *capture)
{
	for (int i = 0; i < TAKES; i++) {
		if (row->captures[i].take != TAKE_END)
			continue;
		row->captures[i] = *capture;
		return;
	}
}

static bool takes(const struct capture_row *row, uint8_t arg)
{
	for (int i = 0; i < TAKES && row->captures[i].take != TAKE_END; i++) {
		if (row->captures[i].arg == arg && row->captures[i].take != TAKE_RESULT_FD &&
		    row->captures[i].take != TAKE_RESULT_PID && row->captures[i].take != TAKE_STACK)
			return true;
	}
	return false;
}

/* What the row does not say of an argument is what its type says. */
static void complete(struct capture_row *row)
{
	const struct call *call = &calls[row->call];
	struct capture_row given = *row;

	for (uint8_t i = 0; i < call->count; i++) {
		struct capture capture = {.take = (uint8_t)take_of(call->arguments[i].type), .arg = i};

		if (capture.take != TAKE_END && !takes(&given, i))
			add(row, &capture);
	}
}

static int by_call(const void *left, const void *right)
{
	const struct capture_row *one = left, *other = right;

	return one->call != other->call ? (int)one->call - (int)other->call
	                                : (one->value > other->value) - (one->value < other->value);
}

static size_t merge(const struct capture_row *family, size_t count)
{
	for (const struct capture_row *row = family; row->call != CALL_UNKNOWN; row++) {
		if (!row->by || row->value == ANY_VALUE)
			rows[row->call] = *row;
		else if (count < VALUE_ROWS)
			value_rows[count++] = *row;
	}
	return count;
}

void rows_prepare(void)
{
	size_t count = 0;

	for (size_t i = 0; i < CALLS; i++)
		rows[i] = (struct capture_row){.call = (uint16_t)i};
	count = merge(file_rows, count);
	count = merge(network_rows, count);
	count = merge(process_rows, count);
	count = merge(system_rows, count);
	qsort(value_rows, count, sizeof(*value_rows), by_call);
	for (size_t i = 0; i < CALLS; i++)
		complete(&rows[i]);
	for (size_t i = 0; i < count; i++) {
		uint16_t call = value_rows[i].call;

		complete(&value_rows[i]);
		if (!by_value[call].count)
			by_value[call].first = (uint16_t)i;
		by_value[call].count++;
	}
}

/* By its own number an ioctl says how much it reads and writes; where it says nothing, nothing is captured. */
static const struct capture_row *ioctl_row(const struct capture_row *row, uint64_t number, struct capture_row *made)
{
	uint32_t direction = IOCTL_DIRECTION((uint32_t)number), size = IOCTL_SIZE((uint32_t)number);
	struct capture capture = {.take = TAKE_OBJECT, .arg = 2, .size = (uint16_t)size, .opaque = true};

	if (!direction || !size)
		return row;
	*made = *row;
	capture.when = WHEN_ENTRY;
	if (direction == IOCTL_READS)
		capture.when = WHEN_EXIT;
	else if (direction == (IOCTL_READS | IOCTL_WRITES))
		capture.when = WHEN_BOTH;
	add(made, &capture);
	return made;
}

const struct capture_row *row_of(enum call_id call, const uint64_t args[6], struct capture_row *made)
{
	const struct capture_row *row = &rows[call];

	for (uint16_t i = 0; i < by_value[call].count; i++) {
		const struct capture_row *one = &value_rows[by_value[call].first + i];
		uint64_t mask = one->mask ? one->mask : UINT64_MAX;

		if ((args[(one->by - 1) % 6] & mask) == (one->value & mask))
			return one;
	}
	return call == CALL_ioctl ? ioctl_row(row, args[1], made) : row;
}

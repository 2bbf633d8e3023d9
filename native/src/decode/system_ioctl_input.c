/* SPDX-License-Identifier: Apache-2.0
 *
 * The ioctls of clocks (rtc(4)), of random(4) and of input devices, and the names of those whose number holds a size.
 */
#include <inttypes.h>
#include <string.h>

#include <linux/input.h>
#include <linux/random.h>
#include <linux/rtc.h>

#include "decode/system.h"

/* ---- clocks ------------------------------------------------------------------------------------------- */

static void print_time(struct decoder *d, const struct rtc_time *time)
{
	begin_struct(d);
	field_int(d, "tm_sec", (uint32_t)time->tm_sec);
	field_int(d, "tm_min", (uint32_t)time->tm_min);
	field_int(d, "tm_hour", (uint32_t)time->tm_hour);
	field_int(d, "tm_mday", (uint32_t)time->tm_mday);
	field_int(d, "tm_mon", (uint32_t)time->tm_mon);
	field_int(d, "tm_year", (uint32_t)time->tm_year);
	if (!verbose(d)) {
		end_struct_short(d);
		return;
	}
	field_int(d, "tm_wday", (uint32_t)time->tm_wday);
	field_int(d, "tm_yday", (uint32_t)time->tm_yday);
	field_int(d, "tm_isdst", (uint32_t)time->tm_isdst);
	end_struct(d);
}

static bool decode_time(struct decoder *d, bool setting)
{
	struct rtc_time time;

	if (setting == d->exiting)
		return true;
	argument(d);
	if ((!setting && failed(d)) || !d->args[2] || !fetch(d, d->args[2], &time, sizeof(time)))
		print_address(d, d->args[2]);
	else
		print_time(d, &time);
	return true;
}

static bool decode_alarm(struct decoder *d, bool setting)
{
	struct rtc_wkalrm alarm;

	if (setting == d->exiting)
		return true;
	argument(d);
	if ((!setting && failed(d)) || !d->args[2] || !fetch(d, d->args[2], &alarm, sizeof(alarm))) {
		print_address(d, d->args[2]);
		return true;
	}
	begin_struct(d);
	field_unsigned(d, "enabled", alarm.enabled);
	field_unsigned(d, "pending", alarm.pending);
	field(d, "time");
	print_time(d, &alarm.time);
	end_struct(d);
	return true;
}

/* struct rand_pool_info: two ints, then the bytes */
static bool decode_entropy(struct decoder *d)
{
	int32_t ints[2];

	if (!entering(d))
		return true;
	argument(d);
	if (!d->args[2] || !fetch(d, d->args[2], ints, sizeof(ints))) {
		print_address(d, d->args[2]);
		return true;
	}
	begin_struct(d);
	field(d, "entropy_count");
	print_signed(d, ints[0]);
	field(d, "buf_size");
	print_signed(d, ints[1]);
	field(d, "buf");
	print_bytes(d, d->args[2] + sizeof(ints), ints[1] > 0 ? (uint64_t)ints[1] : 0);
	end_struct(d);
	return true;
}

bool decode_clock_ioctl(struct decoder *d, uint32_t number)
{
	switch (number) {
	case RTC_RD_TIME:
	case RTC_ALM_READ:
		return decode_time(d, false);
	case RTC_SET_TIME:
	case RTC_ALM_SET:
		return decode_time(d, true);
	case RTC_WKALM_RD:
		return decode_alarm(d, false);
	case RTC_WKALM_SET:
		return decode_alarm(d, true);
	case RNDADDENTROPY:
		return decode_entropy(d);
	default:
		return false;
	}
}

/* ---- input devices ---------------------------------------------------------------------------------------- */

#define DIRECTION(number) ((number) >> 30 & 3)
#define WRITES 1
#define READS 2

#define EVIOCGABS_FIRST 0x40
#define EVIOCSABS_FIRST 0xc0
#define ABS_LAST 0x3f

static bool decode_pair(struct decoder *d, bool setting, bool key)
{
	uint32_t pair[2];

	if (setting == d->exiting)
		return true;
	argument(d);
	if ((!setting && failed(d)) || !d->args[2] || !fetch(d, d->args[2], pair, sizeof(pair))) {
		print_address(d, d->args[2]);
		return true;
	}
	print_text(d, "[");
	print_unsigned(d, pair[0]);
	print_text(d, ", ");
	if (key)
		print_constant(d, &key_codes, pair[1]);
	else
		print_unsigned(d, pair[1]);
	print_text(d, "]");
	return true;
}

static bool decode_axis(struct decoder *d, bool setting)
{
	struct input_absinfo axis;

	if (setting == d->exiting)
		return true;
	argument(d);
	if ((!setting && failed(d)) || !d->args[2] || !fetch(d, d->args[2], &axis, sizeof(axis))) {
		print_address(d, d->args[2]);
		return true;
	}
	begin_struct(d);
	field_unsigned(d, "value", (uint32_t)axis.value);
	field_unsigned(d, "minimum", (uint32_t)axis.minimum);
	if (!verbose(d)) {
		end_struct_short(d);
		return true;
	}
	field_unsigned(d, "maximum", (uint32_t)axis.maximum);
	field_unsigned(d, "fuzz", (uint32_t)axis.fuzz);
	field_unsigned(d, "flat", (uint32_t)axis.flat);
	field_unsigned(d, "resolution", (uint32_t)axis.resolution);
	end_struct(d);
	return true;
}

bool decode_input_ioctl(struct decoder *d, uint32_t number)
{
	uint32_t low = number & 0xff, size = number >> 16 & 0x3fff;

	switch (number) {
	case EVIOCGREP:
		return decode_pair(d, false, false);
	case EVIOCSREP:
		return decode_pair(d, true, false);
	case EVIOCGKEYCODE:
		return decode_pair(d, false, true);
	case EVIOCSKEYCODE:
		return decode_pair(d, true, true);
	}
	if (size != sizeof(struct input_absinfo))
		return false;
	if (DIRECTION(number) == READS && low >= EVIOCGABS_FIRST && low <= EVIOCGABS_FIRST + ABS_LAST)
		return decode_axis(d, false);
	if (DIRECTION(number) == WRITES && low >= EVIOCSABS_FIRST)
		return decode_axis(d, true);
	return false;
}

/* ---- names with a size in them ------------------------------------------------------------------------------ */

static void print_code_name(struct decoder *d, const struct constants *table, uint32_t code)
{
	const char *name = constant_name(table, code);

	if (name)
		print_text(d, name);
	else
		print_hex(d, code);
}

static bool print_input_family(struct decoder *d, uint32_t low, uint32_t size, uint32_t direction)
{
	static const struct {
		uint32_t low;
		const char *name;
	} sized[] = {{0x06, "EVIOCGNAME"}, {0x07, "EVIOCGPHYS"},    {0x08, "EVIOCGUNIQ"},
	             {0x09, "EVIOCGPROP"}, {0x0a, "EVIOCGMTSLOTS"}, {0x18, "EVIOCGKEY"},
	             {0x19, "EVIOCGLED"},  {0x1a, "EVIOCGSND"},     {0x1b, "EVIOCGSW"}};

	if (direction == WRITES && low >= EVIOCSABS_FIRST) {
		print_text(d, "EVIOCSABS(");
		print_code_name(d, &absolute_axes, low - EVIOCSABS_FIRST);
		print_text(d, ")");
		return true;
	}
	if (direction != READS)
		return false;
	for (size_t i = 0; i < sizeof(sized) / sizeof(*sized); i++) {
		if (sized[i].low != low)
			continue;
		print(d, "%s(%" PRIu32 ")", sized[i].name, size);
		return true;
	}
	if (low >= 0x20 && low <= 0x3f) {
		print_text(d, "EVIOCGBIT(");
		if (low == 0x20)
			print_text(d, "0");
		else
			print_code_name(d, &event_types, low - 0x20);
		print(d, ", %" PRIu32 ")", size);
		return true;
	}
	if (low >= EVIOCGABS_FIRST && low <= EVIOCGABS_FIRST + ABS_LAST) {
		print_text(d, "EVIOCGABS(");
		print_code_name(d, &absolute_axes, low - EVIOCGABS_FIRST);
		print_text(d, ")");
		return true;
	}
	return false;
}

bool print_ioctl_family(struct decoder *d, uint32_t number)
{
	static const struct {
		uint32_t direction, type, low;
		const char *name;
	} sized[] = {{READS, 'H', 4, "HIDIOCGRAWNAME"},          {READS, 'H', 5, "HIDIOCGRAWPHYS"},
	             {READS | WRITES, 'H', 6, "HIDIOCSFEATURE"}, {READS | WRITES, 'H', 7, "HIDIOCGFEATURE"},
	             {READS, 'U', 44, "UI_GET_SYSNAME"},         {READS, 'j', 0x13, "JSIOCGNAME"}};
	uint32_t type = number >> 8 & 0xff, low = number & 0xff, size = number >> 16 & 0x3fff;

	if (type == 'E')
		return print_input_family(d, low, size, DIRECTION(number));
	for (size_t i = 0; i < sizeof(sized) / sizeof(*sized); i++) {
		if (sized[i].direction != DIRECTION(number) || sized[i].type != type || sized[i].low != low)
			continue;
		print(d, "%s(%" PRIu32 ")", sized[i].name, size);
		return true;
	}
	return false;
}

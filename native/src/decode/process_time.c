/* SPDX-License-Identifier: Apache-2.0
 *
 * Times: as structs, from clocks, as sleeps.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "constants/process.h"
#include "decode/process.h"

#define ABSOLUTE 1 /* TIMER_ABSTIME */

/* The kernel takes the fraction as unsigned where it is checked, so that is how a wrong one is shown. */
static void print_pair(struct decoder *d, uint64_t address, unsigned word, const char *fraction)
{
	uint64_t wide[2];
	uint32_t narrow[2];

	if (address && word == 8 && fetch(d, address, wide, sizeof(wide))) {
		print(d, "{tv_sec=%" PRId64 ", %s=%" PRIu64 "}", (int64_t)wide[0], fraction, wide[1]);
	} else if (address && word == 4 && fetch(d, address, narrow, sizeof(narrow))) {
		print(d, "{tv_sec=%" PRId32 ", %s=%" PRIu32 "}", (int32_t)narrow[0], fraction, narrow[1]);
	} else {
		print_address(d, address);
	}
}

void print_timespec(struct decoder *d, uint64_t address)
{
	print_pair(d, address, d->word, "tv_nsec");
}

void print_timespec64(struct decoder *d, uint64_t address)
{
	print_pair(d, address, 8, "tv_nsec");
}

void print_timeval(struct decoder *d, uint64_t address)
{
	print_pair(d, address, d->word, "tv_usec");
}

static void print_clock(struct decoder *d, uint64_t clock)
{
	argument(d);
	print_constant(d, &clock_ids, (uint32_t)clock);
}

/* ---- clocks ------------------------------------------------------------------------------------------------- */

void decode_clock_out(struct decoder *d)
{
	if (entering(d)) {
		print_clock(d, d->args[0]);
	} else {
		argument(d);
		print_filled(d, d->args[1], print_timespec);
	}
}

void decode_clock_out64(struct decoder *d)
{
	if (entering(d)) {
		print_clock(d, d->args[0]);
	} else {
		argument(d);
		print_filled(d, d->args[1], print_timespec64);
	}
}

static void set_clock(struct decoder *d, print_pointed *print_time)
{
	if (!entering(d))
		return;
	print_clock(d, d->args[0]);
	argument(d);
	print_time(d, d->args[1]);
}

void decode_clock_settime(struct decoder *d)
{
	set_clock(d, print_timespec);
}

void decode_clock_settime64(struct decoder *d)
{
	set_clock(d, print_timespec64);
}

/* ---- sleeps ------------------------------------------------------------------------------------------------- */

/* What is left is written by a sleep that was interrupted. */
static void print_left(struct decoder *d, uint64_t address, print_pointed *print_time)
{
	argument(d);
	if (d->error == RESTART_BLOCK)
		print_time(d, address);
	else
		print_address(d, address);
}

void decode_nanosleep(struct decoder *d)
{
	if (entering(d)) {
		argument(d);
		print_timespec(d, d->args[0]);
	} else {
		print_left(d, d->args[1], print_timespec);
	}
}

static void sleep_of_clock(struct decoder *d, print_pointed *print_time)
{
	if (entering(d)) {
		print_clock(d, d->args[0]);
		argument(d);
		print_flags(d, &timer_flags, (uint32_t)d->args[1]);
		argument(d);
		print_time(d, d->args[2]);
	} else if (d->args[1] & ABSOLUTE) {
		argument(d);
		print_address(d, d->args[3]);
	} else {
		print_left(d, d->args[3], print_time);
	}
}

void decode_clock_nanosleep(struct decoder *d)
{
	sleep_of_clock(d, print_timespec);
}

void decode_clock_nanosleep_time64(struct decoder *d)
{
	sleep_of_clock(d, print_timespec64);
}

/* ---- the time of day ------------------------------------------------------------------------------------------ */

static void print_timezone(struct decoder *d, uint64_t address)
{
	int32_t zone[2];

	if (!address || !fetch(d, address, zone, sizeof(zone)))
		print_address(d, address);
	else
		print(d, "{tz_minuteswest=%" PRId32 ", tz_dsttime=%" PRId32 "}", zone[0], zone[1]);
}

void decode_gettimeofday(struct decoder *d)
{
	if (entering(d))
		return;
	argument(d);
	print_filled(d, d->args[0], print_timeval);
	argument(d);
	print_filled(d, d->args[1], print_timezone);
}

void decode_settimeofday(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_timeval(d, d->args[0]);
	argument(d);
	print_timezone(d, d->args[1]);
}

/* "2026-11-25T21:57:23+0000", in the reader's zone; of 0 nothing. */
static bool format_time(int64_t seconds, char *text, size_t size)
{
	time_t when = (time_t)seconds;
	struct tm broken;

	return seconds && localtime_r(&when, &broken) && strftime(text, size, "%FT%T%z", &broken);
}

static void print_time_at(struct decoder *d, uint64_t address)
{
	uint64_t seconds;
	char text[64];

	if (!address || !fetch_word(d, address, &seconds)) {
		print_address(d, address);
		return;
	}
	if (d->word == 4)
		seconds = (uint64_t)(int64_t)(int32_t)seconds;
	print_text(d, "[");
	print_signed(d, (int64_t)seconds);
	if (format_time((int64_t)seconds, text, sizeof(text)))
		print_comment(d, "%s", text);
	print_text(d, "]");
}

void decode_time(struct decoder *d)
{
	char text[64];

	if (entering(d))
		return;
	argument(d);
	print_filled(d, d->args[0], print_time_at);
	if (!failed(d) && format_time(d->result, text, sizeof(text)))
		result_note(d, "%s", text);
}

void decode_stime(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_time_at(d, d->args[0]);
}

void decode_alarm(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_unsigned(d, (uint32_t)d->args[0]);
}

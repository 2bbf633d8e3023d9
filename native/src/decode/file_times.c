/* SPDX-License-Identifier: Apache-2.0
 *
 * Times of files that are set, and timers that are descriptors.
 */
#include <inttypes.h>
#include <string.h>

#include "constants/file.h"
#include "decode/file.h"

/* utimensat(2): UTIME_NOW, UTIME_OMIT */
#define TIME_NOW ((1 << 30) - 1)
#define TIME_OMIT ((1 << 30) - 2)

static int64_t signed_at(const void *bytes, unsigned word)
{
	int64_t wide = 0;
	int32_t narrow;

	if (word == 8) {
		memcpy(&wide, bytes, sizeof(wide));
		return wide;
	}
	memcpy(&narrow, bytes, sizeof(narrow));
	return narrow;
}

static uint64_t unsigned_at(const void *bytes, unsigned word)
{
	uint64_t value = 0;

	memcpy(&value, bytes, word);
	return value;
}

void decode_utime(struct decoder *d)
{
	char times[16];

	if (!entering(d))
		return;
	argument_path(d, 0);
	argument(d);
	if (!d->args[1] || !fetch(d, d->args[1], times, (size_t)2 * d->word)) {
		print_address(d, d->args[1]);
		return;
	}
	begin_struct(d);
	for (int i = 0; i < 2; i++) {
		int64_t seconds = signed_at(times + i * d->word, d->word);

		field(d, i ? "modtime" : "actime");
		print_signed(d, seconds);
		print_moment(d, seconds, 0, 9);
	}
	end_struct(d);
}

static void print_time(struct decoder *d, const char *bytes, unsigned word, unsigned digits)
{
	int64_t seconds = signed_at(bytes, word);
	uint64_t fraction = unsigned_at(bytes + word, word);

	begin_struct(d);
	field(d, "tv_sec");
	print_signed(d, seconds);
	field(d, digits == 9 ? "tv_nsec" : "tv_usec");
	print_unsigned(d, fraction);
	end_struct(d);
	print_moment(d, seconds, fraction, digits);
}

/* A time whose nanoseconds say that it is none. */
static bool print_special(struct decoder *d, const char *bytes, unsigned word)
{
	uint64_t fraction = unsigned_at(bytes + word, word);
	const char *name = fraction == TIME_NOW ? "UTIME_NOW" : "UTIME_OMIT";

	if (fraction != TIME_NOW && fraction != TIME_OMIT)
		return false;
	if (d->options->constants == STL_CONSTANTS_ABBREV) {
		print_text(d, name);
		return true;
	}
	print_time(d, bytes, word, 9);
	if (d->options->constants == STL_CONSTANTS_VERBOSE)
		print_comment(d, "%s", name);
	return true;
}

/* Two of them: of the last access, of the last change. */
static void print_times(struct decoder *d, uint64_t address, unsigned word, unsigned digits)
{
	char times[32];

	if (!address || !fetch(d, address, times, (size_t)4 * word)) {
		print_address(d, address);
		return;
	}
	for (unsigned i = 0; i < 2; i++) {
		const char *bytes = times + (size_t)2 * i * word;

		print_text(d, i ? ", " : "[");
		if (digits == 6 || !print_special(d, bytes, word))
			print_time(d, bytes, word, digits);
	}
	print_text(d, "]");
}

void decode_utimes(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_path(d, 0);
	argument(d);
	print_times(d, d->args[1], d->word, 6);
}

void decode_futimesat(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_dirfd(d, 0);
	argument_path(d, 1);
	argument(d);
	print_times(d, d->args[2], d->word, 6);
}

static void print_utimensat(struct decoder *d, unsigned word)
{
	if (!entering(d))
		return;
	argument_dirfd(d, 0);
	argument_path(d, 1);
	argument(d);
	print_times(d, d->args[2], word, 9);
	argument_flags(d, 3, &at_flags);
}

void decode_utimensat(struct decoder *d)
{
	print_utimensat(d, d->word);
}

void decode_utimensat_time64(struct decoder *d)
{
	print_utimensat(d, 8);
}

static void print_timerfd_settime(struct decoder *d, unsigned word)
{
	if (entering(d)) {
		argument_fd(d, 0);
		argument_flags(d, 1, &timerfd_flags);
		argument(d);
		print_itimerspec(d, d->args[2], word);
		return;
	}
	argument(d);
	if (failed(d))
		print_address(d, d->args[3]);
	else
		print_itimerspec(d, d->args[3], word);
}

void decode_timerfd_settime(struct decoder *d)
{
	print_timerfd_settime(d, d->word);
}

void decode_timerfd_settime64(struct decoder *d)
{
	print_timerfd_settime(d, 8);
}

static void print_timerfd_gettime(struct decoder *d, unsigned word)
{
	if (entering(d)) {
		argument_fd(d, 0);
		return;
	}
	argument(d);
	if (failed(d))
		print_address(d, d->args[1]);
	else
		print_itimerspec(d, d->args[1], word);
}

void decode_timerfd_gettime(struct decoder *d)
{
	print_timerfd_gettime(d, d->word);
}

void decode_timerfd_gettime64(struct decoder *d)
{
	print_timerfd_gettime(d, 8);
}

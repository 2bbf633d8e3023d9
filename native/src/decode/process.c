/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "decode/decode.h"
#include "stracelet.h"

void print_errno(struct decoder *d, int error)
{
	const char *name = stl_errno_name(error);

	if (name)
		print_text(d, name);
	else
		print_signed(d, error);
}

void print_signal(struct decoder *d, uint64_t value)
{
	int signal = (int32_t)value;
	const char *name = stl_signal_name(signal);

	if (name)
		print_text(d, name);
	else
		print_signed(d, signal);
}

void print_sigset_value(struct decoder *d, uint64_t set)
{
	const char *separator = "";
	/* what is not in it is shorter to say */
	bool inverted = __builtin_popcountll(set) >= 43;

	if (inverted)
		set = ~set;
	print_text(d, inverted ? "~[" : "[");
	for (int signal = 1; signal <= 64; signal++) {
		const char *name = stl_signal_name(signal);

		if (!(set >> (signal - 1) & 1))
			continue;
		print(d, "%s%s", separator, name ? name + strlen("SIG") : "?");
		separator = " ";
	}
	print_text(d, "]");
}

void print_sigset(struct decoder *d, uint64_t address, uint64_t size)
{
	uint64_t set = 0;

	if (!address || size > sizeof(set) || !fetch(d, address, &set, (size_t)size))
		print_address(d, address);
	else
		print_sigset_value(d, set);
}

static bool fetch_pair(struct decoder *d, uint64_t address, unsigned word, int64_t pair[2])
{
	int32_t narrow[2];

	if (!address)
		return false;
	if (word == 8)
		return fetch(d, address, pair, 16);
	if (!fetch(d, address, narrow, sizeof(narrow)))
		return false;
	pair[0] = narrow[0];
	pair[1] = narrow[1];
	return true;
}

static void print_pair(struct decoder *d, uint64_t address, unsigned word, const char *fraction)
{
	int64_t pair[2];

	if (!fetch_pair(d, address, word, pair))
		print_address(d, address);
	else
		print(d, "{tv_sec=%" PRId64 ", %s=%" PRId64 "}", pair[0], fraction, pair[1]);
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

void print_siginfo(struct decoder *d, const void *siginfo, size_t size)
{
	siginfo_t info = {0};

	memcpy(&info, siginfo, size < sizeof(info) ? size : sizeof(info));
	begin_struct(d);
	field(d, "si_signo");
	print_signal(d, (uint64_t)info.si_signo);
	field(d, "si_code");
	print_signed(d, info.si_code);
	end_struct_short(d);
}

void print_rusage(struct decoder *d, uint64_t address)
{
	print_address(d, address);
}

void print_wait_status(struct decoder *d, uint64_t status)
{
	print(d, "%#x", (unsigned)status);
}

const struct decoder_entry process_decoders[] = {{CALL_UNKNOWN, NULL}};

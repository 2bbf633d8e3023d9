/* SPDX-License-Identifier: Apache-2.0
 *
 * Limits on resources: getrlimit(2), prlimit(2).
 */
#include <inttypes.h>

#include "constants/process.h"
#include "decode/process.h"

#define KIBI 1024

static void print_limit(struct decoder *d, uint64_t value, uint64_t infinity, const char *name)
{
	bool multiple = value > KIBI && value % KIBI == 0;
	uint32_t style = d->options->constants;

	if ((value != infinity && !multiple) || style != STL_CONSTANTS_ABBREV)
		print_unsigned(d, value);
	if ((value != infinity && !multiple) || style == STL_CONSTANTS_RAW)
		return;
	print_text(d, style == STL_CONSTANTS_VERBOSE ? " /* " : "");
	if (value == infinity)
		print_text(d, name);
	else
		print(d, "%" PRIu64 "*1024", value / KIBI);
	print_text(d, style == STL_CONSTANTS_VERBOSE ? " */" : "");
}

static void print_limits(struct decoder *d, uint64_t current, uint64_t maximum, bool wide)
{
	uint64_t infinity = wide ? UINT64_MAX : UINT32_MAX;
	const char *name = wide ? "RLIM64_INFINITY" : "RLIM_INFINITY";

	begin_struct(d);
	field(d, "rlim_cur");
	print_limit(d, current, infinity, name);
	field(d, "rlim_max");
	print_limit(d, maximum, infinity, name);
	end_struct(d);
}

static void print_rlimit64(struct decoder *d, uint64_t address)
{
	uint64_t values[2];

	if (!address || !fetch(d, address, values, sizeof(values)))
		print_address(d, address);
	else
		print_limits(d, values[0], values[1], true);
}

static void print_rlimit(struct decoder *d, uint64_t address)
{
	uint32_t values[2];

	if (d->word == 8)
		print_rlimit64(d, address);
	else if (!address || !fetch(d, address, values, sizeof(values)))
		print_address(d, address);
	else
		print_limits(d, values[0], values[1], false);
}

static void print_resource(struct decoder *d, uint64_t resource)
{
	argument(d);
	print_constant(d, &limited_resources, (uint32_t)resource);
}

void decode_getrlimit(struct decoder *d)
{
	if (entering(d)) {
		print_resource(d, d->args[0]);
	} else {
		argument(d);
		print_filled(d, d->args[1], print_rlimit);
	}
}

void decode_setrlimit(struct decoder *d)
{
	if (!entering(d))
		return;
	print_resource(d, d->args[0]);
	argument(d);
	print_rlimit(d, d->args[1]);
}

void decode_prlimit64(struct decoder *d)
{
	argument(d);
	if (!entering(d)) {
		print_filled(d, d->args[3], print_rlimit64);
		return;
	}
	print_pid(d, d->args[0]);
	print_resource(d, d->args[1]);
	argument(d);
	print_rlimit64(d, d->args[2]);
}

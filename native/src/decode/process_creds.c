/* SPDX-License-Identifier: Apache-2.0
 *
 * Who a process is: process IDs, users, groups, capabilities.
 */
#include <linux/capability.h>
#include <string.h>

#include "constants/process.h"
#include "decode/process.h"

#define GROUPS_MOST 65536 /* NGROUPS_MAX */

void decode_pid_result(struct decoder *d)
{
	if (!entering(d))
		result_is(d, RESULT_PID);
}

void decode_pid_of_pid(struct decoder *d)
{
	if (entering(d)) {
		argument(d);
		print_pid(d, d->args[0]);
	} else {
		result_is(d, RESULT_PID);
	}
}

void decode_setpgid(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_pid(d, d->args[0]);
	argument(d);
	print_pid(d, d->args[1]);
}

/* ---- users and groups --------------------------------------------------------------------------------------- */

/* The calls without "32" take 16-bit numbers on i386, where those with it came later. */
static bool is_narrow(const struct decoder *d)
{
	return d->abi == STL_ABI_I386;
}

static void print_narrow_id(struct decoder *d, uint64_t value)
{
	print_id(d, (uint16_t)value == UINT16_MAX ? UINT32_MAX : (uint16_t)value);
}

void decode_set_ids(struct decoder *d)
{
	if (!entering(d))
		return;
	for (unsigned i = 0; i < calls[d->call].count; i++) {
		argument(d);
		print_id(d, d->args[i]);
	}
}

void decode_set_ids16(struct decoder *d)
{
	if (!is_narrow(d)) {
		decode_set_ids(d);
		return;
	}
	if (!entering(d))
		return;
	for (unsigned i = 0; i < calls[d->call].count; i++) {
		argument(d);
		print_narrow_id(d, d->args[i]);
	}
}

static void print_id_at(struct decoder *d, uint64_t address)
{
	uint32_t id;

	if (!address || !fetch(d, address, &id, sizeof(id))) {
		print_address(d, address);
		return;
	}
	print_text(d, "[");
	print_id(d, id);
	print_text(d, "]");
}

static void print_narrow_id_at(struct decoder *d, uint64_t address)
{
	uint16_t id;

	if (!address || !fetch(d, address, &id, sizeof(id))) {
		print_address(d, address);
		return;
	}
	print_text(d, "[");
	print_narrow_id(d, id);
	print_text(d, "]");
}

static void three_ids(struct decoder *d, print_pointed *print_it)
{
	if (entering(d))
		return;
	for (int i = 0; i < 3; i++) {
		argument(d);
		print_filled(d, d->args[i], print_it);
	}
}

void decode_getresid(struct decoder *d)
{
	three_ids(d, print_id_at);
}

void decode_getresid16(struct decoder *d)
{
	three_ids(d, is_narrow(d) ? print_narrow_id_at : print_id_at);
}

static void print_group(struct decoder *d, const void *element, size_t index)
{
	uint32_t id;

	(void)index;
	memcpy(&id, element, sizeof(id));
	print_id(d, id);
}

static void print_narrow_group(struct decoder *d, const void *element, size_t index)
{
	uint16_t id;

	(void)index;
	memcpy(&id, element, sizeof(id));
	print_narrow_id(d, id);
}

static void print_groups(struct decoder *d, uint64_t address, int64_t count, bool narrow)
{
	if (count < 0 || count > GROUPS_MOST)
		print_address(d, address);
	else
		print_array(d, address, (uint64_t)count, narrow ? 2 : 4, narrow ? print_narrow_group : print_group);
}

static void getgroups(struct decoder *d, bool narrow)
{
	argument(d);
	if (entering(d))
		print_signed(d, (int32_t)d->args[0]);
	else if (failed(d) || !(int32_t)d->args[0])
		print_address(d, d->args[1]);
	else
		print_groups(d, d->args[1], d->result, narrow);
}

static void setgroups(struct decoder *d, bool narrow)
{
	if (!entering(d))
		return;
	argument(d);
	print_signed(d, (int32_t)d->args[0]);
	argument(d);
	print_groups(d, d->args[1], (int32_t)d->args[0], narrow);
}

void decode_getgroups(struct decoder *d)
{
	getgroups(d, false);
}

void decode_getgroups16(struct decoder *d)
{
	getgroups(d, is_narrow(d));
}

void decode_setgroups(struct decoder *d)
{
	setgroups(d, false);
}

void decode_setgroups16(struct decoder *d)
{
	setgroups(d, is_narrow(d));
}

/* ---- capabilities ------------------------------------------------------------------------------------------- */

static bool fetch_header(const struct decoder *d, struct __user_cap_header_struct *header)
{
	return d->args[0] && fetch(d, d->args[0], header, sizeof(*header));
}

static void print_header(struct decoder *d)
{
	struct __user_cap_header_struct header;

	argument(d);
	if (!fetch_header(d, &header)) {
		print_address(d, d->args[0]);
		return;
	}
	begin_struct(d);
	field(d, "version");
	print_constant(d, &capability_versions, header.version);
	field(d, "pid");
	print_pid(d, (uint32_t)header.pid);
	end_struct(d);
}

#define HALF 32

/* The bits of one half of a set; what has no name is shown by itself for each half. */
static void print_capability_half(struct decoder *d, uint32_t set, unsigned first)
{
	const char *separator = "";
	uint32_t style = d->options->constants;

	if (style != STL_CONSTANTS_ABBREV)
		print_hex(d, set);
	if (style == STL_CONSTANTS_RAW || (style == STL_CONSTANTS_VERBOSE && !set))
		return;
	print_text(d, style == STL_CONSTANTS_VERBOSE ? " /* " : "");
	for (unsigned bit = 0; bit < HALF; bit++) {
		const char *name = constant_name(&capability_names, first + bit);

		if (!(set >> bit & 1) || !name)
			continue;
		print(d, "%s1<<%s", separator, name);
		set &= ~(1u << bit);
		separator = "|";
	}
	if (set || !*separator) {
		print_text(d, separator);
		print_hex(d, set);
	}
	print_text(d, style == STL_CONSTANTS_VERBOSE ? " */" : "");
}

static void print_capabilities(struct decoder *d, const char *name, uint32_t low, uint32_t high)
{
	field(d, name);
	if (low || !high)
		print_capability_half(d, low, 0);
	if (low && high)
		print_text(d, "|");
	if (high)
		print_capability_half(d, high, HALF);
}

static void print_capability_data(struct decoder *d, uint64_t address)
{
	struct __user_cap_header_struct header;
	struct __user_cap_data_struct data[2];
	bool two;

	memset(data, 0, sizeof(data));
	two = fetch_header(d, &header) &&
	      (header.version == _LINUX_CAPABILITY_VERSION_2 || header.version == _LINUX_CAPABILITY_VERSION_3);
	if (!address || !fetch(d, address, data, two ? sizeof(data) : sizeof(*data))) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	print_capabilities(d, "effective", data[0].effective, data[1].effective);
	print_capabilities(d, "permitted", data[0].permitted, data[1].permitted);
	print_capabilities(d, "inheritable", data[0].inheritable, data[1].inheritable);
	end_struct(d);
}

void decode_capget(struct decoder *d)
{
	if (entering(d)) {
		print_header(d);
	} else {
		argument(d);
		print_filled(d, d->args[1], print_capability_data);
	}
}

void decode_capset(struct decoder *d)
{
	if (!entering(d))
		return;
	print_header(d);
	argument(d);
	print_capability_data(d, d->args[1]);
}

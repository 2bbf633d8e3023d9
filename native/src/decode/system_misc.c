/* SPDX-License-Identifier: Apache-2.0
 *
 * The machine: its name and its memory, random numbers, the kernel's log, and calls of which no more is known than
 * their numbers.
 */
#include <inttypes.h>
#include <string.h>

#include "decode/system.h"

/* include/uapi/linux/reboot.h */
#define REBOOT_RESTART2 0xa1b2c3d4u

/* kernel/printk/printk.c, do_syslog(): who has a buffer, who has a level */
#define SYSLOG_READ 2
#define SYSLOG_READ_ALL 3
#define SYSLOG_READ_CLEAR 4
#define SYSLOG_CONSOLE_LEVEL 8

#define NAME_SIZE 65 /* struct new_utsname: six of them */

static void field_name(struct decoder *d, const char *name, const char *bytes)
{
	field(d, name);
	print_quoted(d, bytes, NAME_SIZE, 0, true);
}

void decode_uname(struct decoder *d)
{
	char names[6][NAME_SIZE];

	if (entering(d))
		return;
	argument(d);
	if (failed(d) || !d->args[0] || !fetch(d, d->args[0], names, sizeof(names))) {
		print_address(d, d->args[0]);
		return;
	}
	begin_struct(d);
	field_name(d, "sysname", names[0]);
	field_name(d, "nodename", names[1]);
	if (!verbose(d)) {
		end_struct_short(d);
		return;
	}
	field_name(d, "release", names[2]);
	field_name(d, "version", names[3]);
	field_name(d, "machine", names[4]);
	field_name(d, "domainname", names[5]);
	end_struct(d);
}

static uint64_t word_at(const struct decoder *d, uint64_t address)
{
	uint64_t word = 0;

	fetch_word(d, address, &word);
	return word;
}

/* struct sysinfo: longs, two unsigned shorts, and longs again, aligned as the ABI does it */
void decode_sysinfo(struct decoder *d)
{
	static const char *const sizes[] = {"totalram", "freeram", "sharedram", "bufferram", "totalswap", "freeswap"};
	unsigned word = d->word;
	uint64_t at = d->args[0], high = at + (word == 8 ? 88 : 44);
	uint16_t processes;
	uint32_t unit;

	if (entering(d))
		return;
	argument(d);
	if (failed(d) || !at || !fetch(d, high + 2 * word, &unit, sizeof(unit)) ||
	    !fetch(d, at + 10 * word, &processes, sizeof(processes))) {
		print_address(d, at);
		return;
	}
	begin_struct(d);
	field_unsigned(d, "uptime", word_at(d, at));
	field(d, "loads");
	print(d, "[%" PRIu64 ", %" PRIu64 ", %" PRIu64 "]", word_at(d, at + word), word_at(d, at + 2 * word),
	      word_at(d, at + 3 * word));
	for (unsigned i = 0; i < 6; i++)
		field_unsigned(d, sizes[i], word_at(d, at + (4 + i) * word));
	field_unsigned(d, "procs", processes);
	field_unsigned(d, "totalhigh", word_at(d, high));
	field_unsigned(d, "freehigh", word_at(d, high + word));
	field_unsigned(d, "mem_unit", unit);
	end_struct(d);
}

/* Random bytes are nobody's text. */
static void print_random(struct decoder *d)
{
	struct stl_print_options options = *d->options;
	struct decoder raw = *d;

	options.hex = 2;
	raw.options = &options;
	print_result_bytes(&raw, d->args[0]);
}

void decode_getrandom(struct decoder *d)
{
	if (entering(d))
		return;
	argument(d);
	print_random(d);
	argument_unsigned(d, d->args[1]);
	argument_flags(d, &random_flags, (uint32_t)d->args[2]);
}

void decode_getcpu(struct decoder *d)
{
	if (entering(d))
		return;
	for (int i = 0; i < 2; i++) {
		argument(d);
		if (failed(d))
			print_address(d, d->args[i]);
		else
			print_u32_at(d, d->args[i]);
	}
	argument_address(d, d->args[2]);
}

static void print_action(struct decoder *d, uint32_t action)
{
	const char *name = constant_name(&syslog_actions, action);

	argument(d);
	print_signed(d, (int32_t)action);
	print_comment(d, "%s", name ? name : syslog_actions.unknown);
}

static void print_level(struct decoder *d, uint32_t level)
{
	const char *name = constant_name(&log_levels, level);

	argument(d);
	print_signed(d, (int32_t)level);
	print_comment(d, "%s", name ? name : log_levels.unknown);
}

void decode_syslog(struct decoder *d)
{
	uint32_t action = (uint32_t)d->args[0];
	bool reads = action == SYSLOG_READ || action == SYSLOG_READ_ALL || action == SYSLOG_READ_CLEAR;

	if (entering(d)) {
		print_action(d, action);
		if (reads || (constant_name(&syslog_actions, action) && action != SYSLOG_CONSOLE_LEVEL))
			return;
		argument_address(d, d->args[1]);
		if (action == SYSLOG_CONSOLE_LEVEL)
			print_level(d, (uint32_t)d->args[2]);
		else
			argument_int(d, d->args[2]);
	} else if (reads) {
		argument(d);
		print_result_bytes(d, d->args[1]);
		argument_int(d, d->args[2]);
	}
}

void decode_reboot(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_constant(d, &reboot_magic_1, (uint32_t)d->args[0]);
	argument_constant(d, &reboot_magic_2, (uint32_t)d->args[1]);
	argument_constant(d, &reboot_commands, (uint32_t)d->args[2]);
	if ((uint32_t)d->args[2] == REBOOT_RESTART2) {
		argument(d);
		print_string(d, d->args[3]);
	}
}

/* struct __sysctl_args: pointers and longs; the call is no more, so nobody reads what they point to. */
void decode_sysctl(struct decoder *d)
{
	uint64_t at = d->args[0];
	unsigned word = d->word;
	int32_t count;
	char bytes[48];

	if (!entering(d))
		return;
	argument(d);
	if (!at || !fetch(d, at, bytes, 6 * word) || !fetch(d, at + word, &count, sizeof(count))) {
		print_address(d, at);
		return;
	}
	begin_struct(d);
	field_address(d, "name", word_at(d, at));
	field(d, "nlen");
	print_signed(d, count);
	field_address(d, "oldval", word_at(d, at + 2 * word));
	field_address(d, "oldlenp", word_at(d, at + 3 * word));
	field_address(d, "newval", word_at(d, at + 4 * word));
	field_unsigned(d, "newlen", word_at(d, at + 5 * word));
	end_struct(d);
}

/* How many arguments calls have that the kernel no longer has, or never had, where there is no prototype any more. */
static unsigned count_of(enum call_id call)
{
	switch (call) {
	case CALL_break:
	case CALL_ftime:
	case CALL_idle:
	case CALL_lock:
	case CALL_mpx:
	case CALL_prof:
		return 0;
	case CALL_get_kernel_syms:
	case CALL_vm86old:
		return 1;
	case CALL_bdflush:
	case CALL_create_module:
	case CALL_gtty:
	case CALL_stty:
	case CALL_ulimit:
		return 2;
	case CALL_nfsservctl:
	case CALL_security:
	case CALL_sysfs:
	case CALL_tuxcall:
		return 3;
	case CALL_epoll_ctl_old:
	case CALL_epoll_wait_old:
	case CALL_profil:
		return 4;
	default:
		return 5;
	}
}

void decode_numbers(struct decoder *d)
{
	unsigned count = count_of(d->call);

	if (!entering(d))
		return;
	for (unsigned i = 0; i < count; i++)
		argument_hex(d, d->args[i]);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The ioctls of terminals: ioctl_tty(2), ioctl_console(2).
 */
#include <inttypes.h>
#include <string.h>

#include <asm/termbits.h>

#include <asm/ioctls.h>
#include <linux/kd.h>

#include "decode/system.h"

/* include/uapi/asm-generic/ioctls.h; their sizes lie in the numbers */
#define TCGETS2_NUMBER 0x802c542au
#define TCSETS2_NUMBER 0x402c542bu
#define TCSETSW2_NUMBER 0x402c542cu
#define TCSETSF2_NUMBER 0x402c542du

#define BAUD_MASK 0x100fu
#define INPUT_BAUD_SHIFT 16

/* struct termio, struct termios, struct termios2: one in common. */
struct settings {
	uint32_t input, output, control, local;
	uint8_t line, characters[19];
	unsigned count;     /* of the characters */
	uint32_t speeds[2]; /* of termios2 */
	bool has_speeds;
};

static bool fetch_settings(const struct decoder *d, uint64_t address, unsigned kind, struct settings *settings)
{
	struct {
		uint16_t flags[4];
		uint8_t line, characters[8];
	} old;
	struct {
		uint32_t flags[4];
		uint8_t line, characters[19];
		uint32_t speeds[2];
	} current;

	if (!address || !(kind == 0 ? fetch(d, address, &old, 17) : fetch(d, address, &current, kind == 1 ? 36 : 44)))
		return false;
	*settings = (struct settings){.has_speeds = kind == 2};
	if (kind == 0) {
		settings->input = old.flags[0], settings->output = old.flags[1];
		settings->control = old.flags[2], settings->local = old.flags[3];
		settings->line = old.line, settings->count = 8;
		memcpy(settings->characters, old.characters, 8);
		return true;
	}
	settings->input = current.flags[0], settings->output = current.flags[1];
	settings->control = current.flags[2], settings->local = current.flags[3];
	settings->line = current.line, settings->count = 19;
	memcpy(settings->characters, current.characters, 19);
	if (kind == 2)
		memcpy(settings->speeds, current.speeds, sizeof(settings->speeds));
	return true;
}

/* Names of no flag at all are no "0" here. */
static void print_set(struct decoder *d, const struct constants *table, uint32_t flags)
{
	if (flags)
		print_flags(d, table, flags);
}

static void print_output(struct decoder *d, uint32_t flags)
{
	static const struct {
		const struct constants *table;
		uint32_t mask;
	} delays[] = {{&newline_delays, NLDLY},   {&return_delays, CRDLY},   {&tab_delays, TABDLY},
	              {&backspace_delays, BSDLY}, {&vertical_delays, VTDLY}, {&form_delays, FFDLY}};

	for (size_t i = 0; i < sizeof(delays) / sizeof(*delays); i++) {
		print_constant(d, delays[i].table, flags & delays[i].mask);
		print_text(d, "|");
		flags &= ~delays[i].mask;
	}
	print_set(d, &output_modes, flags);
}

static void print_control(struct decoder *d, uint32_t flags)
{
	uint32_t input = flags >> INPUT_BAUD_SHIFT & BAUD_MASK;

	print_constant(d, &bauds, flags & BAUD_MASK);
	if (input) {
		print_text(d, "|");
		print_constant(d, &bauds, input);
		print_text(d, d->options->constants == STL_CONSTANTS_RAW ? "<<0x10" : "<<IBSHIFT");
	}
	print_text(d, "|");
	print_constant(d, &character_sizes, flags & CSIZE);
	print_text(d, "|");
	print_set(d, &control_modes, flags & ~(BAUD_MASK | BAUD_MASK << INPUT_BAUD_SHIFT | CSIZE));
}

/* struct termio's places have other meanings than struct termios', but strace names them alike. */
static void print_characters(struct decoder *d, const struct settings *settings)
{
	print_text(d, "[");
	for (unsigned i = 0; i < settings->count; i++) {
		const char *name = constant_name(&control_characters, i);

		print(d, i ? ", [" : "[");
		if (name)
			print_text(d, name);
		else
			print_unsigned(d, i);
		print_text(d, "]=");
		print_hex(d, settings->characters[i]);
	}
	print_text(d, "]");
}

static void print_settings(struct decoder *d, uint64_t address, unsigned kind)
{
	struct settings settings;

	if (!fetch_settings(d, address, kind, &settings)) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field(d, "c_iflag");
	print_set(d, &input_modes, settings.input);
	field(d, "c_oflag");
	print_output(d, settings.output);
	field(d, "c_cflag");
	print_control(d, settings.control);
	field(d, "c_lflag");
	print_set(d, &local_modes, settings.local);
	if (!verbose(d)) {
		end_struct_short(d);
		return;
	}
	field_constant(d, "c_line", &line_disciplines, settings.line);
	field(d, "c_cc");
	print_characters(d, &settings);
	if (settings.has_speeds) {
		field_unsigned(d, "c_ispeed", settings.speeds[0]);
		field_unsigned(d, "c_ospeed", settings.speeds[1]);
	}
	end_struct(d);
}

static void print_window(struct decoder *d, uint64_t address)
{
	uint16_t size[4];

	if (!address || !fetch(d, address, size, sizeof(size))) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field_unsigned(d, "ws_row", size[0]);
	field_unsigned(d, "ws_col", size[1]);
	field_unsigned(d, "ws_xpixel", size[2]);
	field_unsigned(d, "ws_ypixel", size[3]);
	end_struct(d);
}

static void print_lines(struct decoder *d, uint64_t address)
{
	uint32_t lines;

	if (!address || !fetch(d, address, &lines, sizeof(lines))) {
		print_address(d, address);
		return;
	}
	print_text(d, "[");
	print_flags(d, &modem_lines, lines);
	print_text(d, "]");
}

static void print_character(struct decoder *d, uint64_t address)
{
	char byte;

	if (!address || d->options->flags & STL_PRINT_NO_DATA || !fetch(d, address, &byte, 1))
		print_address(d, address);
	else
		print_quoted(d, &byte, 1, 0, false);
}

typedef void print_pointed(struct decoder *d, uint64_t address);

static bool given(struct decoder *d, print_pointed *print_one)
{
	if (entering(d)) {
		argument(d);
		print_one(d, d->args[2]);
	}
	return true;
}

static bool filled_in(struct decoder *d, print_pointed *print_one)
{
	if (entering(d))
		return true;
	argument(d);
	if (failed(d))
		print_address(d, d->args[2]);
	else
		print_one(d, d->args[2]);
	return true;
}

static void print_old_settings(struct decoder *d, uint64_t address)
{
	print_settings(d, address, 0);
}

static void print_current_settings(struct decoder *d, uint64_t address)
{
	print_settings(d, address, 1);
}

static void print_settings_with_speeds(struct decoder *d, uint64_t address)
{
	print_settings(d, address, 2);
}

static bool decode_choice(struct decoder *d, const struct constants *table)
{
	if (entering(d))
		argument_constant(d, table, d->args[2]);
	return true;
}

bool decode_terminal_ioctl(struct decoder *d, uint32_t number)
{
	switch (number) {
	case TCGETS:
	case TIOCGLCKTRMIOS:
		return filled_in(d, print_current_settings);
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
	case TIOCSLCKTRMIOS:
		return given(d, print_current_settings);
	case TCGETA:
		return filled_in(d, print_old_settings);
	case TCSETA:
	case TCSETAW:
	case TCSETAF:
		return given(d, print_old_settings);
	case TCGETS2_NUMBER:
		return filled_in(d, print_settings_with_speeds);
	case TCSETS2_NUMBER:
	case TCSETSW2_NUMBER:
	case TCSETSF2_NUMBER:
		return given(d, print_settings_with_speeds);
	case TIOCGWINSZ:
		return filled_in(d, print_window);
	case TIOCSWINSZ:
		return given(d, print_window);
	case TIOCMGET:
		return filled_in(d, print_lines);
	case TIOCMBIS:
	case TIOCMBIC:
	case TIOCMSET:
		return given(d, print_lines);
	case TIOCSTI:
		return given(d, print_character);
	case TCXONC:
		return decode_choice(d, &flow_actions);
	case TCFLSH:
		return decode_choice(d, &flush_queues);
	case KDSKBMODE:
		return decode_choice(d, &keyboard_modes);
	default:
		return false;
	}
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * ioctl(2): the request's name or names, and what is decoded of its argument.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "decode/system.h"
#include "decode/system_ioctl.h"

/* include/uapi/asm-generic/ioctl.h */
#define DIRECTION(number) ((number) >> 30 & 3)
#define SIZE(number) ((number) >> 16 & 0x3fff)
#define TYPE(number) ((number) >> 8 & 0xff)
#define NUMBER(number) ((number)&0xff)

#define SOCKETS 0x89 /* all that have a name point to something */

static int by_number(const void *key, const void *member)
{
	uint32_t number = *(const uint32_t *)key, other = ((const struct ioctl_name *)member)->number;

	return number < other ? -1 : number > other;
}

/* An ABI whose structs have other sizes gives some names other numbers. */
static const char *name_of(const struct decoder *d, uint32_t number)
{
	const struct ioctl_names *names = d->word == 4 ? &ioctl_names_32 : &ioctl_names_64;
	const struct ioctl_name *found = bsearch(&number, names->items, names->count, sizeof(*names->items), by_number);

	return found ? found->name : NULL;
}

static void print_by_parts(struct decoder *d, uint32_t number)
{
	static const char *const directions[] = {"_IOC_NONE", "_IOC_WRITE", "_IOC_READ", "_IOC_READ|_IOC_WRITE"};

	print(d, "_IOC(%s, ", directions[DIRECTION(number)]);
	print_hex(d, TYPE(number));
	print_text(d, ", ");
	print_hex(d, NUMBER(number));
	print_text(d, ", ");
	print_hex(d, SIZE(number));
	print_text(d, ")");
}

static void print_request(struct decoder *d, uint32_t number)
{
	const char *name = name_of(d, number);

	if (d->options->constants != STL_CONSTANTS_ABBREV)
		print_hex(d, number);
	if (d->options->constants == STL_CONSTANTS_RAW)
		return;
	if (d->options->constants == STL_CONSTANTS_VERBOSE)
		print_text(d, " /* ");
	if (name)
		print_text(d, name);
	else if (!print_ioctl_family(d, number))
		print_by_parts(d, number);
	if (d->options->constants == STL_CONSTANTS_VERBOSE)
		print_text(d, " */");
}

static bool decode_known(struct decoder *d, uint32_t number)
{
	switch (TYPE(number)) {
	case 'T':
	case 'V':
	case 'K':
		return decode_terminal_ioctl(d, number) || decode_simple_ioctl(d, number);
	case SOCKETS:
		return decode_interface_ioctl(d, number) || decode_simple_ioctl(d, number);
	case 0x12:
		return decode_block_ioctl(d, number) || decode_simple_ioctl(d, number);
	case 'L':
		return decode_loop_ioctl(d, number) || decode_simple_ioctl(d, number);
	case 0x94:
	case 'f':
	case 'X':
		return decode_file_ioctl(d, number) || decode_simple_ioctl(d, number);
	case 'p':
	case 'R':
		return decode_clock_ioctl(d, number) || decode_simple_ioctl(d, number);
	case 'E':
		return decode_input_ioctl(d, number) || decode_simple_ioctl(d, number);
	case 0xaa:
		return decode_fault_ioctl(d, number);
	case '!':
		return decode_notify_ioctl(d, number) || decode_simple_ioctl(d, number);
	case 0xae:
	case '$':
		return decode_choice_ioctl(d, number) || decode_simple_ioctl(d, number);
	default:
		return decode_simple_ioctl(d, number);
	}
}

void decode_ioctl(struct decoder *d)
{
	uint32_t number = (uint32_t)d->args[1];

	if (entering(d)) {
		argument_fd(d, d->args[0]);
		argument(d);
		print_request(d, number);
	}
	if (decode_known(d, number) || d->exiting)
		return;
	argument(d);
	if (TYPE(number) == SOCKETS && name_of(d, number))
		print_address(d, d->args[2]);
	else
		print_hex(d, d->args[2]);
}

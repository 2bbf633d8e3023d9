/* SPDX-License-Identifier: Apache-2.0
 *
 * On which nodes memory lies: mempolicy(7), migrate_pages(2), move_pages(2).
 */
#include <inttypes.h>
#include <string.h>

#include "decode/system.h"

#define MODE_FLAGS 0xe000u /* include/uapi/linux/mempolicy.h: MPOL_MODE_FLAGS */

static void print_mode_of(struct decoder *d, uint64_t mode)
{
	print_flags_with(d, &policy_modes, ~(uint64_t)MODE_FLAGS, &policy_flags, mode);
}

static void print_mask_word(struct decoder *d, const void *element, size_t index)
{
	uint64_t word = 0;

	(void)index;
	memcpy(&word, element, d->word);
	print(d, "%#0*" PRIx64, (int)d->word * 2, word);
}

/* The kernel takes one bit less than it is told (get_nodes() in mm/mempolicy.c). */
static void print_nodes(struct decoder *d, uint64_t address, uint64_t bits)
{
	uint64_t width = d->word * 8;

	if (!address || bits == 1 || bits > UINT64_MAX / 4)
		print_address(d, address);
	else
		print_array(d, address, bits ? (bits - 1 + width - 1) / width : 0, d->word, print_mask_word);
}

static void argument_nodes(struct decoder *d, uint64_t address, uint64_t bits)
{
	argument(d);
	print_nodes(d, address, bits);
}

void decode_mbind(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_address(d, d->args[0]);
	argument_unsigned(d, d->args[1]);
	argument(d);
	print_mode_of(d, d->args[2]);
	argument_nodes(d, d->args[3], d->args[4]);
	argument_unsigned(d, d->args[4]);
	argument_flags(d, &mbind_flags, (uint32_t)d->args[5]);
}

void decode_set_mempolicy(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_mode_of(d, (uint32_t)d->args[0]);
	argument_nodes(d, d->args[1], d->args[2]);
	argument_unsigned(d, d->args[2]);
}

void decode_get_mempolicy(struct decoder *d)
{
	int32_t mode;

	if (entering(d))
		return;
	argument(d);
	if (failed(d) || !d->args[0] || !fetch(d, d->args[0], &mode, sizeof(mode))) {
		print_address(d, d->args[0]);
	} else {
		print_text(d, "[");
		print_mode_of(d, (uint32_t)mode);
		print_text(d, "]");
	}
	argument(d);
	if (failed(d))
		print_address(d, d->args[1]);
	else
		print_nodes(d, d->args[1], d->args[2]);
	argument_unsigned(d, d->args[2]);
	argument_address(d, d->args[3]);
	argument_flags(d, &get_policy_flags, d->args[4]);
}

void decode_migrate_pages(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_pid(d, d->args[0]);
	argument_unsigned(d, d->args[1]);
	argument_nodes(d, d->args[2], d->args[1]);
	argument_nodes(d, d->args[3], d->args[1]);
}

static void print_page(struct decoder *d, const void *element, size_t index)
{
	uint64_t address = 0;

	(void)index;
	memcpy(&address, element, d->word);
	print_address(d, address);
}

static void print_node(struct decoder *d, const void *element, size_t index)
{
	int32_t node;

	(void)index;
	memcpy(&node, element, sizeof(node));
	print_signed(d, node);
}

/* A page's node, or why it was not moved. */
static void print_page_status(struct decoder *d, const void *element, size_t index)
{
	int32_t status;

	(void)index;
	memcpy(&status, element, sizeof(status));
	const char *name = status < 0 && status > -STL_MAX_ERRNO ? stl_errno_name(-status) : NULL;

	if (name && d->options->constants == STL_CONSTANTS_ABBREV) {
		print(d, "-%s", name);
		return;
	}
	print_signed(d, status);
	if (name && d->options->constants == STL_CONSTANTS_VERBOSE)
		print_comment(d, "-%s", name);
}

void decode_move_pages(struct decoder *d)
{
	if (entering(d)) {
		argument(d);
		print_pid(d, d->args[0]);
		argument_unsigned(d, d->args[1]);
		argument(d);
		print_array(d, d->args[2], d->args[1], d->word, print_page);
		argument(d);
		print_array(d, d->args[3], d->args[1], sizeof(int32_t), print_node);
		return;
	}
	argument(d);
	if (failed(d))
		print_address(d, d->args[4]);
	else
		print_array(d, d->args[4], d->args[1], sizeof(int32_t), print_page_status);
	argument_flags(d, &mbind_flags, (uint32_t)d->args[5]);
}

void decode_set_mempolicy_home_node(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_address(d, d->args[0]);
	argument_unsigned(d, d->args[1]);
	argument_unsigned(d, d->args[2]);
	argument_hex(d, d->args[3]);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Security modules: landlock(7), lsm_get_self_attr(2) and its like.
 */
#include <inttypes.h>
#include <string.h>

#include "decode/system.h"

#define RULESET_VERSION 1 /* LANDLOCK_CREATE_RULESET_VERSION */
#define RULE_PATH_BENEATH 1
#define RULE_NET_PORT 2

static void print_ruleset(struct decoder *d, uint64_t address, uint64_t size)
{
	uint64_t access;

	if (!address || size < sizeof(access) || !fetch(d, address, &access, sizeof(access))) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field_flags(d, "handled_access_fs", &landlock_file_rights, access);
	if (size > sizeof(access))
		end_struct_short(d);
	else
		end_struct(d);
}

void decode_landlock_create_ruleset(struct decoder *d)
{
	if (d->exiting) {
		result_is(d, d->args[2] & RULESET_VERSION ? RESULT_DECIMAL : RESULT_FD);
		return;
	}
	argument(d);
	print_ruleset(d, d->args[0], d->args[1]);
	argument_unsigned(d, d->args[1]);
	argument_flags(d, &landlock_ruleset_flags, (uint32_t)d->args[2]);
}

/* struct landlock_path_beneath_attr is packed: a uint64_t and an int */
static void print_path_rule(struct decoder *d, uint64_t address)
{
	uint64_t access;
	int32_t parent;

	if (!address || !fetch(d, address, &access, sizeof(access)) ||
	    !fetch(d, address + sizeof(access), &parent, sizeof(parent))) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field_flags(d, "allowed_access", &landlock_file_rights, access);
	field_fd(d, "parent_fd", (uint32_t)parent);
	end_struct(d);
}

static void print_port_rule(struct decoder *d, uint64_t address)
{
	uint64_t words[2];

	if (!address || !fetch(d, address, words, sizeof(words))) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field_flags(d, "allowed_access", &landlock_network_rights, words[0]);
	field_unsigned(d, "port", words[1]);
	end_struct(d);
}

void decode_landlock_add_rule(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_fd(d, d->args[0]);
	argument_constant(d, &landlock_rules, (uint32_t)d->args[1]);
	argument(d);
	if ((uint32_t)d->args[1] == RULE_PATH_BENEATH)
		print_path_rule(d, d->args[2]);
	else if ((uint32_t)d->args[1] == RULE_NET_PORT)
		print_port_rule(d, d->args[2]);
	else
		print_address(d, d->args[2]);
	argument_hex(d, (uint32_t)d->args[3]);
}

void decode_landlock_restrict_self(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_fd(d, d->args[0]);
	argument_hex(d, (uint32_t)d->args[1]);
}

/* ---- lsm_*_self_attr(2): later than the strace that is followed in all else ---------------------------------- */

/* struct lsm_ctx: id, flags, len, ctx_len, and the context behind them */
static void print_context(struct decoder *d, uint64_t address)
{
	uint64_t words[4];

	if (!address || !fetch(d, address, words, sizeof(words))) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field_constant(d, "id", &lsm_identities, words[0]);
	field_hex(d, "flags", words[1]);
	field_unsigned(d, "len", words[2]);
	field_unsigned(d, "ctx_len", words[3]);
	field(d, "ctx");
	print_bytes(d, address + sizeof(words), words[3]);
	end_struct(d);
}

void decode_lsm_get_self_attr(struct decoder *d)
{
	if (entering(d)) {
		argument_constant(d, &lsm_attributes, (uint32_t)d->args[0]);
		return;
	}
	argument(d);
	if (failed(d) || d->result < 1)
		print_address(d, d->args[1]);
	else
		print_context(d, d->args[1]);
	argument(d);
	print_u32_at(d, d->args[2]);
	argument_hex(d, (uint32_t)d->args[3]);
}

void decode_lsm_set_self_attr(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_constant(d, &lsm_attributes, (uint32_t)d->args[0]);
	argument(d);
	print_context(d, d->args[1]);
	argument_unsigned(d, (uint32_t)d->args[2]);
	argument_hex(d, (uint32_t)d->args[3]);
}

static void print_identity(struct decoder *d, const void *element, size_t index)
{
	uint64_t identity;

	(void)index;
	memcpy(&identity, element, sizeof(identity));
	print_constant(d, &lsm_identities, identity);
}

void decode_lsm_list_modules(struct decoder *d)
{
	if (entering(d))
		return;
	argument(d);
	if (failed(d) || d->result < 0)
		print_address(d, d->args[0]);
	else
		print_array(d, d->args[0], (uint64_t)d->result, sizeof(uint64_t), print_identity);
	argument(d);
	print_u32_at(d, d->args[1]);
	argument_hex(d, (uint32_t)d->args[2]);
}

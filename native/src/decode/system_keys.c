/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys: keyrings(7).
 */
#include <string.h>

#include <linux/keyctl.h>

#include "decode/system.h"

#define CAPABILITIES_MOST 1024

/* Serial numbers, or one of the special ones below 0. */
static void print_serial(struct decoder *d, uint64_t serial)
{
	const char *name = constant_name(&key_serials, (uint32_t)serial);

	if (name && d->options->constants == STL_CONSTANTS_ABBREV)
		print_text(d, name);
	else if (name && d->options->constants == STL_CONSTANTS_VERBOSE) {
		print_signed(d, (int32_t)serial);
		print_comment(d, "%s", name);
	} else
		print_signed(d, (int32_t)serial);
}

static void argument_serial(struct decoder *d, uint64_t serial)
{
	argument(d);
	print_serial(d, serial);
}

static void argument_string(struct decoder *d, uint64_t address)
{
	argument(d);
	print_string(d, address);
}

void decode_add_key(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_string(d, d->args[0]);
	argument_string(d, d->args[1]);
	argument(d);
	print_bytes(d, d->args[2], d->args[3]);
	argument_unsigned(d, d->args[3]);
	argument_serial(d, d->args[4]);
}

void decode_request_key(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_string(d, d->args[0]);
	argument_string(d, d->args[1]);
	argument_string(d, d->args[2]);
	argument_serial(d, d->args[3]);
}

/* ---- keyctl(2) -------------------------------------------------------------------------------------------- */

static void print_permissions(struct decoder *d, uint32_t permissions)
{
	argument(d);
	print_flags(d, &key_permissions, permissions);
}

/* What is told as the user and not the kernel needs no "0x": a number and, behind it, what it means. */
static void print_default_keyring(struct decoder *d, uint64_t keyring)
{
	const char *name = constant_name(&default_keyrings, (uint32_t)keyring);

	argument(d);
	if (name && d->options->constants == STL_CONSTANTS_ABBREV) {
		print_text(d, name);
		return;
	}
	print_signed(d, (int32_t)keyring);
	if (d->options->constants != STL_CONSTANTS_RAW)
		print_comment(d, "%s", name ? name : default_keyrings.unknown);
}

static void print_rejection(struct decoder *d, uint64_t error)
{
	const char *name = error <= STL_MAX_ERRNO ? stl_errno_name((int)error) : NULL;

	argument(d);
	if (name && d->options->constants == STL_CONSTANTS_ABBREV) {
		print_text(d, name);
		return;
	}
	print_unsigned(d, (uint32_t)error);
	if (name && d->options->constants == STL_CONSTANTS_VERBOSE)
		print_comment(d, "%s", name);
}

/* A description ends at its NUL, where that is among what may be shown. */
static void print_filled_text(struct decoder *d, uint64_t address, uint64_t size)
{
	const struct stl_capture *capture = fetch_capture(d, address, CAPTURED_MEMORY);
	uint64_t limit = d->options->string_limit, shown = size < limit ? size : limit;

	if (!capture || capture->size < shown || d->options->flags & STL_PRINT_NO_DATA) {
		print_address(d, address);
		return;
	}
	print_shown(d, capture_bytes(capture),
	            strnlen(capture_bytes(capture), size < capture->size ? size : capture->size),
	            strnlen(capture_bytes(capture), shown));
	if (size > limit && !memchr(capture_bytes(capture), 0, shown))
		print_text(d, "...");
}

/* The result says how much there is, even where the buffer had less room. */
static void print_filled(struct decoder *d, uint64_t address, uint64_t size, bool text)
{
	argument(d);
	if (failed(d) || d->result < 0) {
		print_address(d, address);
		return;
	}
	uint64_t there = (uint64_t)d->result < size ? (uint64_t)d->result : size;

	if (text)
		print_filled_text(d, address, there);
	else
		print_bytes(d, address, there);
}

static void print_computation(struct decoder *d, uint64_t address)
{
	struct keyctl_dh_params params;

	argument(d);
	if (!address || !fetch(d, address, &params, sizeof(params))) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field(d, "private");
	print_serial(d, (uint32_t)params.private);
	field(d, "prime");
	print_serial(d, (uint32_t)params.prime);
	field(d, "base");
	print_serial(d, (uint32_t)params.base);
	end_struct(d);
}

/* A byte of flags for each of the versions. */
static void print_capability(struct decoder *d, const void *element, size_t index)
{
	uint8_t flags = *(const uint8_t *)element;

	if (index == 0)
		print_flags(d, &key_capabilities_0, flags);
	else if (index == 1)
		print_flags(d, &key_capabilities_1, flags);
	else
		print_hex(d, flags);
}

static void print_capabilities(struct decoder *d)
{
	uint64_t size = d->args[2] < CAPABILITIES_MOST ? d->args[2] : CAPABILITIES_MOST;

	argument(d);
	if (failed(d) || d->result < 0)
		print_address(d, d->args[1]);
	else
		print_array(d, d->args[1], (uint64_t)d->result < size ? (uint64_t)d->result : size, 1,
		            print_capability);
	argument_unsigned(d, d->args[2]);
}

static bool fetch_sizes(const struct decoder *d, struct keyctl_pkey_params *params)
{
	return d->args[1] && fetch(d, d->args[1], params, sizeof(*params));
}

static void print_public_key(struct decoder *d, bool verifying)
{
	struct keyctl_pkey_params params;

	argument(d);
	if (!fetch_sizes(d, &params)) {
		print_address(d, d->args[1]);
	} else {
		begin_struct(d);
		field(d, "key_id");
		print_serial(d, (uint32_t)params.key_id);
		field_unsigned(d, "in_len", params.in_len);
		field_unsigned(d, verifying ? "in2_len" : "out_len", params.out_len);
		end_struct(d);
	}
	argument_string(d, d->args[2]);
}

static void decode_public_key(struct decoder *d, bool verifying)
{
	struct keyctl_pkey_params params;
	bool there = fetch_sizes(d, &params);

	if (entering(d)) {
		print_public_key(d, verifying);
		argument(d);
		print_bytes(d, d->args[3], there ? params.in_len : 0);
		if (verifying) {
			argument(d);
			print_bytes(d, d->args[4], there ? params.out_len : 0);
		}
	} else if (!verifying) {
		argument(d);
		if (!there || failed(d))
			print_address(d, d->args[4]);
		else
			print_bytes(d, d->args[4], params.out_len);
	}
}

/* What is known of them at the entry. */
static bool enter_simple(struct decoder *d)
{
	const uint64_t *args = d->args;

	switch ((uint32_t)args[0]) {
	case KEYCTL_GET_KEYRING_ID:
		argument_serial(d, args[1]);
		argument_int(d, args[2]);
		break;
	case KEYCTL_JOIN_SESSION_KEYRING:
		argument_string(d, args[1]);
		break;
	case KEYCTL_UPDATE:
		argument_serial(d, args[1]);
		argument(d);
		print_bytes(d, args[2], args[3]);
		argument_unsigned(d, args[3]);
		break;
	case KEYCTL_REVOKE:
	case KEYCTL_CLEAR:
	case KEYCTL_INVALIDATE:
	case KEYCTL_ASSUME_AUTHORITY:
		argument_serial(d, args[1]);
		break;
	case KEYCTL_LINK:
	case KEYCTL_UNLINK:
		argument_serial(d, args[1]);
		argument_serial(d, args[2]);
		break;
	case KEYCTL_SEARCH:
		argument_serial(d, args[1]);
		argument_string(d, args[2]);
		argument_string(d, args[3]);
		argument_serial(d, args[4]);
		break;
	case KEYCTL_SESSION_TO_PARENT:
		break;
	default:
		return false;
	}
	return true;
}

static bool enter_property(struct decoder *d)
{
	const uint64_t *args = d->args;

	switch ((uint32_t)args[0]) {
	case KEYCTL_CHOWN:
		argument_serial(d, args[1]);
		argument(d);
		print_id(d, args[2]);
		argument(d);
		print_id(d, args[3]);
		break;
	case KEYCTL_SETPERM:
		argument_serial(d, args[1]);
		print_permissions(d, (uint32_t)args[2]);
		break;
	case KEYCTL_SET_REQKEY_KEYRING:
		print_default_keyring(d, args[1]);
		break;
	case KEYCTL_SET_TIMEOUT:
		argument_serial(d, args[1]);
		argument_unsigned(d, args[2]);
		break;
	default:
		return false;
	}
	return true;
}

static bool enter_instantiation(struct decoder *d)
{
	const uint64_t *args = d->args;

	switch ((uint32_t)args[0]) {
	case KEYCTL_INSTANTIATE:
		argument_serial(d, args[1]);
		argument(d);
		print_bytes(d, args[2], args[3]);
		argument_unsigned(d, args[3]);
		break;
	case KEYCTL_INSTANTIATE_IOV:
		argument_serial(d, args[1]);
		argument(d);
		print_iovec(d, args[2], args[3], UINT64_MAX);
		argument_unsigned(d, args[3]);
		break;
	case KEYCTL_NEGATE:
		argument_serial(d, args[1]);
		argument_unsigned(d, (uint32_t)args[2]);
		argument_serial(d, args[3]);
		return true;
	case KEYCTL_REJECT:
		argument_serial(d, args[1]);
		argument_unsigned(d, (uint32_t)args[2]);
		print_rejection(d, args[3]);
		break;
	case KEYCTL_GET_PERSISTENT:
		argument(d);
		print_id(d, args[1]);
		argument_serial(d, args[2]);
		return true;
	case KEYCTL_RESTRICT_KEYRING:
		argument_serial(d, args[1]);
		argument_string(d, args[2]);
		argument_string(d, args[3]);
		return true;
	case KEYCTL_MOVE:
		argument_serial(d, args[1]);
		argument_serial(d, args[2]);
		argument_serial(d, args[3]);
		argument_flags(d, &key_move_flags, (uint32_t)args[4]);
		return true;
	default:
		return false;
	}
	argument_serial(d, args[4]);
	return true;
}

/* Those that hand something back. */
static bool decode_answer(struct decoder *d)
{
	const uint64_t *args = d->args;

	switch ((uint32_t)args[0]) {
	case KEYCTL_DESCRIBE:
	case KEYCTL_READ:
	case KEYCTL_GET_SECURITY:
		if (entering(d)) {
			argument_serial(d, args[1]);
			break;
		}
		print_filled(d, args[2], args[3], (uint32_t)args[0] != KEYCTL_READ);
		argument_unsigned(d, args[3]);
		break;
	case KEYCTL_DH_COMPUTE:
		if (entering(d)) {
			print_computation(d, args[1]);
			break;
		}
		print_filled(d, args[2], args[3], false);
		argument_unsigned(d, args[3]);
		argument_address(d, args[4]);
		break;
	case KEYCTL_CAPABILITIES:
		if (d->exiting)
			print_capabilities(d);
		break;
	case KEYCTL_PKEY_QUERY:
		if (entering(d)) {
			argument_serial(d, args[1]);
			argument_unsigned(d, args[2]);
			argument_string(d, args[3]);
		} else {
			argument_address(d, args[4]);
		}
		break;
	case KEYCTL_PKEY_ENCRYPT:
	case KEYCTL_PKEY_DECRYPT:
	case KEYCTL_PKEY_SIGN:
		decode_public_key(d, false);
		break;
	case KEYCTL_PKEY_VERIFY:
		decode_public_key(d, true);
		break;
	default:
		return false;
	}
	return true;
}

static bool is_answered(uint32_t command)
{
	return command == KEYCTL_DESCRIBE || command == KEYCTL_READ || command == KEYCTL_GET_SECURITY ||
	       command == KEYCTL_DH_COMPUTE || command == KEYCTL_CAPABILITIES ||
	       (command >= KEYCTL_PKEY_QUERY && command <= KEYCTL_PKEY_VERIFY);
}

void decode_keyctl(struct decoder *d)
{
	uint32_t command = (uint32_t)d->args[0];

	if (entering(d))
		argument_constant(d, &keyctl_commands, command);
	if (is_answered(command)) {
		decode_answer(d);
		return;
	}
	if (d->exiting || enter_simple(d) || enter_property(d) || enter_instantiation(d))
		return;
	for (int i = 1; i < 5; i++)
		argument_hex(d, d->args[i]);
}

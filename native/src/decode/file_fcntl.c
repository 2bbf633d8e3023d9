/* SPDX-License-Identifier: Apache-2.0
 *
 * fcntl's commands, and locks.
 */
#define _GNU_SOURCE /* F_SETSIG and others */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "constants/file.h"
#include "decode/file.h"

/* include/uapi/asm-generic/fcntl.h; glibc gives those of locks other numbers where an offset has 64 bits anyway */
enum {
	GET_LOCK = 5,
	SET_LOCK = 6,
	SET_LOCK_WAIT = 7,
	GET_LOCK64 = 12,
	SET_LOCK64 = 13,
	SET_LOCK64_WAIT = 14,
	SET_OWNER_EX = 15,
	GET_OWNER_EX = 16,
	OFD_GET_LOCK = 36,
	OFD_SET_LOCK = 37,
	OFD_SET_LOCK_WAIT = 38,
};

#define COMMAND(d) ((uint32_t)(d)->args[1])

struct lock {
	int16_t type, whence;
	int64_t start, length;
	int32_t pid;
};

/* struct flock, or flock64 (`wide`). Only i386 does not align 64 bits to 8 bytes. */
static bool fetch_lock(const struct decoder *d, bool wide, struct lock *lock)
{
	unsigned word = d->word == 8 || wide ? 8 : 4;
	size_t start = d->word == 8 ? 8 : 4, size = start + (size_t)2 * word + 4;
	int32_t narrow[2];
	char bytes[32];

	if (!d->args[2] || !fetch(d, d->args[2], bytes, size))
		return false;
	memcpy(&lock->type, bytes, 2);
	memcpy(&lock->whence, bytes + 2, 2);
	memcpy(&lock->pid, bytes + start + (size_t)2 * word, 4);
	if (word == 8) {
		memcpy(&lock->start, bytes + start, 8);
		memcpy(&lock->length, bytes + start + 8, 8);
	} else {
		memcpy(narrow, bytes + start, sizeof(narrow));
		lock->start = narrow[0];
		lock->length = narrow[1];
	}
	return true;
}

static void print_lock(struct decoder *d, bool wide, bool with_pid)
{
	struct lock lock;

	argument(d);
	if ((with_pid && failed(d)) || !fetch_lock(d, wide, &lock)) {
		print_address(d, d->args[2]);
		return;
	}
	begin_struct(d);
	field(d, "l_type");
	print_constant(d, &lock_types, (uint16_t)lock.type);
	field(d, "l_whence");
	print_constant(d, &seek_origins, (uint16_t)lock.whence);
	field(d, "l_start");
	print_signed(d, lock.start);
	field(d, "l_len");
	print_signed(d, lock.length);
	if (with_pid) {
		field(d, "l_pid");
		print_pid(d, (uint32_t)lock.pid);
	}
	end_struct(d);
}

static void print_owner_ex(struct decoder *d)
{
	uint32_t owner[2];

	argument(d);
	if (!d->args[2] || (d->exiting && failed(d)) || !fetch(d, d->args[2], owner, sizeof(owner))) {
		print_address(d, d->args[2]);
		return;
	}
	begin_struct(d);
	field(d, "type");
	print_constant(d, &owner_types, owner[0]);
	field(d, "pid");
	print_pid(d, owner[1]);
	end_struct(d);
}

/* ---- results that say something ------------------------------------------------------------------------ */

static void note_flags(struct decoder *d, const char *what, const struct constants *table)
{
	result_is(d, RESULT_HEX);
	begin_note(d);
	print(d, "%s", what);
	print_flags(d, table, (uint64_t)d->result);
	end_note(d);
}

/* As strace does, by name, whatever -X says. */
static void note_open_flags(struct decoder *d)
{
	const struct stl_print_options *options = d->options;
	struct stl_print_options by_name = *options;

	by_name.constants = STL_CONSTANTS_ABBREV;
	d->options = &by_name;
	result_is(d, RESULT_HEX);
	begin_note(d);
	print_text(d, "flags ");
	print_open_flags(d, (uint64_t)d->result);
	end_note(d);
	d->options = options;
}

static void print_result(struct decoder *d)
{
	const char *name;

	switch (COMMAND(d)) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		result_is(d, RESULT_FD);
		break;
	case F_GETFD:
		if (d->result)
			note_flags(d, "flags ", &descriptor_flags);
		break;
	case F_GETFL:
		note_open_flags(d);
		break;
	case F_GET_SEALS:
		if (d->result)
			note_flags(d, "seals ", &seals);
		break;
	case F_GETLEASE:
		name = constant_name(&lock_types, (uint64_t)d->result);
		result_is(d, RESULT_HEX);
		if (name)
			result_note(d, "%s", name);
		break;
	case F_GETSIG:
		begin_note(d);
		if (d->result)
			print_signal(d, (uint64_t)d->result);
		end_note(d);
		break;
	case F_GETOWN:
		result_is(d, RESULT_PID);
		break;
	default:
		break;
	}
}

/* ---- by the command --------------------------------------------------------------------------------------- */

static void print_command(struct decoder *d)
{
	argument_fd(d, 0);
	argument_constant(d, 1, &fcntl_commands);
}

static bool has_no_argument(uint32_t command)
{
	switch (command) {
	case F_GETFD:
	case F_GETFL:
	case F_GETOWN:
	case F_GETSIG:
	case F_GETLEASE:
	case F_GETPIPE_SZ:
	case F_GET_SEALS:
		return true;
	default:
		return false;
	}
}

/* A command whose argument is a number; false: it is none. */
static bool print_number(struct decoder *d)
{
	uint64_t value = d->args[2];

	switch (COMMAND(d)) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
	case F_SETPIPE_SZ:
		argument(d);
		print_signed(d, (int64_t)value);
		return true;
	case F_SETOWN:
		argument(d);
		print_pid(d, value);
		return true;
	case F_SETSIG:
		argument(d);
		print_signal(d, value);
		return true;
	case F_SETFD:
		argument_flags(d, 2, &descriptor_flags);
		return true;
	case F_SETFL:
		argument(d);
		print_open_flags(d, (uint32_t)value);
		return true;
	case F_NOTIFY:
		argument(d);
		print_flags(d, &directory_notifications, value);
		return true;
	case F_ADD_SEALS:
		argument(d);
		print_flags(d, &seals, value);
		return true;
	case F_SETLEASE:
		argument(d);
		print_constant(d, &lock_types, value);
		return true;
	default:
		return false;
	}
}

/* i386's old fcntl has no commands with 64-bit offsets; of the others' 64-bit ABIs the kernel knows none either. */
static bool knows_lock64(const struct decoder *d)
{
	return d->call == CALL_fcntl64;
}

/* A command whose argument is a struct that the kernel reads. */
static bool print_struct(struct decoder *d)
{
	switch (COMMAND(d)) {
	case SET_LOCK64:
	case SET_LOCK64_WAIT:
		if (!knows_lock64(d))
			return false;
		/* fall through */
	case OFD_SET_LOCK:
	case OFD_SET_LOCK_WAIT:
		print_lock(d, true, false);
		return true;
	case SET_LOCK:
	case SET_LOCK_WAIT:
		print_lock(d, false, false);
		return true;
	case SET_OWNER_EX:
		print_owner_ex(d);
		return true;
	default:
		return false;
	}
}

static bool is_filled_in(const struct decoder *d)
{
	switch (COMMAND(d)) {
	case GET_LOCK:
	case OFD_GET_LOCK:
	case GET_OWNER_EX:
		return true;
	case GET_LOCK64:
		return knows_lock64(d);
	default:
		return false;
	}
}

static void print_filled_in(struct decoder *d)
{
	if (COMMAND(d) == GET_OWNER_EX)
		print_owner_ex(d);
	else
		print_lock(d, COMMAND(d) != GET_LOCK, true);
}

void decode_fcntl(struct decoder *d)
{
	if (!entering(d)) {
		if (is_filled_in(d))
			print_filled_in(d);
		else if (!failed(d))
			print_result(d);
		return;
	}
	print_command(d);
	if (has_no_argument(COMMAND(d)) || is_filled_in(d) || print_number(d) || print_struct(d))
		return;
	argument(d);
	print_hex(d, d->args[2]);
}

void decode_flock(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_fd(d, 0);
	argument_flags(d, 1, &flock_operations);
}

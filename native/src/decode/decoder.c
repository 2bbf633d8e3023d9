/* SPDX-License-Identifier: Apache-2.0
 *
 * The state of one decoding: whose decoder a call has, its arguments' beginnings, structs, the result's note.
 */
#include <pthread.h>
#include <string.h>

#include "decode/decode.h"
#include "decode/printer.h"

static call_decoder *decoders[CALLS];
static pthread_once_t prepared = PTHREAD_ONCE_INIT;

static void add_family(const struct decoder_entry *entries)
{
	for (; entries->call != CALL_UNKNOWN; entries++)
		decoders[entries->call] = entries->decode;
}

static void prepare(void)
{
	decoders[CALL_restart_syscall] = decode_restart_syscall;
	add_family(file_decoders);
	add_family(network_decoders);
	add_family(process_decoders);
	add_family(system_decoders);
}

void decoders_prepare(void)
{
	pthread_once(&prepared, prepare);
}

call_decoder *decoder_of(enum call_id call)
{
	return (unsigned)call < CALLS ? decoders[call] : NULL;
}

bool verbose(const struct decoder *d)
{
	return d->options->flags & STL_PRINT_VERBOSE;
}

static void print_by_type(struct decoder *d, unsigned type, uint64_t value)
{
	switch (type) {
	case ARGUMENT_DIRFD:
		print_dirfd(d, value);
		break;
	case ARGUMENT_FD:
		print_fd(d, value);
		break;
	case ARGUMENT_ID:
		print_id(d, value);
		break;
	case ARGUMENT_MODE:
		print_mode(d, value);
		break;
	case ARGUMENT_PATH:
		print_path(d, value);
		break;
	case ARGUMENT_PID:
		print_pid(d, value);
		break;
	case ARGUMENT_SIGNAL:
		print_signal(d, value);
		break;
	case ARGUMENT_STRING:
		print_string(d, value);
		break;
	case ARGUMENT_INT:
		print_signed(d, (int32_t)value);
		break;
	case ARGUMENT_LONG:
		print_signed(d, d->word == 4 ? (int32_t)value : (int64_t)value);
		break;
	case ARGUMENT_UNSIGNED:
		print_unsigned(d, (uint32_t)value);
		break;
	case ARGUMENT_UNSIGNED_LONG:
		print_unsigned(d, value);
		break;
	default:
		print_address(d, value);
	}
}

/* A call that no family knows. */
static void decode_by_types(struct decoder *d)
{
	const struct call *call = &calls[d->call];
	unsigned count = call->name ? call->count : 6;

	if (!entering(d))
		return;
	for (unsigned i = 0; i < count; i++) {
		argument(d);
		if (call->name)
			print_by_type(d, call->arguments[i].type, d->args[i]);
		else
			print_hex(d, d->args[i]);
	}
}

void decode_phase(struct decoder *d)
{
	call_decoder *decode = decoder_of(d->call);

	d->out->fields = 0;
	(decode ? decode : decode_by_types)(d);
	end_note(d);
}

void decode_as(struct decoder *d, enum call_id call, const uint64_t args[6])
{
	call_decoder *decode = decoder_of(call);

	/* args may be d's own */
	memmove(d->args, args, sizeof(d->args));
	d->call = call;
	/* a call that is only a way to another is never decoded as itself again */
	(decode && call != CALL_socketcall && call != CALL_ipc ? decode : decode_by_types)(d);
}

void argument_named(struct decoder *d, const char *name, uint64_t value)
{
	struct output *out = d->out;

	if (d->begun && out->count) {
		if (out->count <= OUTPUT_ARGUMENTS)
			out->arguments[out->count - 1].end = out->line.length;
		text_add(&out->line, ", ", 2);
	}
	if (out->count < OUTPUT_ARGUMENTS) {
		out->arguments[out->count++] = (struct output_argument){name, value, false, out->line.length, 0};
	}
	d->begun++;
}

/* What the kernel makes of the register: of an int the upper half has no meaning. */
static uint64_t value_of(const struct decoder *d, unsigned type, uint64_t value, bool *is_signed)
{
	*is_signed = true;
	switch (type) {
	case ARGUMENT_DIRFD:
	case ARGUMENT_FD:
	case ARGUMENT_INT:
	case ARGUMENT_PID:
	case ARGUMENT_SIGNAL:
		return (uint64_t)(int32_t)value;
	case ARGUMENT_LONG:
		return d->word == 4 ? (uint64_t)(int32_t)value : value;
	default:
		*is_signed = false;
		return type == ARGUMENT_ID || type == ARGUMENT_MODE || type == ARGUMENT_UNSIGNED ? (uint32_t)value
		                                                                                 : value;
	}
}

void argument(struct decoder *d)
{
	static const char *const unnamed[] = {"arg0", "arg1", "arg2", "arg3", "arg4", "arg5"};
	const struct call *call = &calls[d->call];
	unsigned at = (unsigned)d->begun;
	bool known = call->name && at < call->count;

	if (!known) {
		argument_named(d, unnamed[at < 6 ? at : 5], at < 6 ? d->args[at] : 0);
		return;
	}
	bool is_signed;
	uint64_t value = value_of(d, call->arguments[at].type, d->args[at], &is_signed);

	argument_named(d, call->arguments[at].name, value);
	d->out->arguments[d->out->count - 1].is_signed = is_signed;
}

void begin_struct(struct decoder *d)
{
	text_add_char(&d->out->line, '{');
	d->out->fields <<= 1;
}

void field(struct decoder *d, const char *name)
{
	struct text *line = &d->out->line;

	if (d->out->fields & 1)
		text_add(line, ", ", 2);
	d->out->fields |= 1;
	if (name && *name) {
		text_add_string(line, name);
		text_add_char(line, '=');
	}
}

void end_struct(struct decoder *d)
{
	d->out->fields >>= 1;
	text_add_char(&d->out->line, '}');
}

void end_struct_short(struct decoder *d)
{
	text_add_string(&d->out->line, d->out->fields & 1 ? ", ..." : "...");
	end_struct(d);
}

void result_is(struct decoder *d, enum result_format format)
{
	d->result_format = format;
}

void result_note(struct decoder *d, const char *format, ...)
{
	va_list arguments;

	d->out->note.length = 0;
	va_start(arguments, format);
	text_add_format_list(&d->out->note, format, arguments);
	va_end(arguments);
}

void begin_note(struct decoder *d)
{
	d->out->note_begin = d->out->line.length + 1;
	d->out->fields <<= 1;
}

void end_note(struct decoder *d)
{
	struct output *out = d->out;

	if (!out->note_begin)
		return;
	size_t begin = out->note_begin - 1;

	text_add(&out->note, out->line.bytes + begin, out->line.length - begin);
	out->line.length = begin;
	out->note_begin = 0;
	out->fields >>= 1;
}

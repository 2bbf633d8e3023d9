/* SPDX-License-Identifier: Apache-2.0
 *
 * One call's record through both phases of its decoder, and its result: what text and JSON have in common.
 */
#define _GNU_SOURCE /* strerrordesc_np(): messages in no user's language */
#include <inttypes.h>
#include <string.h>

#include "decode/printer.h"
#include "decode/strings.h"

/* Results by which the kernel says to itself what becomes of an interrupted call (its include/linux/errno.h). */
static const struct {
	const char *name, *meaning;
} restarts[] = {
	{"ERESTARTSYS", "To be restarted if SA_RESTART is set"}, {"ERESTARTNOINTR", "To be restarted"},
	{"ERESTARTNOHAND", "To be restarted if no handler"},     {NULL, NULL},
	{"ERESTART_RESTARTBLOCK", "Interrupted by signal"},
};
#define FIRST_RESTART 512

static bool has_unserved(const struct stl_record *record)
{
	const struct stl_capture *capture = capture_first(record);

	for (uint32_t i = 0; i < record->captures; i++, capture = capture_next(capture)) {
		if (capture->status == CAPTURE_UNSERVED)
			return true;
	}
	return false;
}

struct decoder decoder_for(struct stl_printer *printer, const struct stl_record *record, const struct task *task)
{
	struct decoder d = {
		.options = &printer->options,
		.out = &printer->output,
		.record = record,
		.call = call_of((int)record->abi, record->number),
		.abi = (int)record->abi,
		.word = record->abi == STL_ABI_I386 ? 4 : 8,
		.interrupted = task ? (enum call_id)task->interrupted : CALL_UNKNOWN,
	};

	for (int i = 0; i < 6; i++)
		d.args[i] = d.word == 4 ? (uint32_t)record->args[i] : record->args[i];
	output_clear(d.out);
	d.out->unserved = has_unserved(record);
	return d;
}

void decoder_exits(struct decoder *d)
{
	const struct stl_record *record = d->record;

	d->exiting = true;
	d->finished = record->type == RECORD_SYSCALL && !(record->flags & RECORD_UNFINISHED);
	d->result = d->finished ? record->result : 0;
	d->error = d->result < 0 && d->result >= -STL_MAX_ERRNO ? (int)-d->result : 0;
}

bool more_arguments(struct decoder *d)
{
	struct output *out = d->out;
	struct decoder copy = *d;
	size_t length = out->line.length, note = out->note.length;
	unsigned count = out->count;
	uint64_t fields = out->fields;
	bool more;

	copy.exiting = true;
	copy.finished = false;
	copy.result = copy.error = 0;
	decode_phase(&copy);
	more = copy.begun > d->begun && out->line.length > length && out->line.bytes[length] == ',';
	out->line.length = length;
	out->note.length = note;
	out->count = count;
	out->fields = fields;
	return more;
}

bool is_restart(int error)
{
	unsigned restart = (unsigned)(error - FIRST_RESTART);

	return restart < sizeof(restarts) / sizeof(*restarts) && restarts[restart].name;
}

static void add_error(struct text *to, int error)
{
	const char *name = stl_errno_name(error), *meaning = strerrordesc_np(error);

	if (is_restart(error)) {
		text_add_format(to, "? %s (%s)", restarts[error - FIRST_RESTART].name,
		                restarts[error - FIRST_RESTART].meaning);
		return;
	}
	text_add_string(to, "-1 ");
	if (!name) {
		text_add_format(to, "(errno %d)", error);
		return;
	}
	text_add_string(to, name);
	text_add_string(to, " (");
	if (meaning)
		text_add_string(to, meaning);
	else
		text_add_format(to, "Unknown error %d", error);
	text_add_char(to, ')');
}

static void add_value(struct decoder *d, struct text *to)
{
	size_t length = d->out->line.length;
	uint64_t value = d->word == 4 ? (uint32_t)d->result : (uint64_t)d->result;

	switch (d->result_format) {
	case RESULT_HEX:
		print_hex(d, value);
		break;
	case RESULT_OCTAL:
		print_mode(d, value);
		break;
	case RESULT_UNSIGNED:
		print_unsigned(d, value);
		break;
	case RESULT_FD:
		print_fd(d, value);
		break;
	case RESULT_PID:
		print_pid(d, value);
		break;
	case RESULT_NONE:
		print_text(d, "?");
		break;
	default:
		text_add_signed(to, d->result);
	}
	text_add(to, d->out->line.bytes + length, d->out->line.length - length);
	d->out->line.length = length;
}

void print_task_name(struct decoder *d, const struct stl_record *record, struct text *to)
{
	size_t length = d->out->line.length;

	print_escaped(d, record->comm, strnlen(record->comm, sizeof(record->comm)), "<>");
	text_add(to, d->out->line.bytes + length, d->out->line.length - length);
	d->out->line.length = length;
}

void print_call_result(struct decoder *d, struct text *to)
{
	if (!d->finished)
		text_add_char(to, '?');
	else if (d->error)
		add_error(to, d->error);
	else
		add_value(d, to);
	if (d->out->note.length && d->finished) {
		text_add(to, " (", 2);
		text_add(to, d->out->note.bytes, d->out->note.length);
		text_add_char(to, ')');
	}
}

void decode_restart_syscall(struct decoder *d)
{
	const char *name = calls[d->interrupted].name;

	/* its arguments are the kernel's secret */
	if (entering(d))
		print(d, "<... resuming interrupted %s ...>", name ? name : "system call");
}

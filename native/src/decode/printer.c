/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes records, asks whether they are wanted, and hands them to a format.
 */
#include "decode/printer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "decode/counts.h"
#include "decode/masks.h"
#include "records/filter.h"

int stl_printer_new(const struct stl_print_options *options, const struct stl_filter *filter, stl_printer **out)
{
	stl_printer *printer;

	if (options->format > STL_FORMAT_COUNTS || options->constants > STL_CONSTANTS_VERBOSE ||
	    options->time > STL_TIME_RELATIVE || memchr(options->node, '\0', sizeof(options->node)) == NULL)
		return -EINVAL;
	printer = calloc(1, sizeof(*printer));
	if (!printer)
		return -ENOMEM;
	printer->options = *options;
	printer->filter = *filter;
	int error = containers_new(&printer->containers);

	if (!error && options->format == STL_FORMAT_COUNTS)
		error = counts_new(&printer->counts);
	if (error) {
		stl_printer_free(printer);
		return error;
	}
	decoders_prepare();
	*out = printer;
	return 0;
}

void stl_printer_free(stl_printer *printer)
{
	if (!printer)
		return;
	for (unsigned i = 0; i < printer->path_count; i++)
		free(printer->paths[i]);
	free(printer->segments);
	masks_free(printer->masks);
	containers_free(printer->containers);
	counts_free(printer->counts);
	tasks_free(&printer->tasks);
	output_free(&printer->output);
	text_free(&printer->pending);
	text_free(&printer->scratch);
	free(printer);
}

int stl_printer_path(stl_printer *printer, const char *path)
{
	if (printer->path_count == PRINTER_PATHS)
		return -ENOSPC;
	if (!(printer->paths[printer->path_count] = strdup(path)))
		return -ENOMEM;
	printer->path_count++;
	return 0;
}

int stl_printer_mask(stl_printer *printer, const char *pattern)
{
	int error = masks_add(&printer->masks, pattern);

	printer->output.masks = printer->masks;
	return error;
}

static bool is_path(const stl_printer *printer, const char *text, size_t size)
{
	for (unsigned i = 0; i < printer->path_count; i++) {
		if (strlen(printer->paths[i]) == size && !memcmp(printer->paths[i], text, size))
			return true;
	}
	return false;
}

/* -P: a path among the arguments, or a descriptor that is one. */
static bool has_path(const stl_printer *printer, const struct stl_record *record)
{
	const struct stl_capture *capture = capture_first(record);
	const struct call *call = &calls[call_of((int)record->abi, record->number)];

	for (uint32_t i = 0; i < record->captures; i++, capture = capture_next(capture)) {
		const char *text = capture_bytes(capture);

		if (capture->kind == CAPTURED_DESCRIPTOR && is_path(printer, text, strnlen(text, capture->size)))
			return true;
		if (capture->kind != CAPTURED_MEMORY)
			continue;
		for (unsigned j = 0; j < call->count; j++) {
			if (call->arguments[j].type == ARGUMENT_PATH && record->args[j] == capture->address &&
			    is_path(printer, text, strnlen(text, capture->size)))
				return true;
		}
	}
	return false;
}

bool is_call(const struct stl_record *record)
{
	return record->type == RECORD_SYSCALL || record->type == RECORD_ENTRY;
}

static bool wanted(const stl_printer *printer, const struct stl_record *record)
{
	const struct stl_filter *filter = &printer->filter;

	switch (record->type) {
	case RECORD_SYSCALL:
	case RECORD_ENTRY:
		if (!filter_call(filter, record->abi, record->number,
		                 call_of((int)record->abi, record->number) != CALL_UNKNOWN))
			return false;
		if (record->type == RECORD_ENTRY && filter_waits_for_exit(filter))
			return false;
		if (record->type == RECORD_SYSCALL &&
		    !filter_result(filter, record->result, !(record->flags & RECORD_UNFINISHED), record->duration_ns))
			return false;
		return !printer->path_count || has_path(printer, record);
	case RECORD_SIGNAL:
	case RECORD_STOPPED:
		return filter_signal(filter, record->number);
	default:
		return true;
	}
}

/* A call that another task's exec has made leaves with that task's ID: the one of the process. */
static void follow_exec(stl_printer *printer, const struct stl_record *record, const struct stl_named *named)
{
	int32_t before = (int32_t)record->args[0];
	struct task *old = before != record->tid ? tasks_find(&printer->tasks, before) : NULL;
	struct task *task;

	if (!old)
		return;
	text_close_own(printer, old, " <unfinished ...>");
	struct task copy = *old;

	tasks_remove(&printer->tasks, before);
	if (printer->open && printer->open_tid == before)
		text_close(printer);
	if (printer->options.format == STL_FORMAT_TEXT)
		text_superseded(printer, record, named);
	if ((task = tasks_add(&printer->tasks, record->tid)))
		task->entry_shown = copy.entry_shown;
}

static void note_task(stl_printer *printer, const struct stl_record *record, struct task *task)
{
	switch (record->type) {
	case RECORD_SYSCALL:
		if (!task)
			break;
		task->entry_shown = false;
		/* restart_syscall(2) that is interrupted itself goes on with the same */
		if (record->result == -516 && call_of((int)record->abi, record->number) != CALL_restart_syscall)
			task->interrupted = (uint16_t)call_of((int)record->abi, record->number);
		break;
	case RECORD_FORK:
		tasks_add(&printer->tasks, (int32_t)record->args[0]);
		break;
	case RECORD_EXIT:
	case RECORD_DETACHED:
		text_close_own(printer, task, " <unfinished ...>");
		tasks_remove(&printer->tasks, record->tid);
	}
}

static void print_one(stl_printer *printer, const struct stl_record *record, const struct stl_named *named)
{
	static print_record *const formats[] = {text_record, json_record, counts_record};
	struct task *task = NULL;

	masks_renew(printer->masks);
	if (record->type == RECORD_EXEC)
		follow_exec(printer, record, named);
	if (record->type != RECORD_DROPPED)
		task = tasks_add(&printer->tasks, record->tid);
	if (wanted(printer, record) && !stl_printer_done(printer))
		formats[printer->options.format](printer, record, named, task);
	note_task(printer, record, task);
}

static void print_lost(stl_printer *printer, const struct stl_named *named)
{
	struct stl_record record = {.size = sizeof(record), .type = RECORD_DROPPED, .slot = named->slot};

	record.serial = named->serial;
	record.args[0] = containers_lost(printer->containers, named->slot, named->serial, &record.args[1]);
	record.time_ns = record.args[1];
	if (record.args[0])
		print_one(printer, &record, named);
}

int stl_printer_container(stl_printer *printer, const struct stl_named *named)
{
	const struct stl_record *record;
	int error = containers_name(printer->containers, named);

	if (error || named->state != STL_NAMED_KEPT)
		return error;
	print_lost(printer, named);
	while ((record = containers_next_held(printer->containers, named->slot, named->serial)))
		print_one(printer, record, containers_of(printer->containers, record));
	return 0;
}

void output_segment(struct stl_printer *printer, int32_t tid)
{
	struct segment *last = printer->segment_count ? &printer->segments[printer->segment_count - 1] : NULL;

	if (last && last->tid == tid) {
		last->end = printer->pending.length;
		return;
	}
	if (printer->segment_count == printer->segment_room) {
		size_t room = printer->segment_room ? printer->segment_room * 2 : 64;
		struct segment *segments = realloc(printer->segments, room * sizeof(*segments));

		if (!segments) {
			printer->pending.cut = true;
			return;
		}
		printer->segments = segments;
		printer->segment_room = room;
	}
	printer->segments[printer->segment_count++] = (struct segment){tid, printer->pending.length};
}

void print_stamp(struct stl_printer *printer, const struct stl_record *record)
{
	uint64_t ns = record->time_ns + (record->type == RECORD_SYSCALL ? record->duration_ns : 0);

	if (!(printer->options.flags & STL_PRINT_STAMPS))
		return;
	if (ns > printer->last_stamp_ns)
		printer->last_stamp_ns = ns;
	text_add_padded(&printer->pending, printer->last_stamp_ns, 20);
	text_add_char(&printer->pending, ' ');
}

static int64_t waiting(const stl_printer *printer)
{
	return (int64_t)(printer->pending.length - printer->taken);
}

static void sort_out(stl_printer *printer, const struct stl_record *record)
{
	const struct stl_named *named = containers_of(printer->containers, record);
	uint32_t state = named ? named->state : STL_NAMED_UNKNOWN;

	if (state == STL_NAMED_UNKNOWN && (printer->options.flags & STL_PRINT_NAME_UNKNOWN ||
	                                   record->slot >= STL_SLOTS || record->type == RECORD_DROPPED))
		print_one(printer, record, NULL);
	else if (state == STL_NAMED_UNKNOWN)
		containers_hold(printer->containers, record);
	else if (state == STL_NAMED_KEPT)
		print_one(printer, record, named);
}

int64_t stl_printer_feed(stl_printer *printer, const void *records, size_t size)
{
	const char *at = records;

	while (size) {
		const struct stl_record *record = (const struct stl_record *)at;

		if (!record_check(record, size))
			return -EINVAL;
		at += record->size;
		size -= record->size;
		if (record->type != RECORD_PAD)
			sort_out(printer, record);
		if (printer->pending.cut)
			return -ENOMEM;
	}
	return waiting(printer);
}

int64_t stl_printer_end(stl_printer *printer)
{
	text_close_all(printer);
	return waiting(printer);
}

int64_t stl_printer_take(stl_printer *printer, char *out, size_t size, int32_t *tid)
{
	size_t there = (size_t)waiting(printer);

	*tid = 0;
	if (printer->segment_first < printer->segment_count) {
		*tid = printer->segments[printer->segment_first].tid;
		there = printer->segments[printer->segment_first].end - printer->taken;
	}
	if (size > there)
		size = there;
	if (!size)
		return 0;
	memcpy(out, printer->pending.bytes + printer->taken, size);
	printer->taken += size;
	if (printer->segment_first < printer->segment_count &&
	    printer->taken == printer->segments[printer->segment_first].end)
		printer->segment_first++;
	if (printer->taken == printer->pending.length) {
		printer->taken = printer->pending.length = 0;
		printer->segment_first = printer->segment_count = 0;
	}
	return (int64_t)size;
}

int stl_printer_done(stl_printer *printer)
{
	return printer->options.limit && printer->lines >= printer->options.limit;
}

uint64_t stl_printer_lines(stl_printer *printer)
{
	return printer->lines;
}

int stl_printer_cells(stl_printer *printer, struct stl_cell *out, int max)
{
	return printer->counts ? counts_cells(printer->counts, out, max) : 0;
}

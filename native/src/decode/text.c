/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines as strace 6.1 has them. One call's line at a time may be open: begun at the call's entry, and either ended at
 * its exit or, when something else is to be said before, left as unfinished.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "decode/printer.h"
#include "decode/strings.h"
#include "records/filter.h"

#define BILLION 1000000000u

static void add_clock(struct stl_printer *printer, uint64_t ns)
{
	struct text *to = &printer->pending;
	int64_t seconds = (int64_t)(ns / BILLION);

	/* localtime_r() once for every quarter of an hour, that zones change by */
	if (seconds < printer->zone_from || seconds >= printer->zone_to) {
		time_t now = (time_t)seconds;
		struct tm local;

		if (!localtime_r(&now, &local))
			memset(&local, 0, sizeof(local));
		printer->zone_offset = local.tm_gmtoff;
		printer->zone_from = seconds - seconds % 900;
		printer->zone_to = printer->zone_from + 900;
	}
	uint64_t day = (uint64_t)(seconds + printer->zone_offset) % 86400;

	text_add_padded(to, day / 3600, 2);
	text_add_char(to, ':');
	text_add_padded(to, day / 60 % 60, 2);
	text_add_char(to, ':');
	text_add_padded(to, day % 60, 2);
}

static void add_time(struct stl_printer *printer, uint64_t ns)
{
	struct text *to = &printer->pending;
	uint64_t since = printer->last_ns && ns > printer->last_ns ? ns - printer->last_ns : 0;

	switch (printer->options.time) {
	case STL_TIME_NONE:
		return;
	case STL_TIME_SECONDS:
		add_clock(printer, ns);
		text_add_char(to, ' ');
		return;
	case STL_TIME_MICROSECONDS:
		add_clock(printer, ns);
		break;
	case STL_TIME_EPOCH:
		text_add_unsigned(to, ns / BILLION);
		break;
	default:
		printer->last_ns = ns;
		text_add_format(to, "%6" PRIu64, since / BILLION);
		ns = since;
	}
	text_add_char(to, '.');
	text_add_padded(to, ns % BILLION / 1000, 6);
	text_add_char(to, ' ');
}

static void add_task(struct stl_printer *printer, const struct stl_record *record)
{
	uint32_t flags = printer->options.flags;
	struct text *to = &printer->pending;
	size_t begin = to->length;

	if (flags & STL_PRINT_NO_PID || (!(flags & STL_PRINT_ALWAYS_PID) && printer->tasks.count < 2))
		return;
	if (flags & STL_PRINT_ALWAYS_PID) {
		text_add_signed(to, record->tid);
		if (!(flags & STL_PRINT_COMMS) && to->length - begin < 5)
			text_add_spaces(to, 5 - (to->length - begin));
	} else {
		text_add_format(to, "[pid %5" PRId32, record->tid);
	}
	if (flags & STL_PRINT_COMMS && record->comm[0]) {
		struct decoder d = {.options = &printer->options, .out = &printer->output};

		text_add_char(to, '<');
		print_task_name(&d, record, to);
		text_add_char(to, '>');
	}
	text_add_string(to, flags & STL_PRINT_ALWAYS_PID ? " " : "] ");
}

/* The colours that are legible on light and dark grounds alike. */
static void add_container(struct stl_printer *printer, const struct stl_named *named)
{
	static const char *const colours[] = {"\33[36m", "\33[33m", "\33[32m", "\33[35m", "\33[34m", "\33[31m"};
	bool colour = printer->options.flags & STL_PRINT_COLOUR;
	struct text *to = &printer->pending;

	if (!(printer->options.flags & STL_PRINT_CONTAINER) || !named)
		return;
	if (colour)
		text_add_string(to, colours[named->slot % (sizeof(colours) / sizeof(*colours))]);
	if (named->pod[0]) {
		text_add_string(to, named->pod);
		text_add_char(to, '/');
	}
	text_add_string(to, named->name[0] ? named->name : named->id);
	text_add_string(to, " |");
	if (colour)
		text_add_string(to, "\33[0m");
	text_add_char(to, ' ');
}

void text_close_own(struct stl_printer *printer, struct task *task, const char *how)
{
	if (!task || !task->open_column)
		return;
	task->open_column = 0;
	text_add_string(&printer->pending, how);
	text_end_line(printer, task->tid);
}

static size_t begin_line(struct stl_printer *printer, const struct stl_record *record, const struct stl_named *named,
                         uint64_t ns)
{
	struct text *to = &printer->pending;

	if (printer->options.flags & STL_PRINT_NO_PID)
		text_close_own(printer, tasks_find(&printer->tasks, record->tid), " <unfinished ...>");
	text_close(printer);
	print_stamp(printer, record);
	add_container(printer, named);
	size_t column = to->length;

	add_task(printer, record);
	add_time(printer, ns);
	if (printer->options.flags & STL_PRINT_IP && !(record->ip && record->type != RECORD_EXIT))
		text_add_string(to, record->abi == STL_ABI_I386 ? "[????????] " : "[????????????????] ");
	else if (printer->options.flags & STL_PRINT_IP)
		text_add_format(to, record->abi == STL_ABI_I386 ? "[%08" PRIx64 "] " : "[%016" PRIx64 "] ", record->ip);
	return column;
}

void text_end_line(struct stl_printer *printer, int32_t tid)
{
	text_add_char(&printer->pending, '\n');
	printer->lines++;
	if (printer->options.flags & STL_PRINT_NO_PID)
		output_segment(printer, tid);
}

void text_close(struct stl_printer *printer)
{
	if (!printer->open)
		return;
	printer->open = false;
	text_add_string(&printer->pending, " <unfinished ...>");
	text_end_line(printer, printer->open_tid);
}

void text_close_all(struct stl_printer *printer)
{
	text_close(printer);
	for (uint32_t i = 0; printer->tasks.places && i < 1u << printer->tasks.bits; i++)
		text_close_own(printer, &printer->tasks.places[i], " <unfinished ...>");
}

static void add_name(struct text *to, const struct decoder *d)
{
	if (calls[d->call].name)
		text_add_string(to, calls[d->call].name);
	else
		text_add_format(to, "syscall_%#x", (unsigned)d->record->number);
}

static void text_entry(struct stl_printer *printer, const struct stl_record *record, const struct stl_named *named,
                       struct task *task)
{
	/* without memory for a task it is printed whole, at its end */
	if (!task)
		return;
	struct decoder d = decoder_for(printer, record, task);
	size_t column = begin_line(printer, record, named, record->time_ns);
	struct text *to = &printer->pending;

	decode_phase(&d);
	add_name(to, &d);
	text_add_char(to, '(');
	text_add(to, d.out->line.bytes, d.out->line.length);
	if (more_arguments(&d))
		text_add(to, ", ", 2);
	printer->open_column = to->length - column;
	printer->open_tid = record->tid;
	printer->open = !(printer->options.flags & STL_PRINT_NO_PID);
	if (!printer->open) {
		task->open_column = (uint32_t)printer->open_column + 1;
		output_segment(printer, record->tid);
	}
	task->entry_shown = true;
}

/* What the exit's phase adds to the line that the entry's has begun; `resumed`: that line was printed before. */
static void add_rest(struct decoder *d, struct text *to, bool resumed)
{
	struct text *line = &d->out->line;
	size_t entry = line->length;
	bool ended = !(d->record->flags & RECORD_UNFINISHED);
	/* whether the entry's line ended with a comma: not before what is there only if the call succeeds */
	bool more = (resumed || !ended) && more_arguments(d);

	decoder_exits(d);
	if (more && !ended) {
		if (!resumed)
			text_add(to, line->bytes, entry);
		text_add_string(to, resumed ? " <unfinished ...>" : ",  <unfinished ...>");
		return;
	}
	decode_phase(d);
	if (resumed && more && line->length - entry >= 2 && !memcmp(line->bytes + entry, ", ", 2))
		entry += 2;
	text_add(to, line->bytes + (resumed ? entry : 0), line->length - (resumed ? entry : 0));
}

static void text_call(struct stl_printer *printer, const struct stl_record *record, const struct stl_named *named,
                      struct task *task)
{
	struct decoder d = decoder_for(printer, record, task);
	struct text *to = &printer->pending;
	bool resumed = record->flags & RECORD_RESUMED && task && task->entry_shown;
	size_t column;

	decode_phase(&d);
	if (resumed && task->open_column) {
		column = to->length - (task->open_column - 1);
		task->open_column = 0;
	} else if (resumed && printer->open && printer->open_tid == record->tid) {
		column = to->length - printer->open_column;
		printer->open = false;
	} else {
		column = begin_line(printer, record, named, record->time_ns + (resumed ? record->duration_ns : 0));
		if (resumed)
			text_add_string(to, "<... ");
		add_name(to, &d);
		text_add_string(to, resumed ? " resumed>" : "(");
	}
	add_rest(&d, to, resumed);
	text_add_char(to, ')');
	column = to->length - column;
	text_add_spaces(to, column + 1 < printer->options.column ? printer->options.column - column : 1);
	text_add(to, "= ", 2);
	print_call_result(&d, to);
	if (printer->options.flags & STL_PRINT_DURATION && d.finished) {
		text_add(to, " <", 2);
		text_add_unsigned(to, record->duration_ns / BILLION);
		text_add_char(to, '.');
		text_add_padded(to, record->duration_ns % BILLION / 1000, 6);
		text_add_char(to, '>');
	}
	text_end_line(printer, record->tid);
	dump_data(printer, &d);
}

static void text_signal(struct stl_printer *printer, const struct stl_record *record, const struct stl_named *named)
{
	struct decoder d = decoder_for(printer, record, NULL);
	const struct stl_capture *info = fetch_kind(&d, CAPTURED_SIGINFO);
	struct text *to = &printer->pending;

	begin_line(printer, record, named, record->time_ns);
	text_add_string(to, "--- ");
	print_signal_name(&d, (uint32_t)record->number);
	if (info) {
		print_text(&d, " ");
		print_siginfo(&d, capture_bytes(info), info->size);
	}
	text_add(to, d.out->line.bytes, d.out->line.length);
	text_add_string(to, " ---");
	text_end_line(printer, record->tid);
}

/* "--- stopped by SIGSTOP ---", "+++ killed by SIGKILL +++" */
static void text_event(struct stl_printer *printer, const struct stl_record *record, const struct stl_named *named,
                       const char *before, int signal, const char *after)
{
	struct decoder d = decoder_for(printer, record, NULL);
	struct text *to = &printer->pending;

	begin_line(printer, record, named, record->time_ns);
	text_add_string(to, before);
	print_signal_name(&d, (uint32_t)signal);
	text_add(to, d.out->line.bytes, d.out->line.length);
	text_add_string(to, after);
	text_end_line(printer, record->tid);
}

static void text_exit(struct stl_printer *printer, const struct stl_record *record, const struct stl_named *named)
{
	struct text *to = &printer->pending;
	int status = (int)record->result;

	/* who took its place is told by the exec's record */
	if (printer->options.flags & STL_PRINT_NO_EXIT || record->args[0])
		return;
	if (WIFSIGNALED(status)) {
		text_event(printer, record, named, "+++ killed by ", WTERMSIG(status),
		           WCOREDUMP(status) ? " (core dumped) +++" : " +++");
	} else {
		begin_line(printer, record, named, record->time_ns);
		text_add_format(to, "+++ exited with %d +++", WEXITSTATUS(status));
		text_end_line(printer, record->tid);
	}
}

void text_superseded(struct stl_printer *printer, const struct stl_record *record, const struct stl_named *named)
{
	if (printer->options.flags & STL_PRINT_NO_SUPERSEDED)
		return;
	begin_line(printer, record, named, record->time_ns);
	text_add_format(&printer->pending, "+++ superseded by execve in pid %" PRId32 " +++", (int32_t)record->args[0]);
	text_end_line(printer, record->tid);
}

/* A message, as strace has it beside its lines. */
static void text_attachment(struct stl_printer *printer, const struct stl_record *record, const struct stl_named *named,
                            const char *what)
{
	if (printer->options.flags & STL_PRINT_NO_ATTACH)
		return;
	text_close(printer);
	print_stamp(printer, record);
	add_container(printer, named);
	text_add_format(&printer->pending, "stracelet: Process %" PRId32 " %s", record->tid, what);
	text_end_line(printer, record->tid);
}

static void text_detached(struct stl_printer *printer, const struct stl_record *record, const struct stl_named *named)
{
	text_close_own(printer, tasks_find(&printer->tasks, record->tid), " <detached ...>");
	if (printer->open && printer->open_tid == record->tid) {
		printer->open = false;
		text_add_string(&printer->pending, " <detached ...>");
		text_end_line(printer, record->tid);
	}
	text_attachment(printer, record, named, "detached");
}

static void text_dropped(struct stl_printer *printer, const struct stl_record *record, const struct stl_named *named)
{
	text_close(printer);
	print_stamp(printer, record);
	add_container(printer, named);
	text_add_format(&printer->pending, "!!! %" PRIu64 " record%s lost here !!!", record->args[0],
	                record->args[0] == 1 ? "" : "s");
	text_end_line(printer, record->tid);
}

void text_record(struct stl_printer *printer, const struct stl_record *record, const struct stl_named *named,
                 struct task *task)
{
	switch (record->type) {
	case RECORD_SYSCALL:
		text_call(printer, record, named, task);
		break;
	case RECORD_ENTRY:
		text_entry(printer, record, named, task);
		break;
	case RECORD_SIGNAL:
		text_signal(printer, record, named);
		break;
	case RECORD_STOPPED:
		text_event(printer, record, named, "--- stopped by ", record->number, " ---");
		break;
	case RECORD_EXIT:
		text_exit(printer, record, named);
		break;
	case RECORD_ATTACHED:
		text_attachment(printer, record, named, "attached");
		break;
	case RECORD_DETACHED:
		text_detached(printer, record, named);
		break;
	case RECORD_DROPPED:
		text_dropped(printer, record, named);
	}
}

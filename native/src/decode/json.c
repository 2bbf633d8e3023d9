/* SPDX-License-Identifier: Apache-2.0
 *
 * A line of JSON for each record; docs/record.schema.json has the fields of each type.
 */
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "decode/masks.h"
#include "decode/printer.h"
#include "decode/strings.h"

#define BILLION 1000000000u
/* Beyond it a double, which is what many readers have for numbers, does not hold every integer. */
#define EXACT (1ll << 53)

/* How many bytes the UTF-8 character there has; 0: it is none. RFC 3629, section 4: no surrogates, nothing overlong. */
static size_t character(const unsigned char *at, size_t size)
{
	static const struct {
		unsigned char low, high, second_low, second_high, size;
	} forms[] = {
		{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
		{0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		if (at[0] < forms[i].low || at[0] > forms[i].high)
			continue;
		if (forms[i].size > size || at[1] < forms[i].second_low || at[1] > forms[i].second_high)
			return 0;
		for (size_t j = 2; j < forms[i].size; j++) {
			if ((at[j] & 0xc0) != 0x80)
				return 0;
		}
		return forms[i].size;
	}
	return 0;
}

/* The number of a character of 2 or 3 bytes that is a control (C1), ends a line (U+2028, U+2029), or turns the writing
 * round (Unicode's annex 9), which terminals and editors obey; else 0. An escape is the same text to the JSON's reader. */
static unsigned steering(const unsigned char *at, size_t bytes)
{
	unsigned code = bytes == 2 ? (at[0] & 0x1fu) << 6 | (at[1] & 0x3fu)
	                           : (at[0] & 0xfu) << 12 | (at[1] & 0x3fu) << 6 | (at[2] & 0x3fu);
	bool steers = (code >= 0x80 && code <= 0x9f) || (code >= 0x2028 && code <= 0x202e) ||
	              (code >= 0x2066 && code <= 0x2069);

	return steers ? code : 0;
}

static void add_escape(struct text *to, unsigned char byte)
{
	static const char digits[] = "0123456789abcdef";
	char escape[] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
	char other[] = {'\\', '\\', 'x', digits[byte >> 4], digits[byte & 15]};

	switch (byte) {
	case '"':
		text_add(to, "\\\"", 2);
		break;
	case '\\':
		text_add(to, "\\\\", 2);
		break;
	case '\n':
		text_add(to, "\\n", 2);
		break;
	case '\t':
		text_add(to, "\\t", 2);
		break;
	default:
		/* a byte that is not UTF-8: \xNN in the text */
		text_add(to, byte < 0x80 ? escape : other, byte < 0x80 ? sizeof(escape) : sizeof(other));
	}
}

static void add_content(struct text *to, const char *text, size_t size)
{
	const unsigned char *at = (const unsigned char *)text, *end = at + size, *plain = at;

	while (at < end) {
		size_t bytes = *at < 0x80 ? *at >= ' ' && *at != '"' && *at != '\\' && *at != 0x7f
		                          : character(at, (size_t)(end - at));
		unsigned code = bytes == 2 || bytes == 3 ? steering(at, bytes) : 0;

		if (bytes && !code) {
			at += bytes;
			continue;
		}
		text_add(to, plain, (size_t)(at - plain));
		if (code)
			text_add_format(to, "\\u%04x", code);
		else
			add_escape(to, *at);
		plain = at += bytes ? bytes : 1;
	}
	text_add(to, plain, (size_t)(at - plain));
}

static void add_string(struct text *to, const char *text, size_t size)
{
	text_add_char(to, '"');
	add_content(to, text, size);
	text_add_char(to, '"');
}

/* A tracee's bytes, of which something may have to be hidden. */
static void add_bytes(struct stl_printer *printer, const char *bytes, size_t size)
{
	struct text *to = &printer->pending;
	size_t begin, end, at = 0;

	text_add_char(to, '"');
	masks_begin(printer->masks, bytes, size);
	while (masks_next(printer->masks, &begin, &end)) {
		add_content(to, bytes + at, begin - at);
		text_add_string(to, MASKED);
		at = end;
	}
	add_content(to, bytes + at, size - at);
	text_add_char(to, '"');
}

static void add_key(struct text *to, const char *name)
{
	text_add(to, ",\"", 2);
	text_add_string(to, name);
	text_add(to, "\":", 2);
}

static void add_named(struct text *to, const char *name, const char *value, size_t size)
{
	add_key(to, name);
	add_string(to, value, strnlen(value, size));
}

static void add_integer(struct text *to, int64_t value)
{
	bool exact = value >= -EXACT && value <= EXACT;

	if (!exact)
		text_add_char(to, '"');
	text_add_signed(to, value);
	if (!exact)
		text_add_char(to, '"');
}

static void add_number(struct text *to, const char *name, int64_t value)
{
	add_key(to, name);
	add_integer(to, value);
}

static void add_natural(struct text *to, uint64_t value)
{
	if (value <= INT64_MAX) {
		add_integer(to, (int64_t)value);
		return;
	}
	text_add_char(to, '"');
	text_add_unsigned(to, value);
	text_add_char(to, '"');
}

static void add_time(struct stl_printer *printer, const char *name, uint64_t ns)
{
	struct text *to = &printer->pending;
	time_t seconds = (time_t)(ns / BILLION);
	struct tm day;

	/* the date is worked out once a day */
	if ((int64_t)seconds < printer->zone_from || (int64_t)seconds >= printer->zone_to) {
		printer->zone_from = seconds - seconds % 86400;
		printer->zone_to = printer->zone_from + 86400;
		if (!gmtime_r(&seconds, &day) || !strftime(printer->date, sizeof(printer->date), "%Y-%m-%dT", &day))
			printer->date[0] = '\0';
	}
	text_add_char(to, '"');
	text_add_string(to, name);
	text_add(to, "\":\"", 3);
	text_add_string(to, printer->date);
	text_add_padded(to, (uint64_t)seconds % 86400 / 3600, 2);
	text_add_char(to, ':');
	text_add_padded(to, (uint64_t)seconds / 60 % 60, 2);
	text_add_char(to, ':');
	text_add_padded(to, (uint64_t)seconds % 60, 2);
	text_add_char(to, '.');
	text_add_padded(to, ns % BILLION, 9);
	text_add(to, "Z\"", 2);
}

static void add_duration(struct text *to, uint64_t ns)
{
	add_key(to, "duration");
	text_add_unsigned(to, ns / BILLION);
	text_add_char(to, '.');
	text_add_padded(to, ns % BILLION, 9);
}

static void begin_object(struct stl_printer *printer, const struct stl_record *record, const struct stl_named *named,
                         const char *type)
{
	static const struct stl_named nobody;
	struct text *to = &printer->pending;

	if (!named)
		named = &nobody;
	print_stamp(printer, record);
	text_add_char(to, '{');
	add_time(printer, "time", record->time_ns);
	add_named(to, "node", printer->options.node, sizeof(printer->options.node));
	add_named(to, "namespace", named->namespace, sizeof(named->namespace));
	add_named(to, "pod", named->pod, sizeof(named->pod));
	add_named(to, "container", named->name, sizeof(named->name));
	add_named(to, "container_id", named->id, sizeof(named->id));
	if (record->type != RECORD_DROPPED) {
		add_number(to, "pid", record->pid);
		add_number(to, "tid", record->tid);
		add_number(to, "vpid", record->vpid);
		add_number(to, "vtid", record->vtid);
		add_key(to, "comm");
		add_bytes(printer, record->comm, strnlen(record->comm, sizeof(record->comm)));
	}
	add_named(to, "type", type, strlen(type));
}

static void end_object(struct stl_printer *printer, const struct stl_record *record)
{
	text_add_char(&printer->pending, '}');
	text_end_line(printer, record->tid);
}

static void add_arguments(struct decoder *d, struct text *to)
{
	struct output *out = d->out;

	add_key(to, "args");
	text_add_char(to, '[');
	for (unsigned i = 0; i < out->count; i++) {
		const struct output_argument *argument = &out->arguments[i];
		size_t end = i + 1 < out->count ? argument->end : out->line.length;

		text_add_string(to, i ? ",{\"name\":" : "{\"name\":");
		add_string(to, argument->name, strlen(argument->name));
		text_add_string(to, ",\"value\":");
		if (argument->is_signed)
			add_integer(to, (int64_t)argument->value);
		else
			add_natural(to, argument->value);
		text_add_string(to, ",\"text\":");
		add_string(to, out->line.bytes + argument->begin, end - argument->begin);
		text_add_char(to, '}');
	}
	text_add_char(to, ']');
}

static void add_result(struct stl_printer *printer, struct decoder *d)
{
	struct text *to = &printer->pending;
	/* what the kernel says to itself is no errno */
	bool restarts = is_restart(d->error), fails = d->error && !restarts;
	const char *error = fails ? stl_errno_name(d->error) : NULL;

	add_key(to, "ret");
	if (!d->finished || restarts)
		text_add_string(to, "null");
	else if (d->result_format == RESULT_HEX || d->result_format == RESULT_UNSIGNED)
		fails ? add_integer(to, -1) : add_natural(to, (uint64_t)d->result);
	else
		add_integer(to, fails ? -1 : d->result);
	add_key(to, "errno");
	if (!fails)
		text_add_string(to, "null");
	else if (error)
		add_string(to, error, strlen(error));
	else
		text_add_format(to, "\"%d\"", d->error);
	printer->scratch.length = 0;
	print_call_result(d, &printer->scratch);
	add_key(to, "result");
	add_string(to, printer->scratch.bytes, printer->scratch.length);
	if (d->finished)
		add_duration(to, d->record->duration_ns);
}

static void json_call(struct stl_printer *printer, const struct stl_record *record, const struct stl_named *named,
                      struct task *task)
{
	struct decoder d = decoder_for(printer, record, task);
	struct text *to = &printer->pending;
	const char *name;

	decode_phase(&d);
	if (record->type == RECORD_SYSCALL) {
		decoder_exits(&d);
		decode_phase(&d);
	}
	begin_object(printer, record, named, record->type == RECORD_SYSCALL ? "syscall" : "unfinished");
	add_key(to, "syscall");
	if ((name = calls[d.call].name))
		add_string(to, name, strlen(name));
	else
		text_add_format(to, "\"syscall_%#x\"", (unsigned)record->number);
	add_arguments(&d, to);
	if (record->type == RECORD_SYSCALL)
		add_result(printer, &d);
	end_object(printer, record);
}

static void add_signal_name(struct text *to, const char *key, int signal)
{
	const char *name = stl_signal_name(signal);

	add_key(to, key);
	if (name)
		add_string(to, name, strlen(name));
	else
		text_add_format(to, "\"%d\"", signal);
}

static void json_signal(struct stl_printer *printer, const struct stl_record *record, const struct stl_named *named)
{
	struct decoder d = decoder_for(printer, record, NULL);
	const struct stl_capture *info = fetch_kind(&d, CAPTURED_SIGINFO);
	struct text *to = &printer->pending;

	begin_object(printer, record, named, record->type == RECORD_SIGNAL ? "signal" : "stopped");
	add_signal_name(to, "signal", record->number);
	if (info) {
		print_siginfo(&d, capture_bytes(info), info->size);
		add_key(to, "siginfo");
		add_string(to, d.out->line.bytes, d.out->line.length);
	}
	end_object(printer, record);
}

/* argv, as it was captured: its end may be missing. */
static void add_strings(struct stl_printer *printer, const struct stl_capture *strings)
{
	struct text *to = &printer->pending;
	const char *at = (const char *)capture_bytes(strings) + 8, *end = at - 8 + strings->size;

	add_key(to, "argv");
	if (printer->options.flags & STL_PRINT_MASK_EXEC) {
		text_add_string(to, "[\"" MASKED "\"]");
		return;
	}
	text_add_char(to, '[');
	for (bool first = true; at < end; first = false) {
		size_t size = strnlen(at, (size_t)(end - at));

		if (!first)
			text_add_char(to, ',');
		add_bytes(printer, at, size);
		at += size + 1;
	}
	text_add_char(to, ']');
}

static void json_exec(struct stl_printer *printer, const struct stl_record *record, const struct stl_named *named)
{
	struct decoder d = decoder_for(printer, record, NULL);
	const struct stl_capture *path = fetch_kind(&d, CAPTURED_MEMORY), *argv = fetch_kind(&d, CAPTURED_STRINGS);
	struct text *to = &printer->pending;

	begin_object(printer, record, named, "exec");
	if ((int32_t)record->args[0] != record->tid)
		add_number(to, "former_tid", (int32_t)record->args[0]);
	if (path) {
		add_key(to, "path");
		add_bytes(printer, capture_bytes(path), strnlen(capture_bytes(path), path->size));
	}
	if (argv && argv->size >= 8)
		add_strings(printer, argv);
	end_object(printer, record);
}

static void json_exit(struct stl_printer *printer, const struct stl_record *record, const struct stl_named *named)
{
	struct text *to = &printer->pending;
	int status = (int)record->result;

	begin_object(printer, record, named, "exit");
	if (record->args[0]) {
		add_key(to, "superseded");
		text_add_string(to, "true");
	} else if (WIFSIGNALED(status)) {
		add_signal_name(to, "signal", WTERMSIG(status));
		add_key(to, "core_dumped");
		text_add_string(to, WCOREDUMP(status) ? "true" : "false");
	} else {
		add_number(to, "status", WEXITSTATUS(status));
	}
	end_object(printer, record);
}

static void json_dropped(struct stl_printer *printer, const struct stl_record *record, const struct stl_named *named)
{
	begin_object(printer, record, named, "dropped");
	add_key(&printer->pending, "count");
	add_natural(&printer->pending, record->args[0]);
	text_add_char(&printer->pending, ',');
	add_time(printer, "since", record->args[1]);
	end_object(printer, record);
}

void json_record(struct stl_printer *printer, const struct stl_record *record, const struct stl_named *named,
                 struct task *task)
{
	switch (record->type) {
	case RECORD_SYSCALL:
	case RECORD_ENTRY:
		json_call(printer, record, named, task);
		break;
	case RECORD_SIGNAL:
	case RECORD_STOPPED:
		json_signal(printer, record, named);
		break;
	case RECORD_FORK:
		begin_object(printer, record, named, "fork");
		add_number(&printer->pending, "child", (int32_t)record->args[0]);
		add_number(&printer->pending, "child_vtid", (int32_t)record->args[1]);
		end_object(printer, record);
		break;
	case RECORD_EXEC:
		json_exec(printer, record, named);
		break;
	case RECORD_EXIT:
		json_exit(printer, record, named);
		break;
	case RECORD_ATTACHED:
	case RECORD_DETACHED:
		begin_object(printer, record, named, record->type == RECORD_ATTACHED ? "attached" : "detached");
		end_object(printer, record);
		break;
	case RECORD_DROPPED:
		json_dropped(printer, record, named);
	}
}

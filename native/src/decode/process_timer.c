/* SPDX-License-Identifier: Apache-2.0
 *
 * Timers: getitimer(2), timer_create(2), adjtimex(2).
 */
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "constants/process.h"
#include "decode/process.h"

static void print_interval(struct decoder *d, uint64_t address, unsigned word, print_pointed *print_time)
{
	char whole[32];

	if (!address || !fetch(d, address, whole, (size_t)word * 4)) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field(d, "it_interval");
	print_time(d, address);
	field(d, "it_value");
	print_time(d, address + (uint64_t)word * 2);
	end_struct(d);
}

static void print_itimerval(struct decoder *d, uint64_t address)
{
	print_interval(d, address, d->word, print_timeval);
}

static void print_itimerspec(struct decoder *d, uint64_t address)
{
	print_interval(d, address, d->word, print_timespec);
}

static void print_itimerspec64(struct decoder *d, uint64_t address)
{
	print_interval(d, address, 8, print_timespec64);
}

void decode_getitimer(struct decoder *d)
{
	argument(d);
	if (entering(d))
		print_constant(d, &itimer_kinds, (uint32_t)d->args[0]);
	else
		print_filled(d, d->args[1], print_itimerval);
}

void decode_setitimer(struct decoder *d)
{
	argument(d);
	if (entering(d)) {
		print_constant(d, &itimer_kinds, (uint32_t)d->args[0]);
		argument(d);
		print_itimerval(d, d->args[1]);
	} else {
		print_filled(d, d->args[2], print_itimerval);
	}
}

/* ---- POSIX timers ------------------------------------------------------------------------------------------- */

/* struct sigevent as the kernel has it: sigval, signal, how to notify, then what SIGEV_THREAD_ID and _THREAD need. */
struct event {
	uint64_t value, function, attributes;
	int32_t signal, notify, thread;
};

static bool fetch_event(const struct decoder *d, uint64_t address, struct event *event)
{
	unsigned char bytes[32] = {0};
	unsigned word = d->word;

	if (!address || !fetch(d, address, bytes, (size_t)word * 4))
		return false;
	*event = (struct event){0};
	memcpy(&event->value, bytes, word);
	memcpy(&event->signal, bytes + word, 4);
	memcpy(&event->notify, bytes + word + 4, 4);
	memcpy(&event->thread, bytes + word + 8, 4);
	memcpy(&event->function, bytes + word + 8, word);
	memcpy(&event->attributes, bytes + 2 * word + 8, word == 8 ? 8 : 0);
	if (word == 4 && !fetch_word(d, address + 16, &event->attributes))
		event->attributes = 0;
	return true;
}

static void print_sigevent(struct decoder *d, uint64_t address)
{
	struct event event;

	if (!fetch_event(d, address, &event)) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	if (event.value) {
		field(d, "sigev_value");
		print(d, "{sival_int=%" PRId32 ", sival_ptr=0x%" PRIx64 "}", (int32_t)event.value, event.value);
	}
	field(d, "sigev_signo");
	if (event.notify == SIGEV_SIGNAL || event.notify == SIGEV_THREAD || event.notify == SIGEV_THREAD_ID)
		print_signal(d, (uint32_t)event.signal);
	else
		print_unsigned(d, (uint32_t)event.signal);
	field(d, "sigev_notify");
	print_constant(d, &sigevent_notifications, (uint32_t)event.notify);
	if (event.notify == SIGEV_THREAD_ID) {
		field(d, "sigev_notify_thread_id");
		print_pid(d, (uint32_t)event.thread);
	} else if (event.notify == SIGEV_THREAD) {
		field(d, "sigev_notify_function");
		print_address(d, event.function);
		field(d, "sigev_notify_attributes");
		print_address(d, event.attributes);
	}
	end_struct(d);
}

void decode_timer_create(struct decoder *d)
{
	argument(d);
	if (entering(d)) {
		print_constant(d, &clock_ids, (uint32_t)d->args[0]);
		argument(d);
		print_sigevent(d, d->args[1]);
	} else {
		print_filled(d, d->args[2], print_int_at);
	}
}

void decode_timer_id(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_signed(d, (int32_t)d->args[0]);
}

static void timer_settime(struct decoder *d, print_pointed *print_it)
{
	argument(d);
	if (!entering(d)) {
		print_filled(d, d->args[3], print_it);
		return;
	}
	print_signed(d, (int32_t)d->args[0]);
	argument(d);
	print_flags(d, &timer_flags, (uint32_t)d->args[1]);
	argument(d);
	print_it(d, d->args[2]);
}

void decode_timer_settime(struct decoder *d)
{
	timer_settime(d, print_itimerspec);
}

void decode_timer_settime64(struct decoder *d)
{
	timer_settime(d, print_itimerspec64);
}

static void timer_gettime(struct decoder *d, print_pointed *print_it)
{
	argument(d);
	if (entering(d))
		print_signed(d, (int32_t)d->args[0]);
	else
		print_filled(d, d->args[1], print_it);
}

void decode_timer_gettime(struct decoder *d)
{
	timer_gettime(d, print_itimerspec);
}

void decode_timer_gettime64(struct decoder *d)
{
	timer_gettime(d, print_itimerspec64);
}

/* ---- adjtimex ------------------------------------------------------------------------------------------------- */

enum timex_kind { TIMEX_MODES, TIMEX_STATUS, TIMEX_WORD, TIMEX_INT, TIMEX_SECONDS, TIMEX_MICROSECONDS };

/* struct timex, in order; adjtimex(2). Longs are aligned as longs. */
static const struct {
	const char *name;
	enum timex_kind kind;
} timex_fields[] = {
	{"modes", TIMEX_MODES},    {"offset", TIMEX_WORD},   {"freq", TIMEX_WORD},     {"maxerror", TIMEX_WORD},
	{"esterror", TIMEX_WORD},  {"status", TIMEX_STATUS}, {"constant", TIMEX_WORD}, {"precision", TIMEX_WORD},
	{"tolerance", TIMEX_WORD}, {"time", TIMEX_SECONDS},  {"", TIMEX_MICROSECONDS}, {"tick", TIMEX_WORD},
	{"ppsfreq", TIMEX_WORD},   {"jitter", TIMEX_WORD},   {"shift", TIMEX_INT},     {"stabil", TIMEX_WORD},
	{"jitcnt", TIMEX_WORD},    {"calcnt", TIMEX_WORD},   {"errcnt", TIMEX_WORD},   {"stbcnt", TIMEX_WORD},
	{"tai", TIMEX_INT},
};
#define TIMEX_MOST 208

static bool is_int(enum timex_kind kind)
{
	return kind == TIMEX_MODES || kind == TIMEX_STATUS || kind == TIMEX_INT;
}

static void print_timex_field(struct decoder *d, const char *name, enum timex_kind kind, int64_t value)
{
	if (kind != TIMEX_MICROSECONDS)
		field(d, name);
	switch (kind) {
	case TIMEX_MODES:
		print_flags(d, &adjtimex_modes, (uint32_t)value);
		break;
	case TIMEX_STATUS:
		print_flags(d, &adjtimex_status, (uint32_t)value);
		break;
	case TIMEX_SECONDS:
		print(d, "{tv_sec=%" PRId64, value);
		break;
	case TIMEX_MICROSECONDS:
		print(d, ", tv_usec=%" PRIu64 "}", (uint64_t)value);
		break;
	default:
		print_signed(d, value);
	}
}

static void print_timex_of(struct decoder *d, uint64_t address, unsigned word)
{
	unsigned char bytes[TIMEX_MOST];
	size_t offset = 0;

	if (!address || !fetch(d, address, bytes, word == 8 ? TIMEX_MOST : 128)) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	for (size_t i = 0; i < sizeof(timex_fields) / sizeof(*timex_fields); i++) {
		size_t size = is_int(timex_fields[i].kind) ? 4 : word;
		int64_t value;
		int32_t narrow;

		offset = (offset + size - 1) / size * size;
		memcpy(&narrow, bytes + offset, sizeof(narrow));
		value = narrow;
		if (size == 8)
			memcpy(&value, bytes + offset, sizeof(value));
		offset += size;
		print_timex_field(d, timex_fields[i].name, timex_fields[i].kind, value);
	}
	end_struct(d);
}

static void print_timex(struct decoder *d, uint64_t address)
{
	print_timex_of(d, address, d->word);
}

static void print_timex64(struct decoder *d, uint64_t address)
{
	print_timex_of(d, address, 8);
}

static void adjusted(struct decoder *d, uint64_t address, print_pointed *print_it)
{
	argument(d);
	print_filled(d, address, print_it);
	if (!failed(d))
		note_constant(d, &adjtimex_states, (uint64_t)d->result);
}

void decode_adjtimex(struct decoder *d)
{
	if (!entering(d))
		adjusted(d, d->args[0], print_timex);
}

static void clock_adjtime(struct decoder *d, print_pointed *print_it)
{
	if (entering(d)) {
		argument(d);
		print_constant(d, &clock_ids, (uint32_t)d->args[0]);
	} else {
		adjusted(d, d->args[1], print_it);
	}
}

void decode_clock_adjtime(struct decoder *d)
{
	clock_adjtime(d, print_timex);
}

void decode_clock_adjtime64(struct decoder *d)
{
	clock_adjtime(d, print_timex64);
}

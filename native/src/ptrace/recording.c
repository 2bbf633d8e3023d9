/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "recording.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <time.h>

#include "capture.h"
#include "clock.h"
#include "descriptors.h"
#include "newimage.h"
#include "records/behind.h"
#include "records/ring.h"

#define OPEN_NS (10 * NS_PER_MS)
#define WAIT_NS 200000
#define STRING_LIMIT_MOST (RECORD_MAX / 4)

struct recording {
	struct builder builder;
	struct capture_row made;
	const struct capture_row *row;
	enum call_id call; /* of socketcall(2) the one behind it, and its arguments */
	uint64_t args[6];
	bool begun;   /* the record of its present call */
	bool written; /* the entry of that, as a record of its own */
	bool known;   /* who it is */
	int32_t pid, vtid, vpid;
	char comm[RECORD_COMM];
	uint64_t entry_ns;
};

struct settings {
	uint32_t flags, string_limit;
	struct stl_filter filter;
};

struct recorder {
	struct thread *thread;
	struct ring ring;
	uint32_t generation;
	struct settings settings;
	struct tracee *open; /* in a call whose entry is not written yet */
	_Atomic uint64_t open_since_ns;
	uint64_t last_order_ns;
	struct capturer capturer;
	struct builder event; /* of what is no call */
};

_Atomic uint32_t recording_flags;

static const struct stl_positions *positions;
static _Atomic int64_t wall_offset_ns; /* CLOCK_REALTIME less CLOCK_MONOTONIC */
static pthread_mutex_t settings_lock = PTHREAD_MUTEX_INITIALIZER;
static struct settings asked;
static struct stl_filter next_filter; /* as it comes in, in parts */
static _Atomic uint32_t generation;

/* ---- the control thread's ----------------------------------------------------------------------------- */

void recording_tick(void)
{
	atomic_store_explicit(&wall_offset_ns, (int64_t)(wall_ns() - clock_ns()), memory_order_relaxed);
}

void recording_open(const struct stl_positions *mapped)
{
	positions = mapped;
	memory_prepare();
	rows_prepare();
	memset(&next_filter, 0xff, sizeof(next_filter));
	next_filter.min_duration_ns = 0;
	next_filter.status = STL_STATUS_ALL;
	memset(next_filter.dump_reads, 0, sizeof(next_filter.dump_reads));
	memset(next_filter.dump_writes, 0, sizeof(next_filter.dump_writes));
	recording_tick();
}

void recording_take_filter(const struct stl_message *message)
{
	size_t from = (size_t)message->value, size = (size_t)message->detail;

	if (message->value < 0 || message->detail < 0 || size > sizeof(message->text) || from > sizeof(next_filter) ||
	    size > sizeof(next_filter) - from)
		return;
	memcpy((char *)&next_filter + from, message->text, size);
}

void recording_request(const struct stl_message *message)
{
	uint64_t limit = message->detail < 0 ? 0 : (uint64_t)message->detail;

	pthread_mutex_lock(&settings_lock);
	asked.flags = (uint32_t)message->value;
	asked.string_limit = limit < STRING_LIMIT_MOST ? (uint32_t)limit : STRING_LIMIT_MOST;
	asked.filter = next_filter;
	pthread_mutex_unlock(&settings_lock);
	atomic_fetch_add(&generation, 1);
	atomic_store(&recording_flags, asked.flags);
}

/* ---- a thread's ------------------------------------------------------------------------------------------ */

struct recorder *recorder_new(struct thread *thread)
{
	struct recorder *recorder = calloc(1, sizeof(*recorder));

	if (!recorder)
		return NULL;
	recorder->thread = thread;
	ring_open(&recorder->ring, &thread->arena->rings[thread->index], &positions->rings[thread->index]);
	return recorder;
}

void recorder_close(struct recorder *recorder)
{
	capturer_close(&recorder->capturer);
	builder_free(&recorder->event);
	free(recorder);
}

uint64_t recorder_open_since(const struct recorder *recorder)
{
	return atomic_load_explicit(&recorder->open_since_ns, memory_order_relaxed);
}

static void refresh(struct recorder *r)
{
	uint32_t now = atomic_load_explicit(&generation, memory_order_acquire);

	if (now == r->generation)
		return;
	pthread_mutex_lock(&settings_lock);
	r->settings = asked;
	pthread_mutex_unlock(&settings_lock);
	r->generation = now;
}

static bool is_in(const uint64_t *set, uint64_t bit)
{
	return set[bit / 64] >> (bit % 64) & 1;
}

static bool call_wanted(const struct settings *settings, int abi, uint64_t number)
{
	if (abi >= STL_ABI_UNKNOWN || number >= STL_MAX_NUMBER)
		return settings->filter.unknown;
	return is_in(settings->filter.calls + abi * STL_FILTER_WORDS, number);
}

/* Where it depends on its end whether a call is wanted, nothing is said of it before that. */
static bool holds_back(const struct settings *settings)
{
	return settings->filter.min_duration_ns || (settings->filter.status & STL_STATUS_ALL) != STL_STATUS_ALL;
}

static void set_open(struct recorder *r, struct tracee *tracee, uint64_t now)
{
	r->open = tracee;
	atomic_store_explicit(&r->open_since_ns, tracee ? now : 0, memory_order_relaxed);
}

/* A reader that is slow is waited for, unless it is time to let the tracees go. */
static void wait_for_room(struct recorder *r, uint32_t size)
{
	const struct timespec pause = {0, WAIT_NS};

	while (!ring_has_room(&r->ring, size) && !thread_is_called(r->thread)) {
		thread_beat(r->thread);
		nanosleep(&pause, NULL);
	}
}

static void put(struct recorder *r, struct stl_record *record, uint64_t now)
{
	if (r->settings.flags & STL_RECORD_LOSSLESS && !ring_has_room(&r->ring, record->size)) {
		wait_for_room(r, record->size);
		now = clock_ns();
	}
	if (now < r->last_order_ns)
		now = r->last_order_ns;
	r->last_order_ns = record->order_ns = now;
	ring_put(&r->ring, record);
}

static void write_entry(struct recorder *r, uint64_t now)
{
	struct recording *recording = r->open->recording;

	set_open(r, NULL, 0);
	recording->written = true;
	recording->builder.record->type = RECORD_ENTRY;
	put(r, recording->builder.record, now);
	recording->builder.record->type = RECORD_SYSCALL;
}

void recording_poll(struct thread *thread, uint64_t now)
{
	struct recorder *r = thread->recorder;

	if (r->open && now - recorder_open_since(r) >= OPEN_NS)
		write_entry(r, now);
}

/* ---- who it is ------------------------------------------------------------------------------------------- */

static struct recording *recording_of(struct tracee *tracee)
{
	if (!tracee->recording)
		tracee->recording = calloc(1, sizeof(*tracee->recording));
	return tracee->recording;
}

static void identify(struct tracee *tracee, struct recording *recording)
{
	struct task_status status;

	recording->known = true;
	memset(recording->comm, 0, sizeof(recording->comm));
	task_comm_read(tracee->tid, recording->comm);
	if (task_status_read(tracee->tid, &status) < 0)
		return;
	recording->pid = status.tgid;
	recording->vpid = status.ns_tgid;
	recording->vtid = status.ns_depth ? status.ns_pid[status.ns_depth - 1] : 0;
}

static uint64_t wall_of(uint64_t monotonic_ns)
{
	return monotonic_ns + (uint64_t)atomic_load_explicit(&wall_offset_ns, memory_order_relaxed);
}

static void describe(const struct recorder *r, struct tracee *tracee, struct stl_record *record, uint64_t now)
{
	struct recording *recording = tracee->recording;

	if (!recording->known)
		identify(tracee, recording);
	record->time_ns = wall_of(now);
	record->serial = atomic_load_explicit(&tracee->container->slot->serial, memory_order_relaxed);
	record->slot = arena_slot_index(r->thread->arena, tracee->container->slot);
	record->tid = tracee->tid;
	record->pid = recording->pid;
	record->vtid = recording->vtid;
	record->vpid = recording->vpid;
	memcpy(record->comm, recording->comm, sizeof(record->comm));
}

/* ---- calls -------------------------------------------------------------------------------------------------- */

static struct capture_call call_of_tracee(const struct recorder *r, struct tracee *tracee,
                                          const struct stl_record *record, uint8_t phase)
{
	const struct recording *recording = tracee->recording;
	const struct stl_filter *filter = &r->settings.filter;
	const uint64_t *dumped = phase == PHASE_ENTRY ? filter->dump_writes : filter->dump_reads;

	struct capture_call call = {
		.task = {tracee->tid, recording->pid, &tracee->container->hung_until_ns},
		.abi = (int)record->abi,
		.call = recording->call,
		.result = record->result,
		.phase = phase,
		.string_limit = r->settings.string_limit,
		.whole_data = is_in(dumped, recording->args[0] & 255) && recording->args[0] < 256,
		.no_data = r->settings.flags & STL_RECORD_NO_DATA,
		.verbose = r->settings.flags & STL_RECORD_VERBOSE,
	};

	memcpy(call.args, recording->args, sizeof(call.args));
	return call;
}

static bool wants(const struct recorder *r, uint32_t flag)
{
	return r->settings.flags & flag;
}

static enum call_id id_of(int abi, uint64_t number)
{
	return abi < STL_ABI_UNKNOWN && number < STL_MAX_NUMBER ? call_of(abi, (int)number) : CALL_UNKNOWN;
}

static void describe_descriptors(struct recorder *r, struct tracee *tracee, uint8_t phase, bool failed)
{
	struct recording *recording = tracee->recording;
	uint32_t limit = wants(r, STL_RECORD_VERBOSE) ? UINT32_MAX : r->settings.string_limit;

	descriptors_capture(tracee, recording->row, recording->args, recording->builder.record->result, phase, failed,
	                    limit, wants(r, STL_RECORD_ADDRESSES), &recording->builder);
}

/* A call behind a call has its arguments in memory: they are what is captured first. */
static void look_behind(struct recorder *r, struct tracee *tracee)
{
	struct recording *recording = tracee->recording;
	struct call_behind behind = call_behind(tracee->abi, recording->call, recording->args);
	uint32_t words[6] = {0};
	struct stl_capture capture = {.address = behind.address, .kind = CAPTURED_MEMORY, .phase = PHASE_ENTRY};
	struct memory_task task = {tracee->tid, recording->pid, &tracee->container->hung_until_ns};
	struct memory_piece piece = {.address = behind.address, .into = (unsigned char *)words};
	void *into;

	if (!behind.count)
		return;
	piece.size = capture.size = behind.count * (uint32_t)sizeof(*words);
	memory_begin(&r->capturer.memory);
	memory_read(&r->capturer.memory, &task, &piece, 1);
	if (piece.got < piece.size || !(into = builder_add(&recording->builder, &capture)))
		return;
	memcpy(into, words, piece.size);
	recording->call = behind.call;
	for (unsigned i = 0; i < behind.count; i++)
		recording->args[i] = words[i];
}

static void begin(struct recorder *r, struct tracee *tracee, const struct __ptrace_syscall_info *info, int memory_abi,
                  uint64_t now)
{
	struct recording *recording = tracee->recording;
	struct stl_record *record = recording->builder.record;
	int abi = tracee->abi;

	describe(r, tracee, record, now);
	record->type = RECORD_SYSCALL;
	record->abi = (uint32_t)abi;
	record->number = (int32_t)info->entry.nr;
	record->ip = info->instruction_pointer;
	for (int i = 0; i < 6; i++)
		record->args[i] = info->entry.args[i];
	recording->entry_ns = now;
	recording->call = id_of(abi, info->entry.nr);
	memcpy(recording->args, record->args, sizeof(recording->args));
	look_behind(r, tracee);
	recording->row = row_of(recording->call, recording->args, &recording->made);
	struct capture_call call = call_of_tracee(r, tracee, recording->builder.record, PHASE_ENTRY);

	call.abi = memory_abi;
	call.stack = info->stack_pointer;
	capture_phase(&r->capturer, &call, recording->row, &recording->builder);
	if (wants(r, STL_RECORD_DESCRIPTORS))
		describe_descriptors(r, tracee, PHASE_ENTRY, false);
	recording->begun = true;
	recording->written = false;
}

void recording_entry(struct thread *thread, struct tracee *tracee, const struct __ptrace_syscall_info *info,
                     uint64_t now, bool in_progress)
{
	struct recorder *r = thread->recorder;

	refresh(r);
	recording_forget(thread, tracee);
	if (tracee_is_leaving(tracee))
		return;
	if (call_wanted(&r->settings, tracee->abi, info->entry.nr) && recording_of(tracee) &&
	    builder_begin(&tracee->recording->builder)) {
		if (r->open)
			write_entry(r, now);
		begin(r, tracee, info, tracee->abi, now);
		if (in_progress)
			tracee->recording->builder.record->flags |= RECORD_IN_PROGRESS;
		if (!holds_back(&r->settings))
			set_open(r, tracee, now);
	}
	/* Whatever is wanted: what changes a descriptor has to be known. Behind the look at it, which tells what it was. */
	if (wants(r, STL_RECORD_DESCRIPTORS))
		descriptors_entry(tracee, id_of(tracee->abi, info->entry.nr), info->entry.args);
}

bool recording_goes_on(const struct tracee *tracee)
{
	return tracee->recording->begun;
}

void recording_forget(struct thread *thread, struct tracee *tracee)
{
	if (thread->recorder->open == tracee)
		set_open(thread->recorder, NULL, 0);
	if (tracee->recording)
		tracee->recording->begun = false;
}

/* signal(7): what rt_sigreturn leaves in the result's register is no error. */
static bool has_failed(enum call_id call, int64_t result)
{
	return result < 0 && result >= -STL_MAX_ERRNO && call != CALL_rt_sigreturn && call != CALL_sigreturn;
}

static bool end_wanted(const struct stl_filter *filter, const struct stl_record *record, uint32_t status)
{
	return filter->status & status && record->duration_ns >= filter->min_duration_ns;
}

static void finish(struct recorder *r, struct tracee *tracee, uint64_t now, uint32_t status)
{
	struct recording *recording = tracee->recording;
	struct stl_record *record = recording->builder.record;

	recording->begun = false;
	if (r->open == tracee)
		set_open(r, NULL, 0);
	record->tid = tracee->tid;
	if (recording->written)
		record->flags |= RECORD_RESUMED;
	if (!end_wanted(&r->settings.filter, record, status))
		return;
	if (r->open)
		write_entry(r, now);
	put(r, record, now);
}

static bool renames(const struct recording *recording, const struct stl_record *record)
{
	return recording->call == CALL_prctl && record->args[0] == PR_SET_NAME;
}

void recording_exit(struct thread *thread, struct tracee *tracee, int64_t result, uint64_t now)
{
	struct recorder *r = thread->recorder;
	struct recording *recording = tracee->recording;

	if (tracee->change.call != CALL_UNKNOWN)
		descriptors_exit(tracee, result);
	if (!recording || !recording->begun)
		return;
	struct stl_record *record = recording->builder.record;
	bool failed = has_failed(recording->call, result);

	record->result = result;
	record->duration_ns = now > recording->entry_ns ? now - recording->entry_ns : 0;
	struct capture_call call = call_of_tracee(r, tracee, record, PHASE_EXIT);

	call.failed = failed;
	capture_phase(&r->capturer, &call, recording->row, &recording->builder);
	if (wants(r, STL_RECORD_DESCRIPTORS))
		describe_descriptors(r, tracee, PHASE_EXIT, failed);
	finish(r, tracee, now, failed ? STL_STATUS_FAILED : STL_STATUS_SUCCESSFUL);
	if (renames(recording, recording->builder.record))
		recording->known = false;
}

/* ---- what else happens -------------------------------------------------------------------------------------- */

/* A record that is no call's; NULL: none is wanted of it. */
static struct stl_record *event(struct thread *thread, struct tracee *tracee, uint16_t type, uint64_t now,
                                struct stl_record *record)
{
	if (!recording_is_on() || tracee_is_leaving(tracee) || !recording_of(tracee))
		return NULL;
	refresh(thread->recorder);
	*record = (struct stl_record){.size = sizeof(*record), .type = type};
	describe(thread->recorder, tracee, record, now);
	return record;
}

/* Behind the entry of a call that is open, as a line of its own. */
static void put_line(struct recorder *r, struct stl_record *record, uint64_t now)
{
	if (r->open)
		write_entry(r, now);
	put(r, record, now);
}

void recording_signal(struct thread *thread, struct tracee *tracee, int signal, uint64_t now)
{
	struct {
		struct stl_record record;
		struct stl_capture capture;
		siginfo_t info;
	} whole;
	struct recorder *r = thread->recorder;

	if (!event(thread, tracee, RECORD_SIGNAL, now, &whole.record))
		return;
	if (signal <= 0 || signal >= 128 || !is_in(r->settings.filter.signals, (uint64_t)signal))
		return;
	whole.record.number = signal;
	memset(&whole.info, 0, sizeof(whole.info));
	if (ptrace(PTRACE_GETSIGINFO, tracee->tid, NULL, &whole.info) == 0) {
		whole.capture = (struct stl_capture){.kind = CAPTURED_SIGINFO, .size = sizeof(whole.info)};
		whole.record.captures = 1;
		whole.record.size = sizeof(whole);
	}
	put_line(r, &whole.record, now);
}

void recording_stopped(struct thread *thread, struct tracee *tracee, int signal, uint64_t now)
{
	struct stl_record record;

	if (!event(thread, tracee, RECORD_STOPPED, now, &record))
		return;
	record.number = signal;
	if (signal > 0 && signal < 128 && is_in(thread->recorder->settings.filter.signals, (uint64_t)signal))
		put_line(thread->recorder, &record, now);
}

void recording_fork(struct thread *thread, struct tracee *tracee, pid_t child, struct tracee *added, uint64_t now)
{
	struct task_status status;
	struct stl_record record;

	if (!event(thread, tracee, RECORD_FORK, now, &record))
		return;
	record.args[0] = (uint64_t)child;
	if (task_status_read(child, &status) == 0 && status.ns_depth)
		record.args[1] = (uint64_t)status.ns_pid[status.ns_depth - 1];
	put(thread->recorder, &record, now);
	if (added && wants(thread->recorder, STL_RECORD_DESCRIPTORS))
		descriptors_fork(tracee, added);
}

static int read_image(struct recorder *r, struct tracee *tracee, struct new_image *image)
{
	struct memory_task task = {tracee->tid, tracee->recording->pid, &tracee->container->hung_until_ns};

	return new_image_read(&r->capturer.memory, &task, image);
}

void recording_first_exec(struct thread *thread, struct tracee *tracee, uint64_t now)
{
	struct recorder *r = thread->recorder;
	struct new_image image;

	if (!recording_is_on() || tracee_is_leaving(tracee) || (tracee->recording && tracee->recording->begun))
		return;
	refresh(r);
	if (!call_wanted(&r->settings, tracee->abi, (uint64_t)tracee->number) || !recording_of(tracee) ||
	    !builder_begin(&tracee->recording->builder))
		return;
	identify(tracee, tracee->recording);
	if (read_image(r, tracee, &image) < 0)
		return;
	struct __ptrace_syscall_info info = {.entry.nr = (uint64_t)tracee->number};

	/* As the program's own, so that its pointers are as wide as they are. */
	info.entry.args[0] = image.path;
	info.entry.args[1] = image.argv;
	info.entry.args[2] = image.envp;
	if (r->open)
		write_entry(r, now);
	begin(r, tracee, &info, image.abi, now);
	if (!holds_back(&r->settings))
		set_open(r, tracee, now);
}

void recording_exec(struct thread *thread, struct tracee *tracee, pid_t former, uint64_t now)
{
	static const struct capture_row row = {
		.captures = {{.take = TAKE_PATH, .arg = 1}, {.take = TAKE_STRINGS, .arg = 2}}};
	struct recorder *r = thread->recorder;
	struct builder *builder = &r->event;
	struct new_image image;

	descriptors_exec(tracee);
	if (tracee->recording) {
		tracee->recording->known = false;
		memory_forget(&r->capturer.memory, tracee->recording->pid);
	}
	if (!recording_is_on() || !builder_begin(builder) || !event(thread, tracee, RECORD_EXEC, now, builder->record))
		return;
	builder->record->args[0] = (uint64_t)former;
	if (read_image(r, tracee, &image) == 0) {
		builder->record->args[1] = image.path;
		builder->record->args[2] = image.argv;
		struct capture_call call = call_of_tracee(r, tracee, builder->record, PHASE_ENTRY);

		call.abi = image.abi;
		capture_phase(&r->capturer, &call, &row, builder);
	}
	put(r, builder->record, now);
}

/* A call that its task has not come back from. */
static void unfinished(struct recorder *r, struct tracee *tracee, uint64_t now)
{
	struct recording *recording = tracee->recording;
	struct stl_record *record = recording->builder.record;

	record->flags |= RECORD_UNFINISHED;
	record->duration_ns = now > recording->entry_ns ? now - recording->entry_ns : 0;
	finish(r, tracee, now, STL_STATUS_UNFINISHED);
}

void recording_death(struct thread *thread, struct tracee *tracee, int status, bool superseded, uint64_t now)
{
	struct stl_record record;

	if (tracee->recording && tracee->recording->begun)
		unfinished(thread->recorder, tracee, now);
	if (!event(thread, tracee, RECORD_EXIT, now, &record))
		return;
	record.result = status;
	record.args[0] = superseded;
	put_line(thread->recorder, &record, now);
}

void recording_attached(struct thread *thread, struct tracee *tracee, uint64_t now)
{
	struct stl_record record;

	if (event(thread, tracee, RECORD_ATTACHED, now, &record))
		put(thread->recorder, &record, now);
}

void recording_detached(struct thread *thread, struct tracee *tracee, uint64_t now)
{
	struct recorder *r = thread->recorder;
	struct recording *recording = tracee->recording;

	if (!recording_is_on() || !recording)
		return;
	if (recording->begun && r->open == tracee)
		write_entry(r, now);
	recording_forget(thread, tracee);
	struct stl_record record = {.size = sizeof(record), .type = RECORD_DETACHED};

	describe(r, tracee, &record, now);
	put_line(r, &record, now);
}

void recording_lost(struct thread *thread, struct tracee *tracee)
{
	struct recording *recording = tracee->recording;

	descriptors_lost(tracee);
	if (!recording)
		return;
	recording_forget(thread, tracee);
	memory_forget(&thread->recorder->capturer.memory, recording->pid);
	builder_free(&recording->builder);
	free(recording);
	tracee->recording = NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "recorder.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <time.h>

#include "clock.h"
#include "descriptors.h"

#define OPEN_NS (10 * NS_PER_MS)
#define WAIT_NS 200000
#define WAIT_MOST_NS (100 * NS_PER_MS)
/* A stop may bring a record of its own, and one of a call that is open. */
#define ROOM_FOR_STOP (2 * RECORD_MAX)
#define STRING_LIMIT_MOST (RECORD_MAX / 4)

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

	descriptors_forget_all(); /* what changed them since was perhaps not seen */
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

void recorder_refresh(struct recorder *r)
{
	uint32_t now = atomic_load_explicit(&generation, memory_order_acquire);

	if (now == r->generation)
		return;
	pthread_mutex_lock(&settings_lock);
	r->settings = asked;
	pthread_mutex_unlock(&settings_lock);
	r->generation = now;
}

bool recorder_wants_call(const struct settings *settings, int abi, uint64_t number)
{
	if (abi >= STL_ABI_UNKNOWN || number >= STL_MAX_NUMBER)
		return settings->filter.unknown;
	return bit_is_in(settings->filter.calls + abi * STL_FILTER_WORDS, number);
}

/* Where it depends on its end whether a call is wanted, nothing is said of it before that. */
bool recorder_holds_back(const struct settings *settings)
{
	return settings->filter.min_duration_ns || (settings->filter.status & STL_STATUS_ALL) != STL_STATUS_ALL;
}

void recorder_set_open(struct recorder *r, struct tracee *tracee, uint64_t now)
{
	r->open = tracee;
	atomic_store_explicit(&r->open_since_ns, tracee ? now : 0, memory_order_relaxed);
}

static bool waits_for_reader(struct recorder *r, uint32_t room)
{
	return r->settings.flags & STL_RECORD_LOSSLESS && !ring_has_room(&r->ring, room);
}

bool recording_awaits_reader(struct thread *thread)
{
	if (!recording_is_on())
		return false;
	struct recorder *r = thread->recorder;

	recorder_refresh(r);
	if (!waits_for_reader(r, ROOM_FOR_STOP))
		return false;
	/* Others' records are read on meanwhile: ours of what happened before this come behind them. */
	r->last_order_ns = clock_ns();
	return true;
}

static uint32_t begun_size(const struct tracee *tracee)
{
	const struct recording *recording = tracee ? tracee->recording : NULL;

	return recording && recording->begun ? recording->builder.record->size : 0;
}

bool recording_has_room(const struct thread *thread, const struct tracee *tracee)
{
	struct recorder *r = thread->recorder;

	return !waits_for_reader(r, begun_size(r->open) + begun_size(tracee) + 2 * (uint32_t)sizeof(struct stl_record));
}

/* What brought more than any stop should is waited with: not for long, since others may wait to be let go meanwhile. */
static void wait_for_room(struct recorder *r, const struct tracee *tracee, uint32_t size)
{
	const struct timespec pause = {0, WAIT_NS};
	uint64_t end = clock_ns() + WAIT_MOST_NS;

	while (!ring_has_room(&r->ring, size) && !tracee_is_leaving(tracee) && !thread_is_called(r->thread) &&
	       clock_ns() < end) {
		thread_beat(r->thread);
		nanosleep(&pause, NULL);
	}
}

void recorder_put(struct recorder *r, const struct tracee *tracee, struct stl_record *record, uint64_t now)
{
	if (waits_for_reader(r, record->size)) {
		wait_for_room(r, tracee, record->size);
		now = clock_ns();
	}
	if (now < r->last_order_ns)
		now = r->last_order_ns;
	r->last_order_ns = record->order_ns = now;
	ring_put(&r->ring, record);
}

void recorder_write_entry(struct recorder *r, uint64_t now)
{
	const struct tracee *tracee = r->open;
	struct recording *recording = tracee->recording;

	recorder_set_open(r, NULL, 0);
	/* Who comes next is not to read what was begun for who has gone. */
	if (!recording_is_of(tracee))
		return;
	recording->written = true;
	recording->builder.record->type = RECORD_ENTRY;
	recorder_put(r, tracee, recording->builder.record, now);
	recording->builder.record->type = RECORD_SYSCALL;
}

void recording_poll(struct thread *thread, uint64_t now)
{
	struct recorder *r = thread->recorder;

	if (r->open && now - recorder_open_since(r) >= OPEN_NS && !recording_awaits_reader(thread))
		recorder_write_entry(r, now);
}

/* ---- who it is ------------------------------------------------------------------------------------------- */

struct recording *recording_of(struct tracee *tracee)
{
	if (!tracee->recording)
		tracee->recording = calloc(1, sizeof(*tracee->recording));
	return tracee->recording;
}

void recording_identify(struct tracee *tracee, struct recording *recording)
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

void recording_describe(const struct recorder *r, struct tracee *tracee, struct stl_record *record, uint64_t now)
{
	struct recording *recording = tracee->recording;

	if (!recording->known)
		recording_identify(tracee, recording);
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

static enum call_id id_of(int abi, uint64_t number)
{
	return abi < STL_ABI_UNKNOWN && number < STL_MAX_NUMBER ? call_of(abi, (int)number) : CALL_UNKNOWN;
}

void recording_begin(struct recorder *r, struct tracee *tracee, const struct __ptrace_syscall_info *info,
                     int memory_abi, uint64_t now)
{
	struct recording *recording = tracee->recording;
	struct stl_record *record = recording->builder.record;

	recording_describe(r, tracee, record, now);
	record->type = RECORD_SYSCALL;
	record->abi = (uint32_t)tracee->abi;
	record->number = (int32_t)info->entry.nr;
	record->ip = info->instruction_pointer;
	for (int i = 0; i < 6; i++)
		recording->args[i] = record->args[i] = info->entry.args[i];
	recording->entry_ns = now;
	recording->call = id_of(tracee->abi, info->entry.nr);
	capture_entry(r, tracee, memory_abi, info->stack_pointer);
	recording->begun = true;
	recording->written = false;
}

void recording_entry(struct thread *thread, struct tracee *tracee, const struct __ptrace_syscall_info *info,
                     uint64_t now, bool in_progress)
{
	struct recorder *r = thread->recorder;

	recorder_refresh(r);
	recording_forget(thread, tracee);
	if (tracee_is_leaving(tracee))
		return;
	if (recorder_wants_call(&r->settings, tracee->abi, info->entry.nr) && recording_of(tracee) &&
	    builder_begin(&tracee->recording->builder)) {
		if (r->open)
			recorder_write_entry(r, now);
		recording_begin(r, tracee, info, tracee->abi, now);
		if (in_progress)
			tracee->recording->builder.record->flags |= RECORD_IN_PROGRESS;
		if (!recorder_holds_back(&r->settings))
			recorder_set_open(r, tracee, now);
	}
	/* Whatever is wanted: what changes a descriptor has to be known. Behind the look at it, which tells what it was. */
	if (recorder_wants(r, STL_RECORD_DESCRIPTORS))
		descriptors_entry(tracee, id_of(tracee->abi, info->entry.nr), info->entry.args);
}

bool recording_goes_on(const struct tracee *tracee)
{
	return tracee->recording->begun;
}

void recording_forget(struct thread *thread, struct tracee *tracee)
{
	if (thread->recorder->open == tracee)
		recorder_set_open(thread->recorder, NULL, 0);
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

void recording_finish(struct recorder *r, struct tracee *tracee, uint64_t now, uint32_t status)
{
	struct recording *recording = tracee->recording;
	struct stl_record *record = recording->builder.record;

	recording->begun = false;
	if (r->open == tracee)
		recorder_set_open(r, NULL, 0);
	record->tid = tracee->tid;
	if (recording->written)
		record->flags |= RECORD_RESUMED;
	if (!end_wanted(&r->settings.filter, record, status))
		return;
	if (r->open)
		recorder_write_entry(r, now);
	recorder_put(r, tracee, record, now);
}

static bool renames(const struct recording *recording, const struct stl_record *record)
{
	return recording->call == CALL_prctl && (uint32_t)record->args[0] == PR_SET_NAME;
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
	capture_exit(r, tracee, failed);
	recording_finish(r, tracee, now, failed ? STL_STATUS_FAILED : STL_STATUS_SUCCESSFUL);
	if (renames(recording, recording->builder.record))
		recording->known = false;
}

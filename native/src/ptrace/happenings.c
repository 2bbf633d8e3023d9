/* SPDX-License-Identifier: Apache-2.0
 *
 * Records of what is no call: signals, forks, execs, ends; and what an exec begins with, where its entry was not seen.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>

#include "clock.h"
#include "descriptors.h"
#include "newimage.h"
#include "recorder.h"

/* A record that is no call's; NULL: none is wanted of it. */
static struct stl_record *event(struct thread *thread, struct tracee *tracee, uint16_t type, uint64_t now,
                                struct stl_record *record)
{
	if (!recording_is_of(tracee) || tracee_is_leaving(tracee) || !recording_of(tracee))
		return NULL;
	recorder_refresh(thread->recorder);
	*record = (struct stl_record){.size = sizeof(*record), .type = type};
	recording_describe(thread->recorder, tracee, record, now);
	return record;
}

/* Behind the entry of a call that is open, as a line of its own. */
static void put_line(struct recorder *r, const struct tracee *tracee, struct stl_record *record, uint64_t now)
{
	if (r->open)
		recorder_write_entry(r, now);
	recorder_put(r, tracee, record, now);
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
	if (signal <= 0 || signal >= 128 || !bit_is_in(r->settings.filter.signals, (uint64_t)signal))
		return;
	whole.record.number = signal;
	memset(&whole.info, 0, sizeof(whole.info));
	if (ptrace(PTRACE_GETSIGINFO, tracee->tid, NULL, &whole.info) == 0) {
		whole.capture = (struct stl_capture){.kind = CAPTURED_SIGINFO, .size = sizeof(whole.info)};
		whole.record.captures = 1;
		whole.record.size = sizeof(whole);
	}
	put_line(r, tracee, &whole.record, now);
}

void recording_stopped(struct thread *thread, struct tracee *tracee, int signal, uint64_t now)
{
	struct stl_record record;

	if (!event(thread, tracee, RECORD_STOPPED, now, &record))
		return;
	record.number = signal;
	if (signal > 0 && signal < 128 && bit_is_in(thread->recorder->settings.filter.signals, (uint64_t)signal))
		put_line(thread->recorder, tracee, &record, now);
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
	recorder_put(thread->recorder, tracee, &record, now);
	if (added && recorder_wants(thread->recorder, STL_RECORD_DESCRIPTORS))
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

	if (!recording_is_of(tracee) || tracee_is_leaving(tracee) || (tracee->recording && tracee->recording->begun))
		return;
	recorder_refresh(r);
	if (!recorder_wants_call(&r->settings, tracee->abi, (uint64_t)tracee->number) || !recording_of(tracee) ||
	    !builder_begin(&tracee->recording->builder))
		return;
	recording_identify(tracee, tracee->recording);
	if (read_image(r, tracee, &image) < 0)
		return;
	struct __ptrace_syscall_info info = {.entry.nr = (uint64_t)tracee->number};

	/* As the program's own, so that its pointers are as wide as they are. */
	info.entry.args[0] = image.path;
	info.entry.args[1] = image.argv;
	info.entry.args[2] = image.envp;
	if (r->open)
		recorder_write_entry(r, now);
	recording_begin(r, tracee, &info, image.abi, now);
	if (!recorder_holds_back(&r->settings))
		recorder_set_open(r, tracee, now);
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
	if (!recording_is_of(tracee) || !builder_begin(builder) ||
	    !event(thread, tracee, RECORD_EXEC, now, builder->record))
		return;
	builder->record->args[0] = (uint64_t)former;
	if (read_image(r, tracee, &image) == 0) {
		builder->record->args[1] = image.path;
		builder->record->args[2] = image.argv;
		struct capture_call call = capture_call_of(r, tracee, builder->record, PHASE_ENTRY);

		call.abi = image.abi;
		memcpy(call.args, builder->record->args, sizeof(call.args));
		capture_phase(&r->capturer, &call, &row, builder);
	}
	recorder_put(r, tracee, builder->record, now);
}

/* A call that its task has not come back from. */
static void unfinished(struct recorder *r, struct tracee *tracee, uint64_t now)
{
	struct recording *recording = tracee->recording;
	struct stl_record *record = recording->builder.record;

	record->flags |= RECORD_UNFINISHED;
	record->duration_ns = now > recording->entry_ns ? now - recording->entry_ns : 0;
	recording_finish(r, tracee, now, STL_STATUS_UNFINISHED);
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
	put_line(thread->recorder, tracee, &record, now);
}

void recording_attached(struct thread *thread, struct tracee *tracee, uint64_t now)
{
	struct stl_record record;

	if (event(thread, tracee, RECORD_ATTACHED, now, &record))
		recorder_put(thread->recorder, tracee, &record, now);
}

void recording_detached(struct thread *thread, struct tracee *tracee, uint64_t now)
{
	struct recorder *r = thread->recorder;
	struct recording *recording = tracee->recording;

	if (!recording_is_of(tracee) || !recording)
		return;
	if (recording->begun && r->open == tracee)
		recorder_write_entry(r, now);
	recording_forget(thread, tracee);
	struct stl_record record = {.size = sizeof(record), .type = RECORD_DETACHED};

	recording_describe(r, tracee, &record, now);
	put_line(r, tracee, &record, now);
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

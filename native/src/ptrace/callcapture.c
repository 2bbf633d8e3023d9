/* SPDX-License-Identifier: Apache-2.0
 *
 * What is captured of a call: its row's memory, what its descriptors are and whose its PIDs.
 */
#define _GNU_SOURCE
#include <string.h>

#include "descriptors.h"
#include "recorder.h"
#include "records/behind.h"

struct capture_call capture_call_of(const struct recorder *r, struct tracee *tracee, const struct stl_record *record,
                                    uint8_t phase)
{
	const struct recording *recording = tracee->recording;
	const struct stl_filter *filter = &r->settings.filter;
	uint32_t fd = (uint32_t)recording->args[0]; /* an int, of which the register's upper half is no part */
	const uint64_t *dumped = phase == PHASE_ENTRY ? filter->dump_writes : filter->dump_reads;

	return (struct capture_call){
		.task = {tracee->tid, recording->pid, &tracee->container->hung_until_ns},
		.abi = (int)record->abi,
		.call = recording->call,
		.result = record->result,
		.phase = phase,
		.string_limit = r->settings.string_limit,
		.whole_data = fd < 256 && bit_is_in(dumped, fd),
		.no_data = recorder_wants(r, STL_RECORD_NO_DATA),
		.verbose = recorder_wants(r, STL_RECORD_VERBOSE),
	};
}

static void describe_descriptors(struct recorder *r, struct tracee *tracee, uint8_t phase, bool failed)
{
	struct recording *recording = tracee->recording;
	const struct described_call call = {
		.row = recording->row,
		.args = recording->args,
		.result = recording->builder.record->result,
		.phase = phase,
		.failed = failed,
		.limit = recorder_wants(r, STL_RECORD_VERBOSE) ? UINT32_MAX : r->settings.string_limit,
		.addresses = recorder_wants(r, STL_RECORD_ADDRESSES),
	};

	descriptors_capture(tracee, &call, &recording->builder);
}

/* ---- PIDs -------------------------------------------------------------------------------------------------- */

static pid_t host_pid(const struct tracee *tracee, int32_t pid)
{
	const struct recording *recording = tracee->recording;

	/* Its own PID namespace is ours, or nothing is known of it. */
	if (!recording->vtid || recording->vtid == tracee->tid)
		return pid;
	if (pid == recording->vtid)
		return tracee->tid;
	if (pid == recording->vpid)
		return recording->pid;
	return task_by_ns_pid(tracee->tid, pid);
}

static void take_pid(struct tracee *tracee, int32_t pid, uint8_t phase)
{
	struct {
		int32_t host;
		char comm[RECORD_COMM];
	} whose = {.host = pid > 0 ? host_pid(tracee, pid) : 0};

	if (whose.host <= 0)
		return;
	if (task_comm_read(whose.host, whose.comm) < 0)
		whose.comm[0] = '\0';
	struct stl_capture capture = {.address = (uint32_t)pid, .kind = CAPTURED_PID, .phase = phase};

	capture.size = (uint32_t)(sizeof(whose.host) + strnlen(whose.comm, sizeof(whose.comm)));
	void *into = builder_add(&tracee->recording->builder, &capture);

	if (into)
		memcpy(into, &whose, capture.size);
}

static void describe_pids(struct tracee *tracee, uint8_t phase, bool failed)
{
	struct recording *recording = tracee->recording;
	const struct capture_row *row = recording->row;

	for (int i = 0; i < TAKES && row->captures[i].take != TAKE_END; i++) {
		const struct capture *capture = &row->captures[i];

		if (capture->take == TAKE_PID && phase == PHASE_ENTRY)
			take_pid(tracee, (int32_t)recording->args[capture->arg % 6], phase);
		else if (capture->take == TAKE_RESULT_PID && phase == PHASE_EXIT && !failed)
			take_pid(tracee, (int32_t)recording->builder.record->result, phase);
	}
}

/* ---- a call behind a call -------------------------------------------------------------------------------------- */

/* Its arguments lie in memory: they are what is captured first. */
static void look_behind(struct recorder *r, struct tracee *tracee)
{
	struct recording *recording = tracee->recording;
	struct call_behind behind = call_behind(tracee->abi, recording->call, recording->args);
	uint32_t words[6] = {0};
	struct stl_capture capture = {.address = behind.address, .kind = CAPTURED_MEMORY, .phase = PHASE_ENTRY};
	struct memory_task task = {tracee->tid, recording->pid, &tracee->container->hung_until_ns};
	struct memory_piece piece = {.address = behind.address, .into = (unsigned char *)words};
	void *into;

	if (!behind.count || behind.count > 6)
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

void capture_entry(struct recorder *r, struct tracee *tracee, int memory_abi, uint64_t stack)
{
	struct recording *recording = tracee->recording;

	look_behind(r, tracee);
	recording->row = row_of(recording->call, recording->args, &recording->made);
	struct capture_call call = capture_call_of(r, tracee, recording->builder.record, PHASE_ENTRY);

	call.abi = memory_abi;
	call.stack = stack;
	memcpy(call.args, recording->args, sizeof(call.args));
	capture_phase(&r->capturer, &call, recording->row, &recording->builder);
	if (recorder_wants(r, STL_RECORD_DESCRIPTORS))
		describe_descriptors(r, tracee, PHASE_ENTRY, false);
	if (recorder_wants(r, STL_RECORD_PIDS))
		describe_pids(tracee, PHASE_ENTRY, false);
}

void capture_exit(struct recorder *r, struct tracee *tracee, bool failed)
{
	struct recording *recording = tracee->recording;
	struct capture_call call = capture_call_of(r, tracee, recording->builder.record, PHASE_EXIT);

	call.failed = failed;
	memcpy(call.args, recording->args, sizeof(call.args));
	capture_phase(&r->capturer, &call, recording->row, &recording->builder);
	if (recorder_wants(r, STL_RECORD_DESCRIPTORS))
		describe_descriptors(r, tracee, PHASE_EXIT, failed);
	if (recorder_wants(r, STL_RECORD_PIDS))
		describe_pids(tracee, PHASE_EXIT, failed);
}

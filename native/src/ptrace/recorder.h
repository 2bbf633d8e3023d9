/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of the recording share: recording.c (what is wanted, the ring, and calls), callcapture.c,
 * happenings.c (all that is no call).
 */
#ifndef STL_RECORDER_H
#define STL_RECORDER_H

#include "capture.h"
#include "recording.h"
#include "records/ring.h"

struct recording {
	struct builder builder;
	struct capture_row made;
	const struct capture_row *row;
	enum call_id call;
	uint64_t args[6]; /* of its call, or of the one behind it */
	bool begun;       /* the record of its present call */
	bool written;     /* the entry of that, as a record of its own */
	bool known;       /* who it is */
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

static inline bool bit_is_in(const uint64_t *set, uint64_t bit)
{
	return set[bit / 64] >> (bit % 64) & 1;
}

static inline bool recorder_wants(const struct recorder *recorder, uint32_t flag)
{
	return recorder->settings.flags & flag;
}

/* Takes over what was asked for since. */
void recorder_refresh(struct recorder *recorder);
bool recorder_wants_call(const struct settings *settings, int abi, uint64_t number);
/* Where it depends on its end whether a call is wanted, nothing is said of it before that. */
bool recorder_holds_back(const struct settings *settings);
/* The call whose entry is to be written before anything else is; NULL: none. */
void recorder_set_open(struct recorder *recorder, struct tracee *tracee, uint64_t now);
void recorder_put(struct recorder *recorder, const struct tracee *tracee, struct stl_record *record, uint64_t now);
void recorder_write_entry(struct recorder *recorder, uint64_t now);
/* NULL: no memory. */
struct recording *recording_of(struct tracee *tracee);
void recording_identify(struct tracee *tracee, struct recording *recording);
/* Fills in when and whose it is. */
void recording_describe(const struct recorder *recorder, struct tracee *tracee, struct stl_record *record,
                        uint64_t now);
/* Writes its call's record, if that is wanted with such an end. */
void recording_finish(struct recorder *recorder, struct tracee *tracee, uint64_t now, uint32_t status);

/* callcapture.c */
struct capture_call capture_call_of(const struct recorder *recorder, struct tracee *tracee,
                                    const struct stl_record *record, uint8_t phase);
/* What is worth it of the call whose record was begun; memory_abi: of the memory that it points to. */
void capture_entry(struct recorder *recorder, struct tracee *tracee, int memory_abi, uint64_t stack);
void capture_exit(struct recorder *recorder, struct tracee *tracee, bool failed);
void recording_begin(struct recorder *recorder, struct tracee *tracee, const struct __ptrace_syscall_info *info,
                     int memory_abi, uint64_t now);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Records made by hand, one behind the other.
 */
#ifndef STRACELET_RECORDS_H
#define STRACELET_RECORDS_H

#include <stdint.h>
#include <string.h>

#include "check.h"
#include "records/record.h"
#include "stracelet.h"

struct records {
	size_t size;
	struct stl_record *last;
	_Alignas(8) char bytes[1 << 20];
};

/* Of task 100, one microsecond after the one before. */
static inline struct stl_record *add_record(struct records *records, uint16_t type, const char *call)
{
	struct stl_record *record = (struct stl_record *)(records->bytes + records->size);
	uint64_t before = records->last ? records->last->time_ns : 1700000000000000000u;

	CHECK(records->size + sizeof(*record) <= sizeof(records->bytes));
	memset(record, 0, sizeof(*record));
	record->size = sizeof(*record);
	record->type = type;
	record->time_ns = record->order_ns = before + 1000;
	record->duration_ns = 250000;
	record->serial = 1;
	record->tid = record->pid = record->vtid = record->vpid = 100;
	record->abi = STL_ABI_X86_64;
	record->number = call ? stl_syscall_number(STL_ABI_X86_64, call) : 0;
	record->ip = 0x7f0000001234;
	strcpy(record->comm, "cat");
	records->last = record;
	records->size += record->size;
	return record;
}

static inline void add_capture(struct records *records, uint8_t kind, uint8_t phase, uint8_t status, uint64_t address,
                               const void *bytes, size_t size)
{
	struct stl_capture *capture = (struct stl_capture *)(records->bytes + records->size);
	size_t whole = sizeof(*capture) + RECORD_ALIGN(size);

	CHECK(records->size + whole <= sizeof(records->bytes));
	*capture = (struct stl_capture){address, (uint32_t)size, kind, phase, status, 0};
	memset(capture + 1, 0, RECORD_ALIGN(size));
	memcpy(capture + 1, bytes, size);
	records->last->captures++;
	records->last->size += (uint32_t)whole;
	records->size += whole;
}

/* What was there at the entry; a string's NUL is not taken. */
static inline void add_memory(struct records *records, uint64_t address, const void *bytes, size_t size)
{
	add_capture(records, CAPTURED_MEMORY, PHASE_ENTRY, CAPTURE_WHOLE, address, bytes, size);
}

static inline void add_string(struct records *records, uint64_t address, const char *string)
{
	add_memory(records, address, string, strlen(string) + 1);
}

/* All calls, signals and results, and no dump. */
static inline void let_all_through(struct stl_filter *filter)
{
	memset(filter, 0xff, sizeof(*filter));
	filter->min_duration_ns = 0;
	filter->status = STL_STATUS_ALL;
	memset(filter->dump_reads, 0, sizeof(filter->dump_reads));
	memset(filter->dump_writes, 0, sizeof(filter->dump_writes));
}

#endif

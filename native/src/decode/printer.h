/* SPDX-License-Identifier: Apache-2.0
 *
 * What the printer's parts share: its state, and the formats it prints in.
 */
#ifndef STL_PRINTER_H
#define STL_PRINTER_H

#include "decode/containers.h"
#include "decode/decode.h"
#include "decode/output.h"
#include "decode/tasks.h"

#define PRINTER_PATHS 64

/* Output of one task, in the order in which it was made; only with STL_PRINT_NO_PID is there more than one. */
struct segment {
	int32_t tid;
	size_t end;
};

struct counts; /* decode/counts.h */

struct stl_printer {
	struct stl_print_options options;
	struct stl_filter filter;
	struct output output;
	struct masks *masks;
	struct containers *containers;
	struct tasks tasks;
	struct counts *counts;
	char *paths[PRINTER_PATHS];
	unsigned path_count;

	struct text pending; /* lines, not taken yet */
	size_t taken;
	struct segment *segments;
	size_t segment_first, segment_count, segment_room; /* those before the first are taken */
	uint64_t lines, last_stamp_ns;

	struct text scratch;

	/* text */
	bool open;                  /* a call's line has no end yet */
	int32_t open_tid;           /* whose */
	size_t open_column;         /* where it stands */
	uint64_t last_ns;           /* of the line before: for -r */
	int64_t zone_from, zone_to; /* local time: seconds from which to which `zone_offset` holds */
	long zone_offset;
	char date[32]; /* JSON: of zone_from's day, in UTC */
};

/* One record that is wanted. `named`: NULL: nobody has named its container. */
typedef void print_record(struct stl_printer *printer, const struct stl_record *record, const struct stl_named *named,
                          struct task *task);
print_record text_record, json_record;
/* The line of a call in progress is ended: something else is to be said. */
void text_close(struct stl_printer *printer);
/* With a file for each task, other tasks' lines end none: only its own next does. `how`: " <unfinished ...>". */
void text_close_own(struct stl_printer *printer, struct task *task, const char *how);
/* The lines of all calls in progress are ended. */
void text_close_all(struct stl_printer *printer);
/* Of an exec by another thread than the process's first: that one is gone. */
void text_superseded(struct stl_printer *printer, const struct stl_record *record, const struct stl_named *named);
/* With STL_PRINT_STAMPS: when its record was made. They ascend. */
void print_stamp(struct stl_printer *printer, const struct stl_record *record);
/* "\n", and what is added so far is that task's. */
void text_end_line(struct stl_printer *printer, int32_t tid);
/* With STL_PRINT_NO_PID: what was added since the last segment is that task's. */
void output_segment(struct stl_printer *printer, int32_t tid);

/* The decoder's state for one call. */
struct decoder decoder_for(struct stl_printer *printer, const struct stl_record *record, const struct task *task);
bool is_call(const struct stl_record *record);
/* Sets what is known at the exit. */
void decoder_exits(struct decoder *d);
/* ERESTARTSYS and the like: the kernel will make the call again. */
bool is_restart(int error);
/* Whether the exit's phase would begin another argument than the entry's has; leaves the line as it was. */
bool more_arguments(struct decoder *d);
/* A task's comm, quoted. */
void print_task_name(struct decoder *d, const struct stl_record *record, struct text *to);
/* Appends what goes behind " = " and its note to the text. */
void print_call_result(struct decoder *d, struct text *to);

call_decoder decode_restart_syscall;

/* -e read=, -e write=: lines of a hex dump; dump.c. */
void dump_data(struct stl_printer *printer, struct decoder *d);

#endif

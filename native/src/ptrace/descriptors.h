/* SPDX-License-Identifier: Apache-2.0
 *
 * What descriptors are, remembered: a table for each of the kernel's (struct files_struct), fed by looks at
 * /proc/TID/fd and emptied by the calls that change what a descriptor is. A text that may be out of date is never given:
 * while such a call is under way, or a task that shares the table is not traced yet, it is looked up anew.
 */
#ifndef STL_DESCRIPTORS_H
#define STL_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "describe.h"
#include "records/builder.h"
#include "records/rows.h"
#include "tracee.h"

#define DESCRIPTOR_TEXT_MOST 4400 /* PATH_MAX, and what goes with it */

/* At a call's entry, behind the captures; and at its exit, before them. */
void descriptors_entry(struct tracee *tracee, enum call_id call, const uint64_t args[6]);
void descriptors_exit(struct tracee *tracee, int64_t result);
/* It shares its parent's table, or not: the kernel says. */
void descriptors_fork(struct tracee *parent, struct tracee *child);
/* It has a table of its own from now on. */
void descriptors_exec(struct tracee *tracee);
void descriptors_lost(struct tracee *tracee);
/* Each is looked up anew: for a time nobody followed what changes them. */
void descriptors_forget_all(void);

/* What it is, in record.h's words; how many bytes, 0: it is none. */
size_t descriptor_text(struct tracee *tracee, int32_t fd, bool addresses, struct look_budget *budget,
                       char text[DESCRIPTOR_TEXT_MOST]);

size_t descriptors_kept(void); /* bytes, of all tables */

/* One phase of a call. */
struct described_call {
	const struct capture_row *row;
	const uint64_t *args;
	int64_t result;
	uint8_t phase; /* PHASE_* */
	bool failed;
	uint32_t limit; /* of an array's */
	bool addresses; /* of sockets, numbers of devices */
};

/* The descriptors that the row names; the memory that holds some was captured before. */
void descriptors_capture(struct tracee *tracee, const struct described_call *call, struct builder *out);

#endif

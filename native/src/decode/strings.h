/* SPDX-License-Identifier: Apache-2.0
 *
 * What the core's own files need of strings and memory, and families do not.
 */
#ifndef STL_STRINGS_H
#define STL_STRINGS_H

#include "decode/decode.h"

/* Bytes with escapes, without quotes; each of `others` is escaped too: what encloses the bytes. */
void print_escaped(struct decoder *d, const void *bytes, size_t size, const char *others);
/* The capture of memory that has the byte at `address`; what was captured at the exit goes before. NULL: none. */
const struct stl_capture *fetch_holding(const struct decoder *d, uint64_t address);
/* The first capture of that kind; NULL: none. */
const struct stl_capture *fetch_kind(const struct decoder *d, uint8_t kind);

#endif

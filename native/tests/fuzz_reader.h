/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STRACELET_FUZZ_READER_H
#define STRACELET_FUZZ_READER_H

#include <stddef.h>
#include <stdint.h>

#include "arena/arena.h"

/* Calls everything that a reader has, and ends the program where an answer breaks what stracelet.h promises. */
void read_garbage(stl_reader *reader);
/* Stores the input's bytes over an arena, as a list of (place, length, bytes), and reads it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif

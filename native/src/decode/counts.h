/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums by container, ABI and call, of records instead of the arena's rows: -c over a file.
 */
#ifndef STL_COUNTS_H
#define STL_COUNTS_H

#include "decode/printer.h"

int counts_new(struct counts **out);
void counts_free(struct counts *counts);
print_record counts_record;
/* Sorted by slot, ABI, number, serial; how many there are. */
int counts_cells(struct counts *counts, struct stl_cell *out, int max);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls behind a call: i386's socketcall(2), whose first argument says which of the socket calls it is, and whose
 * second points to that one's arguments. It is captured and decoded as that one.
 */
#ifndef STL_BEHIND_H
#define STL_BEHIND_H

#include <stdint.h>

#include "records/calls.h"

/* `call` itself where none is behind it; *count: how many words its second argument points to. */
enum call_id call_behind(enum call_id call, uint64_t first, unsigned *count);

#endif

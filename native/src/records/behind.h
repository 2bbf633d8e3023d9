/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls behind a call, whose arguments lie in memory: i386's socketcall(2), whose first argument says which of the
 * socket calls it is, and its select(2) of old. Such a call is captured and decoded as the one behind it.
 */
#ifndef STL_BEHIND_H
#define STL_BEHIND_H

#include <stdint.h>

#include "records/calls.h"

struct call_behind {
	enum call_id call;
	uint64_t address; /* of its arguments, */
	unsigned count;   /* so many words; 0: no call is behind it */
};

struct call_behind call_behind(int abi, enum call_id call, const uint64_t args[6]);

#endif

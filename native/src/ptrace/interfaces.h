/* SPDX-License-Identifier: Apache-2.0
 *
 * The names of a task's network interfaces: what /proc/TID/net has with an index beside each.
 */
#ifndef STL_INTERFACES_H
#define STL_INTERFACES_H

#include <stddef.h>
#include <sys/types.h>

#include "records/record.h"

#define INTERFACES_MOST 128

/* Those of its network namespace that have joined a multicast group, as all do that have an address; how many. */
size_t interfaces_of(pid_t tid, struct captured_interface out[INTERFACES_MOST]);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STL_RIGHTS_H
#define STL_RIGHTS_H

#include <stdint.h>

/* Keeps of the calling thread's capabilities at most `kept` (a bit for each), empties the bounding, ambient and
 * inheritable sets and sets no_new_privs. 0 or -errno. For a process without other threads. */
int rights_keep(uint64_t kept);

#endif

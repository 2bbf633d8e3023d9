/* SPDX-License-Identifier: Apache-2.0
 *
 * What a descriptor of a task is, in words, as /proc has it: the layout is record.h's. Nothing of the file itself is
 * asked: a file system in user space would be what answers.
 */
#ifndef STL_DESCRIBE_H
#define STL_DESCRIBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* How many bytes; 0: it is none. fd: AT_FDCWD too. *stays: as long as the descriptor is the same, and names are. */
size_t describe_descriptor(pid_t tid, int32_t fd, bool addresses, _Atomic uint64_t *hung_until_ns, char *text,
                           size_t room, bool *stays);

#endif

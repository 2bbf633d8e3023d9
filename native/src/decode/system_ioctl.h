/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of ioctl(2)'s requests; the tables are generated (native/tools/gen_ioctls.py).
 */
#ifndef STL_SYSTEM_IOCTL_H
#define STL_SYSTEM_IOCTL_H

#include <stddef.h>
#include <stdint.h>

struct ioctl_name {
	uint32_t number;
	const char *name; /* several are joined by " or " */
};

/* Sorted by number. */
struct ioctl_names {
	const struct ioctl_name *items;
	size_t count;
};

extern const struct ioctl_names ioctl_names_64, ioctl_names_32;

#endif

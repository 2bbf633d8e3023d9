/* SPDX-License-Identifier: Apache-2.0
 *
 * What an exec was given, as its new program finds it: the kernel puts path, argv and envp on the new stack. Of a
 * runtime's exec nothing else is seen; of any exec the old memory is gone when it has succeeded.
 */
#ifndef STL_NEWIMAGE_H
#define STL_NEWIMAGE_H

#include "memory.h"

struct new_image {
	int abi;                   /* of the new program */
	uint64_t path, argv, envp; /* addresses */
};

/* At the EVENT_EXEC's stop, before the program runs; 0 or -errno. */
int new_image_read(struct memory *memory, const struct memory_task *task, struct new_image *out);

#endif

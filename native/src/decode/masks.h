/* SPDX-License-Identifier: Apache-2.0
 *
 * Patterns of what is not to be printed: extended regular expressions, regex(7).
 */
#ifndef STL_MASKS_H
#define STL_MASKS_H

#include <stdbool.h>
#include <stddef.h>

#define MASKED "[masked]"

struct masks;

/* -EINVAL: no regular expression; -ENOSPC: too many. *masks is NULL before the first. */
int masks_add(struct masks **masks, const char *pattern);
void masks_free(struct masks *masks);
/* The first place, and there the longest, that one of the patterns matches. `found`: how many were found in the same
 * string before, and is counted on; where there are very many, all that is left is one place. */
bool masks_find(struct masks *masks, const char *bytes, size_t size, unsigned *found, size_t *begin, size_t *end);

#endif

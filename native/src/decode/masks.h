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
/* Another record: each has as much work to be searched with. What is left when that is used up is one place. */
void masks_renew(struct masks *masks);
/* These bytes are searched from now on. */
void masks_begin(struct masks *masks, const char *bytes, size_t size);
/* The next place in them that a pattern matches, with every other match that begins within it; false: none is left. */
bool masks_next(struct masks *masks, size_t *begin, size_t *end);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/masks.h"

#include <errno.h>
#include <regex.h>
#include <stdlib.h>

#define MASKS 64

struct masks {
	int count;
	regex_t patterns[MASKS];
};

int masks_add(struct masks **masks, const char *pattern)
{
	if (!*masks && !(*masks = calloc(1, sizeof(**masks))))
		return -ENOMEM;
	if ((*masks)->count == MASKS)
		return -ENOSPC;
	switch (regcomp(&(*masks)->patterns[(*masks)->count], pattern, REG_EXTENDED)) {
	case 0:
		(*masks)->count++;
		return 0;
	case REG_ESPACE:
		return -ENOMEM;
	default:
		return -EINVAL;
	}
}

void masks_free(struct masks *masks)
{
	if (!masks)
		return;
	for (int i = 0; i < masks->count; i++)
		regfree(&masks->patterns[i]);
	free(masks);
}

bool masks_find(const struct masks *masks, const char *bytes, size_t size, size_t *begin, size_t *end)
{
	bool found = false;

	for (int i = 0; i < masks->count; i++) {
		/* REG_STARTEND: data may hold NULs and has none at its end */
		regmatch_t match = {0, (regoff_t)size};

		if (regexec(&masks->patterns[i], bytes, 1, &match, REG_STARTEND) || match.rm_eo <= match.rm_so)
			continue;
		if (found &&
		    ((size_t)match.rm_so > *begin || ((size_t)match.rm_so == *begin && (size_t)match.rm_eo <= *end)))
			continue;
		*begin = (size_t)match.rm_so;
		*end = (size_t)match.rm_eo;
		found = true;
	}
	return found;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/masks.h"

#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#define MASKS 64

/* Each search goes through all that is left: a tracee could make one string cost a second. */
#define IN_ONE_STRING 64

struct masks {
	char *copy; /* of what is searched, with a NUL behind it */
	size_t room;
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
	free(masks->copy);
	free(masks);
}

/* regexec() goes by REG_STARTEND, so that NULs are bytes as others; sanitizers still look for one at the end. */
static bool copy(struct masks *masks, const char *bytes, size_t size)
{
	if (masks->room <= size) {
		char *larger = realloc(masks->copy, size + 1);

		if (!larger)
			return false;
		masks->copy = larger;
		masks->room = size + 1;
	}
	memcpy(masks->copy, bytes, size);
	masks->copy[size] = '\0';
	return true;
}

bool masks_find(struct masks *masks, const char *bytes, size_t size, unsigned *found, size_t *begin, size_t *end)
{
	bool any = false;

	if (!masks || !size)
		return false;
	if (*found == IN_ONE_STRING || !copy(masks, bytes, size)) {
		*begin = 0;
		*end = size;
		return true;
	}
	for (int i = 0; i < masks->count; i++) {
		regmatch_t match = {0, (regoff_t)size};

		if (regexec(&masks->patterns[i], masks->copy, 1, &match, REG_STARTEND) || match.rm_eo <= match.rm_so)
			continue;
		if (any &&
		    ((size_t)match.rm_so > *begin || ((size_t)match.rm_so == *begin && (size_t)match.rm_eo <= *end)))
			continue;
		*begin = (size_t)match.rm_so;
		*end = (size_t)match.rm_eo;
		any = true;
	}
	*found += any;
	return any;
}

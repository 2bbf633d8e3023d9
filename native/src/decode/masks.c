/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/masks.h"

#include <errno.h>
#include <regex.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MASKS 64

/* Bytes that each pattern may go through for one record: those of a record, several times. A tracee could else make one
 * cost minutes, by places that begin one in the other, or an iovec whose parts are all the same memory. */
#define WORK (8u << 20)
#define STEP 64 /* what a search costs by itself */

struct mask {
	regex_t pattern;
	regmatch_t next; /* its first place that was not looked at yet; rm_so -1: there is none */
};

struct masks {
	char *copy; /* of what is searched, with a NUL behind it */
	size_t room, size;
	size_t told;   /* of that, by masks_next() */
	uint64_t left; /* of the work; 0: all that follows is hidden */
	int count;
	struct mask all[MASKS];
};

int masks_add(struct masks **masks, const char *pattern)
{
	if (!*masks && !(*masks = calloc(1, sizeof(**masks))))
		return -ENOMEM;
	if ((*masks)->count == MASKS)
		return -ENOSPC;
	switch (regcomp(&(*masks)->all[(*masks)->count].pattern, pattern, REG_EXTENDED)) {
	case 0:
		(*masks)->count++;
		masks_renew(*masks);
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
		regfree(&masks->all[i].pattern);
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

void masks_renew(struct masks *masks)
{
	if (masks)
		masks->left = (uint64_t)masks->count * WORK;
}

static void work(struct masks *masks, size_t bytes)
{
	masks->left -= masks->left < bytes + STEP ? masks->left : bytes + STEP;
}

static void search(struct masks *masks, struct mask *mask, size_t from)
{
	mask->next.rm_so = -1;
	while (from < masks->size && masks->left) {
		regmatch_t match = {(regoff_t)from, (regoff_t)masks->size};
		bool found = !regexec(&mask->pattern, masks->copy, 1, &match, REG_STARTEND);

		work(masks, (found ? (size_t)match.rm_eo : masks->size) - from);
		if (!found)
			return;
		if (match.rm_eo > match.rm_so) {
			mask->next = match;
			return;
		}
		from = (size_t)match.rm_so + 1;
	}
}

void masks_begin(struct masks *masks, const char *bytes, size_t size)
{
	if (!masks)
		return;
	masks->size = size;
	masks->told = 0;
	if (masks->left && !copy(masks, bytes, size))
		masks->left = 0;
	for (int i = 0; i < masks->count; i++)
		search(masks, &masks->all[i], 0);
}

/* Which of them comes first; NULL: none is left. */
static struct mask *first_of(struct masks *masks)
{
	struct mask *first = NULL;

	for (int i = 0; i < masks->count; i++) {
		struct mask *mask = &masks->all[i];

		if (mask->next.rm_so >= 0 && (!first || mask->next.rm_so < first->next.rm_so))
			first = mask;
	}
	return first;
}

bool masks_next(struct masks *masks, size_t *begin, size_t *end)
{
	struct mask *mask;

	if (!masks || masks->told == masks->size)
		return false;
	*begin = *end = masks->told;
	while (masks->left && *end < masks->size && (mask = first_of(masks)) != NULL) {
		if (*end > *begin && (size_t)mask->next.rm_so >= *end)
			break;
		if (*end == *begin)
			*begin = (size_t)mask->next.rm_so;
		if ((size_t)mask->next.rm_eo > *end)
			*end = (size_t)mask->next.rm_eo;
		search(masks, mask, (size_t)mask->next.rm_so + 1);
	}
	/* what was not looked at may be anything */
	if (!masks->left)
		*end = masks->size;
	masks->told = *end > *begin ? *end : masks->size;
	return *end > *begin;
}

/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "groups.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 4096
/* What a container can make us keep has an end. */
#define MAX_NESTED 64

static struct group *groups[BUCKETS];

bool container_id_of(const char *name, char id[CONTAINER_ID_SIZE])
{
	const char *separator = strpbrk(name, "-:");

	/* [PREFIX(-|:)]ID[.scope]: cri-containerd-ID.scope, crio-ID.scope, libpod-ID, system.slice:docker:ID */
	for (; separator; separator = strpbrk(name, "-:")) {
		/* Conmon's own cgroups carry the container's ID, and are not the container. */
		if (separator - name >= 6 && strncmp(separator - 6, "conmon", 6) == 0)
			return false;
		name = separator + 1;
	}
	size_t length = strspn(name, "0123456789abcdef");

	if (length != CONTAINER_ID_SIZE - 1 || (name[length] && strcmp(name + length, ".scope") != 0))
		return false;
	memcpy(id, name, length);
	id[length] = '\0';
	return true;
}

static struct group **find(const char *id)
{
	uint32_t hash = 0;

	for (const char *at = id; *at; at++)
		hash = hash * 31 + (unsigned char)*at;
	struct group **at = &groups[hash % BUCKETS];

	while (*at && strcmp((*at)->id, id) != 0)
		at = &(*at)->next;
	return at;
}

struct group *group_find(const char *id)
{
	return *find(id);
}

struct group *group_make(const char *id)
{
	struct group **at = find(id);

	if (!*at && (*at = calloc(1, sizeof(**at))) != NULL)
		snprintf((*at)->id, sizeof((*at)->id), "%s", id);
	return *at;
}

void group_drop(struct group *group)
{
	if (group->directories || group->followed || group->held)
		return;
	*find(group->id) = group->next;
	free(group);
}

void group_hold(struct group *group)
{
	if (group)
		group->held++;
}

void group_release(struct group *group)
{
	if (!group)
		return;
	group->held--;
	group_drop(group);
}

/* The name counts, and not the cgroup's own owner: with a user namespace runc gives the cgroup away
 * (libcontainer/cgroups, OwnerUID). */
enum belief group_judge(const struct claim *claim)
{
	const struct group *known = group_find(claim->id);

	if (known && known->directories) {
		bool same = known->outermost == claim->outermost && (claim->outermost || known->namer == claim->namer);

		if (same)
			return BELIEVED;
		return !claim->outermost && claim->namer == NAMED_BY_ROOT ? DISPLACES : DOUBTED;
	}
	return claim->outermost && claim->outermost->nested >= MAX_NESTED ? DOUBTED : BELIEVED;
}

void group_begin(struct group *group, const struct claim *claim)
{
	group->namer = claim->namer;
	group->outermost = claim->outermost;
	if (group->outermost)
		group->outermost->nested++;
	group_hold(group->outermost);
}

void group_end(struct group *group)
{
	struct group *outermost = group->outermost;

	group->outermost = NULL;
	if (outermost)
		outermost->nested--;
	group_release(outermost);
}

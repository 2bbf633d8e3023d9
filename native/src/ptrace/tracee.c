/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "tracee.h"

#include <errno.h>
#include <stdlib.h>

static uint32_t bucket_of(const struct tracee_table *table, pid_t tid)
{
	return ((uint32_t)tid * 2654435761u) & (table->size - 1);
}

int tracee_table_init(struct tracee_table *table)
{
	table->size = 64;
	table->used = 0;
	table->buckets = calloc(table->size, sizeof(*table->buckets));
	return table->buckets ? 0 : -ENOMEM;
}

static void free_one(struct tracee *tracee, void *context)
{
	(void)context;
	free(tracee);
}

void tracee_table_free(struct tracee_table *table)
{
	if (table->buckets)
		tracee_each(table, free_one, NULL);
	free(table->buckets);
	table->buckets = NULL;
}

struct tracee *tracee_find(const struct tracee_table *table, pid_t tid)
{
	struct tracee *tracee = table->buckets[bucket_of(table, tid)];

	while (tracee && tracee->tid != tid)
		tracee = tracee->next_in_bucket;
	return tracee;
}

static void link_in(struct tracee_table *table, struct tracee *tracee)
{
	struct tracee **bucket = &table->buckets[bucket_of(table, tracee->tid)];

	tracee->next_in_bucket = *bucket;
	*bucket = tracee;
}

static void grow(struct tracee_table *table)
{
	struct tracee_table larger = {.size = table->size * 2, .used = table->used};

	larger.buckets = calloc(larger.size, sizeof(*larger.buckets));
	if (!larger.buckets)
		return; /* longer chains, and no worse */
	for (uint32_t i = 0; i < table->size; i++) {
		for (struct tracee *tracee = table->buckets[i], *next; tracee; tracee = next) {
			next = tracee->next_in_bucket;
			link_in(&larger, tracee);
		}
	}
	free(table->buckets);
	*table = larger;
}

struct tracee *tracee_add(struct tracee_table *table, pid_t tid)
{
	struct tracee *tracee = calloc(1, sizeof(*tracee));

	if (!tracee)
		return NULL;
	if (table->used >= table->size)
		grow(table);
	tracee->tid = tid;
	tracee->resumed = RESUMED_NONE;
	link_in(table, tracee);
	table->used++;
	return tracee;
}

void tracee_unlink(struct tracee_table *table, struct tracee *tracee)
{
	struct tracee **at = &table->buckets[bucket_of(table, tracee->tid)];

	while (*at && *at != tracee)
		at = &(*at)->next_in_bucket;
	if (*at) {
		*at = tracee->next_in_bucket;
		table->used--;
	}
}

void tracee_relink(struct tracee_table *table, struct tracee *tracee, pid_t tid)
{
	tracee_unlink(table, tracee);
	tracee->tid = tid;
	link_in(table, tracee);
	table->used++;
}

void tracee_each(const struct tracee_table *table, void (*each)(struct tracee *tracee, void *context), void *context)
{
	for (uint32_t i = 0; i < table->size; i++) {
		for (struct tracee *tracee = table->buckets[i], *next; tracee; tracee = next) {
			next = tracee->next_in_bucket;
			each(tracee, context);
		}
	}
}

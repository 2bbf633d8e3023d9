/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "clock.h"
#include "tracee.h"

#define BUCKETS 4096
#define SEARCHED 512
#define SEARCH_NS (2 * NS_PER_MS)

struct entry {
	struct entry *next;
	const struct container *container;
	pid_t tid;
	uint32_t thread;
	uint64_t barred_until_ns; /* nobody has it, and nobody shall try before; 0: `thread` has it */
};

static struct entry *buckets[BUCKETS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct entry **find(pid_t tid)
{
	struct entry **at = &buckets[((uint32_t)tid * 2654435761u) % BUCKETS];

	while (*at && (*at)->tid != tid)
		at = &(*at)->next;
	return at;
}

static struct entry *make(pid_t tid, uint32_t thread, const struct container *container)
{
	struct entry **at = find(tid);

	if (!*at)
		*at = calloc(1, sizeof(**at));
	if (*at) {
		(*at)->tid = tid;
		(*at)->thread = thread;
		(*at)->container = container;
		(*at)->barred_until_ns = 0;
	}
	return *at;
}

static enum registry_place place_of(const struct entry *entry)
{
	if (!entry)
		return REGISTRY_NEW;
	return entry->barred_until_ns && entry->barred_until_ns <= clock_ns() ? REGISTRY_RETRY : REGISTRY_TAKEN;
}

bool registry_open(pid_t tid)
{
	pthread_mutex_lock(&lock);
	bool open = place_of(*find(tid)) != REGISTRY_TAKEN;

	pthread_mutex_unlock(&lock);
	return open;
}

enum registry_place registry_reserve(pid_t tid, uint32_t thread, struct container *container)
{
	enum registry_place place = REGISTRY_NEW;

	pthread_mutex_lock(&lock);
	const struct entry *entry = *find(tid);

	if (entry)
		place = entry->barred_until_ns && entry->barred_until_ns <= clock_ns() ? REGISTRY_RETRY
		                                                                       : REGISTRY_TAKEN;
	if (place != REGISTRY_TAKEN && !make(tid, thread, container))
		place = REGISTRY_TAKEN;
	pthread_mutex_unlock(&lock);
	return place;
}

void registry_forget(const struct container *container)
{
	pthread_mutex_lock(&lock);
	for (int i = 0; i < BUCKETS; i++) {
		for (struct entry **at = &buckets[i], *entry; (entry = *at) != NULL;) {
			if (entry->container == container && entry->barred_until_ns) {
				*at = entry->next;
				free(entry);
			} else {
				at = &entry->next;
			}
		}
	}
	pthread_mutex_unlock(&lock);
}

void registry_set(pid_t tid, uint32_t thread, struct container *container)
{
	pthread_mutex_lock(&lock);
	make(tid, thread, container);
	pthread_mutex_unlock(&lock);
}

void registry_remove(pid_t tid, uint32_t thread)
{
	pthread_mutex_lock(&lock);
	struct entry **at = find(tid), *entry = *at;

	if (entry && entry->thread == thread) {
		*at = entry->next;
		free(entry);
	}
	pthread_mutex_unlock(&lock);
}

uint32_t registry_thread(pid_t tid)
{
	pthread_mutex_lock(&lock);
	const struct entry *entry = *find(tid);
	uint32_t thread = entry && !entry->barred_until_ns ? entry->thread : REGISTRY_NOBODY;

	pthread_mutex_unlock(&lock);
	return thread;
}

void registry_bar(pid_t tid, uint32_t thread, uint64_t until_ns)
{
	pthread_mutex_lock(&lock);
	struct entry *entry = *find(tid);

	if (entry && entry->thread == thread)
		entry->barred_until_ns = until_ns;
	pthread_mutex_unlock(&lock);
}

struct candidates {
	pid_t tids[SEARCHED];
	uint32_t count;
};

static void collect(const struct container *container, struct candidates *candidates)
{
	pthread_mutex_lock(&lock);
	for (int i = 0; i < BUCKETS; i++) {
		for (const struct entry *entry = buckets[i]; entry && candidates->count < SEARCHED;
		     entry = entry->next) {
			if (entry->container == container && !entry->barred_until_ns)
				candidates->tids[candidates->count++] = entry->tid;
		}
	}
	pthread_mutex_unlock(&lock);
}

/* Linux before 6.11: of many tasks not all are looked at, since the caller's tracer thread does nothing else meanwhile. */
static pid_t search(const struct container *container, pid_t viewer, pid_t ns_pid)
{
	struct candidates candidates = {.count = 0};
	struct task_status status;
	uint64_t until = clock_ns() + SEARCH_NS;

	if (task_status_read(viewer, &status) < 0 || status.ns_depth < 1)
		return 0;
	int depth = status.ns_depth;

	collect(container, &candidates);
	for (uint32_t i = 0; i < candidates.count && clock_ns() < until; i++) {
		if (task_status_read(candidates.tids[i], &status) == 0 && status.ns_depth >= depth &&
		    status.ns_pid[depth - 1] == ns_pid)
			return candidates.tids[i];
	}
	return 0;
}

pid_t registry_by_ns_pid(const struct container *container, pid_t viewer, pid_t ns_pid)
{
	pid_t tid = task_by_ns_pid(viewer, ns_pid);

	if (tid == -ENOTTY)
		tid = search(container, viewer, ns_pid);
	if (tid <= 0)
		return 0;
	pthread_mutex_lock(&lock);
	const struct entry *entry = *find(tid);
	bool same = entry && entry->container == container && !entry->barred_until_ns;

	pthread_mutex_unlock(&lock);
	return same ? tid : 0;
}

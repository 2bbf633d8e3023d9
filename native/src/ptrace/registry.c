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
#define SWEEP_NS (100 * NS_PER_MS)
#define SWEPT_BUCKETS 256
#define SWEPT 512

struct entry {
	struct entry *next;
	const struct container *container;
	pid_t tid;
	uint32_t thread;
	uint64_t barred_until_ns; /* nobody has it, and nobody shall try before; 0: `thread` has it */
	uint64_t barred_ticks;    /* boot_ticks() when it was barred */
	bool setup;               /* the runtime's own, and this is its executable */
	struct file_identity exe;
};

struct barred {
	pid_t tid;
	uint64_t until_ns, ticks;
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
		(*at)->setup &= !(*at)->barred_until_ns;
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

static struct barred barred_of(const struct entry *entry)
{
	return (struct barred){entry->tid, entry->barred_until_ns, entry->barred_ticks};
}

/* Whether the task that was barred is no more, be it that its ID is another's now. */
static bool is_gone(const struct barred *barred)
{
	struct task_stat stat;
	int error = task_stat_read(barred->tid, &stat);

	return error == -ENOENT || error == -ESRCH || (error == 0 && stat.start_ticks > barred->ticks);
}

static void unbar(const struct barred *barred)
{
	pthread_mutex_lock(&lock);
	struct entry **at = find(barred->tid), *entry = *at;

	if (entry && entry->barred_until_ns == barred->until_ns) {
		*at = entry->next;
		free(entry);
	}
	pthread_mutex_unlock(&lock);
}

bool registry_open(pid_t tid)
{
	struct barred barred = {0};

	pthread_mutex_lock(&lock);
	const struct entry *entry = *find(tid);
	bool open = place_of(entry) != REGISTRY_TAKEN;

	if (entry && entry->barred_until_ns)
		barred = barred_of(entry);
	pthread_mutex_unlock(&lock);
	if (!barred.until_ns || !is_gone(&barred))
		return open;
	unbar(&barred);
	return true;
}

enum registry_place registry_reserve(pid_t tid, uint32_t thread, struct container *container)
{
	pthread_mutex_lock(&lock);
	enum registry_place place = place_of(*find(tid));

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

void registry_set_up(pid_t tid, const struct file_identity *exe)
{
	pthread_mutex_lock(&lock);
	struct entry *entry = *find(tid);

	if (entry) {
		entry->setup = exe != NULL;
		entry->exe = exe ? *exe : (struct file_identity){0};
	}
	pthread_mutex_unlock(&lock);
}

bool registry_is_set_up(pid_t tid, struct file_identity *exe)
{
	pthread_mutex_lock(&lock);
	const struct entry *entry = *find(tid);
	bool setup = entry && entry->setup;

	if (setup)
		*exe = entry->exe;
	pthread_mutex_unlock(&lock);
	return setup;
}

void registry_bar(pid_t tid, uint32_t thread, uint64_t until_ns)
{
	pthread_mutex_lock(&lock);
	struct entry *entry = *find(tid);

	if (entry && entry->thread == thread) {
		entry->barred_until_ns = until_ns;
		entry->barred_ticks = boot_ticks();
	}
	pthread_mutex_unlock(&lock);
}

static uint32_t collect_expired(uint64_t now, struct barred expired[SWEPT])
{
	static uint32_t next;
	uint32_t count = 0;

	pthread_mutex_lock(&lock);
	for (int i = 0; i < SWEPT_BUCKETS && count < SWEPT; i++, next = (next + 1) % BUCKETS) {
		for (const struct entry *entry = buckets[next]; entry && count < SWEPT; entry = entry->next) {
			if (entry->barred_until_ns && entry->barred_until_ns <= now)
				expired[count++] = barred_of(entry);
		}
	}
	pthread_mutex_unlock(&lock);
	return count;
}

/* One that is not gone stays, for it is told from a new one by that (REGISTRY_RETRY). */
void registry_sweep(uint64_t now)
{
	static uint64_t next_ns;
	struct barred expired[SWEPT];

	if (now < next_ns)
		return;
	next_ns = now + SWEEP_NS;
	for (uint32_t i = 0, count = collect_expired(now, expired); i < count; i++) {
		if (is_gone(&expired[i]))
			unbar(&expired[i]);
	}
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

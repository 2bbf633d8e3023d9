/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "threads.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "recording.h"

/* Busy tasks beyond this share: every thread more is one more to be scheduled. */
#define MAX_BUSY 64
#define QUIET_NS (150 * NS_PER_MS)
#define OPEN_NS (10 * NS_PER_MS)

static struct thread threads[STL_THREADS];
static _Atomic uint32_t count;
static uint32_t shared; /* threads of the pool come first */
static struct stl_arena *arena;
static int attention = -1;

static void on_kick(int signal)
{
	(void)signal; /* a wait that returns EINTR is nearly all that it is for */
	attach_escape();
}

int threads_open(struct stl_arena *mapped)
{
	struct sigaction action = {.sa_handler = on_kick, .sa_flags = SA_NODEFER};
	cpu_set_t allowed;

	arena = mapped;
	sigaction(SIGUSR1, &action, NULL);
	CPU_ZERO(&allowed);
	sched_getaffinity(0, sizeof(allowed), &allowed);
	shared = (uint32_t)CPU_COUNT(&allowed);
	if (shared < 1)
		shared = 1;
	if (shared > 8)
		shared = 8;
	attention = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return attention < 0 ? -errno : attention;
}

void thread_attention(void)
{
	uint64_t one = 1;

	if (write(attention, &one, sizeof(one)) < 0)
		return; /* full: it is asked for already */
}

struct thread *thread_at(uint32_t index)
{
	return index < atomic_load(&count) ? &threads[index] : NULL;
}

uint32_t threads_count(void)
{
	return atomic_load(&count);
}

static struct thread *make(void)
{
	uint32_t index = atomic_load(&count);

	if (index >= STL_THREADS || thread_start(&threads[index], arena, index) < 0)
		return NULL;
	atomic_store(&count, index + 1);
	atomic_store(&arena->threads, index + 1);
	return &threads[index];
}

static struct thread *least_loaded(uint32_t from, uint32_t to)
{
	struct thread *best = NULL;

	for (uint32_t i = from; i < to; i++) {
		if (!best || atomic_load(&threads[i].load) < atomic_load(&best->load))
			best = &threads[i];
	}
	return best;
}

struct thread *threads_pick(bool busy)
{
	struct thread *best;

	while (threads_count() < shared) {
		if (!make())
			break;
	}
	if (threads_count() == 0)
		return NULL;
	if (!busy || threads_count() < shared)
		return least_loaded(0, threads_count() < shared ? threads_count() : shared);
	best = threads_count() > shared ? least_loaded(shared, threads_count()) : NULL;
	if ((!best || atomic_load(&best->load) > 0) && threads_count() < shared + MAX_BUSY) {
		struct thread *made = make();

		if (made)
			best = made;
	}
	return best ? best : least_loaded(0, shared);
}

void threads_post_all(const struct mail *mail)
{
	for (uint32_t i = 0; i < threads_count(); i++)
		thread_post(&threads[i], mail);
}

/* Between a runtime's joining of a cgroup and its last exec there may be a fifth of a millisecond, and a new thread takes
 * longer to come up. */
void threads_keep_spare(uint64_t now)
{
	static uint64_t retry_ns;
	uint32_t all = threads_count();

	if (all < shared || all >= shared + MAX_BUSY || now < retry_ns)
		return;
	for (uint32_t i = shared; i < all; i++) {
		if (atomic_load(&threads[i].load) == 0)
			return;
	}
	if (!make())
		retry_ns = now + NS_PER_S;
}

bool threads_tick(uint64_t now)
{
	bool soon = false;

	for (uint32_t i = 0; i < threads_count(); i++) {
		struct thread *thread = &threads[i];
		const struct stl_beat *beat = &arena->beats[i];
		bool due = atomic_load(&thread->has_mail) || atomic_load(&thread->wants_ticks);

		uint64_t open_since = recorder_open_since(thread->recorder);

		soon |= due;
		due |= open_since && now - open_since >= OPEN_NS;
		if (due || (atomic_load(&beat->active) && now - atomic_load(&beat->beat_ns) > QUIET_NS))
			thread_kick(thread);
	}
	return soon;
}

bool threads_ended(void)
{
	for (uint32_t i = 0; i < threads_count(); i++) {
		if (!atomic_load(&threads[i].ended))
			return false;
	}
	return true;
}

void control_beat(void)
{
	struct stl_beat *mine = &arena->beats[STL_THREADS];

	atomic_store(&mine->beat_ns, clock_ns());
	atomic_store(&mine->tid, (uint32_t)syscall(SYS_gettid));
	atomic_store(&mine->active, 1);
}

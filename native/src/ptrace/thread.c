/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "thread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroups.h"
#include "clock.h"
#include "recording.h"

#define BEAT_NS (20 * NS_PER_MS)
#define MAILS_AT_ONCE 8
#define STACK_SIZE (128 * 1024)

/* Whether the thread had none before. */
static bool post(struct thread *thread, const struct mail *mail)
{
	struct mail *copy = malloc(sizeof(*copy));

	if (!copy)
		return true;
	*copy = *mail;
	copy->next = NULL;
	pthread_mutex_lock(&thread->lock);
	*thread->last_mail = copy;
	thread->last_mail = &copy->next;
	bool first = !atomic_exchange(&thread->has_mail, true);

	pthread_cond_signal(&thread->posted);
	pthread_mutex_unlock(&thread->lock);
	return first;
}

void thread_post(struct thread *thread, const struct mail *mail)
{
	if (!post(thread, mail))
		return;
	if (atomic_load(&thread->waits))
		thread_kick(thread);
	thread_attention();
}

void thread_kick(struct thread *thread)
{
	pid_t tid = atomic_load(&thread->tid);

	if (tid)
		syscall(SYS_tgkill, getpid(), tid, SIGUSR1);
}

bool thread_bring_here(struct thread *thread)
{
	pid_t tid = atomic_load(&thread->tid);

	return tid && atomic_load(&thread->load) == 0 && placement_bring(tid);
}

bool thread_is_called(struct thread *thread)
{
	bool called = thread->draining;

	if (called || !atomic_load(&thread->has_mail))
		return called;
	pthread_mutex_lock(&thread->lock);
	for (const struct mail *mail = thread->first_mail; mail; mail = mail->next)
		called |= mail->kind == MAIL_DRAIN || mail->kind == MAIL_LEAVE || mail->kind == MAIL_YIELD;
	pthread_mutex_unlock(&thread->lock);
	return called;
}

/* The oldest one; NULL: none. */
static struct mail *take_mail(struct thread *thread)
{
	pthread_mutex_lock(&thread->lock);
	struct mail *mail = thread->first_mail;

	if (mail)
		thread->first_mail = mail->next;
	if (!thread->first_mail) {
		thread->last_mail = &thread->first_mail;
		atomic_store(&thread->has_mail, false);
	}
	pthread_mutex_unlock(&thread->lock);
	return mail;
}

struct leaving {
	struct thread *thread;
	struct container *container;
};

static void leave_one(struct tracee *tracee, void *context)
{
	const struct leaving *leaving = context;

	/* It may be wanted again by now. */
	if (tracee->container != leaving->container || !tracee_is_leaving(tracee))
		return;
	if (!tracee->seized)
		tracee_lost(leaving->thread, tracee);
	else if (tracee->state == TRACEE_LISTENING)
		tracee_interrupt(tracee); /* in a group stop it shows no further stop by itself */
}

static void leave(struct thread *thread, struct container *container)
{
	struct leaving leaving = {thread, container};

	tracee_each(&thread->tracees, leave_one, &leaving);
}

static void retire(struct thread *thread, pid_t tid)
{
	struct tracee *tracee = tracee_find(&thread->tracees, tid);

	/* The registry's entry is the new owner's by now: only its own thread's is removed with it. */
	if (tracee)
		tracee_retire(thread, tracee, clock_ns());
}

static void watch(struct thread *thread, pid_t tid)
{
	struct tracee *tracee = tracee_find(&thread->tracees, tid);

	/* It waits in a read(2) that restarts by itself. */
	if (tracee && tracee->state == TRACEE_SETUP && tracee->seized && tracee_interrupt(tracee) == 0)
		tracee->watched = true;
	atomic_store(&thread->watches, true);
	thread_attention();
}

/* A few at a time: who is attached already shall not wait until all the others are. */
static void read_mail(struct thread *thread)
{
	struct mail *mail;

	for (int i = 0; i < MAILS_AT_ONCE && (mail = take_mail(thread)) != NULL; i++) {
		switch (mail->kind) {
		case MAIL_SEIZE:
			attach_begin(thread, mail);
			if (mail->here)
				placement_brought(&thread->placement);
			if (atomic_fetch_sub(&mail->container->seizing, 1) == 1)
				thread_attention();
			break;
		case MAIL_RETIRE:
			retire(thread, mail->tid);
			break;
		case MAIL_LEAVE:
			leave(thread, mail->container);
			break;
		case MAIL_FORGET:
			row_cache_forget(thread->rows, arena_slot_index(thread->arena, mail->container->slot));
			atomic_fetch_add(&thread->forgotten, 1);
			break;
		case MAIL_YIELD:
			target_traces_yield(thread, mail);
			break;
		case MAIL_YIELDED:
			target_traces_resume(thread, mail->caller);
			break;
		case MAIL_WATCH:
			watch(thread, mail->tid);
			break;
		case MAIL_DRAIN:
			drain_begin(thread, clock_ns());
			break;
#ifdef STL_TEST_HOOKS
		case MAIL_HANG:
			for (;;)
				pause();
#endif
		}
		free(mail);
	}
}

static void beat(struct thread *thread, uint64_t now)
{
	struct stl_beat *mine = &thread->arena->beats[thread->index];

	thread->last_beat_ns = now;
	atomic_store_explicit(&mine->beat_ns, now, memory_order_relaxed);
}

void thread_beat(struct thread *thread)
{
	beat(thread, clock_ns());
}

static void wait_for_mail(struct thread *thread)
{
	atomic_store(&thread->arena->beats[thread->index].active, 0);
	pthread_mutex_lock(&thread->lock);
	while (!atomic_load(&thread->has_mail))
		pthread_cond_wait(&thread->posted, &thread->lock);
	pthread_mutex_unlock(&thread->lock);
	beat(thread, clock_ns());
	atomic_store(&thread->arena->beats[thread->index].active, 1);
}

/* A child may be in no table yet: parked, or before its first stop. */
static bool has_no_tracee(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WSTOPPED | WEXITED | WNOWAIT | WNOHANG | __WALL | __WNOTHREAD) < 0 &&
	       errno == ECHILD;
}

static void drain(struct thread *thread)
{
	while (!drain_done(thread, clock_ns())) {
		siginfo_t info = {0};
		int served = 0;

		while (served++ < 256 &&
		       waitid(P_ALL, 0, &info, WSTOPPED | WEXITED | WNOWAIT | WNOHANG | __WALL | __WNOTHREAD) == 0 &&
		       info.si_pid) {
			struct stop stop = classify_stop(&info);

			serve_stop(thread, &stop, clock_ns());
			info.si_pid = 0;
		}
		if (atomic_load(&thread->has_mail))
			read_mail(thread);
		beat(thread, clock_ns());
		if (served <= 1) {
			struct timespec pause = {0, 200000};

			nanosleep(&pause, NULL);
		}
	}
}

/* The thread's end detaches what is left. */
static void let_go(struct tracee *tracee, void *context)
{
	recording_detached(context, tracee, clock_ns());
}

static void *run(void *context)
{
	struct thread *thread = context;
	struct stl_beat *mine = &thread->arena->beats[thread->index];

	/* A thread that is killed closes its descriptors before it lets its tracees go (kernel/exit.c, do_exit()), and
	 * whoever closes an inotify descriptor last waits there for the kernel's workers: for seconds, on a busy machine. */
	cgroups_leave_to_others();
	placement_init(&thread->placement); /* before another may move us */
	atomic_store(&thread->tid, (pid_t)syscall(SYS_gettid));
	atomic_store(&mine->tid, (uint32_t)thread->tid);
	beat(thread, clock_ns());
	atomic_store(&mine->active, 1);
	attach_prepare(thread);
	for (;;) {
		struct stop stop;

		if (atomic_load_explicit(&thread->has_mail, memory_order_relaxed))
			read_mail(thread);
		if (thread->draining)
			break;
		if (thread->tracees.used == 0 && has_no_tracee()) {
			if (!atomic_load(&thread->has_mail))
				wait_for_mail(thread);
			continue;
		}
		if (next_stop(thread, &stop)) {
			uint64_t now = clock_ns();

			serve_stop(thread, &stop, now);
			if (now - thread->last_beat_ns < BEAT_NS && !thread->pending && !thread->timed &&
			    !thread->held && !thread->parked_count)
				continue;
		}
		uint64_t now = clock_ns();

		beat(thread, now);
		attach_poll(thread, now);
		timeout_poll(thread, now);
		target_traces_poll(thread, now);
		newcomers_poll(thread, now);
		recording_poll(thread, now);
		audit(thread, now);
		atomic_store(&thread->wants_ticks,
		             thread->pending || thread->timed || thread->held || thread->parked_count);
	}
	drain(thread);
	tracee_each(&thread->tracees, let_go, thread);
	atomic_store(&mine->active, 0);
	atomic_store(&thread->tid, 0);
	atomic_store(&thread->ended, true);
	return NULL;
}

static int let_none_start(struct thread *thread, int error)
{
	if (thread->rows)
		row_cache_free(thread->rows);
	if (thread->recorder)
		recorder_close(thread->recorder);
	tracee_table_free(&thread->tracees);
	return error;
}

int thread_start(struct thread *thread, struct stl_arena *arena, uint32_t index)
{
	pthread_attr_t attributes;

	memset(thread, 0, sizeof(*thread));
	thread->index = index;
	thread->arena = arena;
	pthread_mutex_init(&thread->lock, NULL);
	pthread_cond_init(&thread->posted, NULL);
	thread->last_mail = &thread->first_mail;
	thread->rows = row_cache_new(arena, index);
	thread->recorder = recorder_new(thread);
	if (!thread->rows || !thread->recorder || tracee_table_init(&thread->tracees) < 0)
		return let_none_start(thread, -ENOMEM);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	int error = pthread_create(&thread->pthread, &attributes, run, thread);

	pthread_attr_destroy(&attributes);
	return error ? let_none_start(thread, -error) : 0;
}

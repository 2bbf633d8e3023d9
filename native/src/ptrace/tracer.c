/* SPDX-License-Identifier: Apache-2.0
 *
 * The control thread: takes the agent's requests, watches the cgroup tree, and sees to it that every tracer thread
 * comes round.
 */
#define _GNU_SOURCE
#include "tracer.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "ballast.h"
#include "cgroups.h"
#include "clock.h"
#include "notify.h"
#include "procfs.h"
#include "recording.h"
#include "targets.h"
#include "threads.h"
#include "unixdiag.h"

#define TICK_MS 2
#define BEAT_MS 100
#define RECORDING_MS 10
#define END_NS (1 * NS_PER_S)
#define REQUESTS_AT_ONCE 256
#define ORPHAN_SECONDS 2

struct tracer {
	const struct tracer_options *options;
	struct stl_arena *arena;
	int attention_fd;
	int unwatched; /* as the agent was told */
	bool ending;
	uint64_t seen_to_ns;
	bool command_asked, command_watched, command_told;
};

static void look_for_us(pid_t pid, void *context)
{
	*(bool *)context |= pid == getpid();
}

/* Whoever traced the supervisor, or a probe, would wait at its own stops. */
static bool is_our_own(const char *id)
{
	bool found = false;

	cgroups_each_process(id, look_for_us, &found);
	return found;
}

static void obey_trace(const struct stl_message *message)
{
	const char *name = message->id;
	char id[CONTAINER_ID_SIZE];

	/* Only a container's own cgroup makes a task ours to trace. */
	if (!container_id_of(name, id) || strcmp(id, name) != 0)
		notify(STL_EV_REFUSED, NULL, name, 0, 0, EINVAL, "not the ID of a container");
	else if (is_our_own(id))
		notify(STL_EV_REFUSED, NULL, name, 0, 0, EPERM, "it is the tracer's own container");
	else
		target_trace(id, message->detail & STL_TRACE_SILENT);
}

static void obey(struct tracer *tracer, struct stl_message *message)
{
	message->id[sizeof(message->id) - 1] = '\0';
	switch (message->type) {
	case STL_REQ_POLICY:
		targets_policy(message->value != 0, message->detail & STL_TRACE_SILENT);
		break;
	case STL_REQ_TRACE:
		obey_trace(message);
		break;
	case STL_REQ_PID:
		target_trace_pid((pid_t)message->pid, (uint64_t)message->value, message->detail & STL_TRACE_SILENT);
		break;
	case STL_REQ_DROP:
		target_drop(message->id, message->value != 0);
		break;
	case STL_REQ_RELEASE:
		target_release(message->slot, message->serial);
		break;
	case STL_REQ_FILTER:
		recording_take_filter(message);
		break;
	case STL_REQ_RECORD:
		recording_request(message);
		break;
	case STL_REQ_COMMAND:
		tracer->command_asked = true;
		break;
	case STL_REQ_END:
		tracer->ending = true;
		break;
#ifdef STL_TEST_HOOKS
	case STL_REQ_HANG: {
		struct mail mail = {.kind = MAIL_HANG};

		threads_post_all(&mail);
		ballast_end();
		break;
	}
#endif
	default:
		notify(STL_EV_REFUSED, NULL, message->id, 0, message->type, EINVAL, "no such request");
	}
}

static void read_requests(struct tracer *tracer)
{
	struct stl_message message;

	for (int i = 0; i < REQUESTS_AT_ONCE && !tracer->ending; i++) {
		ssize_t size = recv(tracer->options->control_fd, &message, sizeof(message), MSG_DONTWAIT);

		if (size == 0) { /* the agent is gone: all is let go, and the supervisor ends us */
			tracer->ending = true;
			return;
		}
		if (size < 0)
			return;
		if (size == sizeof(message))
			obey(tracer, &message);
		control_beat();
	}
}

/* The first exec of a command that is recorded is seen from its entry on: before it may exec, its syscalls stop. */
static bool command_is_ready(struct tracer *tracer)
{
	if (!recording_is_on())
		return true;
	struct thread *thread = thread_at(registry_thread(tracer->options->command));
	struct mail mail = {.kind = MAIL_WATCH, .tid = tracer->options->command};

	if (!thread)
		return true;
	if (!tracer->command_watched)
		thread_post(thread, &mail);
	tracer->command_watched = true;
	return atomic_load(&thread->watches);
}

static void tell_supervisor(struct tracer *tracer)
{
	if (tracer->command_told || !tracer->options->command || tracer->options->command_running)
		return;
	if (!tracer->command_asked || !target_command_seized() || !command_is_ready(tracer))
		return;
	tracer->command_told = true;
	if (send(tracer->options->supervisor_fd, "c", 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1)
		tracer->ending = true;
}

static void see_to_tree(struct tracer *tracer)
{
	cgroups_poll(NS_PER_S);
	if (cgroups_unwatched() == tracer->unwatched)
		return;
	tracer->unwatched = cgroups_unwatched();
	notify(STL_EV_UNWATCHED, NULL, NULL, 0, 0, tracer->unwatched, NULL);
}

/* Whether there was anything to see. */
static bool look_round(struct tracer *tracer, int timeout_ms)
{
	uint64_t ignored;
	struct pollfd fds[] = {
		{.fd = tracer->options->control_fd, .events = POLLIN},
		{.fd = tracer->options->supervisor_fd, .events = POLLIN},
		{.fd = cgroups_fd(), .events = POLLIN},
		{.fd = tracer->attention_fd, .events = POLLIN},
	};

	if (poll(fds, sizeof(fds) / sizeof(fds[0]), timeout_ms) <= 0)
		return false;
#ifdef STL_TEST_HOOKS
	const struct timespec late = {.tv_nsec = 20 * NS_PER_MS};

	if (fds[2].revents && getenv("STRACELET_LOOK_LATE"))
		nanosleep(&late, NULL);
#endif
	/* The tree first: what it tells may be what a request is about. */
	if (fds[2].revents)
		cgroups_read();
	if (fds[0].revents)
		read_requests(tracer);
	if (fds[1].revents & (POLLHUP | POLLERR))
		tracer->ending = true;
	if (fds[3].revents && read(tracer->attention_fd, &ignored, sizeof(ignored)) < 0 && errno != EAGAIN)
		tracer->ending = true;
	return true;
}

/* While records are wanted the threads are looked after more often than there is need to look at all the targets. */
static bool see_to_all(struct tracer *tracer, bool news, bool soon, uint64_t now)
{
	if (!news && !soon && now - tracer->seen_to_ns < BEAT_MS * NS_PER_MS)
		return false;
	tracer->seen_to_ns = now;
	see_to_tree(tracer);
	soon = targets_tick(now);
	registry_sweep(now);
	tell_supervisor(tracer);
	return soon;
}

static void let_all_go(void)
{
	struct mail mail = {.kind = MAIL_DRAIN};
	struct timespec pause = {0, 500000};
	uint64_t until = clock_ns() + END_NS;

	threads_post_all(&mail);
	ballast_end();
	while (!threads_ended() && clock_ns() < until) {
		control_beat();
		threads_tick(clock_ns());
		nanosleep(&pause, NULL);
	}
	for (uint32_t i = 0; i < threads_count(); i++) {
		if (atomic_load(&thread_at(i)->ended))
			pthread_join(thread_at(i)->pthread, NULL);
	}
	/* A join returns before the kernel has detached the thread's tracees (kernel/exit.c, do_exit()). */
	while (count_tasks(getpid()) > 1 && clock_ns() < until)
		nanosleep(&pause, NULL);
	notify(STL_EV_END, NULL, NULL, 0, 0, 0, NULL);
}

/* The supervisor is dead: its end of the socket says so too, but a hang of ours would never hear it. */
static void on_orphaned(int signal)
{
	const struct itimerval limit = {.it_value = {ORPHAN_SECONDS, 0}};

	(void)signal;
	setitimer(ITIMER_REAL, &limit, NULL); /* SIGALRM ends us, unless we have ended by then */
}

int tracer_run(const struct tracer_options *options)
{
	struct tracer tracer = {.options = options};
	struct stl_positions *positions;
	static const struct cgroup_watcher watcher = {target_appeared, target_gone, target_entered, control_beat};
	bool soon = true;

	struct sigaction orphaned = {.sa_handler = on_orphaned};

	sigaction(SIGUSR2, &orphaned, NULL);
	if (arena_map(options->arena_fd, &tracer.arena) < 0)
		return 1;
	arena_begin_generation(tracer.arena, (uint32_t)getpid());
	/* An earlier tracer was asked already. */
	tracer.command_asked = atomic_load(&tracer.arena->generation) > 1;
	procfs_root(options->proc);
	waits_prepare();
	if (positions_map(options->positions_fd, false, &positions) < 0)
		return 1;
	recording_open(positions);
	unix_diag_open(options->diag_fd);
	notify_open(options->control_fd, tracer.arena);
	tracer.attention_fd = threads_open(tracer.arena);
	if (tracer.attention_fd < 0)
		return 1;
	control_beat();
	int error = cgroups_open(options->cgroup_root, &watcher);

	targets_open(tracer.arena, options);
	if (options->command)
		target_command(options->command, options->command_running);
	notify(STL_EV_HELLO, NULL, NULL, getpid(), atomic_load(&tracer.arena->generation), 0, NULL);
	if (error < 0)
		notify(STL_EV_REFUSED, NULL, NULL, 0, 0, -error, "there is no cgroup tree");
	while (!tracer.ending) {
		uint64_t now;
		bool news = look_round(&tracer, soon ? TICK_MS : recording_is_on() ? RECORDING_MS : BEAT_MS);

		recording_tick();
		now = clock_ns();
		control_beat();
		threads_keep_spare(now);
		bool due = threads_tick(now);

		soon = see_to_all(&tracer, news, soon || due, now) || due;
		notify_flush();
	}
	let_all_go();
	return 0;
}

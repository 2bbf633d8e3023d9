/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "upkeep.h"
#include "ptrace/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ptrace/clock.h"

#define BACKOFF_FIRST_NS UINT64_C(100000000)
#define BACKOFF_MOST_NS UINT64_C(5000000000)
#define BACKOFF_FORGOTTEN_NS UINT64_C(30000000000)
#define PAUSE_NS 5000000

/* A file in memory counts as one, however little of it is used: with RLIMIT_FSIZE at less, its making would be a signal
 * that kills: setrlimit(2). The command was forked before, and keeps its limit. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_FSIZE, &limit);
	}
}

int upkeep_open(struct upkeep *u)
{
	raise_file_limit();
	u->start_ns = u->backoff_ns = 0;
	u->tracer.socket = -1;
	u->shared.arena_fd = arena_create();
	if (u->shared.arena_fd < 0)
		return u->shared.arena_fd;
	u->shared.positions_fd = positions_create();
	if (u->shared.positions_fd < 0)
		return u->shared.positions_fd;
	int error = arena_map(u->shared.arena_fd, &u->arena);

	if (error)
		return error;
	/* the tracer maps it for itself */
	madvise(u->arena, sizeof(*u->arena), MADV_DONTFORK);
	return fchmod(u->shared.arena_fd, S_IRUSR | S_IWUSR) < 0 ? -errno : 0;
}

/* What was recorded for an agent that has gone is none of the next one's. */
static int skip_records(struct upkeep *u)
{
	struct stl_positions *positions;
	int error = positions_map(u->shared.positions_fd, true, &positions);

	if (error)
		return error;
	for (int i = 0; i < STL_THREADS; i++)
		atomic_store(&positions->rings[i].tail, atomic_load(&u->arena->rings[i].head));
	positions_unmap(positions);
	return 0;
}

int upkeep_introduce(struct upkeep *u)
{
	struct stl_message arena = {.type = STL_SUP_ARENA}, positions = {.type = STL_SUP_POSITIONS};
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", u->shared.arena_fd);
	/* Opened anew for reading: with the writer's descriptor an agent could map it for writing, memfd_create(2) */
	int arena_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (arena_fd < 0)
		return -errno;
	/* The agent's to write. */
	int positions_fd = fcntl(u->shared.positions_fd, F_DUPFD_CLOEXEC, 0);

	int error = positions_fd < 0 ? -errno : skip_records(u);

	if (error) {
		close(arena_fd);
		if (positions_fd >= 0)
			close(positions_fd);
		return error;
	}
	channel_send(u->agent, &arena, arena_fd);
	channel_send(u->agent, &positions, positions_fd);
	return 0;
}

bool upkeep_start_due(struct upkeep *u, uint64_t now)
{
	struct stl_message message = {.type = STL_SUP_TRACER_STARTED, .value = (int64_t)u->arena->generation + 1};

	if (now < u->start_ns)
		return false;
	u->start_ns = NEVER;
	/* no tracer lives now, so these are a dead one's */
	memset(u->arena->beats, 0, sizeof(u->arena->beats));
	if (process_start(&u->tracer, u->options, &u->shared, u->command, now) < 0) {
		u->start_ns = now + BACKOFF_MOST_NS;
		return false;
	}
	watch_start(&u->watch, (uint32_t)u->tracer.pid, now);
	message.pid = u->tracer.pid;
	if (channel_has_room(u->agent))
		channel_send(u->agent, &message, -1);
	return true;
}

/* At once the first time, then later and later; a tracer that lived long has made up for what was before it. */
static void plan_restart(struct upkeep *u, uint64_t now)
{
	if (now - u->tracer.started_ns >= BACKOFF_FORGOTTEN_NS)
		u->backoff_ns = 0;
	u->start_ns = now + u->backoff_ns;
	u->backoff_ns = u->backoff_ns ? u->backoff_ns * 2 : BACKOFF_FIRST_NS;
	if (u->backoff_ns > BACKOFF_MOST_NS)
		u->backoff_ns = BACKOFF_MOST_NS;
}

static void tracer_ended(struct upkeep *u, pid_t pid, int status, uint64_t now)
{
	struct stl_message message = {
		.type = STL_SUP_TRACER_ENDED, .pid = pid, .value = STL_END_DIED, .detail = status};

	if (u->tracer.stalled)
		message.value = STL_END_STALLED;
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		message.value = STL_END_EXITED; /* it was asked to: no other is wanted */
	if (message.value == STL_END_EXITED)
		u->start_ns = NEVER;
	else
		plan_restart(u, now);
	if (message.value == STL_END_EXITED || channel_has_room(u->agent))
		channel_send(u->agent, &message, -1);
}

void upkeep_reap(struct upkeep *u, uint64_t now)
{
	pid_t pid = u->tracer.pid;
	int status;

	if (process_reap(&u->tracer, &status, now))
		tracer_ended(u, pid, status, now);
}

void upkeep_hear(struct upkeep *u, uint64_t now)
{
	char word[2];
	ssize_t size = recv(u->tracer.socket, word, sizeof(word), MSG_DONTWAIT);

	if (size == 1 && word[0] == 'c')
		command_go(u->command);
	else if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR))
		process_dies(&u->tracer, now);
}

static struct watch_task look_at_task(uint32_t tid)
{
	struct watch_task task = {0};
	struct task_status status;
	struct task_ran ran;

	if (task_status_read((pid_t)tid, &status) == 0 && task_ran_read((pid_t)tid, &ran) == 0) {
		task.runnable = status.state == 'R';
		task.cpu_ns = ran.cpu_ns;
	}
	return task;
}

void upkeep_look(struct upkeep *u, uint64_t now)
{
	if (u->tracer.pid && !u->tracer.dying_ns && watch_look(&u->watch, u->arena->beats, look_at_task, now))
		process_kill_stalled(&u->tracer, now);
}

void upkeep_end(struct upkeep *u, uint64_t patience_ns, uint64_t most_ns)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	uint64_t begun = clock_ns(), passed = 0;
	int status;

	process_hang_up(&u->tracer);
	while (u->tracer.pid && !process_reap(&u->tracer, &status, begun + passed) && passed < most_ns) {
		if (passed >= patience_ns)
			process_dies(&u->tracer, begun + passed);
		nanosleep(&pause, NULL);
		passed = clock_ns() - begun;
	}
}

void upkeep_close(struct upkeep *u)
{
	arena_unmap(u->arena);
	close(u->shared.arena_fd);
	close(u->shared.positions_fd);
}

/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "supervisor.h"
#include "channel.h"
#include "command.h"
#include "connect.h"
#include "process.h"
#include "ptrace/procfs.h"
#include "rights.h"
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BACKOFF_FIRST_NS UINT64_C(100000000)
#define BACKOFF_MOST_NS UINT64_C(5000000000)
#define BACKOFF_FORGOTTEN_NS UINT64_C(30000000000)
#define END_NS UINT64_C(1500000000)
#define NEVER UINT64_MAX
#define SIGNALS 32
#define GROUP_NS UINT64_C(200000000)
#define BIT(capability) (UINT64_C(1) << (capability))
/* The tracer's two; connect() to a socket of another user; mlock beyond RLIMIT_MEMLOCK; the tracer's bounding set. */
#define KEPT                                                                                                           \
	(BIT(CAP_SYS_PTRACE) | BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_IPC_LOCK) | BIT(CAP_SETPCAP))

struct supervisor {
	const struct supervisor_options *options;
	struct channel agent;
	struct command command;
	struct connects connects;
	struct process tracer;
	struct watch watch;
	struct stl_arena *arena;
	struct shared shared;
	int signals;              /* signalfd of SIGCHLD, and of those that the agent passes on to the command */
	uint64_t had_ns[SIGNALS]; /* when each came to ourselves */
	uint64_t start_ns;        /* when the next tracer is started; NEVER while there is one, or none is wanted */
	uint64_t backoff_ns;
	uint64_t tick_ns;
};

static uint64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int complain(const char *what, int error)
{
	fprintf(stderr, "stracelet-tracer: %s: %s\n", what, strerror(-error));
	return EXIT_FAILURE;
}

/* The agent decides what a signal from the terminal means: it goes to the whole foreground group, us among it. */
static int set_signals(void)
{
	static const int ignored[] = {SIGINT,  SIGTERM, SIGHUP,  SIGQUIT, SIGTSTP, SIGTTIN,
	                              SIGTTOU, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM};
	static const int taken[] = {SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
	sigset_t set;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		sigaddset(&set, taken[i]);
	sigprocmask(SIG_SETMASK, &set, NULL);
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* The command has the caller's; a pipe that we held open would keep its reader waiting. */
static void let_go_of_terminal(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	if (null > STDERR_FILENO)
		close(null);
}

/* Opened anew for reading: with the writer's descriptor an agent could map it for writing, memfd_create(2) */
static int send_arena(struct supervisor *s)
{
	char path[32];
	struct stl_message message = {.type = STL_SUP_ARENA};

	snprintf(path, sizeof(path), "/proc/self/fd/%d", s->shared.arena_fd);
	if (fchmod(s->shared.arena_fd, S_IRUSR | S_IWUSR) < 0)
		return -errno;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	channel_send(&s->agent, &message, fd);
	return 0;
}

/* The agent's to write. */
static int send_positions(struct supervisor *s)
{
	struct stl_message message = {.type = STL_SUP_POSITIONS};

	s->shared.positions_fd = positions_create();
	if (s->shared.positions_fd < 0)
		return s->shared.positions_fd;
	int fd = fcntl(s->shared.positions_fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	channel_send(&s->agent, &message, fd);
	return 0;
}

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

static int make_arena(struct supervisor *s)
{
	raise_file_limit();
	s->shared.arena_fd = arena_create();
	if (s->shared.arena_fd < 0)
		return s->shared.arena_fd;
	int error = arena_map(s->shared.arena_fd, &s->arena);

	if (error)
		return error;
	/* the tracer maps it for itself */
	madvise(s->arena, sizeof(*s->arena), MADV_DONTFORK);
	error = send_arena(s);
	return error ? error : send_positions(s);
}

static void start_tracer(struct supervisor *s, uint64_t now)
{
	struct stl_message message = {.type = STL_SUP_TRACER_STARTED, .value = (int64_t)s->arena->generation + 1};

	s->start_ns = NEVER;
	/* no tracer lives now, so these are a dead one's */
	memset(s->arena->beats, 0, sizeof(s->arena->beats));
	if (process_start(&s->tracer, s->options, &s->shared, &s->command, now) < 0) {
		s->start_ns = now + BACKOFF_MOST_NS;
		return;
	}
	watch_start(&s->watch, (uint32_t)s->tracer.pid, now);
	s->tick_ns = now + WATCH_TICK_NS;
	if (!channel_has_room(&s->agent))
		return;
	message.pid = s->tracer.pid;
	channel_send(&s->agent, &message, -1);
}

/* At once the first time, then later and later; a tracer that lived long has made up for what was before it. */
static void plan_restart(struct supervisor *s, uint64_t now)
{
	if (now - s->tracer.started_ns >= BACKOFF_FORGOTTEN_NS)
		s->backoff_ns = 0;
	s->start_ns = now + s->backoff_ns;
	s->backoff_ns = s->backoff_ns ? s->backoff_ns * 2 : BACKOFF_FIRST_NS;
	if (s->backoff_ns > BACKOFF_MOST_NS)
		s->backoff_ns = BACKOFF_MOST_NS;
}

static void tracer_ended(struct supervisor *s, pid_t pid, int status, uint64_t now)
{
	struct stl_message message = {
		.type = STL_SUP_TRACER_ENDED, .pid = pid, .value = STL_END_DIED, .detail = status};

	if (s->tracer.stalled)
		message.value = STL_END_STALLED;
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		message.value = STL_END_EXITED; /* it was asked to: no other is wanted */
	if (message.value == STL_END_EXITED)
		s->start_ns = NEVER;
	else
		plan_restart(s, now);
	if (message.value == STL_END_EXITED || channel_has_room(&s->agent))
		channel_send(&s->agent, &message, -1);
}

static void reap(struct supervisor *s, uint64_t now)
{
	struct stl_message message;
	pid_t pid = s->tracer.pid;
	int status;

	if (process_reap(&s->tracer, &status, now))
		tracer_ended(s, pid, status, now);
	if (command_reap(&s->command, &message))
		channel_send(&s->agent, &message, -1);
}

static void hear_tracer(struct supervisor *s, uint64_t now)
{
	char word[2];
	ssize_t size = recv(s->tracer.socket, word, sizeof(word), MSG_DONTWAIT);

	if (size == 1 && word[0] == 'c')
		command_go(&s->command);
	else if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR))
		process_dies(&s->tracer, now);
}

static void take_signals(struct supervisor *s, uint64_t now)
{
	struct signalfd_siginfo taken;

	while (read(s->signals, &taken, sizeof(taken)) == sizeof(taken)) {
		if (taken.ssi_signo < SIGNALS)
			s->had_ns[taken.ssi_signo] = now;
	}
}

/* What was sent to the whole process group the command has had, as we have. */
static void pass_on(struct supervisor *s, int64_t number, uint64_t now)
{
	take_signals(s, now);
	if (number <= 0 || number >= SIGNALS || (s->had_ns[number] && now - s->had_ns[number] < GROUP_NS))
		return;
	command_signal(&s->command, number);
}

static void hear_agent(struct supervisor *s, uint64_t now)
{
	struct stl_message message;

	if (!channel_receive(&s->agent, &message))
		return;
	if (message.type == STL_SUP_CONNECT)
		connects_request(&s->connects, s->options, message.value, &s->agent, now);
	else if (message.type == STL_SUP_SIGNAL)
		pass_on(s, message.value, now);
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

static void tick(struct supervisor *s, uint64_t now)
{
	s->tick_ns = now + WATCH_TICK_NS;
	if (s->tracer.pid && !s->tracer.dying_ns && watch_look(&s->watch, s->arena->beats, look_at_task, now))
		process_kill_stalled(&s->tracer, now);
	command_check(&s->command, now);
	connects_retry(&s->connects, s->options, &s->agent, now);
	/* A command that is traced is ours to reap only when its tracer has let it go; that sends no second SIGCHLD where
	 * one is pending: signal(7) */
	reap(s, now);
}

static void wait_for_events(struct supervisor *s, struct pollfd polled[3], uint64_t now)
{
	uint64_t until = s->tick_ns < s->start_ns ? s->tick_ns : s->start_ns;
	uint64_t left = until > now ? until - now : 0;
	struct timespec timeout = {.tv_sec = (time_t)(left / 1000000000u), .tv_nsec = (long)(left % 1000000000u)};

	polled[0] = (struct pollfd){.fd = s->agent.fd};
	polled[0].events = (short)((channel_has_room(&s->agent) ? POLLIN : 0) | (s->agent.waiting ? POLLOUT : 0));
	polled[1] = (struct pollfd){.fd = s->tracer.socket, .events = POLLIN};
	polled[2] = (struct pollfd){.fd = s->signals, .events = POLLIN};
	if (ppoll(polled, 3, &timeout, NULL) < 0)
		polled[0].revents = polled[1].revents = polled[2].revents = 0;
}

static void serve(struct supervisor *s)
{
	struct pollfd polled[3];

	while (!s->agent.lost) {
		wait_for_events(s, polled, clock_now());
		uint64_t now = clock_now();

		if (now >= s->tick_ns)
			tick(s, now);
		if (polled[1].revents && s->tracer.socket >= 0)
			hear_tracer(s, now);
		if (polled[2].revents) {
			take_signals(s, now);
			reap(s, now);
		}
		if (polled[0].revents & POLLIN)
			hear_agent(s, now);
		else if (polled[0].revents & (POLLHUP | POLLERR))
			s->agent.lost = true;
		channel_flush(&s->agent);
		if (now >= s->start_ns && !s->agent.lost)
			start_tracer(s, now);
	}
}

/* It detaches on the hang-up; what has not ended in time is killed. */
static void end_tracer(struct supervisor *s)
{
	uint64_t deadline = clock_now() + END_NS;
	int status;

	process_hang_up(&s->tracer);
	while (s->tracer.pid && !process_reap(&s->tracer, &status, clock_now())) {
		struct pollfd polled = {.fd = s->signals, .events = POLLIN};

		poll(&polled, 1, 50);
		take_signals(s, clock_now());
		if (clock_now() >= deadline)
			process_dies(&s->tracer, clock_now());
	}
}

int supervisor_run(const struct supervisor_options *options)
{
	struct supervisor s = {.options = options, .tracer.socket = -1, .command.go = -1, .tick_ns = clock_now()};
	int error;

	fcntl(options->agent_fd, F_SETFD, FD_CLOEXEC);
	fcntl(options->control_fd, F_SETFD, FD_CLOEXEC);
	/* it may have been ignored, and then no child's status would be kept: wait(2) */
	signal(SIGCHLD, SIG_DFL);
	if (options->command) {
		error = command_fork(&s.command, options->command, options->proc, clock_now());
		if (error)
			return complain("cannot fork the command", error);
	}
	s.signals = set_signals();
	if (s.signals < 0)
		return complain("cannot take signals", s.signals);
	let_go_of_terminal();
	error = rights_keep(KEPT);
	if (error)
		return complain("cannot drop capabilities", error);
	channel_open(&s.agent, options->agent_fd);
	error = make_arena(&s);
	if (error)
		return complain(error == -EFBIG ? "cannot make the shared memory: the limit on a file's size (ulimit "
		                                  "-f) is too low for it"
		                                : "cannot make the shared memory",
		                error);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	serve(&s);
	channel_close(&s.agent);
	close(options->control_fd);
	end_tracer(&s);
	return EXIT_SUCCESS;
}

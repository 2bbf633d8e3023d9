/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "supervisor.h"
#include "channel.h"
#include "command.h"
#include "connect.h"
#include "ptrace/clock.h"
#include "rights.h"
#include "startup.h"
#include "upkeep.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define END_NS UINT64_C(1500000000)
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
	struct upkeep upkeep;
	int signals;              /* signalfd of SIGCHLD, and of those that the agent passes on to the command */
	uint64_t had_ns[SIGNALS]; /* when each came to ourselves */
	uint64_t tick_ns;
};

static void reap(struct supervisor *s, uint64_t now)
{
	struct stl_message message;

	upkeep_reap(&s->upkeep, now);
	if (command_reap(&s->command, &message))
		channel_send(&s->agent, &message, -1);
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

static void tick(struct supervisor *s, uint64_t now)
{
	s->tick_ns = now + WATCH_TICK_NS;
	upkeep_look(&s->upkeep, now);
	command_check(&s->command, now);
	connects_retry(&s->connects, s->options, &s->agent, now);
	/* A command that is traced is ours to reap only when its tracer has let it go; that sends no second SIGCHLD where
	 * one is pending: signal(7) */
	reap(s, now);
}

static void wait_for_events(struct supervisor *s, struct pollfd polled[3], uint64_t now)
{
	uint64_t until = s->tick_ns < s->upkeep.start_ns ? s->tick_ns : s->upkeep.start_ns;
	uint64_t left = until > now ? until - now : 0;
	struct timespec timeout = {.tv_sec = (time_t)(left / 1000000000u), .tv_nsec = (long)(left % 1000000000u)};

	polled[0] = (struct pollfd){.fd = s->agent.fd};
	polled[0].events = (short)((channel_has_room(&s->agent) ? POLLIN : 0) | (s->agent.waiting ? POLLOUT : 0));
	polled[1] = (struct pollfd){.fd = s->upkeep.tracer.socket, .events = POLLIN};
	polled[2] = (struct pollfd){.fd = s->signals, .events = POLLIN};
	if (ppoll(polled, 3, &timeout, NULL) < 0)
		polled[0].revents = polled[1].revents = polled[2].revents = 0;
}

static void serve(struct supervisor *s)
{
	struct pollfd polled[3];

	while (!s->agent.lost) {
		wait_for_events(s, polled, clock_ns());
		uint64_t now = clock_ns();

		if (now >= s->tick_ns)
			tick(s, now);
		if (polled[1].revents && s->upkeep.tracer.socket >= 0)
			upkeep_hear(&s->upkeep, now);
		if (polled[2].revents) {
			take_signals(s, now);
			reap(s, now);
		}
		if (polled[0].revents & POLLIN)
			hear_agent(s, now);
		else if (polled[0].revents & (POLLHUP | POLLERR))
			s->agent.lost = true;
		channel_flush(&s->agent);
		if (!s->agent.lost && upkeep_start_due(&s->upkeep, now))
			s->tick_ns = now + WATCH_TICK_NS;
	}
}

int supervisor_run(const struct supervisor_options *options)
{
	struct supervisor s = {.options = options, .command.go = -1, .tick_ns = clock_ns()};
	int error;

	fcntl(options->agent_fd, F_SETFD, FD_CLOEXEC);
	fcntl(options->control_fd, F_SETFD, FD_CLOEXEC);
	/* it may have been ignored, and then no child's status would be kept: wait(2) */
	signal(SIGCHLD, SIG_DFL);
	if (options->command) {
		error = command_fork(&s.command, options->command, options->proc, clock_ns());
		if (error)
			return complain("cannot fork the command", error);
	}
	s.signals = take_over_signals();
	if (s.signals < 0)
		return complain("cannot take signals", s.signals);
	let_go_of_terminal();
	error = rights_keep(KEPT);
	if (error)
		return complain("cannot drop capabilities", error);
	channel_open(&s.agent, options->agent_fd);
	s.upkeep = (struct upkeep){.options = options, .agent = &s.agent, .command = &s.command};
	error = upkeep_open(&s.upkeep);
	if (!error)
		error = upkeep_introduce(&s.upkeep);
	if (error)
		return complain_of_memory(error);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	serve(&s);
	channel_close(&s.agent);
	close(options->control_fd);
	upkeep_end(&s.upkeep, END_NS, NEVER);
	return EXIT_SUCCESS;
}

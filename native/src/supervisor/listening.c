/* SPDX-License-Identifier: Apache-2.0
 *
 * The supervisor as a container of its own: agents come and go, the tracer and its arena stay.
 */
#define _GNU_SOURCE
#include "channel.h"
#include "command.h"
#include "listener.h"
#include "relay.h"
#include "rights.h"
#include "sandbox.h"
#include "startup.h"
#include "supervisor.h"
#include "upkeep.h"

#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "ptrace/clock.h"

/* All is over 2 s after SIGTERM, whatever the tracer does: it has a second to let go, and is then killed. */
#define END_NS (1100 * NS_PER_MS)
#define END_MOST_NS (1800 * NS_PER_MS)
#define LET_GO_NS (1500 * NS_PER_MS)
#define BIT(capability) (UINT64_C(1) << (capability))
/* The tracer's two; mlock beyond RLIMIT_MEMLOCK and the tracer's bounding set, where it has them. */
#define KEPT (BIT(CAP_SYS_PTRACE) | BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_IPC_LOCK) | BIT(CAP_SETPCAP))

enum { AGENT, CONTROL, TRACER, SIGNALS, LISTENER, POLLED };

struct listening {
	struct supervisor_options options; /* control_fd: the tracer's end of the relay */
	int listener, signals;
	struct channel agent; /* lost: there is none */
	struct relay relay;
	struct command none;
	struct upkeep upkeep;
	uint64_t let_go_ns; /* when all is let go; NEVER: there is an agent, or nothing was ever asked for */
	uint64_t tick_ns;
	bool ending;
};

/* What each of an arena's lives begins with. */
static int begin(struct listening *l)
{
	int control = relay_open(&l->relay);

	if (control < 0)
		return control;
	l->options.control_fd = control;
	l->let_go_ns = NEVER;
	l->tick_ns = clock_ns();
	l->upkeep = (struct upkeep){.options = &l->options, .agent = &l->agent, .command = &l->none};
	return upkeep_open(&l->upkeep);
}

static void end(struct listening *l, uint64_t patience_ns, uint64_t most_ns)
{
	upkeep_end(&l->upkeep, patience_ns, most_ns);
	upkeep_close(&l->upkeep);
	relay_close(&l->relay);
	close(l->options.control_fd);
}

static void agent_left(struct listening *l, uint64_t now)
{
	channel_close(&l->agent);
	l->agent.lost = true;
	l->let_go_ns = now + l->options.grace_s * NS_PER_S;
	relay_leave(&l->relay);
}

static bool has_hung_up(int fd)
{
	struct pollfd polled = {.fd = fd};

	return poll(&polled, 1, 0) == 1 && polled.revents & (POLLHUP | POLLERR);
}

static void take_agent(struct listening *l, uint64_t now)
{
	int fd = listener_accept(l->listener, l->options.uid);

	if (fd < 0)
		return;
	if (!l->agent.lost && has_hung_up(l->agent.fd))
		agent_left(l, now);
	if (!l->agent.lost) {
		listener_refuse(fd, EBUSY, "another agent is connected");
		return;
	}
	relay_events(&l->relay, &l->agent); /* what was the last one's to hear */
	channel_open(&l->agent, fd);
	l->let_go_ns = NEVER;
	if (upkeep_introduce(&l->upkeep) < 0)
		l->agent.lost = true;
	else
		relay_welcome(&l->relay, &l->agent, l->upkeep.tracer.pid);
}

static void hear_agent(struct listening *l, short events)
{
	if (events & POLLIN && relay_has_room(&l->relay))
		relay_request(&l->relay, &l->agent);
	else if (events & (POLLHUP | POLLERR))
		l->agent.lost = true;
	channel_flush(&l->agent);
}

static void reap(struct listening *l, uint64_t now)
{
	upkeep_reap(&l->upkeep, now);
	process_reap_orphans(&l->upkeep.tracer);
}

static void take_signals(struct listening *l, uint64_t now)
{
	struct signalfd_siginfo taken;

	while (read(l->signals, &taken, sizeof(taken)) == sizeof(taken))
		l->ending |= taken.ssi_signo == SIGTERM || taken.ssi_signo == SIGINT;
	reap(l, now);
}

static void tick(struct listening *l, uint64_t now)
{
	l->tick_ns = now + WATCH_TICK_NS;
	upkeep_look(&l->upkeep, now);
	reap(l, now);
	if (!l->upkeep.tracer.pid && l->upkeep.start_ns == NEVER) /* nobody may ask it to end */
		l->upkeep.start_ns = now;
}

static uint64_t next_ns(const struct listening *l)
{
	uint64_t next = l->tick_ns < l->upkeep.start_ns ? l->tick_ns : l->upkeep.start_ns;

	return l->let_go_ns < next ? l->let_go_ns : next;
}

static void wait_for_events(struct listening *l, struct pollfd polled[POLLED])
{
	uint64_t now = clock_ns(), next = next_ns(l), left = next > now ? next - now : 0;
	struct timespec timeout = {.tv_sec = (time_t)(left / NS_PER_S), .tv_nsec = (long)(left % NS_PER_S)};
	bool agent_hears = l->agent.lost || channel_has_room(&l->agent), tracer_hears = relay_has_room(&l->relay);

	polled[AGENT] = (struct pollfd){.fd = l->agent.fd};
	polled[AGENT].events = (short)((agent_hears && tracer_hears ? POLLIN : 0) | (l->agent.waiting ? POLLOUT : 0));
	polled[CONTROL] = (struct pollfd){.fd = l->relay.control};
	polled[CONTROL].events = (short)((agent_hears ? POLLIN : 0) | (tracer_hears ? 0 : POLLOUT));
	polled[TRACER] = (struct pollfd){.fd = l->upkeep.tracer.socket, .events = POLLIN};
	polled[SIGNALS] = (struct pollfd){.fd = l->signals, .events = POLLIN};
	polled[LISTENER] = (struct pollfd){.fd = l->listener, .events = POLLIN};
	if (ppoll(polled, POLLED, &timeout, NULL) < 0) {
		for (int i = 0; i < POLLED; i++)
			polled[i].revents = 0;
	}
}

/* 0 or -errno. */
static int let_go(struct listening *l)
{
	fprintf(stderr, "stracelet-tracer: no agent for %u s: all is let go\n", l->options.grace_s);
	end(l, LET_GO_NS, NEVER);
	return begin(l);
}

static int serve(struct listening *l)
{
	struct pollfd polled[POLLED];
	int error = 0;

	while (!l->ending && !error) {
		wait_for_events(l, polled);
		uint64_t now = clock_ns();

		if (now >= l->tick_ns)
			tick(l, now);
		if (polled[TRACER].revents && l->upkeep.tracer.socket >= 0)
			upkeep_hear(&l->upkeep, now);
		if (polled[SIGNALS].revents)
			take_signals(l, now);
		relay_flush(&l->relay);
		if (polled[CONTROL].revents & POLLIN)
			relay_events(&l->relay, &l->agent);
		if (!l->agent.lost)
			hear_agent(l, polled[AGENT].revents);
		if (l->agent.lost && l->agent.fd >= 0)
			agent_left(l, now);
		if (polled[LISTENER].revents)
			take_agent(l, now);
		if (now >= l->let_go_ns && l->agent.lost)
			error = let_go(l);
		if (!error && !l->ending && upkeep_start_due(&l->upkeep, now))
			l->tick_ns = now + WATCH_TICK_NS;
	}
	return error;
}

static int complain_of_path(const char *path, int error)
{
	fprintf(stderr, "stracelet-tracer: --listen: %s: %s\n", path,
	        error == -EEXIST ? "what is there is no socket: remove it, or name another path" : strerror(-error));
	return EXIT_FAILURE;
}

int supervisor_listen(const struct supervisor_options *options)
{
	struct listening l = {.options = *options, .agent = {.fd = -1, .lost = true}, .none.go = -1};

	signal(SIGCHLD, SIG_DFL);
	/* As PID 1 they are ours anyway; with the node's PIDs a dead tracer's probes would be left to the runtime. */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	l.signals = take_over_signals();
	if (l.signals < 0)
		return complain("cannot take signals", l.signals);
	let_go_of_terminal();
	l.listener = listener_open(options->listen, options->uid);
	if (l.listener < 0)
		return complain_of_path(options->listen, l.listener);
	int error = rights_keep(KEPT);
	if (error)
		return complain("cannot drop capabilities", error);
	error = sandbox_leave_network();
	if (error)
		return complain("cannot give up the network", error);
	error = begin(&l);
	if (error)
		return complain_of_memory(error);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	fprintf(stderr, "stracelet-tracer: waits at %s for the agent of uid %u\n", options->listen, options->uid);
	error = serve(&l);
	if (error)
		return complain_of_memory(error);
	if (l.agent.fd >= 0)
		channel_close(&l.agent);
	close(l.listener);
	end(&l, END_NS, END_MOST_NS);
	return EXIT_SUCCESS;
}

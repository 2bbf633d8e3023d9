/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "relay.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define AT_ONCE 256

static const struct stl_message farewell[] = {
	{.type = STL_REQ_RECORD},
	{.type = STL_REQ_POLICY},
};

#define FAREWELL (sizeof(farewell) / sizeof(farewell[0]))

int relay_open(struct relay *relay)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	*relay = (struct relay){.control = pair[0]};
	return pair[1];
}

void relay_close(struct relay *relay)
{
	close(relay->control);
}

bool relay_has_room(const struct relay *relay)
{
	return !relay->full && !relay->owed;
}

static bool pass(struct relay *relay, const struct stl_message *message)
{
	return send(relay->control, message, sizeof(*message), MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(*message);
}

void relay_flush(struct relay *relay)
{
	while (relay->owed && pass(relay, &farewell[FAREWELL - relay->owed]))
		relay->owed--;
	if (relay->full && !relay->owed)
		relay->full = !pass(relay, &relay->held);
}

static void refuse(struct channel *agent, const struct stl_message *request, const char *why)
{
	struct stl_message answer = {.type = STL_EV_REFUSED, .pid = request->pid, .detail = EPERM};

	snprintf(answer.id, sizeof(answer.id), "%.*s", (int)sizeof(request->id) - 1, request->id);
	snprintf(answer.text, sizeof(answer.text), "%s", why);
	channel_send(agent, &answer, -1);
}

/* Why it may not be asked for; NULL: it may. */
static const char *objection(const struct stl_message *request)
{
	switch (request->type) {
	case STL_REQ_POLICY:
	case STL_REQ_TRACE:
	case STL_REQ_DROP:
	case STL_REQ_RELEASE:
	case STL_REQ_FILTER:
		return NULL;
	case STL_REQ_RECORD:
		/* A full ring would hold its tasks for as long as an agent likes. */
		return request->value & STL_RECORD_LOSSLESS ? "no task is held for a reader here" : NULL;
	case STL_REQ_PID:
		return "processes outside of containers are not traced here";
	default:
		return "no such request is taken here";
	}
}

void relay_request(struct relay *relay, struct channel *agent)
{
	struct stl_message answer = {.type = STL_SUP_CONNECTED, .detail = EPERM};

	if (!channel_receive(agent, &relay->held))
		return;
	const char *why = objection(&relay->held);

	if (relay->held.type == STL_SUP_CONNECT) {
		answer.value = relay->held.value;
		channel_send(agent, &answer, -1);
	} else if (why) {
		refuse(agent, &relay->held, why);
	} else {
		relay->full = !pass(relay, &relay->held);
	}
}

void relay_events(struct relay *relay, struct channel *agent)
{
	struct stl_message message;

	for (int i = 0; i < AT_ONCE && (agent->lost || channel_has_room(agent)); i++) {
		if (recv(relay->control, &message, sizeof(message), MSG_DONTWAIT) != sizeof(message))
			return;
		if (message.type == STL_EV_HELLO)
			relay->hello = message;
		channel_send(agent, &message, -1);
	}
}

void relay_leave(struct relay *relay)
{
	relay->full = false;
	relay->owed = FAREWELL;
	relay_flush(relay);
}

void relay_welcome(struct relay *relay, struct channel *agent, int64_t tracer)
{
	if (relay->hello.type == STL_EV_HELLO && relay->hello.pid == tracer)
		channel_send(agent, &relay->hello, -1);
}

/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "notify.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static int fd = -1;
static struct stl_arena *arena;
static atomic_bool lost;

void notify_open(int control_fd, struct stl_arena *mapped)
{
	fd = control_fd;
	arena = mapped;
}

static void send_message(const struct stl_message *message)
{
	if (send(fd, message, sizeof(*message), MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof(*message))
		atomic_store(&lost, true);
}

void notify(uint32_t type, const struct stl_slot *slot, const char *id, pid_t pid, int64_t value, int64_t detail,
            const char *text)
{
	struct stl_message message;

	memset(&message, 0, sizeof(message));
	message.type = type;
	message.pid = pid;
	message.value = value;
	message.detail = detail;
	if (slot) {
		message.slot = arena_slot_index(arena, slot);
		message.serial = slot->serial;
		id = slot->id;
	}
	if (id)
		snprintf(message.id, sizeof(message.id), "%s", id);
	if (text)
		snprintf(message.text, sizeof(message.text), "%s", text);
	send_message(&message);
}

void notify_flush(void)
{
	if (atomic_exchange(&lost, false))
		notify(STL_EV_OVERFLOW, NULL, NULL, 0, 0, 0, NULL);
}

void notify_late(struct stl_slot *slot, pid_t pid)
{
	notify_failure(slot, pid, STL_FAIL_LATE, 0, "it had run before it could be attached");
}

void notify_failure(struct stl_slot *slot, pid_t pid, int reason, int64_t detail, const char *text)
{
	arena_add(&slot->failures[reason], 1);
	notify(STL_EV_FAILED, slot, NULL, pid, reason, detail, text);
}

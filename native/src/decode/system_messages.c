/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages: System V's queues (msgget(2) and its like) and POSIX's (mq_overview(7)).
 */
#include <string.h>

#include "decode/system.h"

#define IPC_64 0x100u

#define IPC_SET 1
#define IPC_STAT 2
#define IPC_INFO 3
#define MSG_STAT 11
#define MSG_INFO 12
#define MSG_STAT_ANY 13

#define O_CREAT 0100 /* include/uapi/asm-generic/fcntl.h */

/* include/uapi/asm-generic/siginfo.h */
#define SIGEV_SIGNAL 0
#define SIGEV_THREAD 2
#define SIGEV_THREAD_ID 4

static uint64_t word_at(const struct decoder *d, uint64_t address)
{
	uint64_t word = 0;

	fetch_word(d, address, &word);
	return word;
}

/* ---- System V ------------------------------------------------------------------------------------------ */

void decode_msgget(struct decoder *d)
{
	uint32_t flags = (uint32_t)d->args[1] & ~0777u;

	if (!entering(d))
		return;
	argument(d);
	print_ipc_key(d, d->args[0]);
	argument(d);
	if (flags) {
		print_flags(d, &ipc_flags, flags);
		print_text(d, "|");
	}
	print_mode(d, d->args[1] & 0777);
}

/* struct msgbuf */
void print_message(struct decoder *d, uint64_t address, uint64_t size)
{
	uint64_t type;

	if (!address || !fetch_word(d, address, &type)) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field(d, "mtype");
	print_signed(d, d->word == 4 ? (int32_t)type : (int64_t)type);
	field(d, "mtext");
	print_bytes(d, address + d->word, size);
	end_struct(d);
}

void decode_msgsnd(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_int(d, d->args[0]);
	argument(d);
	print_message(d, d->args[1], d->args[2]);
	argument_unsigned(d, d->args[2]);
	argument_flags(d, &msgrcv_flags, (uint32_t)d->args[3]);
}

void decode_msgrcv(struct decoder *d)
{
	if (entering(d)) {
		argument_int(d, d->args[0]);
		return;
	}
	if (behind_ipc(d) && !(d->record->args[0] >> 16)) {
		print_msgrcv_behind_ipc(d);
		return;
	}
	argument(d);
	if (failed(d))
		print_address(d, d->args[1]);
	else
		print_message(d, d->args[1], d->args[2]);
	argument_unsigned(d, d->args[2]);
	argument(d);
	print_signed(d, d->word == 4 ? (int32_t)d->args[3] : (int64_t)d->args[3]);
	argument_flags(d, &msgrcv_flags, (uint32_t)d->args[4]);
}

/* struct msqid64_ds: on i386 a time's high half lies behind it. */
static void field_time(struct decoder *d, const char *name, uint64_t address)
{
	uint64_t time = word_at(d, address);

	if (d->word == 4 && !behind_ipc(d))
		time |= word_at(d, address + 4) << 32;
	field_unsigned(d, name, time);
}

static void print_queue(struct decoder *d, uint64_t address, bool setting)
{
	unsigned word = d->word;
	uint64_t times = address + (word == 8 ? 48 : 36), counts = times + 24;

	begin_struct(d);
	field(d, "msg_perm");
	print_ipc_permissions(d, address, setting);
	if (setting) {
		field_unsigned(d, "msg_qbytes", word_at(d, counts + 2 * word));
	} else {
		uint32_t pids[2] = {0, 0};

		fetch(d, counts + 3 * word, pids, sizeof(pids));
		field_time(d, "msg_stime", times);
		field_time(d, "msg_rtime", times + 8);
		field_time(d, "msg_ctime", times + 16);
		field_unsigned(d, "msg_qnum", word_at(d, counts + word));
		field_unsigned(d, "msg_qbytes", word_at(d, counts + 2 * word));
		field(d, "msg_lspid");
		print_pid(d, pids[0]);
		field(d, "msg_lrpid");
		print_pid(d, pids[1]);
	}
	end_struct(d);
}

static void print_message_limits(struct decoder *d, uint64_t address)
{
	static const char *const names[] = {"msgpool", "msgmap", "msgmax", "msgmnb", "msgmni", "msgssz", "msgtql"};
	uint16_t segments = 0;
	uint32_t values[7];

	fetch(d, address, values, sizeof(values));
	fetch(d, address + sizeof(values), &segments, sizeof(segments));
	begin_struct(d);
	for (unsigned i = 0; i < 7; i++)
		field_int(d, names[i], values[i]);
	field_unsigned(d, "msgseg", segments);
	end_struct(d);
}

static void print_msgctl(struct decoder *d, uint64_t address)
{
	char bytes[128];

	switch ((uint32_t)d->args[1] & ~IPC_64) {
	case IPC_SET:
		if (address && fetch(d, address, bytes, d->word == 8 ? 96 : 72)) {
			print_queue(d, address, true);
			return;
		}
		break;
	case IPC_STAT:
	case MSG_STAT:
	case MSG_STAT_ANY:
		if (address && !failed(d) && fetch(d, address, bytes, d->word == 8 ? 104 : 80)) {
			print_queue(d, address, false);
			return;
		}
		break;
	case IPC_INFO:
	case MSG_INFO:
		if (address && !failed(d) && fetch(d, address, bytes, 32)) {
			print_message_limits(d, address);
			return;
		}
	}
	print_address(d, address);
}

void decode_msgctl(struct decoder *d)
{
	if (entering(d)) {
		argument_int(d, d->args[0]);
		argument(d);
		print_ipc_command(d, &msgctl_commands, d->args[1]);
	} else {
		argument(d);
		print_msgctl(d, d->args[2]);
	}
}

/* ---- POSIX ------------------------------------------------------------------------------------------- */

/* struct mq_attr: longs. */
static void print_attributes(struct decoder *d, uint64_t address)
{
	static const char *const names[] = {"mq_maxmsg", "mq_msgsize", "mq_curmsgs"};
	char bytes[32];

	if (!address || !fetch(d, address, bytes, 4 * d->word)) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field_flags(d, "mq_flags", &queue_flags, word_at(d, address));
	for (unsigned i = 0; i < 3; i++) {
		uint64_t value = word_at(d, address + (i + 1) * d->word);

		field(d, names[i]);
		print_signed(d, d->word == 4 ? (int32_t)value : (int64_t)value);
	}
	end_struct(d);
}

void decode_mq_open(struct decoder *d)
{
	if (d->exiting) {
		result_is(d, RESULT_FD);
		return;
	}
	argument(d);
	print_path(d, d->args[0]);
	argument(d);
	print_open_flags(d, (uint32_t)d->args[1]);
	if (d->args[1] & O_CREAT) {
		argument(d);
		print_mode(d, (uint32_t)d->args[2]);
		argument(d);
		print_attributes(d, d->args[3]);
	}
}

void decode_mq_unlink(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_path(d, d->args[0]);
}

static void print_sent(struct decoder *d)
{
	argument_fd(d, d->args[0]);
	argument(d);
	print_bytes(d, d->args[1], d->args[2]);
	argument_unsigned(d, d->args[2]);
	argument_unsigned(d, (uint32_t)d->args[3]);
	argument(d);
}

void decode_mq_timedsend(struct decoder *d)
{
	if (!entering(d))
		return;
	print_sent(d);
	print_timespec(d, d->args[4]);
}

void decode_mq_timedsend_time64(struct decoder *d)
{
	if (!entering(d))
		return;
	print_sent(d);
	print_timespec64(d, d->args[4]);
}

static void print_received(struct decoder *d)
{
	argument(d);
	print_result_bytes(d, d->args[1]);
	argument_unsigned(d, d->args[2]);
	argument(d);
	if (failed(d))
		print_address(d, d->args[3]);
	else
		print_u32_at(d, d->args[3]);
	argument(d);
}

void decode_mq_timedreceive(struct decoder *d)
{
	if (entering(d)) {
		argument_fd(d, d->args[0]);
		return;
	}
	print_received(d);
	print_timespec(d, d->args[4]);
}

void decode_mq_timedreceive_time64(struct decoder *d)
{
	if (entering(d)) {
		argument_fd(d, d->args[0]);
		return;
	}
	print_received(d);
	print_timespec64(d, d->args[4]);
}

/* struct sigevent */
static void print_event(struct decoder *d, uint64_t address)
{
	uint32_t rest[2];
	uint64_t value;

	if (!address || !fetch_word(d, address, &value) || !fetch(d, address + d->word, rest, sizeof(rest))) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field(d, "sigev_value");
	begin_struct(d);
	field_int(d, "sival_int", value);
	field_address(d, "sival_ptr", value);
	end_struct(d);
	field(d, "sigev_signo");
	if (rest[1] == SIGEV_SIGNAL || rest[1] == SIGEV_THREAD || rest[1] == SIGEV_THREAD_ID)
		print_signal(d, rest[0]);
	else
		print_unsigned(d, rest[0]);
	field_constant(d, "sigev_notify", &sigev_notifications, rest[1]);
	if (rest[1] == SIGEV_THREAD) {
		field_address(d, "sigev_notify_function", word_at(d, address + d->word + 8));
		field_address(d, "sigev_notify_attributes", word_at(d, address + 2 * d->word + 8));
	} else if (rest[1] == SIGEV_THREAD_ID) {
		field(d, "sigev_notify_thread_id");
		print_pid(d, (uint32_t)word_at(d, address + d->word + 8));
	}
	end_struct(d);
}

void decode_mq_notify(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_fd(d, d->args[0]);
	argument(d);
	print_event(d, d->args[1]);
}

void decode_mq_getsetattr(struct decoder *d)
{
	if (entering(d)) {
		argument_fd(d, d->args[0]);
		argument(d);
		print_attributes(d, d->args[1]);
		return;
	}
	argument(d);
	if (failed(d))
		print_address(d, d->args[2]);
	else
		print_attributes(d, d->args[2]);
}

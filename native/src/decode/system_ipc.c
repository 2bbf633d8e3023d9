/* SPDX-License-Identifier: Apache-2.0
 *
 * System V IPC: shared memory and semaphores, and the one call that i386 has for all of it.
 */
#include <inttypes.h>
#include <string.h>

#include "decode/system.h"

#define IPC_64 0x100u

/* include/uapi/linux/ipc.h */
#define IPC_RMID 0
#define IPC_SET 1
#define IPC_STAT 2
#define IPC_INFO 3
#define SHM_STAT 13
#define SHM_INFO 14
#define SHM_STAT_ANY 15
#define SEM_STAT 18
#define SEM_INFO 19
#define SEM_STAT_ANY 20

/* The time's high half lies behind it on i386 (struct shmid64_ds), but not in what ipc(2) was made for. */
static void field_time(struct decoder *d, const char *name, uint64_t address)
{
	uint64_t low = 0, high = 0;

	fetch_word(d, address, &low);
	if (d->word == 4 && !behind_ipc(d) && fetch_word(d, address + 4, &high))
		low |= high << 32;
	field_unsigned(d, name, low);
}

static uint64_t word_at(const struct decoder *d, uint64_t address)
{
	uint64_t word = 0;

	fetch_word(d, address, &word);
	return word;
}

static uint32_t u32_at(const struct decoder *d, uint64_t address)
{
	uint32_t value = 0;

	fetch(d, address, &value, sizeof(value));
	return value;
}

void print_ipc_key(struct decoder *d, uint64_t key)
{
	if ((uint32_t)key || d->options->constants == STL_CONSTANTS_RAW)
		print_hex(d, (uint32_t)key);
	else if (d->options->constants == STL_CONSTANTS_VERBOSE)
		print_text(d, "0 /* IPC_PRIVATE */");
	else
		print_text(d, "IPC_PRIVATE");
}

void print_ipc_command(struct decoder *d, const struct constants *table, uint64_t command)
{
	if (command & IPC_64)
		print_text(d, "IPC_64|");
	print_constant(d, table, (uint32_t)command & ~IPC_64);
}

/* struct ipc64_perm, which begins all of them; i386's mode has 16 bits. */
void print_ipc_permissions(struct decoder *d, uint64_t address, bool setting)
{
	struct {
		uint32_t key, uid, gid, cuid, cgid, mode;
	} permissions;

	if (!fetch(d, address, &permissions, sizeof(permissions)))
		memset(&permissions, 0, sizeof(permissions));
	begin_struct(d);
	field(d, "uid");
	print_id(d, permissions.uid);
	field(d, "gid");
	print_id(d, permissions.gid);
	field(d, "mode");
	print_mode(d, d->word == 4 ? (uint16_t)permissions.mode : permissions.mode);
	if (!setting) {
		field_int(d, "key", permissions.key);
		field(d, "cuid");
		print_id(d, permissions.cuid);
		field(d, "cgid");
		print_id(d, permissions.cgid);
	}
	end_struct(d);
}

static bool there(const struct decoder *d, uint64_t address, size_t size)
{
	char bytes[128];

	return address && size <= sizeof(bytes) && fetch(d, address, bytes, size);
}

/* ---- flags ------------------------------------------------------------------------------------------ */

#define HUGE_SHIFT 26
#define HUGE_MASK 0x3fu

static void print_get_numbers(struct decoder *d, const struct constants *table, uint32_t flags, uint32_t size,
                              const char *huge)
{
	if (flags) {
		print_flags(d, table, flags);
		print_text(d, "|");
	}
	if (size) {
		print(d, "%u<<%d", size, HUGE_SHIFT);
		if (d->options->constants == STL_CONSTANTS_VERBOSE)
			print_comment(d, "%s", huge);
		print_text(d, "|");
	}
}

/* Names, the pages' size, and at last a mode, even of 0. */
static void print_get_flags(struct decoder *d, const struct constants *table, uint64_t flags, const char *huge)
{
	uint32_t left = (uint32_t)flags & ~0777u, size = huge ? left >> HUGE_SHIFT & HUGE_MASK : 0;
	bool any = false;

	if (huge)
		left &= ~(HUGE_MASK << HUGE_SHIFT);
	if (d->options->constants != STL_CONSTANTS_ABBREV) {
		print_get_numbers(d, table, left, size, huge);
		print_mode(d, flags & 0777);
		return;
	}
	for (size_t i = 0; i < table->count; i++) {
		uint64_t bits = table->items[i].value;

		if (!bits || (left & bits) != bits)
			continue;
		print(d, "%s%s", any ? "|" : "", table->items[i].name);
		left &= (uint32_t)~bits;
		any = true;
	}
	if (left) {
		print(d, "%s0x%" PRIx32, any ? "|" : "", left);
		any = true;
	}
	if (size) {
		print(d, "%s%u<<%s", any ? "|" : "", size, huge);
		any = true;
	}
	print_text(d, any ? "|" : "");
	print_mode(d, flags & 0777);
}

/* ---- shared memory ------------------------------------------------------------------------------------ */

void decode_shmget(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_ipc_key(d, d->args[0]);
	argument_unsigned(d, d->args[1]);
	argument(d);
	print_get_flags(d, &shmget_flags, d->args[2], "SHM_HUGE_SHIFT");
}

void decode_shmat(struct decoder *d)
{
	if (d->exiting) {
		if (behind_ipc(d))
			find_shmat_behind_ipc(d);
		result_is(d, RESULT_HEX);
		return;
	}
	argument_int(d, d->args[0]);
	argument_address(d, d->args[1]);
	argument_flags(d, &shmat_flags, (uint32_t)d->args[2]);
}

void decode_shmdt(struct decoder *d)
{
	if (entering(d))
		argument_address(d, d->args[0]);
}

static void print_shm(struct decoder *d, uint64_t address, bool setting)
{
	unsigned word = d->word, times = word == 8 ? 56 : 40, rest = word == 8 ? 80 : 64;

	begin_struct(d);
	field(d, "shm_perm");
	print_ipc_permissions(d, address, setting);
	if (!setting) {
		field_unsigned(d, "shm_segsz", word_at(d, address + (word == 8 ? 48 : 36)));
		field(d, "shm_cpid");
		print_pid(d, u32_at(d, address + rest));
		field(d, "shm_lpid");
		print_pid(d, u32_at(d, address + rest + 4));
		field_unsigned(d, "shm_nattch", word_at(d, address + rest + 8));
		field_time(d, "shm_atime", address + times);
		field_time(d, "shm_dtime", address + times + 8);
		field_time(d, "shm_ctime", address + times + 16);
	}
	end_struct(d);
}

static void print_words(struct decoder *d, uint64_t address, const char *const *names, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		field_unsigned(d, names[i], word_at(d, address + i * d->word));
}

static void print_shm_limits(struct decoder *d, uint64_t address)
{
	static const char *const names[] = {"shmmax", "shmmin", "shmmni", "shmseg", "shmall"};

	begin_struct(d);
	print_words(d, address, names, 5);
	end_struct(d);
}

static void print_shm_use(struct decoder *d, uint64_t address)
{
	static const char *const names[] = {"shm_tot", "shm_rss", "shm_swp", "swap_attempts", "swap_successes"};

	begin_struct(d);
	field_int(d, "used_ids", u32_at(d, address));
	print_words(d, address + d->word, names, 5);
	end_struct(d);
}

static void print_shmctl(struct decoder *d, uint64_t address)
{
	unsigned word = d->word;

	switch ((uint32_t)d->args[1] & ~IPC_64) {
	case IPC_SET:
		if (there(d, address, 24)) {
			print_shm(d, address, true);
			return;
		}
		break;
	case IPC_STAT:
	case SHM_STAT:
	case SHM_STAT_ANY:
		if (!failed(d) && there(d, address, word == 8 ? 96 : 76)) {
			print_shm(d, address, false);
			return;
		}
		break;
	case IPC_INFO:
		if (!failed(d) && there(d, address, 5 * word)) {
			print_shm_limits(d, address);
			return;
		}
		break;
	case SHM_INFO:
		if (!failed(d) && there(d, address, 6 * word)) {
			print_shm_use(d, address);
			return;
		}
	}
	print_address(d, address);
}

void decode_shmctl(struct decoder *d)
{
	if (entering(d)) {
		argument_int(d, d->args[0]);
		argument(d);
		print_ipc_command(d, &shmctl_commands, d->args[1]);
	} else {
		argument(d);
		print_shmctl(d, d->args[2]);
	}
}

/* ---- semaphores ----------------------------------------------------------------------------------------- */

void decode_semget(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_ipc_key(d, d->args[0]);
	argument_int(d, d->args[1]);
	argument(d);
	print_get_flags(d, &ipc_flags, d->args[2], NULL);
}

static void print_sem_operation(struct decoder *d, const void *element, size_t index)
{
	struct {
		uint16_t number;
		int16_t operation;
		uint16_t flags;
	} one;

	(void)index;
	memcpy(&one, element, sizeof(one));
	begin_struct(d);
	field_unsigned(d, "sem_num", one.number);
	field(d, "sem_op");
	print_signed(d, one.operation);
	field_flags(d, "sem_flg", &semop_flags, one.flags);
	end_struct(d);
}

static void print_sem_operations(struct decoder *d)
{
	argument_int(d, d->args[0]);
	argument(d);
	print_array(d, d->args[1], (uint32_t)d->args[2], 6, print_sem_operation);
	argument_unsigned(d, (uint32_t)d->args[2]);
}

void decode_semop(struct decoder *d)
{
	if (entering(d))
		print_sem_operations(d);
}

void decode_semtimedop(struct decoder *d)
{
	if (!entering(d))
		return;
	print_sem_operations(d);
	argument(d);
	print_timespec(d, d->args[3]);
}

void decode_semtimedop_time64(struct decoder *d)
{
	if (!entering(d))
		return;
	print_sem_operations(d);
	argument(d);
	print_timespec64(d, d->args[3]);
}

static void print_sem(struct decoder *d, uint64_t address, bool setting)
{
	unsigned word = d->word, times = word == 8 ? 48 : 36;

	begin_struct(d);
	field(d, "sem_perm");
	print_ipc_permissions(d, address, setting);
	if (!setting) {
		field_time(d, "sem_otime", address + times);
		field_time(d, "sem_ctime", address + times + 2 * word);
		field_unsigned(d, "sem_nsems", word_at(d, address + times + 4 * word));
	}
	end_struct(d);
}

static void print_sem_limits(struct decoder *d, uint64_t address)
{
	static const char *const names[] = {"semmap", "semmni", "semmns", "semmnu", "semmsl",
	                                    "semopm", "semume", "semusz", "semvmx", "semaem"};

	begin_struct(d);
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		field_int(d, names[i], u32_at(d, address + 4 * i));
	end_struct(d);
}

void print_semctl_argument(struct decoder *d, uint64_t command, uint64_t address)
{
	switch ((uint32_t)command & ~IPC_64) {
	case IPC_SET:
		if (there(d, address, 24)) {
			print_sem(d, address, true);
			return;
		}
		break;
	case IPC_STAT:
	case SEM_STAT:
	case SEM_STAT_ANY:
		if (!failed(d) && there(d, address, d->word == 8 ? 88 : 56)) {
			print_sem(d, address, false);
			return;
		}
		break;
	case IPC_INFO:
	case SEM_INFO:
		if (!failed(d) && there(d, address, 40)) {
			print_sem_limits(d, address);
			return;
		}
	}
	print_address(d, address);
}

void decode_semctl(struct decoder *d)
{
	if (entering(d)) {
		argument_int(d, d->args[0]);
		argument_int(d, d->args[1]);
		argument(d);
		print_ipc_command(d, &semctl_commands, d->args[2]);
	} else {
		argument(d);
		if (behind_ipc(d))
			print_semctl_behind_ipc(d);
		else
			print_semctl_argument(d, d->args[2], d->args[3]);
	}
}

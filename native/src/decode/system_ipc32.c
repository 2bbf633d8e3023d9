/* SPDX-License-Identifier: Apache-2.0
 *
 * ipc(2): i386's one call for all of System V IPC. Its first argument says which call it stands for, and in its high half
 * in which version.
 */
#include <inttypes.h>

#include "decode/system.h"

/* include/uapi/linux/ipc.h */
#define SEMOP 1
#define SEMGET 2
#define SEMCTL 3
#define SEMTIMEDOP 4
#define MSGSND 11
#define MSGRCV 12
#define MSGGET 13
#define MSGCTL 14
#define SHMAT 21
#define SHMDT 22
#define SHMGET 23
#define SHMCTL 24

#define IPC_64 0x100u

bool behind_ipc(const struct decoder *d)
{
	return call_of(d->abi, d->record->number) == CALL_ipc;
}

/* Its union semun lies in memory, and so the pointer in it. */
void print_semctl_behind_ipc(struct decoder *d)
{
	uint32_t command = (uint32_t)d->args[2], value;

	if (!d->args[3] || !fetch(d, d->args[3], &value, sizeof(value))) {
		print_address(d, d->args[3]);
		return;
	}
	switch (command & ~IPC_64) {
	case 1:  /* IPC_SET */
	case 2:  /* IPC_STAT */
	case 3:  /* IPC_INFO */
	case 18: /* SEM_STAT */
	case 19: /* SEM_INFO */
	case 20: /* SEM_STAT_ANY */
		print_semctl_argument(d, command, value);
		break;
	default:
		print_text(d, "[");
		print_hex(d, value);
		print_text(d, "]");
	}
}

/* struct ipc_kludge: in version 0 message and type are found in memory. */
void print_msgrcv_behind_ipc(struct decoder *d)
{
	bool known = false;
	uint32_t words[2];

	if (!failed(d))
		known = fetch(d, d->args[1], words, sizeof(words));
	argument(d);
	if (known)
		print_message(d, words[0], d->args[2]);
	else
		print_address(d, d->args[1]);
	argument_unsigned(d, d->args[2]);
	if (known) {
		argument_named(d, "msgtyp", words[1]);
		print_signed(d, (int32_t)words[1]);
	}
	argument_named(d, "msgflg", d->args[4]);
	print_flags(d, &msgrcv_flags, (uint32_t)d->args[4]);
}

/* Where it is attached is not the result, but where the third argument points. */
void find_shmat_behind_ipc(struct decoder *d)
{
	uint32_t address;

	if (!failed(d) && fetch(d, (uint32_t)d->record->args[3], &address, sizeof(address)))
		d->result = address;
}

static void decode_unknown(struct decoder *d)
{
	if (!entering(d))
		return;
	argument_unsigned(d, (uint32_t)d->args[0]);
	for (int i = 1; i < 6; i++)
		argument_hex(d, d->args[i]);
}

void decode_ipc(struct decoder *d)
{
	uint64_t first = d->args[1], second = d->args[2], third = d->args[3], pointer = d->args[4], fifth = d->args[5];

	switch ((uint32_t)d->args[0] & 0xffff) {
	case SEMOP:
		decode_as(d, CALL_semop, (uint64_t[6]){first, pointer, second});
		break;
	case SEMGET:
		decode_as(d, CALL_semget, (uint64_t[6]){first, second, third});
		break;
	case SEMCTL:
		decode_as(d, CALL_semctl, (uint64_t[6]){first, second, third, pointer});
		break;
	case SEMTIMEDOP:
		decode_as(d, CALL_semtimedop, (uint64_t[6]){first, pointer, second, fifth});
		break;
	case MSGSND:
		decode_as(d, CALL_msgsnd, (uint64_t[6]){first, pointer, second, third});
		break;
	case MSGRCV:
		decode_as(d, CALL_msgrcv, (uint64_t[6]){first, pointer, second, fifth, third});
		break;
	case MSGGET:
		decode_as(d, CALL_msgget, (uint64_t[6]){first, second});
		break;
	case MSGCTL:
		decode_as(d, CALL_msgctl, (uint64_t[6]){first, second, pointer});
		break;
	case SHMAT:
		decode_as(d, CALL_shmat, (uint64_t[6]){first, pointer, second});
		break;
	case SHMDT:
		decode_as(d, CALL_shmdt, (uint64_t[6]){pointer});
		break;
	case SHMGET:
		decode_as(d, CALL_shmget, (uint64_t[6]){first, second, third});
		break;
	case SHMCTL:
		decode_as(d, CALL_shmctl, (uint64_t[6]){first, second, pointer});
		break;
	default:
		decode_unknown(d);
	}
}

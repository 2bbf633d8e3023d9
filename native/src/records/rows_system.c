/* SPDX-License-Identifier: Apache-2.0
 *
 * What is captured of calls about memory, System V IPC, devices and the kernel itself. An ioctl(2) whose number tells
 * the size of what it points to needs no row here.
 */
#include <asm/ioctls.h>
#include <linux/blkpg.h>
#include <linux/bpf.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/keyctl.h>
#include <linux/loop.h>
#include <linux/perf_event.h>
#include <linux/random.h>
#include <linux/sockios.h>

#include "records/rows.h"

#define TEXT(n)                                                                                                        \
	{                                                                                                              \
		.take = TAKE_STRING, .arg = (n)                                                                        \
	}
#define PATH(n)                                                                                                        \
	{                                                                                                              \
		.take = TAKE_PATH, .arg = (n)                                                                          \
	}
#define DATA(n, length_in)                                                                                             \
	{                                                                                                              \
		.take = TAKE_BYTES, .arg = (n), .length = LENGTH_ARG, .length_arg = (length_in)                        \
	}
#define OBJECT(n, at, bytes, bytes32)                                                                                  \
	{                                                                                                              \
		.take = TAKE_OBJECT, .when = WHEN_##at, .arg = (n), .size = (bytes), .size32 = (bytes32)               \
	}
#define OPAQUE(n, at, bytes, bytes32)                                                                                  \
	{                                                                                                              \
		.take = TAKE_OBJECT, .when = WHEN_##at, .arg = (n), .size = (bytes), .size32 = (bytes32),              \
		.opaque = true                                                                                         \
	}
#define ARRAY(n, at, length_in, bytes, bytes32)                                                                        \
	{                                                                                                              \
		.take = TAKE_ARRAY, .when = WHEN_##at, .arg = (n), .length = LENGTH_ARG, .length_arg = (length_in),    \
		.size = (bytes), .size32 = (bytes32)                                                                   \
	}
#define POINTED(taken, offset, ...)                                                                                    \
	{                                                                                                              \
		.take = (taken), .at = (offset) + 1, .at32 = (offset) + 1, __VA_ARGS__                                 \
	}

#define ROW(name, ...)                                                                                                 \
	{                                                                                                              \
		.call = CALL_##name, .captures = { __VA_ARGS__ }                                                       \
	}
#define BY(name, argument, number, ...)                                                                                \
	{                                                                                                              \
		.call = CALL_##name, .by = (argument) + 1, .value = (number), .mask = UINT32_MAX, .captures = {        \
			__VA_ARGS__                                                                                    \
		}                                                                                                      \
	}
#define IOCTL(number, ...) BY(ioctl, 1, number, __VA_ARGS__)
#define IOCTL_IN(number, bytes, bytes32) IOCTL(number, OBJECT(2, ENTRY, bytes, bytes32))
#define IOCTL_OUT(number, bytes, bytes32) IOCTL(number, OBJECT(2, EXIT, bytes, bytes32))
#define KEYCTL(number, ...) BY(keyctl, 0, KEYCTL_##number, __VA_ARGS__)

/* The command of shmctl(2) and its like, without IPC_64. */
#define CONTROL(name, argument, command, ...)                                                                          \
	{                                                                                                              \
		.call = CALL_##name, .by = (argument) + 1, .value = (command), .mask = 0xfffffeff, .captures = {       \
			__VA_ARGS__                                                                                    \
		}                                                                                                      \
	}
#define SHMCTL(command, at, bytes, bytes32) CONTROL(shmctl, 1, command, OBJECT(2, at, bytes, bytes32))
#define SEMCTL(command, at, bytes, bytes32) CONTROL(semctl, 2, command, OBJECT(3, at, bytes, bytes32))
#define MSGCTL(command, at, bytes, bytes32) CONTROL(msgctl, 1, command, OBJECT(2, at, bytes, bytes32))

/* A struct msgbuf: a long, and what the message is behind it. */
#define MESSAGE(n, at, length_in)                                                                                      \
	OBJECT(n, at, 8, 4),                                                                                           \
	{                                                                                                              \
		.take = TAKE_BYTES, .when = WHEN_##at, .arg = (n), .length = LENGTH_ARG, .length_arg = (length_in),    \
		.skip = 8, .skip32 = 4                                                                                 \
	}

/* ipc(2): its calls and, of two of them, the version in the high half. */
#define IPC(number, ...)                                                                                               \
	{                                                                                                              \
		.call = CALL_ipc, .by = 1, .value = (number), .mask = 0xffff, .captures = { __VA_ARGS__ }              \
	}
#define IPC_VERSION(number, version, ...)                                                                              \
	{                                                                                                              \
		.call = CALL_ipc, .by = 1, .value = (number) | (version) << 16, .mask = UINT32_MAX, .captures = {      \
			__VA_ARGS__                                                                                    \
		}                                                                                                      \
	}

/* union bpf_attr: as much as decoders know */
#define ATTRIBUTES(at)                                                                                                 \
	{                                                                                                              \
		.take = TAKE_SIZED, .when = WHEN_##at, .arg = 1, .length = LENGTH_ARG, .length_arg = 2, .size = 256    \
	}
#define BPF(number, ...) BY(bpf, 0, number, ATTRIBUTES(ENTRY), __VA_ARGS__)
#define BPF_ANSWERED(number) BY(bpf, 0, number, ATTRIBUTES(BOTH))

/* A field of a struct that is a descriptor: what it is. */
#define FD_AT(n, at, offset)                                                                                           \
	{                                                                                                              \
		.take = TAKE_FDS, .when = WHEN_##at, .arg = (n), .size = 4, .skip = (offset), .skip32 = (offset)       \
	}

const struct capture_row system_rows[] = {
	/* ---- memory: of i386 the first mmap's arguments ---- */
	{.call = CALL_mmap, .captures = {{.take = TAKE_DESCRIPTOR, .arg = 4}, OBJECT(0, ENTRY, 0, 24)}},
	ROW(mincore, ARRAY(2, EXIT, 1, 1, 1)),
	ROW(mbind, ARRAY(3, ENTRY, 4, 8, 4)),
	ROW(set_mempolicy, ARRAY(1, ENTRY, 2, 8, 4)),
	ROW(get_mempolicy, OBJECT(0, EXIT, 4, 4), ARRAY(1, EXIT, 2, 8, 4)),
	ROW(migrate_pages, ARRAY(2, ENTRY, 1, 8, 4), ARRAY(3, ENTRY, 1, 8, 4)),
	ROW(move_pages, ARRAY(2, ENTRY, 1, 8, 4), ARRAY(3, ENTRY, 1, 4, 4), ARRAY(4, EXIT, 1, 4, 4)),

	/* ---- System V IPC ---- */
	SHMCTL(1, ENTRY, 112, 84),
	SHMCTL(2, EXIT, 112, 84),
	SHMCTL(13, EXIT, 112, 84),
	SHMCTL(15, EXIT, 112, 84),
	SHMCTL(3, EXIT, 72, 36),
	SHMCTL(14, EXIT, 48, 24),
	SEMCTL(1, ENTRY, 104, 64),
	SEMCTL(2, EXIT, 104, 64),
	SEMCTL(18, EXIT, 104, 64),
	SEMCTL(20, EXIT, 104, 64),
	SEMCTL(3, EXIT, 40, 40),
	SEMCTL(19, EXIT, 40, 40),
	MSGCTL(1, ENTRY, 120, 88),
	MSGCTL(2, EXIT, 120, 88),
	MSGCTL(11, EXIT, 120, 88),
	MSGCTL(13, EXIT, 120, 88),
	MSGCTL(3, EXIT, 32, 32),
	MSGCTL(12, EXIT, 32, 32),
	ROW(semop, ARRAY(1, ENTRY, 2, 6, 6)),
	ROW(semtimedop, ARRAY(1, ENTRY, 2, 6, 6), OBJECT(3, ENTRY, 16, 8)),
	ROW(semtimedop_time64, ARRAY(1, ENTRY, 2, 6, 6), OBJECT(3, ENTRY, 16, 16)),
	ROW(msgsnd, MESSAGE(1, ENTRY, 2)),
	ROW(msgrcv, MESSAGE(1, EXIT, 2)),
	IPC(1, ARRAY(4, ENTRY, 2, 6, 6)),
	IPC(3, OBJECT(4, ENTRY, 4, 4), POINTED(TAKE_OBJECT, 0, .when = WHEN_BOTH, .arg = 4, .size = 64)),
	IPC(4, ARRAY(4, ENTRY, 2, 6, 6), OBJECT(5, ENTRY, 8, 8)),
	IPC(11, MESSAGE(4, ENTRY, 2)),
	IPC_VERSION(12, 0, OBJECT(4, ENTRY, 8, 8), POINTED(TAKE_OBJECT, 0, .when = WHEN_EXIT, .arg = 4, .size = 4),
                    POINTED(TAKE_BYTES, 0, .when = WHEN_EXIT, .arg = 4, .length = LENGTH_ARG, .length_arg = 2,
                            .skip32 = 4)),
	IPC_VERSION(12, 1, MESSAGE(4, EXIT, 2)),
	IPC(14, OBJECT(4, BOTH, 88, 88)),
	IPC(21, OBJECT(3, EXIT, 4, 4)),
	IPC(24, OBJECT(4, BOTH, 84, 84)),

	/* ---- POSIX message queues ---- */
	ROW(mq_open, PATH(0), OBJECT(3, ENTRY, 32, 16), {.take = TAKE_RESULT_FD}),
	ROW(mq_unlink, PATH(0)),
	ROW(mq_timedsend, DATA(1, 2), OBJECT(4, ENTRY, 16, 8)),
	ROW(mq_timedsend_time64, DATA(1, 2), OBJECT(4, ENTRY, 16, 16)),
	ROW(mq_timedreceive, {.take = TAKE_BYTES, .when = WHEN_EXIT, .arg = 1, .length = LENGTH_RESULT},
            OBJECT(3, EXIT, 4, 4), OBJECT(4, ENTRY, 16, 8)),
	ROW(mq_timedreceive_time64, {.take = TAKE_BYTES, .when = WHEN_EXIT, .arg = 1, .length = LENGTH_RESULT},
            OBJECT(3, EXIT, 4, 4), OBJECT(4, ENTRY, 16, 16)),
	ROW(mq_notify, OBJECT(1, ENTRY, 32, 20)),
	ROW(mq_getsetattr, OBJECT(1, ENTRY, 32, 16), OBJECT(2, EXIT, 32, 16)),

	/* ---- ioctl(2): terminals, whose numbers tell nothing ---- */
	IOCTL_OUT(TCGETS, 36, 36),
	IOCTL_IN(TCSETS, 36, 36),
	IOCTL_IN(TCSETSW, 36, 36),
	IOCTL_IN(TCSETSF, 36, 36),
	IOCTL_OUT(TIOCGLCKTRMIOS, 36, 36),
	IOCTL_IN(TIOCSLCKTRMIOS, 36, 36),
	IOCTL_OUT(TCGETA, 17, 17),
	IOCTL_IN(TCSETA, 17, 17),
	IOCTL_IN(TCSETAW, 17, 17),
	IOCTL_IN(TCSETAF, 17, 17),
	IOCTL_OUT(TIOCGWINSZ, 8, 8),
	IOCTL_IN(TIOCSWINSZ, 8, 8),
	IOCTL(TIOCSTI, OPAQUE(2, ENTRY, 1, 1)), /* as if it were typed */
	IOCTL_OUT(TIOCMGET, 4, 4),
	IOCTL_IN(TIOCMSET, 4, 4),
	IOCTL_IN(TIOCMBIS, 4, 4),
	IOCTL_IN(TIOCMBIC, 4, 4),
	IOCTL_OUT(TIOCGPGRP, 4, 4),
	IOCTL_IN(TIOCSPGRP, 4, 4),
	IOCTL_OUT(TIOCGSID, 4, 4),
	IOCTL_OUT(TIOCOUTQ, 4, 4),
	IOCTL_OUT(FIONREAD, 4, 4),
	IOCTL_OUT(TIOCGETD, 4, 4),
	IOCTL_IN(TIOCSETD, 4, 4),
	IOCTL_OUT(TIOCGSOFTCAR, 4, 4),
	IOCTL_IN(TIOCSSOFTCAR, 4, 4),
	IOCTL_IN(TIOCPKT, 4, 4),
	IOCTL_IN(FIONBIO, 4, 4),
	IOCTL_IN(FIOASYNC, 4, 4),

	/* ---- sockets and network interfaces ---- */
	IOCTL_OUT(SIOCATMARK, 4, 4),
	IOCTL_OUT(FIOGETOWN, 4, 4),
	IOCTL_OUT(SIOCGPGRP, 4, 4),
	IOCTL_IN(FIOSETOWN, 4, 4),
	IOCTL_IN(SIOCSPGRP, 4, 4),
	IOCTL_IN(SIOCSIFENCAP, 4, 4),
	IOCTL(SIOCBRADDBR, TEXT(2)),
	IOCTL(SIOCBRDELBR, TEXT(2)),
	IOCTL(SIOCGIFNAME, OBJECT(2, BOTH, 40, 32)),
	IOCTL(SIOCGIFINDEX, OBJECT(2, BOTH, 40, 32)),
	IOCTL(SIOCGIFFLAGS, OBJECT(2, BOTH, 40, 32)),
	IOCTL(SIOCGIFADDR, OBJECT(2, BOTH, 40, 32)),
	IOCTL(SIOCGIFDSTADDR, OBJECT(2, BOTH, 40, 32)),
	IOCTL(SIOCGIFBRDADDR, OBJECT(2, BOTH, 40, 32)),
	IOCTL(SIOCGIFNETMASK, OBJECT(2, BOTH, 40, 32)),
	IOCTL(SIOCGIFMETRIC, OBJECT(2, BOTH, 40, 32)),
	IOCTL(SIOCGIFMTU, OBJECT(2, BOTH, 40, 32)),
	IOCTL(SIOCGIFTXQLEN, OBJECT(2, BOTH, 40, 32)),
	IOCTL(SIOCGIFSLAVE, OBJECT(2, BOTH, 40, 32)),
	IOCTL(SIOCGIFMAP, OBJECT(2, BOTH, 40, 32)),
	IOCTL(SIOCGIFHWADDR, OBJECT(2, BOTH, 40, 32)),
	IOCTL_IN(SIOCSIFFLAGS, 40, 32),
	IOCTL_IN(SIOCSIFADDR, 40, 32),
	IOCTL_IN(SIOCSIFDSTADDR, 40, 32),
	IOCTL_IN(SIOCSIFBRDADDR, 40, 32),
	IOCTL_IN(SIOCSIFNETMASK, 40, 32),
	IOCTL_IN(SIOCSIFMETRIC, 40, 32),
	IOCTL_IN(SIOCSIFMTU, 40, 32),
	IOCTL_IN(SIOCSIFTXQLEN, 40, 32),
	IOCTL_IN(SIOCSIFSLAVE, 40, 32),
	IOCTL_IN(SIOCSIFNAME, 40, 32),
	IOCTL_IN(SIOCSIFMAP, 40, 32),
	IOCTL_IN(SIOCSIFHWADDR, 40, 32),
	IOCTL_IN(SIOCADDMULTI, 40, 32),
	IOCTL_IN(SIOCDELMULTI, 40, 32),
	IOCTL(SIOCGIFCONF, {.take = TAKE_OBJECT, .when = WHEN_ENTRY, .arg = 2, .size = 16, .size32 = 8},
              {.take = TAKE_OBJECT, .when = WHEN_ALWAYS, .arg = 2, .size = 16, .size32 = 8},
              {.take = TAKE_SIZED,
               .when = WHEN_EXIT,
               .arg = 2,
               .length = LENGTH_FIELD32,
               .at = 9,
               .at32 = 5,
               .size = 4096}),

	/* ---- files and block devices ---- */
	IOCTL(FICLONERANGE, OBJECT(2, ENTRY, sizeof(struct file_clone_range), 0), FD_AT(2, ENTRY, 0)),
	IOCTL(FIDEDUPERANGE, OBJECT(2, BOTH, 24, 24), FD_AT(2, ENTRY, 24),
              {.take = TAKE_ARRAY,
               .when = WHEN_BOTH,
               .arg = 2,
               .length = LENGTH_FIELD32,
               .length_at = 16,
               .length_at32 = 16,
               .size = sizeof(struct file_dedupe_range_info),
               .skip = 24,
               .skip32 = 24}),
	IOCTL(FS_IOC_FIEMAP, OBJECT(2, BOTH, 32, 32),
              {.take = TAKE_ARRAY,
               .when = WHEN_EXIT,
               .arg = 2,
               .length = LENGTH_FIELD32,
               .length_at = 20,
               .length_at32 = 20,
               .size = sizeof(struct fiemap_extent),
               .skip = 32,
               .skip32 = 32}),
	IOCTL_OUT(BLKROGET, 4, 4),
	IOCTL_IN(BLKROSET, 4, 4),
	IOCTL_OUT(BLKGETSIZE, 8, 4),
	IOCTL_OUT(BLKRAGET, 8, 4),
	IOCTL_OUT(BLKFRAGET, 8, 4),
	IOCTL_OUT(BLKSECTGET, 2, 2),
	IOCTL_OUT(BLKSSZGET, 4, 4),
	IOCTL_OUT(BLKIOMIN, 4, 4),
	IOCTL_OUT(BLKIOOPT, 4, 4),
	IOCTL_OUT(BLKALIGNOFF, 4, 4),
	IOCTL_OUT(BLKPBSZGET, 4, 4),
	IOCTL_OUT(BLKDISCARDZEROES, 4, 4),
	IOCTL_OUT(BLKROTATIONAL, 4, 4),
	IOCTL_IN(BLKDISCARD, 16, 16),
	IOCTL_IN(BLKSECDISCARD, 16, 16),
	IOCTL_IN(BLKZEROOUT, 16, 16),
	IOCTL(BLKPG, OBJECT(2, ENTRY, 24, 16),
              {.take = TAKE_OBJECT,
               .arg = 2,
               .at = 17,
               .at32 = 13,
               .size = sizeof(struct blkpg_partition),
               .size32 = sizeof(struct blkpg_partition) - 4}),
	IOCTL(LOOP_SET_FD, {.take = TAKE_DESCRIPTOR, .arg = 2}),
	IOCTL(LOOP_CHANGE_FD, {.take = TAKE_DESCRIPTOR, .arg = 2}),
	/* loop(4): with a key */
	IOCTL(LOOP_SET_STATUS, OPAQUE(2, ENTRY, 168, 140)),
	IOCTL(LOOP_GET_STATUS, OPAQUE(2, EXIT, 168, 140)),
	IOCTL(LOOP_SET_STATUS64, OPAQUE(2, ENTRY, sizeof(struct loop_info64), 0)),
	IOCTL(LOOP_GET_STATUS64, OPAQUE(2, EXIT, sizeof(struct loop_info64), 0)),
	IOCTL(LOOP_CONFIGURE, OPAQUE(2, ENTRY, sizeof(struct loop_config), 0), FD_AT(2, ENTRY, 0)),

	/* ---- others ---- */
	IOCTL(0xb702u /* NS_GET_PARENT */, {.take = TAKE_RESULT_FD}),
	IOCTL(0xb701u /* NS_GET_USERNS */, {.take = TAKE_RESULT_FD}),
	IOCTL(0xb704u /* NS_GET_OWNER_UID */, OBJECT(2, EXIT, 4, 4)),
	IOCTL(0x40182103u /* SECCOMP_IOCTL_NOTIF_ADDFD */, OBJECT(2, ENTRY, 24, 24), FD_AT(2, ENTRY, 12)),
	IOCTL_IN(0x8010aa01u /* UFFDIO_UNREGISTER, which reads, against its number */, 16, 16),
	IOCTL_IN(0x8010aa02u /* UFFDIO_WAKE, likewise */, 16, 16),
	IOCTL(RNDADDENTROPY, OBJECT(2, ENTRY, 8, 8),
              {.take = TAKE_BYTES,
               .arg = 2,
               .length = LENGTH_FIELD32,
               .length_at = 4,
               .length_at32 = 4,
               .skip = 8,
               .skip32 = 8}),
	IOCTL(PERF_EVENT_IOC_SET_FILTER, TEXT(2)),
	IOCTL(0x40042406u /* likewise, i386 */, TEXT(2)),
	IOCTL(PERF_EVENT_IOC_SET_OUTPUT, {.take = TAKE_DESCRIPTOR, .arg = 2}),
	IOCTL(PERF_EVENT_IOC_SET_BPF, {.take = TAKE_DESCRIPTOR, .arg = 2}),

	/* ---- keys ---- */
	ROW(add_key, TEXT(0), TEXT(1), DATA(2, 3)),
	ROW(request_key, TEXT(0), TEXT(1), TEXT(2)),
	KEYCTL(JOIN_SESSION_KEYRING, TEXT(1)),
	KEYCTL(UPDATE, DATA(2, 3)),
	KEYCTL(DESCRIBE, {.take = TAKE_BYTES, .when = WHEN_EXIT, .arg = 2, .length = LENGTH_LESSER, .length_arg = 3}),
	KEYCTL(READ, {.take = TAKE_BYTES, .when = WHEN_EXIT, .arg = 2, .length = LENGTH_LESSER, .length_arg = 3}),
	KEYCTL(GET_SECURITY,
               {.take = TAKE_BYTES, .when = WHEN_EXIT, .arg = 2, .length = LENGTH_LESSER, .length_arg = 3}),
	KEYCTL(SEARCH, TEXT(2), TEXT(3)),
	KEYCTL(INSTANTIATE, DATA(2, 3)),
	KEYCTL(INSTANTIATE_IOV, {.take = TAKE_IOVEC, .arg = 2, .length = LENGTH_ARG, .length_arg = 3}),
	KEYCTL(DH_COMPUTE, OBJECT(1, ENTRY, 12, 12),
               {.take = TAKE_BYTES, .when = WHEN_EXIT, .arg = 2, .length = LENGTH_LESSER, .length_arg = 3}),
	KEYCTL(RESTRICT_KEYRING, TEXT(2), TEXT(3)),
	KEYCTL(CAPABILITIES,
               {.take = TAKE_ARRAY, .when = WHEN_EXIT, .arg = 1, .length = LENGTH_LESSER, .length_arg = 2, .size = 1}),
	KEYCTL(PKEY_QUERY, TEXT(3)),
	KEYCTL(PKEY_ENCRYPT, OBJECT(1, ENTRY, 40, 40), TEXT(2)),
	KEYCTL(PKEY_DECRYPT, OBJECT(1, ENTRY, 40, 40), TEXT(2)),
	KEYCTL(PKEY_SIGN, OBJECT(1, ENTRY, 40, 40), TEXT(2)),
	KEYCTL(PKEY_VERIFY, OBJECT(1, ENTRY, 40, 40), TEXT(2)),

	/* ---- bpf(2) ---- */
	ROW(bpf, ATTRIBUTES(ENTRY)),
	BPF(BPF_MAP_CREATE, FD_AT(1, ENTRY, 20), FD_AT(1, ENTRY, 48), {.take = TAKE_RESULT_FD}),
	BPF(BPF_MAP_LOOKUP_ELEM, FD_AT(1, ENTRY, 0)),
	BPF(BPF_MAP_UPDATE_ELEM, FD_AT(1, ENTRY, 0)),
	BPF(BPF_MAP_DELETE_ELEM, FD_AT(1, ENTRY, 0)),
	BPF(BPF_MAP_GET_NEXT_KEY, FD_AT(1, ENTRY, 0)),
	BPF(BPF_MAP_LOOKUP_AND_DELETE_ELEM, FD_AT(1, ENTRY, 0)),
	BPF(BPF_MAP_FREEZE, FD_AT(1, ENTRY, 0)),
	BPF(BPF_MAP_LOOKUP_BATCH, FD_AT(1, ENTRY, 36)),
	BPF(BPF_MAP_UPDATE_BATCH, FD_AT(1, ENTRY, 36)),
	BPF(BPF_MAP_DELETE_BATCH, FD_AT(1, ENTRY, 36)),
	BPF(BPF_MAP_LOOKUP_AND_DELETE_BATCH, FD_AT(1, ENTRY, 36)),
	BPF(BPF_PROG_ATTACH, FD_AT(1, ENTRY, 0), FD_AT(1, ENTRY, 4), FD_AT(1, ENTRY, 16)),
	BPF(BPF_PROG_DETACH, FD_AT(1, ENTRY, 0)),
	BPF(BPF_PROG_TEST_RUN, FD_AT(1, ENTRY, 0)),
	BPF(BPF_PROG_QUERY, FD_AT(1, ENTRY, 0)),
	BPF(BPF_LINK_UPDATE, FD_AT(1, ENTRY, 0), FD_AT(1, ENTRY, 4), FD_AT(1, ENTRY, 12)),
	BPF(BPF_PROG_GET_FD_BY_ID, {.take = TAKE_RESULT_FD}),
	BPF(BPF_MAP_GET_FD_BY_ID, {.take = TAKE_RESULT_FD}),
	BPF(BPF_BTF_GET_FD_BY_ID, {.take = TAKE_RESULT_FD}),
	BPF(BPF_LINK_GET_FD_BY_ID, {.take = TAKE_RESULT_FD}),
	BPF(BPF_LINK_CREATE, FD_AT(1, ENTRY, 0), FD_AT(1, ENTRY, 4), {.take = TAKE_RESULT_FD}),
	BPF(BPF_ITER_CREATE, {.take = TAKE_RESULT_FD}),
	BPF(BPF_PROG_LOAD,
            POINTED(TAKE_ARRAY, 8, .arg = 1, .length = LENGTH_FIELD32, .length_at = 4, .length_at32 = 4, .size = 8),
            POINTED(TAKE_STRING, 16, .arg = 1), POINTED(TAKE_STRING, 32, .arg = 1), FD_AT(1, ENTRY, 72),
            FD_AT(1, ENTRY, 112), {.take = TAKE_RESULT_FD}),
	BPF(BPF_OBJ_PIN, POINTED(TAKE_PATH, 0, .arg = 1), FD_AT(1, ENTRY, 8)),
	BPF(BPF_OBJ_GET, POINTED(TAKE_PATH, 0, .arg = 1), FD_AT(1, ENTRY, 8), {.take = TAKE_RESULT_FD}),
	BPF(BPF_RAW_TRACEPOINT_OPEN, POINTED(TAKE_STRING, 0, .arg = 1), FD_AT(1, ENTRY, 8), {.take = TAKE_RESULT_FD}),
	BPF(BPF_BTF_LOAD,
            POINTED(TAKE_BYTES, 0, .arg = 1, .length = LENGTH_FIELD32, .length_at = 16, .length_at32 = 16),
            {.take = TAKE_RESULT_FD}),
	BPF(BPF_TASK_FD_QUERY, POINTED(TAKE_STRING, 16, .arg = 1), FD_AT(1, ENTRY, 4)),
	BPF_ANSWERED(BPF_PROG_GET_NEXT_ID),
	BPF_ANSWERED(BPF_MAP_GET_NEXT_ID),
	BPF_ANSWERED(BPF_BTF_GET_NEXT_ID),
	BPF_ANSWERED(BPF_LINK_GET_NEXT_ID),
	BY(bpf, 0, BPF_OBJ_GET_INFO_BY_FD, ATTRIBUTES(BOTH), FD_AT(1, ENTRY, 0)),

	/* ---- perf events, io_uring ---- */
	ROW(perf_event_open,
            {.take = TAKE_SIZED, .arg = 0, .length = LENGTH_FIELD32, .length_at = 4, .length_at32 = 4, .size = 128},
            OBJECT(0, ENTRY, 64, 64), {.take = TAKE_OBJECT, .when = WHEN_ALWAYS, .arg = 0, .size = 8},
            {.take = TAKE_RESULT_FD}),
	ROW(io_uring_setup, OBJECT(1, BOTH, 120, 120), {.take = TAKE_RESULT_FD}),
	ROW(io_uring_enter, {.take = TAKE_SIZED, .arg = 4, .length = LENGTH_ARG, .length_arg = 5, .size = 128}),
	BY(io_uring_register, 1, 0,
           {.take = TAKE_ARRAY, .arg = 2, .length = LENGTH_ARG, .length_arg = 3, .size = 16, .size32 = 8}),
	BY(io_uring_register, 1, 2, {.take = TAKE_FDS, .arg = 2, .length = LENGTH_ARG, .length_arg = 3, .size = 4}),
	BY(io_uring_register, 1, 4, {.take = TAKE_FDS, .arg = 2, .length = LENGTH_ARG, .length_arg = 3, .size = 4}),
	BY(io_uring_register, 1, 7, {.take = TAKE_FDS, .arg = 2, .length = LENGTH_ARG, .length_arg = 3, .size = 4}),
	BY(io_uring_register, 1, 6, OBJECT(2, ENTRY, 16, 16),
           POINTED(TAKE_FDS, 8, .arg = 2, .length = LENGTH_ARG, .length_arg = 3, .size = 4)),
	BY(io_uring_register, 1, 8, {.take = TAKE_OBJECT, .when = WHEN_ALWAYS, .arg = 2, .size = 16},
           {.take = TAKE_ARRAY,
            .when = WHEN_ALWAYS,
            .arg = 2,
            .length = LENGTH_ARG,
            .length_arg = 3,
            .size = 8,
            .skip = 16,
            .skip32 = 16}),
	BY(io_uring_register, 1, 11, ARRAY(2, ENTRY, 3, 16, 16)),
	BY(io_uring_register, 1, 13, OBJECT(2, ENTRY, 32, 32),
           POINTED(TAKE_FDS, 16, .arg = 2, .length = LENGTH_FIELD32, .size = 4)),
	BY(io_uring_register, 1, 14, OBJECT(2, ENTRY, 32, 32),
           POINTED(TAKE_FDS, 8, .arg = 2, .length = LENGTH_FIELD32, .length_at = 24, .length_at32 = 24, .size = 4)),
	BY(io_uring_register, 1, 15, OBJECT(2, ENTRY, 32, 32),
           POINTED(TAKE_ARRAY, 16, .arg = 2, .length = LENGTH_FIELD32, .size = 16, .size32 = 8)),
	BY(io_uring_register, 1, 16, OBJECT(2, ENTRY, 32, 32),
           POINTED(TAKE_ARRAY, 8, .arg = 2, .length = LENGTH_FIELD32, .length_at = 24, .length_at32 = 24, .size = 16,
                   .size32 = 8)),
	BY(io_uring_register, 1, 17,
           {.take = TAKE_SIZED, .arg = 2, .length = LENGTH_ARG, .length_arg = 3, .size = 128}),
	BY(io_uring_register, 1, 19, ARRAY(2, BOTH, 3, 4, 4)),

	/* ---- security modules ---- */
	ROW(landlock_create_ruleset, {.take = TAKE_SIZED, .arg = 0, .length = LENGTH_ARG, .length_arg = 1, .size = 8},
            {.take = TAKE_RESULT_FD}),
	BY(landlock_add_rule, 1, 1, OBJECT(2, ENTRY, 12, 12), FD_AT(2, ENTRY, 8)),
	BY(landlock_add_rule, 1, 2, OBJECT(2, ENTRY, 16, 16)),
	ROW(lsm_get_self_attr,
            {.take = TAKE_SIZED, .when = WHEN_EXIT, .arg = 1, .length = LENGTH_POINTED, .length_arg = 2, .size = 256},
            OBJECT(2, ALWAYS, 4, 4)),
	ROW(lsm_set_self_attr, {.take = TAKE_SIZED, .arg = 1, .length = LENGTH_ARG, .length_arg = 2, .size = 256}),
	ROW(lsm_list_modules, {.take = TAKE_ARRAY, .when = WHEN_EXIT, .arg = 0, .length = LENGTH_RESULT, .size = 8},
            OBJECT(1, ALWAYS, 4, 4)),

	/* ---- the kernel itself ---- */
	ROW(uname, OBJECT(0, EXIT, 390, 390)),
	ROW(sysinfo, OBJECT(0, EXIT, 112, 64)),
	ROW(getrandom, {.take = TAKE_BYTES, .when = WHEN_EXIT, .arg = 0, .length = LENGTH_RESULT}),
	ROW(getcpu, OBJECT(0, EXIT, 4, 4), OBJECT(1, EXIT, 4, 4)),
	ROW(syslog, {.take = TAKE_BYTES, .when = WHEN_EXIT, .arg = 1, .length = LENGTH_LESSER, .length_arg = 2}),
	ROW(reboot, TEXT(3)),
	ROW(init_module, TEXT(2)),
	ROW(finit_module, TEXT(1)),
	ROW(delete_module, TEXT(0)),
	ROW(kexec_load, ARRAY(2, ENTRY, 1, 32, 16)),
	ROW(kexec_file_load, DATA(3, 2)),
	ROW(_sysctl, OBJECT(0, ENTRY, 48, 24)),
	{.call = CALL_UNKNOWN},
};

/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls about files and descriptors. Layouts: the kernel's include/uapi, and arch/x86/include/uapi/asm for i386.
 */
#include "records/rows.h"

#define OBJECT(argument, moment, bytes)                                                                                \
	{                                                                                                              \
		.take = TAKE_OBJECT, .when = (moment), .arg = (argument), .size = (bytes)                              \
	}
#define OBJECTS(argument, moment, bytes, bytes32)                                                                      \
	{                                                                                                              \
		.take = TAKE_OBJECT, .when = (moment), .arg = (argument), .size = (bytes), .size32 = (bytes32)         \
	}
#define WORD(argument, moment) OBJECTS(argument, moment, 8, 4)
#define SIZED(argument, moment, from, bytes)                                                                           \
	{                                                                                                              \
		.take = TAKE_SIZED, .when = (moment), .arg = (argument), .length = LENGTH_ARG, .length_arg = (from),   \
		.size = (bytes)                                                                                        \
	}
#define RESULT_SIZED(argument, bytes)                                                                                  \
	{                                                                                                              \
		.take = TAKE_SIZED, .when = WHEN_EXIT, .arg = (argument), .length = LENGTH_RESULT, .size = (bytes)     \
	}
#define PATH(argument)                                                                                                 \
	{                                                                                                              \
		.take = TAKE_PATH, .when = WHEN_ENTRY, .arg = (argument)                                               \
	}
#define STRING(argument)                                                                                               \
	{                                                                                                              \
		.take = TAKE_STRING, .when = WHEN_ENTRY, .arg = (argument)                                             \
	}
/* What a call has put there, that is no data: a name. */
#define RESULT_STRING(argument)                                                                                        \
	{                                                                                                              \
		.take = TAKE_STRING, .when = WHEN_EXIT, .arg = (argument)                                              \
	}
#define DATA(argument, from)                                                                                           \
	{                                                                                                              \
		.take = TAKE_BYTES, .when = WHEN_ENTRY, .arg = (argument), .length = LENGTH_ARG, .length_arg = (from)  \
	}
#define RESULT_DATA(argument)                                                                                          \
	{                                                                                                              \
		.take = TAKE_BYTES, .when = WHEN_EXIT, .arg = (argument), .length = LENGTH_RESULT                      \
	}
#define VECTOR(argument, moment)                                                                                       \
	{                                                                                                              \
		.take = TAKE_IOVEC, .when = (moment), .arg = (argument), .length = LENGTH_ARG,                         \
		.length_arg = (argument) + 1                                                                           \
	}
#define DESCRIPTOR(argument)                                                                                           \
	{                                                                                                              \
		.take = TAKE_DESCRIPTOR, .when = WHEN_ENTRY, .arg = (argument)                                         \
	}
#define RETURNS_FD                                                                                                     \
	{                                                                                                              \
		.take = TAKE_RESULT_FD, .when = WHEN_EXIT                                                              \
	}
#define TWO_FDS(argument)                                                                                              \
	{                                                                                                              \
		.take = TAKE_FDS, .when = WHEN_EXIT, .arg = (argument), .size = 8                                      \
	}

#define BY(argument, of) .by = (argument) + 1, .value = (of), .mask = UINT32_MAX
#define ROW(name, ...)                                                                                                 \
	{                                                                                                              \
		.call = CALL_##name, .captures = { __VA_ARGS__ }                                                       \
	}
#define FCNTL(command, ...)                                                                                            \
	{.call = CALL_fcntl, BY(1, command), .captures = {__VA_ARGS__}},                                               \
	{                                                                                                              \
		.call = CALL_fcntl64, BY(1, command), .captures = { __VA_ARGS__ }                                      \
	}
#define FSCONFIG(command, ...)                                                                                         \
	{                                                                                                              \
		.call = CALL_fsconfig, BY(1, command), .captures = { __VA_ARGS__ }                                     \
	}
/* The command's low byte is the kind of quota (include/uapi/linux/quota.h). */
#define QUOTA(command, ...)                                                                                            \
	{.call = CALL_quotactl, .by = 1, .value = (command) << 8, .mask = 0xffffff00, .captures = {__VA_ARGS__}},      \
	{                                                                                                              \
		.call = CALL_quotactl_fd, .by = 2, .value = (command) << 8, .mask = 0xffffff00, .captures = {          \
			__VA_ARGS__                                                                                    \
		}                                                                                                      \
	}

#define STAT_SIZE 144 /* x86-64's, the largest */
#define STATX_SIZE 256
#define STATFS_SIZE 120
#define EXTENSIBLE_MAX 4096   /* openat2(2), mount_setattr(2): at most a page */
#define HANDLE_SIZE (8 + 128) /* MAX_HANDLE_SZ */
#define LOCK64_SIZE 32        /* struct flock64; 24 bytes on i386 */
#define DENTS_MAX UINT16_MAX

const struct capture_row file_rows[] = {
	/* opening */
	ROW(open, RETURNS_FD),
	ROW(openat, RETURNS_FD),
	ROW(openat2, SIZED(2, WHEN_ENTRY, 3, EXTENSIBLE_MAX), RETURNS_FD),
	ROW(creat, RETURNS_FD),
	ROW(dup, RETURNS_FD),
	ROW(dup2, RETURNS_FD),
	ROW(dup3, RETURNS_FD),
	ROW(pipe, TWO_FDS(0)),
	ROW(pipe2, TWO_FDS(0)),
	ROW(memfd_create, RETURNS_FD),
	ROW(memfd_secret, RETURNS_FD),
	ROW(epoll_create, RETURNS_FD),
	ROW(epoll_create1, RETURNS_FD),
	ROW(eventfd, RETURNS_FD),
	ROW(eventfd2, RETURNS_FD),
	ROW(inotify_init, RETURNS_FD),
	ROW(inotify_init1, RETURNS_FD),
	ROW(fanotify_init, RETURNS_FD),
	ROW(userfaultfd, RETURNS_FD),
	/* its mask takes two arguments of i386's, so that the path is one further there */
	ROW(fanotify_mark, DESCRIPTOR(3), DESCRIPTOR(4), PATH(4), PATH(5)),
	ROW(signalfd, SIZED(1, WHEN_ENTRY, 2, 8), RETURNS_FD),
	ROW(signalfd4, SIZED(1, WHEN_ENTRY, 2, 8), RETURNS_FD),
	ROW(timerfd_create, RETURNS_FD),

	/* reading and writing */
	ROW(read, RESULT_DATA(1)),
	ROW(pread64, RESULT_DATA(1)),
	ROW(write, DATA(1, 2)),
	ROW(pwrite64, DATA(1, 2)),
	ROW(readv, VECTOR(1, WHEN_ALWAYS)),
	ROW(preadv, VECTOR(1, WHEN_ALWAYS)),
	ROW(preadv2, VECTOR(1, WHEN_ALWAYS)),
	ROW(writev, VECTOR(1, WHEN_ENTRY)),
	ROW(pwritev, VECTOR(1, WHEN_ENTRY)),
	ROW(pwritev2, VECTOR(1, WHEN_ENTRY)),
	ROW(vmsplice, VECTOR(1, WHEN_ENTRY)),
	ROW(_llseek, OBJECT(3, WHEN_EXIT, 8)),
	ROW(sendfile, WORD(2, WHEN_BOTH)),
	ROW(sendfile64, OBJECT(2, WHEN_BOTH, 8)),
	ROW(splice, OBJECT(1, WHEN_ENTRY, 8), OBJECT(3, WHEN_ENTRY, 8)),
	ROW(copy_file_range, OBJECT(1, WHEN_ENTRY, 8), OBJECT(3, WHEN_ENTRY, 8)),

	/* names and attributes */
	ROW(readlink, RESULT_STRING(1)),
	ROW(readlinkat, RESULT_STRING(2)),
	ROW(getcwd, {.take = TAKE_PATH, .when = WHEN_EXIT, .arg = 0}),
	ROW(acct, PATH(0)),
	ROW(utime, OBJECTS(1, WHEN_ENTRY, 16, 8)),
	ROW(utimes, OBJECTS(1, WHEN_ENTRY, 32, 16)),
	ROW(futimesat, OBJECTS(2, WHEN_ENTRY, 32, 16)),
	ROW(utimensat, OBJECTS(2, WHEN_ENTRY, 32, 16)),
	ROW(utimensat_time64, OBJECT(2, WHEN_ENTRY, 32)),
	ROW(stat, OBJECTS(1, WHEN_EXIT, STAT_SIZE, 64)),
	ROW(lstat, OBJECTS(1, WHEN_EXIT, STAT_SIZE, 64)),
	ROW(fstat, OBJECTS(1, WHEN_EXIT, STAT_SIZE, 64)),
	ROW(newfstatat, OBJECT(2, WHEN_EXIT, STAT_SIZE)),
	ROW(stat64, OBJECT(1, WHEN_EXIT, 96)),
	ROW(lstat64, OBJECT(1, WHEN_EXIT, 96)),
	ROW(fstat64, OBJECT(1, WHEN_EXIT, 96)),
	ROW(fstatat64, OBJECT(2, WHEN_EXIT, 96)),
	ROW(statx, OBJECT(4, WHEN_EXIT, STATX_SIZE)),
	ROW(statfs, OBJECTS(1, WHEN_EXIT, STATFS_SIZE, 64)),
	ROW(fstatfs, OBJECTS(1, WHEN_EXIT, STATFS_SIZE, 64)),
	ROW(statfs64, OBJECT(2, WHEN_EXIT, 84)),
	ROW(fstatfs64, OBJECT(2, WHEN_EXIT, 84)),
	ROW(file_getattr, SIZED(2, WHEN_EXIT, 3, EXTENSIBLE_MAX)),
	ROW(file_setattr, SIZED(2, WHEN_ENTRY, 3, EXTENSIBLE_MAX)),
	ROW(cachestat, OBJECT(1, WHEN_ENTRY, 16), OBJECT(2, WHEN_EXIT, 40)),
	ROW(name_to_handle_at, PATH(1), OBJECT(2, WHEN_ENTRY, 8),
            {.take = TAKE_OBJECT, .when = WHEN_ALWAYS, .arg = 2, .size = HANDLE_SIZE}, OBJECT(3, WHEN_EXIT, 8)),
	ROW(open_by_handle_at, OBJECT(1, WHEN_ENTRY, HANDLE_SIZE), RETURNS_FD),
	ROW(lookup_dcookie),

	/* directories, extended attributes */
	ROW(getdents, RESULT_SIZED(1, DENTS_MAX)),
	ROW(getdents64, RESULT_SIZED(1, DENTS_MAX)),
	ROW(readdir, OBJECT(1, WHEN_EXIT, 10 + 256)),
	ROW(setxattr, DATA(2, 3)),
	ROW(lsetxattr, DATA(2, 3)),
	ROW(fsetxattr, DATA(2, 3)),
	ROW(getxattr, RESULT_DATA(2)),
	ROW(lgetxattr, RESULT_DATA(2)),
	ROW(fgetxattr, RESULT_DATA(2)),
	ROW(listxattr, RESULT_DATA(1)),
	ROW(llistxattr, RESULT_DATA(1)),
	ROW(flistxattr, RESULT_DATA(1)),
	ROW(setxattrat, OBJECT(4, WHEN_ENTRY, 16),
            {.take = TAKE_BYTES,
             .when = WHEN_ENTRY,
             .arg = 4,
             .at = 1,
             .at32 = 1,
             .length = LENGTH_FIELD32,
             .length_at = 8,
             .length_at32 = 8}),
	ROW(getxattrat, OBJECT(4, WHEN_ENTRY, 16),
            {.take = TAKE_BYTES, .when = WHEN_EXIT, .arg = 4, .at = 1, .at32 = 1, .length = LENGTH_RESULT}),
	ROW(listxattrat, RESULT_DATA(3)),

	/* descriptors' commands */
	FCNTL(0, RETURNS_FD),                          /* F_DUPFD */
	FCNTL(1030, RETURNS_FD),                       /* F_DUPFD_CLOEXEC */
	FCNTL(5, OBJECTS(2, WHEN_EXIT, 32, 16)),       /* F_GETLK */
	FCNTL(6, OBJECTS(2, WHEN_ENTRY, 32, 16)),      /* F_SETLK */
	FCNTL(7, OBJECTS(2, WHEN_ENTRY, 32, 16)),      /* F_SETLKW */
	FCNTL(12, OBJECT(2, WHEN_EXIT, LOCK64_SIZE)),  /* F_GETLK64 */
	FCNTL(13, OBJECT(2, WHEN_ENTRY, LOCK64_SIZE)), /* F_SETLK64 */
	FCNTL(14, OBJECT(2, WHEN_ENTRY, LOCK64_SIZE)), /* F_SETLKW64 */
	FCNTL(36, OBJECT(2, WHEN_EXIT, LOCK64_SIZE)),  /* F_OFD_GETLK */
	FCNTL(37, OBJECT(2, WHEN_ENTRY, LOCK64_SIZE)), /* F_OFD_SETLK */
	FCNTL(38, OBJECT(2, WHEN_ENTRY, LOCK64_SIZE)), /* F_OFD_SETLKW */
	FCNTL(15, OBJECT(2, WHEN_ENTRY, 8)),           /* F_SETOWN_EX */
	FCNTL(16, OBJECT(2, WHEN_EXIT, 8)),            /* F_GETOWN_EX */

	/* mounts, quotas */
	ROW(mount, STRING(2), STRING(4)),
	ROW(fsopen, RETURNS_FD),
	ROW(fsmount, RETURNS_FD),
	ROW(fspick, RETURNS_FD),
	ROW(open_tree, RETURNS_FD),
	ROW(open_tree_attr, SIZED(3, WHEN_ENTRY, 4, EXTENSIBLE_MAX), RETURNS_FD),
	ROW(mount_setattr, SIZED(3, WHEN_ENTRY, 4, EXTENSIBLE_MAX)),
	ROW(statmount, OBJECT(0, WHEN_ENTRY, 32)),
	ROW(listmount, OBJECT(0, WHEN_ENTRY, 32),
            {.take = TAKE_ARRAY, .when = WHEN_EXIT, .arg = 1, .length = LENGTH_RESULT, .size = 8}),
	FSCONFIG(1, STRING(3)),                     /* FSCONFIG_SET_STRING */
	FSCONFIG(2, DATA(3, 4)),                    /* FSCONFIG_SET_BINARY */
	FSCONFIG(3, PATH(3), DESCRIPTOR(4)),        /* FSCONFIG_SET_PATH */
	FSCONFIG(4, PATH(3), DESCRIPTOR(4)),        /* FSCONFIG_SET_PATH_EMPTY */
	FSCONFIG(5, DESCRIPTOR(4)),                 /* FSCONFIG_SET_FD */
	QUOTA(0x800002, PATH(3)),                   /* Q_QUOTAON */
	QUOTA(0x800004, OBJECT(3, WHEN_EXIT, 4)),   /* Q_GETFMT */
	QUOTA(0x800005, OBJECT(3, WHEN_EXIT, 24)),  /* Q_GETINFO */
	QUOTA(0x800006, OBJECT(3, WHEN_ENTRY, 24)), /* Q_SETINFO */
	QUOTA(0x800007, OBJECT(3, WHEN_EXIT, 72)),  /* Q_GETQUOTA */
	QUOTA(0x800008, OBJECT(3, WHEN_ENTRY, 72)), /* Q_SETQUOTA */
	QUOTA(0x800009, OBJECT(3, WHEN_EXIT, 72)),  /* Q_GETNEXTQUOTA */
	QUOTA(0x5801, OBJECT(3, WHEN_ENTRY, 4)),    /* Q_XQUOTAON */
	QUOTA(0x5802, OBJECT(3, WHEN_ENTRY, 4)),    /* Q_XQUOTAOFF */
	QUOTA(0x5803, OBJECT(3, WHEN_EXIT, 112)),   /* Q_XGETQUOTA */
	QUOTA(0x5804, OBJECT(3, WHEN_ENTRY, 112)),  /* Q_XSETQLIM */
	QUOTA(0x5805, OBJECT(3, WHEN_EXIT, 80)),    /* Q_XGETQSTAT */
	QUOTA(0x5806, OBJECT(3, WHEN_ENTRY, 4)),    /* Q_XQUOTARM */
	QUOTA(0x5808, OBJECT(3, WHEN_EXIT, 160)),   /* Q_XGETQSTATV */
	QUOTA(0x5809, OBJECT(3, WHEN_EXIT, 112)),   /* Q_XGETNEXTQUOTA */

	/* timers, asynchronous input and output */
	ROW(timerfd_settime, OBJECTS(2, WHEN_ENTRY, 32, 16), OBJECTS(3, WHEN_EXIT, 32, 16)),
	ROW(timerfd_settime64, OBJECT(2, WHEN_ENTRY, 32), OBJECT(3, WHEN_EXIT, 32)),
	ROW(timerfd_gettime, OBJECTS(1, WHEN_EXIT, 32, 16)),
	ROW(timerfd_gettime64, OBJECT(1, WHEN_EXIT, 32)),
	ROW(io_setup, WORD(1, WHEN_EXIT)),
	ROW(io_submit, {.take = TAKE_IOCBS, .when = WHEN_ENTRY, .arg = 2, .length = LENGTH_ARG, .length_arg = 1}),
	ROW(io_cancel, OBJECT(1, WHEN_ENTRY, 64), {.take = TAKE_DESCRIPTOR, .when = WHEN_ENTRY, .arg = 1, .at = 1 + 20},
            OBJECT(2, WHEN_EXIT, 32)),
#define IO_EVENTS                                                                                                      \
	{                                                                                                              \
		.take = TAKE_ARRAY, .when = WHEN_EXIT, .arg = 3, .length = LENGTH_RESULT, .size = 32                   \
	}
#define IO_MASK                                                                                                        \
	OBJECTS(5, WHEN_ENTRY, 16, 8),                                                                                 \
	{                                                                                                              \
		.take = TAKE_OBJECT, .when = WHEN_ENTRY, .arg = 5, .at = 1, .at32 = 1, .size = 8                       \
	}
	ROW(io_getevents, IO_EVENTS, OBJECTS(4, WHEN_ENTRY, 16, 8)),
	ROW(io_pgetevents, IO_EVENTS, OBJECTS(4, WHEN_ENTRY, 16, 8), IO_MASK),
	ROW(io_pgetevents_time64, IO_EVENTS, OBJECT(4, WHEN_ENTRY, 16), IO_MASK),

	{.call = CALL_UNKNOWN},
};

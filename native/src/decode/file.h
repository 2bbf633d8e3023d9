/* SPDX-License-Identifier: Apache-2.0
 *
 * The calls about files and descriptors: what their topics share.
 */
#ifndef STL_DECODE_FILE_H
#define STL_DECODE_FILE_H

#include "decode/decode.h"

/* ---- by topic -------------------------------------------------------------------------------------------- */

call_decoder decode_open, decode_openat, decode_creat, decode_openat2, decode_close_range, decode_dup, decode_dup2,
	decode_dup3, decode_pipe, decode_pipe2, decode_memfd_create, decode_memfd_secret, decode_umask;
call_decoder decode_read, decode_pread64, decode_write, decode_pwrite64, decode_readv, decode_preadv, decode_preadv2,
	decode_writev, decode_pwritev, decode_pwritev2, decode_vmsplice, decode_lseek, decode_llseek, decode_sendfile,
	decode_sendfile64, decode_splice, decode_copy_file_range, decode_tee, decode_fadvise64, decode_fadvise64_64,
	decode_readahead, decode_sync_file_range, decode_fallocate, decode_truncate, decode_truncate64,
	decode_ftruncate, decode_ftruncate64;
call_decoder decode_renameat2, decode_linkat, decode_unlinkat, decode_mknod, decode_mknodat, decode_readlink,
	decode_readlinkat, decode_getcwd, decode_lookup_dcookie, decode_access, decode_faccessat, decode_faccessat2,
	decode_fchmodat2, decode_chown, decode_fchown, decode_fchownat, decode_acct, decode_swapon;
call_decoder decode_utime, decode_utimes, decode_futimesat, decode_utimensat, decode_utimensat_time64,
	decode_timerfd_settime, decode_timerfd_settime64, decode_timerfd_gettime, decode_timerfd_gettime64;
call_decoder decode_stat, decode_fstat, decode_newfstatat, decode_stat64, decode_fstat64, decode_fstatat64;
call_decoder decode_statx, decode_statfs, decode_fstatfs, decode_statfs64, decode_fstatfs64, decode_ustat;
call_decoder decode_getdents, decode_getdents64, decode_readdir;
call_decoder decode_setxattr, decode_fsetxattr, decode_getxattr, decode_fgetxattr, decode_listxattr, decode_flistxattr,
	decode_setxattrat, decode_getxattrat, decode_listxattrat, decode_removexattrat;
call_decoder decode_fcntl, decode_flock;
call_decoder decode_mount, decode_umount, decode_umount2, decode_fsopen, decode_fsconfig, decode_fsmount, decode_fspick,
	decode_open_tree, decode_move_mount, decode_mount_setattr, decode_open_tree_attr, decode_statmount,
	decode_listmount;
call_decoder decode_name_to_handle_at, decode_open_by_handle_at, decode_file_getattr, decode_file_setattr,
	decode_cachestat;
call_decoder decode_quotactl, decode_quotactl_fd;
call_decoder decode_inotify_init, decode_inotify_init1, decode_epoll_create1, decode_userfaultfd,
	decode_inotify_add_watch, decode_inotify_rm_watch, decode_fanotify_init, decode_fanotify_mark, decode_eventfd,
	decode_eventfd2, decode_epoll_create, decode_signalfd, decode_signalfd4, decode_timerfd_create;
call_decoder decode_io_setup, decode_io_submit, decode_io_cancel, decode_io_getevents, decode_io_pgetevents,
	decode_io_pgetevents_time64;

/* ---- the next argument, argument `index` of the kernel's ------------------------------------------------- */

void argument_fd(struct decoder *d, unsigned index);
void argument_dirfd(struct decoder *d, unsigned index);
void argument_path(struct decoder *d, unsigned index);
void argument_string(struct decoder *d, unsigned index);
void argument_address(struct decoder *d, unsigned index);
void argument_int(struct decoder *d, unsigned index);                                  /* an int */
void argument_uint(struct decoder *d, unsigned index);                                 /* an unsigned int */
void argument_long(struct decoder *d, unsigned index);                                 /* a long of the ABI */
void argument_unsigned(struct decoder *d, unsigned index);                             /* an unsigned long, a size_t */
void argument_flags(struct decoder *d, unsigned index, const struct constants *table); /* 32 bits of them */
void argument_constant(struct decoder *d, unsigned index, const struct constants *table); /* a 32-bit one */
/* 64 bits, which a 32-bit ABI passes in two arguments, the low half first. */
uint64_t wide_value(const struct decoder *d, unsigned index);
void argument_wide(struct decoder *d, unsigned index, const char *name);

/* ---- things --------------------------------------------------------------------------------------------- */

/* "\x01\x02": as hex, whatever -x says. limit 0: all. */
void print_hex_bytes(struct decoder *d, const void *bytes, size_t size, size_t limit);
/* Likewise data in the tracee's memory. */
void print_binary(struct decoder *d, uint64_t address, int32_t size);
/* What a struct that grows has beyond its `known` bytes, if it is not all zero: a field without a name. */
void print_beyond(struct decoder *d, uint64_t address, uint64_t size, size_t known);
/* What a call has put there that is no data: a name, of as many bytes as its result says; the address if it failed. */
void print_result_string(struct decoder *d, uint64_t address);
/* A loff_t at that address: [5]; the address where it was not captured. */
void print_offset_at(struct decoder *d, uint64_t address);
/* The moment as a comment, with as many digits of a second as `fraction` has; nothing of what is no moment. */
void print_moment(struct decoder *d, int64_t seconds, uint64_t fraction, unsigned digits);
/* Every struct iovec with its address: nothing was written there. */
void print_iovec_addresses(struct decoder *d, uint64_t address, uint64_t count);
/* {it_interval=..., it_value=...}; `word`: bytes of each of its numbers. */
void print_itimerspec(struct decoder *d, uint64_t address, unsigned word);

#endif

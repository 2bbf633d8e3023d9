/* SPDX-License-Identifier: Apache-2.0
 *
 * The calls of memory, System V IPC, devices and the kernel itself: their decoders, and arguments of one line.
 */
#ifndef STL_SYSTEM_H
#define STL_SYSTEM_H

#include "constants/system.h"
#include "decode/decode.h"

call_decoder decode_mmap, decode_mmap2, decode_munmap, decode_mprotect, decode_pkey_mprotect, decode_pkey_alloc,
	decode_pkey_free, decode_mremap, decode_madvise, decode_mincore, decode_msync, decode_mlock, decode_mlock2,
	decode_mlockall, decode_brk, decode_remap_file_pages, decode_map_shadow_stack, decode_mseal;
call_decoder decode_mbind, decode_set_mempolicy, decode_get_mempolicy, decode_migrate_pages, decode_move_pages,
	decode_set_mempolicy_home_node;
call_decoder decode_shmget, decode_shmat, decode_shmdt, decode_shmctl, decode_semget, decode_semop, decode_semtimedop,
	decode_semtimedop_time64, decode_semctl, decode_ipc;
call_decoder decode_msgget, decode_msgsnd, decode_msgrcv, decode_msgctl, decode_mq_open, decode_mq_unlink,
	decode_mq_timedsend, decode_mq_timedsend_time64, decode_mq_timedreceive, decode_mq_timedreceive_time64,
	decode_mq_notify, decode_mq_getsetattr;
call_decoder decode_ioctl;
call_decoder decode_add_key, decode_request_key, decode_keyctl;
call_decoder decode_bpf, decode_perf_event_open;
call_decoder decode_io_uring_setup, decode_io_uring_enter, decode_io_uring_register;
call_decoder decode_landlock_create_ruleset, decode_landlock_add_rule, decode_landlock_restrict_self;
call_decoder decode_uname, decode_sysinfo, decode_getrandom, decode_getcpu, decode_syslog, decode_reboot;
call_decoder decode_init_module, decode_finit_module, decode_delete_module, decode_kexec_load, decode_kexec_file_load;
call_decoder decode_sysctl, decode_numbers, decode_lsm_get_self_attr, decode_lsm_set_self_attr, decode_lsm_list_modules;

/* i386's ipc(2) stands for all of these calls, with some arguments elsewhere. */
bool behind_ipc(const struct decoder *d);
void print_semctl_behind_ipc(struct decoder *d);
void print_msgrcv_behind_ipc(struct decoder *d);
void find_shmat_behind_ipc(struct decoder *d);

void print_semctl_argument(struct decoder *d, uint64_t command, uint64_t address);
void print_message(struct decoder *d, uint64_t address, uint64_t size);
void print_ipc_permissions(struct decoder *d, uint64_t address, bool setting);
void print_ipc_key(struct decoder *d, uint64_t key);
void print_ipc_command(struct decoder *d, const struct constants *table, uint64_t command);

/* The ioctls of one kind: false, and nothing is printed, where it does not know the number. */
typedef bool ioctl_decoder(struct decoder *d, uint32_t number);
ioctl_decoder decode_terminal_ioctl, decode_interface_ioctl, decode_block_ioctl, decode_loop_ioctl, decode_file_ioctl,
	decode_clock_ioctl, decode_input_ioctl, decode_fault_ioctl, decode_choice_ioctl, decode_notify_ioctl,
	decode_simple_ioctl;
/* Of numbers that hold an index or a size. */
bool print_ioctl_family(struct decoder *d, uint32_t number);

static inline void argument_address(struct decoder *d, uint64_t value)
{
	argument(d);
	print_address(d, value);
}

static inline void argument_unsigned(struct decoder *d, uint64_t value)
{
	argument(d);
	print_unsigned(d, value);
}

static inline void argument_int(struct decoder *d, uint64_t value)
{
	argument(d);
	print_signed(d, (int32_t)value);
}

static inline void argument_hex(struct decoder *d, uint64_t value)
{
	argument(d);
	print_hex(d, value);
}

static inline void argument_fd(struct decoder *d, uint64_t value)
{
	argument(d);
	print_fd(d, value);
}

static inline void argument_flags(struct decoder *d, const struct constants *table, uint64_t value)
{
	argument(d);
	print_flags(d, table, value);
}

static inline void argument_constant(struct decoder *d, const struct constants *table, uint64_t value)
{
	argument(d);
	print_constant(d, table, value);
}

static inline void field_unsigned(struct decoder *d, const char *name, uint64_t value)
{
	field(d, name);
	print_unsigned(d, value);
}

static inline void field_int(struct decoder *d, const char *name, uint64_t value)
{
	field(d, name);
	print_signed(d, (int32_t)value);
}

static inline void field_hex(struct decoder *d, const char *name, uint64_t value)
{
	field(d, name);
	print_hex(d, value);
}

static inline void field_address(struct decoder *d, const char *name, uint64_t value)
{
	field(d, name);
	print_address(d, value);
}

static inline void field_fd(struct decoder *d, const char *name, uint64_t value)
{
	field(d, name);
	print_fd(d, value);
}

static inline void field_flags(struct decoder *d, const char *name, const struct constants *table, uint64_t value)
{
	field(d, name);
	print_flags(d, table, value);
}

static inline void field_constant(struct decoder *d, const char *name, const struct constants *table, uint64_t value)
{
	field(d, name);
	print_constant(d, table, value);
}

#endif

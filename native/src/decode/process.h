/* SPDX-License-Identifier: Apache-2.0
 *
 * The calls about processes: their decoders, by topic, and what more than one topic needs.
 */
#ifndef STL_PROCESS_H
#define STL_PROCESS_H

#include "decode/decode.h"

/* Results by which the kernel says to itself what becomes of an interrupted call (its include/linux/errno.h): a call
 * with this one has stored what is left of its time. */
#define RESTART_BLOCK 516

#define KERNEL_SIGSET 8 /* sizeof(sigset_t) of the kernel's, on all ABIs here */

typedef void print_pointed(struct decoder *d, uint64_t address);

/* What the kernel has filled in: by `print_it`, or the address where the call has failed. */
void print_filled(struct decoder *d, uint64_t address, print_pointed *print_it);
/* A pointer to a pointer: [0x7f..]. */
void print_pointer_at(struct decoder *d, uint64_t address);
/* The signals of a set of 32 or 64 of them. */
void print_signals(struct decoder *d, uint64_t set, unsigned bits);
/* The same decoder, but that names are printed alone, whatever -X wants; `options` is where it keeps that. */
struct decoder with_short_names(const struct decoder *d, struct stl_print_options *options);
/* In the layout of the tracee's ABI. */
void print_siginfo_at(struct decoder *d, uint64_t address);
/* A flag's or constant's name behind its result: "5 (TIME_ERROR)"; nothing where it has none. */
void note_constant(struct decoder *d, const struct constants *table, uint64_t value);
void note_flags(struct decoder *d, const struct constants *table, uint64_t value);
/* A number with its name as a comment, as -X verbose has it: "0x1 / * PIDTYPE_TGID * /". */
void print_commented(struct decoder *d, const struct constants *table, uint64_t value);
/* struct user_desc */
void print_user_desc(struct decoder *d, uint64_t address);
/* The number of the system call that a task with that AUDIT_ARCH_* makes: __NR_read. */
void print_syscall_number(struct decoder *d, uint32_t arch, uint64_t number);
/* struct sock_fprog, whose filter is seccomp's. */
void print_seccomp_program(struct decoder *d, uint64_t address);

call_decoder decode_clone, decode_clone3, decode_setns, decode_unshare, decode_set_tid_address;
call_decoder decode_execve, decode_execveat, decode_exit;
call_decoder decode_wait4, decode_waitid, decode_waitpid, decode_getrusage, decode_times;
call_decoder decode_kill, decode_tkill, decode_tgkill, decode_rt_sigaction, decode_sigaction, decode_signal,
	decode_rt_sigprocmask, decode_sigprocmask, decode_rt_sigpending, decode_sigpending, decode_rt_sigsuspend,
	decode_sigsuspend, decode_rt_sigreturn, decode_sigaltstack, decode_sgetmask, decode_ssetmask;
call_decoder decode_rt_sigtimedwait, decode_rt_sigtimedwait_time64, decode_rt_sigqueueinfo, decode_rt_tgsigqueueinfo,
	decode_pidfd_send_signal;
call_decoder decode_clock_out, decode_clock_out64, decode_clock_settime, decode_clock_settime64, decode_nanosleep,
	decode_clock_nanosleep, decode_clock_nanosleep_time64, decode_gettimeofday, decode_settimeofday, decode_time,
	decode_stime, decode_alarm;
call_decoder decode_getitimer, decode_setitimer, decode_timer_create, decode_timer_settime, decode_timer_settime64,
	decode_timer_gettime, decode_timer_gettime64, decode_timer_id;
call_decoder decode_adjtimex, decode_clock_adjtime, decode_clock_adjtime64;
call_decoder decode_sched_policy, decode_sched_getscheduler, decode_sched_setscheduler, decode_sched_getparam,
	decode_sched_setparam, decode_sched_getaffinity, decode_sched_setaffinity, decode_sched_getattr,
	decode_sched_setattr, decode_sched_rr_get_interval, decode_sched_rr_get_interval_time64, decode_getpriority,
	decode_setpriority, decode_ioprio_get, decode_ioprio_set, decode_nice;
call_decoder decode_futex, decode_futex_time64, decode_futex_waitv, decode_get_robust_list, decode_set_robust_list;
call_decoder decode_getrlimit, decode_setrlimit, decode_prlimit64;
call_decoder decode_prctl, decode_arch_prctl, decode_personality;
call_decoder decode_pid_result, decode_pid_of_pid, decode_setpgid, decode_getresid, decode_getresid16, decode_getgroups,
	decode_getgroups16, decode_setgroups, decode_setgroups16, decode_set_ids, decode_set_ids16, decode_capget,
	decode_capset;
call_decoder decode_pidfd_open, decode_pidfd_getfd, decode_process_mrelease, decode_process_madvise,
	decode_process_vm_readv, decode_process_vm_writev, decode_kcmp, decode_membarrier, decode_rseq, decode_iopl,
	decode_ioperm, decode_get_thread_area, decode_set_thread_area, decode_modify_ldt;
call_decoder decode_seccomp, decode_ptrace;

#endif

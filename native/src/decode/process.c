/* SPDX-License-Identifier: Apache-2.0
 *
 * Which decoder a call about processes has, and what more than one of them needs.
 */
#include "decode/process.h"

void print_filled(struct decoder *d, uint64_t address, print_pointed *print_it)
{
	if (failed(d))
		print_address(d, address);
	else
		print_it(d, address);
}

void print_pointer_at(struct decoder *d, uint64_t address)
{
	uint64_t pointer;

	if (!address || !fetch_word(d, address, &pointer)) {
		print_address(d, address);
		return;
	}
	print_text(d, "[");
	print_address(d, pointer);
	print_text(d, "]");
}

struct decoder with_short_names(const struct decoder *d, struct stl_print_options *options)
{
	struct decoder copy = *d;

	*options = *d->options;
	options->constants = STL_CONSTANTS_ABBREV;
	copy.options = options;
	return copy;
}

void note_constant(struct decoder *d, const struct constants *table, uint64_t value)
{
	const char *name = constant_name(table, value);

	if (name)
		result_note(d, "%s", name);
}

void note_flags(struct decoder *d, const struct constants *table, uint64_t value)
{
	begin_note(d);
	print_flags(d, table, value);
	end_note(d);
}

void print_commented(struct decoder *d, const struct constants *table, uint64_t value)
{
	const char *name = constant_name(table, value);

	print_hex(d, value);
	if (d->options->constants != STL_CONSTANTS_RAW)
		print_comment(d, "%s", name ? name : table->unknown);
}

const struct decoder_entry process_decoders[] = {
	{CALL_clone, decode_clone},
	{CALL_clone3, decode_clone3},
	{CALL_fork, decode_pid_result},
	{CALL_vfork, decode_pid_result},
	{CALL_setns, decode_setns},
	{CALL_unshare, decode_unshare},
	{CALL_set_tid_address, decode_set_tid_address},

	{CALL_execve, decode_execve},
	{CALL_execveat, decode_execveat},
	{CALL_exit, decode_exit},
	{CALL_exit_group, decode_exit},

	{CALL_wait4, decode_wait4},
	{CALL_waitid, decode_waitid},
	{CALL_waitpid, decode_waitpid},
	{CALL_getrusage, decode_getrusage},
	{CALL_times, decode_times},

	{CALL_kill, decode_kill},
	{CALL_tkill, decode_tkill},
	{CALL_tgkill, decode_tgkill},
	{CALL_rt_sigaction, decode_rt_sigaction},
	{CALL_sigaction, decode_sigaction},
	{CALL_signal, decode_signal},
	{CALL_rt_sigprocmask, decode_rt_sigprocmask},
	{CALL_sigprocmask, decode_sigprocmask},
	{CALL_rt_sigpending, decode_rt_sigpending},
	{CALL_sigpending, decode_sigpending},
	{CALL_rt_sigsuspend, decode_rt_sigsuspend},
	{CALL_sigsuspend, decode_sigsuspend},
	{CALL_rt_sigreturn, decode_rt_sigreturn},
	{CALL_sigreturn, decode_rt_sigreturn},
	{CALL_sigaltstack, decode_sigaltstack},
	{CALL_sgetmask, decode_sgetmask},
	{CALL_ssetmask, decode_ssetmask},
	{CALL_rt_sigtimedwait, decode_rt_sigtimedwait},
	{CALL_rt_sigtimedwait_time64, decode_rt_sigtimedwait_time64},
	{CALL_rt_sigqueueinfo, decode_rt_sigqueueinfo},
	{CALL_rt_tgsigqueueinfo, decode_rt_tgsigqueueinfo},
	{CALL_pidfd_send_signal, decode_pidfd_send_signal},

	{CALL_clock_gettime, decode_clock_out},
	{CALL_clock_gettime64, decode_clock_out64},
	{CALL_clock_getres, decode_clock_out},
	{CALL_clock_getres_time64, decode_clock_out64},
	{CALL_clock_settime, decode_clock_settime},
	{CALL_clock_settime64, decode_clock_settime64},
	{CALL_nanosleep, decode_nanosleep},
	{CALL_clock_nanosleep, decode_clock_nanosleep},
	{CALL_clock_nanosleep_time64, decode_clock_nanosleep_time64},
	{CALL_gettimeofday, decode_gettimeofday},
	{CALL_settimeofday, decode_settimeofday},
	{CALL_time, decode_time},
	{CALL_stime, decode_stime},
	{CALL_alarm, decode_alarm},
	{CALL_getitimer, decode_getitimer},
	{CALL_setitimer, decode_setitimer},
	{CALL_timer_create, decode_timer_create},
	{CALL_timer_settime, decode_timer_settime},
	{CALL_timer_settime64, decode_timer_settime64},
	{CALL_timer_gettime, decode_timer_gettime},
	{CALL_timer_gettime64, decode_timer_gettime64},
	{CALL_timer_getoverrun, decode_timer_id},
	{CALL_timer_delete, decode_timer_id},
	{CALL_adjtimex, decode_adjtimex},
	{CALL_clock_adjtime, decode_clock_adjtime},
	{CALL_clock_adjtime64, decode_clock_adjtime64},

	{CALL_sched_get_priority_min, decode_sched_policy},
	{CALL_sched_get_priority_max, decode_sched_policy},
	{CALL_sched_getscheduler, decode_sched_getscheduler},
	{CALL_sched_setscheduler, decode_sched_setscheduler},
	{CALL_sched_getparam, decode_sched_getparam},
	{CALL_sched_setparam, decode_sched_setparam},
	{CALL_sched_getaffinity, decode_sched_getaffinity},
	{CALL_sched_setaffinity, decode_sched_setaffinity},
	{CALL_sched_getattr, decode_sched_getattr},
	{CALL_sched_setattr, decode_sched_setattr},
	{CALL_sched_rr_get_interval, decode_sched_rr_get_interval},
	{CALL_sched_rr_get_interval_time64, decode_sched_rr_get_interval_time64},
	{CALL_getpriority, decode_getpriority},
	{CALL_setpriority, decode_setpriority},
	{CALL_ioprio_get, decode_ioprio_get},
	{CALL_ioprio_set, decode_ioprio_set},
	{CALL_nice, decode_nice},

	{CALL_futex, decode_futex},
	{CALL_futex_time64, decode_futex_time64},
	{CALL_futex_waitv, decode_futex_waitv},
	{CALL_get_robust_list, decode_get_robust_list},
	{CALL_set_robust_list, decode_set_robust_list},

	{CALL_getrlimit, decode_getrlimit},
	{CALL_ugetrlimit, decode_getrlimit},
	{CALL_setrlimit, decode_setrlimit},
	{CALL_prlimit64, decode_prlimit64},

	{CALL_prctl, decode_prctl},
	{CALL_arch_prctl, decode_arch_prctl},
	{CALL_personality, decode_personality},

	{CALL_getpid, decode_pid_result},
	{CALL_getppid, decode_pid_result},
	{CALL_gettid, decode_pid_result},
	{CALL_getpgrp, decode_pid_result},
	{CALL_setsid, decode_pid_result},
	{CALL_getpgid, decode_pid_of_pid},
	{CALL_getsid, decode_pid_of_pid},
	{CALL_setpgid, decode_setpgid},
	{CALL_getresuid, decode_getresid16},
	{CALL_getresgid, decode_getresid16},
	{CALL_getresuid32, decode_getresid},
	{CALL_getresgid32, decode_getresid},
	{CALL_getgroups, decode_getgroups16},
	{CALL_getgroups32, decode_getgroups},
	{CALL_setgroups, decode_setgroups16},
	{CALL_setgroups32, decode_setgroups},
	{CALL_setuid, decode_set_ids16},
	{CALL_setgid, decode_set_ids16},
	{CALL_setfsuid, decode_set_ids16},
	{CALL_setfsgid, decode_set_ids16},
	{CALL_setreuid, decode_set_ids16},
	{CALL_setregid, decode_set_ids16},
	{CALL_setresuid, decode_set_ids16},
	{CALL_setresgid, decode_set_ids16},
	{CALL_setuid32, decode_set_ids},
	{CALL_setgid32, decode_set_ids},
	{CALL_setfsuid32, decode_set_ids},
	{CALL_setfsgid32, decode_set_ids},
	{CALL_setreuid32, decode_set_ids},
	{CALL_setregid32, decode_set_ids},
	{CALL_setresuid32, decode_set_ids},
	{CALL_setresgid32, decode_set_ids},
	{CALL_capget, decode_capget},
	{CALL_capset, decode_capset},

	{CALL_pidfd_open, decode_pidfd_open},
	{CALL_pidfd_getfd, decode_pidfd_getfd},
	{CALL_process_mrelease, decode_process_mrelease},
	{CALL_process_madvise, decode_process_madvise},
	{CALL_process_vm_readv, decode_process_vm_readv},
	{CALL_process_vm_writev, decode_process_vm_writev},
	{CALL_kcmp, decode_kcmp},
	{CALL_membarrier, decode_membarrier},
	{CALL_rseq, decode_rseq},
	{CALL_iopl, decode_iopl},
	{CALL_ioperm, decode_ioperm},
	{CALL_get_thread_area, decode_get_thread_area},
	{CALL_set_thread_area, decode_set_thread_area},
	{CALL_modify_ldt, decode_modify_ldt},
	{CALL_seccomp, decode_seccomp},
	{CALL_ptrace, decode_ptrace},
	{CALL_UNKNOWN, NULL},
};

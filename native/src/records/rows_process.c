/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls about processes, signals, time and scheduling. Layouts: the kernel's include/uapi, and arch/x86/include/uapi/asm
 * for i386.
 */
#include "records/rows.h"

#define OBJECTS(argument, moment, bytes, bytes32)                                                                      \
	{                                                                                                              \
		.take = TAKE_OBJECT, .when = (moment), .arg = (argument), .size = (bytes), .size32 = (bytes32)         \
	}
#define OBJECT(argument, moment, bytes) OBJECTS(argument, moment, bytes, 0)
#define IN(argument, bytes) OBJECT(argument, WHEN_ENTRY, bytes)
#define INS(argument, ...) OBJECTS(argument, WHEN_ENTRY, __VA_ARGS__)
#define OUT(argument, bytes) OBJECT(argument, WHEN_EXIT, bytes)
#define OUTS(argument, ...) OBJECTS(argument, WHEN_EXIT, __VA_ARGS__)
#define SIZED(argument, moment, kind, from, bytes)                                                                     \
	{                                                                                                              \
		.take = TAKE_SIZED, .when = (moment), .arg = (argument), .length = (kind), .length_arg = (from),       \
		.size = (bytes)                                                                                        \
	}
#define ELEMENTS(argument, moment, kind, from, bytes, bytes32)                                                         \
	{                                                                                                              \
		.take = TAKE_ARRAY, .when = (moment), .arg = (argument), .length = (kind), .length_arg = (from),       \
		.size = (bytes), .size32 = (bytes32)                                                                   \
	}
/* What a pointer within the argument's object points to. */
#define POINTED(argument, moment, offset, offset32, bytes)                                                             \
	{                                                                                                              \
		.take = TAKE_OBJECT, .when = (moment), .arg = (argument), .at = (offset) + 1, .at32 = (offset32) + 1,  \
		.size = (bytes)                                                                                        \
	}
#define SIMPLE(kind, argument)                                                                                         \
	{                                                                                                              \
		.take = (kind), .when = WHEN_ENTRY, .arg = (argument)                                                  \
	}
/* A member of what was captured of the argument is a descriptor. */
#define MEMBER_FD(argument, offset)                                                                                    \
	{                                                                                                              \
		.take = TAKE_DESCRIPTOR, .when = WHEN_ENTRY, .arg = (argument), .at = (offset) + 1                     \
	}
#define RETURNS_FD                                                                                                     \
	{                                                                                                              \
		.take = TAKE_RESULT_FD, .when = WHEN_EXIT                                                              \
	}
#define RETURNS_PID                                                                                                    \
	{                                                                                                              \
		.take = TAKE_RESULT_PID, .when = WHEN_EXIT                                                             \
	}
#define ROW(name, ...)                                                                                                 \
	{                                                                                                              \
		.call = CALL_##name, .captures = { __VA_ARGS__ }                                                       \
	}
#define BY(name, argument, of, ...)                                                                                    \
	{                                                                                                              \
		.call = CALL_##name, .by = (argument) + 1, .value = (of), .mask = UINT32_MAX, .captures = {            \
			__VA_ARGS__                                                                                    \
		}                                                                                                      \
	}

#define TIMESPEC 16, 8
#define INTERVAL 32, 16
#define SIGINFO 128
#define RUSAGE 144, 72
#define ACTION 32, 20
#define WORD 8, 4

/* FUTEX_*: operations with a time-out, whatever flags they have (futex(2)) */
#define FUTEX_TIMED(name, operation, bytes, bytes32)                                                                   \
	{                                                                                                              \
		.call = CALL_##name, .by = 2, .value = (operation), .mask = 0x7f, .captures = {                        \
			INS(3, bytes, bytes32)                                                                         \
		}                                                                                                      \
	}
#define FUTEX(name, bytes, bytes32)                                                                                    \
	FUTEX_TIMED(name, 0, bytes, bytes32), FUTEX_TIMED(name, 6, bytes, bytes32),                                    \
		FUTEX_TIMED(name, 9, bytes, bytes32), FUTEX_TIMED(name, 11, bytes, bytes32),                           \
		FUTEX_TIMED(name, 13, bytes, bytes32)

/* A seccomp filter's instructions, of its struct sock_fprog. */
#define PROGRAM(argument)                                                                                              \
	INS(argument, 16, 8),                                                                                          \
	{                                                                                                              \
		.take = TAKE_ARRAY, .when = WHEN_ENTRY, .arg = (argument), .at = 9, .at32 = 5,                         \
		.length = LENGTH_FIELD16, .size = 8                                                                    \
	}

/* A set of registers, of its struct iovec. */
#define REGISTER_SET(moment)                                                                                           \
	OBJECTS(3, moment, 16, 8),                                                                                     \
	{                                                                                                              \
		.take = TAKE_SIZED, .when = (moment), .arg = 3, .at = 1, .at32 = 1, .length = LENGTH_FIELD,            \
		.length_at = 8, .length_at32 = 4, .size = 216                                                          \
	}

const struct capture_row process_rows[] = {
	/* the third argument is the parent's, or the pidfd's, place; of i386 the fourth is a struct user_desc */
	{.call = CALL_clone,
         .by = 1,
         .value = 0x1000, /* CLONE_PIDFD */
         .mask = 0x1000,
         .captures = {{.take = TAKE_FDS, .when = WHEN_EXIT, .arg = 2, .size = 4}, INS(3, 0, 16), RETURNS_PID}},
	ROW(clone, OUT(2, 4), INS(3, 0, 16), RETURNS_PID),
	{.call = CALL_clone3,
         .captures = {SIZED(0, WHEN_ENTRY, LENGTH_ARG, 1, 4096),
                      {.take = TAKE_ARRAY,
                       .when = WHEN_ENTRY,
                       .arg = 0,
                       .at = 65,
                       .length = LENGTH_FIELD,
                       .length_at = 72,
                       .size = 4},
                      {.take = TAKE_OBJECT, .when = WHEN_ENTRY, .arg = 0, .at = 57, .size32 = 16},
                      {.take = TAKE_FDS, .when = WHEN_EXIT, .arg = 0, .at = 9},
                      POINTED(0, WHEN_EXIT, 24, 24, 4),
                      RETURNS_PID}},
	ROW(fork, RETURNS_PID),
	ROW(vfork, RETURNS_PID),

	ROW(execve, SIMPLE(TAKE_STRINGS, 1), SIMPLE(TAKE_COUNT, 2)),
	ROW(execveat, SIMPLE(TAKE_STRINGS, 2), SIMPLE(TAKE_COUNT, 3)),

	ROW(wait4, OUT(1, 4), OUTS(3, RUSAGE), RETURNS_PID),
	ROW(waitpid, OUT(1, 4), RETURNS_PID),
	ROW(waitid, OUT(2, SIGINFO), OUTS(4, RUSAGE)),
	BY(waitid, 0, 3, SIMPLE(TAKE_DESCRIPTOR, 1), OUT(2, SIGINFO), OUTS(4, RUSAGE)), /* P_PIDFD */
	ROW(getrusage, OUTS(1, RUSAGE)),
	ROW(times, OUTS(0, 32, 16)),

	ROW(rt_sigaction, INS(1, ACTION), OUTS(2, ACTION)),
	ROW(sigaction, IN(1, 16), OUT(2, 16)),
	ROW(rt_sigprocmask, IN(1, 8), OUT(2, 8)),
	ROW(sigprocmask, IN(1, 4), OUT(2, 4)),
	ROW(rt_sigpending, OUT(0, 8)),
	ROW(sigpending, OUT(0, 4)),
	ROW(rt_sigsuspend, IN(0, 8)),
	ROW(rt_sigreturn, {.take = TAKE_STACK, .when = WHEN_ENTRY, .size = 304}),
	ROW(sigreturn, {.take = TAKE_STACK, .when = WHEN_ENTRY, .size = 720}),
	ROW(sigaltstack, INS(0, 24, 12), OUTS(1, 24, 12)),
	ROW(rt_sigtimedwait, IN(0, 8), INS(2, TIMESPEC), OUT(1, SIGINFO)),
	ROW(rt_sigtimedwait_time64, IN(0, 8), IN(2, 16), OUT(1, SIGINFO)),
	ROW(rt_sigqueueinfo, IN(2, SIGINFO)),
	ROW(rt_tgsigqueueinfo, IN(3, SIGINFO)),
	ROW(pidfd_send_signal, IN(2, SIGINFO)),

	ROW(clock_gettime, OUTS(1, TIMESPEC)),
	ROW(clock_gettime64, OUT(1, 16)),
	ROW(clock_getres, OUTS(1, TIMESPEC)),
	ROW(clock_getres_time64, OUT(1, 16)),
	ROW(clock_settime, INS(1, TIMESPEC)),
	ROW(clock_settime64, IN(1, 16)),
	/* what is left of a sleep is written when it is interrupted: it has failed then */
	ROW(nanosleep, INS(0, TIMESPEC), OBJECTS(1, WHEN_ALWAYS, 16, 8)),
	ROW(clock_nanosleep, INS(2, TIMESPEC), OBJECTS(3, WHEN_ALWAYS, 16, 8)),
	ROW(clock_nanosleep_time64, IN(2, 16), OBJECT(3, WHEN_ALWAYS, 16)),
	ROW(gettimeofday, OUTS(0, TIMESPEC), OUT(1, 8)),
	ROW(settimeofday, INS(0, TIMESPEC), IN(1, 8)),
	ROW(time, OUTS(0, WORD)),
	ROW(stime, INS(0, WORD)),
	ROW(getitimer, OUTS(1, INTERVAL)),
	ROW(setitimer, INS(1, INTERVAL), OUTS(2, INTERVAL)),
	ROW(timer_create, INS(1, 32, 20), OUT(2, 4)),
	ROW(timer_settime, INS(2, INTERVAL), OUTS(3, INTERVAL)),
	ROW(timer_settime64, IN(2, 32), OUT(3, 32)),
	ROW(timer_gettime, OUTS(1, INTERVAL)),
	ROW(timer_gettime64, OUT(1, 32)),
	ROW(adjtimex, OUTS(0, 208, 128)),
	ROW(clock_adjtime, OUTS(1, 208, 128)),
	ROW(clock_adjtime64, OUT(1, 208)),

	ROW(sched_setscheduler, IN(2, 4)),
	ROW(sched_getparam, OUT(1, 4)),
	ROW(sched_setparam, IN(1, 4)),
	ROW(sched_setaffinity, SIZED(2, WHEN_ENTRY, LENGTH_ARG, 1, 1024)),
	ROW(sched_getaffinity, SIZED(2, WHEN_EXIT, LENGTH_RESULT, 1, 1024)),
	ROW(sched_getattr, SIZED(1, WHEN_EXIT, LENGTH_ARG, 2, 56)),
	ROW(sched_setattr, IN(1, 56), OBJECT(1, WHEN_ALWAYS, 4)),
	ROW(sched_rr_get_interval, OUTS(1, TIMESPEC)),
	ROW(sched_rr_get_interval_time64, OUT(1, 16)),

	FUTEX(futex, 16, 8),
	FUTEX(futex_time64, 16, 16),
	ROW(futex_waitv, ELEMENTS(0, WHEN_ENTRY, LENGTH_ARG, 1, 24, 0), IN(3, 16)),
	ROW(get_robust_list, OUTS(1, WORD), OUTS(2, WORD)),

	ROW(getrlimit, OUTS(1, 16, 8)),
	ROW(ugetrlimit, OUTS(1, 16, 8)),
	ROW(setrlimit, INS(1, 16, 8)),
	ROW(prlimit64, IN(2, 16), OUT(3, 16)),

	BY(prctl, 0, 2, OUT(1, 4)),                       /* PR_GET_PDEATHSIG */
	BY(prctl, 0, 5, OUT(1, 4)),                       /* PR_GET_UNALIGN */
	BY(prctl, 0, 9, OUT(1, 4)),                       /* PR_GET_FPEMU */
	BY(prctl, 0, 11, OUT(1, 4)),                      /* PR_GET_FPEXC */
	BY(prctl, 0, 15, IN(1, 16)),                      /* PR_SET_NAME */
	BY(prctl, 0, 16, OUT(1, 16)),                     /* PR_GET_NAME */
	BY(prctl, 0, 19, OUT(1, 4)),                      /* PR_GET_ENDIAN */
	BY(prctl, 0, 22, PROGRAM(2)),                     /* PR_SET_SECCOMP */
	BY(prctl, 0, 25, OUT(1, 4)),                      /* PR_GET_TSC */
	BY(prctl, 0, 37, OUT(1, 4)),                      /* PR_GET_CHILD_SUBREAPER */
	BY(prctl, 0, 40, OUTS(1, WORD)),                  /* PR_GET_TID_ADDRESS */
	BY(prctl, 0, 62, OUT(4, 8)),                      /* PR_SCHED_CORE */
	BY(prctl, 0, 0x53564d41, SIMPLE(TAKE_STRING, 4)), /* PR_SET_VMA */
	/* ARCH_GET_FS, _GS, _XCOMP_SUPP, _XCOMP_PERM, _XCOMP_GUEST_PERM */
	BY(arch_prctl, 0, 0x1003, OUT(1, 8)),
	BY(arch_prctl, 0, 0x1004, OUT(1, 8)),
	BY(arch_prctl, 0, 0x1021, OUT(1, 8)),
	BY(arch_prctl, 0, 0x1022, OUT(1, 8)),
	BY(arch_prctl, 0, 0x1024, OUT(1, 8)),

	ROW(getpid, RETURNS_PID),
	ROW(getppid, RETURNS_PID),
	ROW(gettid, RETURNS_PID),
	ROW(getpgrp, RETURNS_PID),
	ROW(getpgid, RETURNS_PID),
	ROW(getsid, RETURNS_PID),
	ROW(setsid, RETURNS_PID),
	ROW(getresuid, OUTS(0, 4, 2), OUTS(1, 4, 2), OUTS(2, 4, 2)),
	ROW(getresgid, OUTS(0, 4, 2), OUTS(1, 4, 2), OUTS(2, 4, 2)),
	ROW(getresuid32, OUT(0, 4), OUT(1, 4), OUT(2, 4)),
	ROW(getresgid32, OUT(0, 4), OUT(1, 4), OUT(2, 4)),
	ROW(getgroups, ELEMENTS(1, WHEN_EXIT, LENGTH_RESULT, 0, 4, 2)),
	ROW(getgroups32, ELEMENTS(1, WHEN_EXIT, LENGTH_RESULT, 0, 4, 4)),
	ROW(setgroups, ELEMENTS(1, WHEN_ENTRY, LENGTH_ARG, 0, 4, 2)),
	ROW(setgroups32, ELEMENTS(1, WHEN_ENTRY, LENGTH_ARG, 0, 4, 4)),
	ROW(capget, IN(0, 8), OUT(1, 24)),
	ROW(capset, IN(0, 8), IN(1, 24)),

	ROW(pidfd_open, RETURNS_FD),
	ROW(pidfd_getfd, RETURNS_FD),
	ROW(process_madvise, ELEMENTS(1, WHEN_ENTRY, LENGTH_ARG, 2, 16, 8)),
	{.call = CALL_process_vm_readv,
         .captures = {ELEMENTS(1, WHEN_ENTRY, LENGTH_ARG, 2, 16, 8),
                      ELEMENTS(3, WHEN_ENTRY, LENGTH_ARG, 4, 16, 8),
                      {.take = TAKE_IOVEC, .when = WHEN_EXIT, .arg = 1, .length = LENGTH_ARG, .length_arg = 2}}},
	{.call = CALL_process_vm_writev,
         .captures = {{.take = TAKE_IOVEC, .when = WHEN_ENTRY, .arg = 1, .length = LENGTH_ARG, .length_arg = 2},
                      ELEMENTS(3, WHEN_ENTRY, LENGTH_ARG, 4, 16, 8)}},
	BY(kcmp, 2, 0, SIMPLE(TAKE_DESCRIPTOR, 3), SIMPLE(TAKE_DESCRIPTOR, 4)),                  /* KCMP_FILE */
	BY(kcmp, 2, 7, SIMPLE(TAKE_DESCRIPTOR, 3), IN(4, 12), MEMBER_FD(4, 0), MEMBER_FD(4, 4)), /* KCMP_EPOLL_TFD */
	ROW(set_thread_area, IN(0, 16), OUT(0, 4)),
	ROW(get_thread_area, IN(0, 4), OUT(0, 16)),
	ROW(modify_ldt, SIZED(1, WHEN_ENTRY, LENGTH_ARG, 2, 16)),

	BY(seccomp, 0, 1, PROGRAM(2), RETURNS_FD), /* SECCOMP_SET_MODE_FILTER */
	BY(seccomp, 0, 2, IN(2, 4)),               /* SECCOMP_GET_ACTION_AVAIL */
	BY(seccomp, 0, 3, OUT(2, 6)),              /* SECCOMP_GET_NOTIF_SIZES */

	BY(ptrace, 0, 1, OUTS(3, WORD)),                                                        /* PTRACE_PEEKTEXT */
	BY(ptrace, 0, 2, OUTS(3, WORD)),                                                        /* PTRACE_PEEKDATA */
	BY(ptrace, 0, 3, OUTS(3, WORD)),                                                        /* PTRACE_PEEKUSER */
	BY(ptrace, 0, 12, OUTS(3, 216, 68)),                                                    /* PTRACE_GETREGS */
	BY(ptrace, 0, 13, INS(3, 216, 68)),                                                     /* PTRACE_SETREGS */
	BY(ptrace, 0, 0x4201, OUTS(3, WORD)),                                                   /* PTRACE_GETEVENTMSG */
	BY(ptrace, 0, 0x4202, OUT(3, SIGINFO)),                                                 /* PTRACE_GETSIGINFO */
	BY(ptrace, 0, 0x4203, IN(3, SIGINFO)),                                                  /* PTRACE_SETSIGINFO */
	BY(ptrace, 0, 0x4204, REGISTER_SET(WHEN_ALWAYS)),                                       /* PTRACE_GETREGSET */
	BY(ptrace, 0, 0x4205, REGISTER_SET(WHEN_ENTRY)),                                        /* PTRACE_SETREGSET */
	BY(ptrace, 0, 0x4209, IN(2, 16), ELEMENTS(3, WHEN_EXIT, LENGTH_RESULT, 0, SIGINFO, 0)), /* PTRACE_PEEKSIGINFO */
	BY(ptrace, 0, 0x420a, OUT(3, 8)),                                                       /* PTRACE_GETSIGMASK */
	BY(ptrace, 0, 0x420b, IN(3, 8)),                                                        /* PTRACE_SETSIGMASK */
	BY(ptrace, 0, 0x420e, SIZED(3, WHEN_EXIT, LENGTH_RESULT, 0, 88)), /* PTRACE_GET_SYSCALL_INFO */
	{.call = CALL_UNKNOWN},
};

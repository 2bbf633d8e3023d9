/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#else
#error "no seccomp filter for this architecture"
#endif

#define INSTRUCTIONS 512
#define WRITING (O_ACCMODE | O_CREAT | O_TRUNC)
#define X32_BIT 0x40000000u
#define ANONYMOUS_NAME 0x53564d41 /* PR_SET_VMA: glibc names its arenas and stacks */

/* The hot ones first: kernels before 5.11 walk the filter at each call. */
static const int allowed[] = {
	SYS_ptrace,
	SYS_waitid,
	SYS_sched_yield,
	SYS_futex,
	SYS_wait4,
	SYS_clock_gettime,
	SYS_pread64,
	SYS_read,
	SYS_ppoll,
	SYS_epoll_pwait,
#ifdef SYS_epoll_wait
	SYS_epoll_wait,
	SYS_poll,
	SYS_epoll_create,
	SYS_readlink,
	SYS_stat,
	SYS_lstat,
	SYS_access,
	SYS_getdents,
	SYS_dup2,
	SYS_pipe,
	SYS_arch_prctl,
#endif
	/* descriptors that are open */
	SYS_write,
	SYS_writev,
	SYS_readv,
	SYS_lseek,
	SYS_close,
	SYS_fstat,
	SYS_fcntl,
	SYS_dup,
	SYS_dup3,
	SYS_getdents64,
	SYS_fstatfs,
	SYS_recvmsg,
	SYS_recvfrom,
	SYS_sendmsg,
	SYS_sendto,
	SYS_getsockopt,
	SYS_shutdown,
	SYS_epoll_ctl,
	/* new ones that lead nowhere */
	SYS_epoll_create1,
	SYS_eventfd2,
	SYS_pipe2,
	SYS_socketpair,
	SYS_inotify_init1,
	SYS_inotify_add_watch,
	SYS_inotify_rm_watch,
	SYS_timerfd_create,
	SYS_timerfd_settime,
	SYS_timerfd_gettime,
	SYS_timer_create,
	SYS_timer_settime,
	/* looking at files */
	SYS_newfstatat,
	SYS_statx,
	SYS_readlinkat,
	SYS_faccessat,
	SYS_faccessat2,
	SYS_statfs,
	SYS_getxattr,
	SYS_name_to_handle_at,
	SYS_getcwd,
	/* looking at tasks */
	SYS_process_vm_readv,
	SYS_kcmp,
	SYS_pidfd_open,
	SYS_pidfd_getfd,
	SYS_getpid,
	SYS_getppid,
	SYS_gettid,
	SYS_getuid,
	SYS_geteuid,
	SYS_getgid,
	SYS_getegid,
	SYS_getpgid,
	SYS_getsid,
	SYS_capget,
	/* being a process with threads */
	SYS_clock_nanosleep,
	SYS_nanosleep,
	SYS_restart_syscall,
	SYS_clock_getres,
	SYS_gettimeofday,
	SYS_getcpu,
	SYS_sched_getaffinity,
	SYS_sched_setaffinity,
	SYS_sched_getscheduler,
	SYS_sched_getparam,
	SYS_getpriority,
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
	SYS_rt_sigpending,
	SYS_rt_sigtimedwait,
	SYS_setitimer,
	SYS_sigaltstack,
	SYS_munmap,
	SYS_mremap,
	SYS_madvise,
	SYS_brk,
	SYS_mlock,
	SYS_mlock2,
	SYS_munlock,
	SYS_membarrier,
	SYS_set_robust_list,
	SYS_get_robust_list,
	SYS_rseq,
	SYS_set_tid_address,
	SYS_getrandom,
	SYS_getrusage,
	SYS_sysinfo,
	SYS_uname,
	SYS_exit,
	SYS_exit_group,
};

struct program {
	struct sock_filter code[INSTRUCTIONS];
	unsigned short length;
};

static void emit(struct program *p, uint16_t code, uint32_t k, uint8_t jump_true, uint8_t jump_false)
{
	p->code[p->length++] = (struct sock_filter)BPF_JUMP(code, k, jump_true, jump_false);
}

static void answer(struct program *p, uint32_t action)
{
	emit(p, BPF_RET | BPF_K, action, 0, 0);
}

static void refuse(struct program *p, int error)
{
	answer(p, SECCOMP_RET_ERRNO | ((uint32_t)error & SECCOMP_RET_DATA));
}

static void load(struct program *p, size_t offset)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* Both architectures are little-endian: the low half comes first. */
static void load_argument(struct program *p, int argument)
{
	load(p, offsetof(struct seccomp_data, args) + 8 * (size_t)argument);
}

static void allow(struct program *p, int number)
{
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1);
	answer(p, SECCOMP_RET_ALLOW);
}

/* A rule ends in an answer on every path, so the number need not be loaded again. */
static void allow_without_bits(struct program *p, int number, int argument, uint32_t bits)
{
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 4);
	load_argument(p, argument);
	emit(p, BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1);
	refuse(p, EPERM);
	answer(p, SECCOMP_RET_ALLOW);
}

static void allow_with_bits(struct program *p, int number, int argument, uint32_t bits)
{
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 4);
	load_argument(p, argument);
	emit(p, BPF_JMP | BPF_JSET | BPF_K, bits, 1, 0);
	refuse(p, EPERM);
	answer(p, SECCOMP_RET_ALLOW);
}

static void allow_values(struct program *p, int number, int argument, const uint32_t *values, uint8_t count)
{
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, (uint8_t)(count + 3));
	load_argument(p, argument);
	for (uint8_t i = 0; i < count; i++)
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, values[i], (uint8_t)(count - i), 0);
	refuse(p, EPERM);
	answer(p, SECCOMP_RET_ALLOW);
}

/* prlimit64 reads a limit, or sets one too where its third argument is no null pointer. */
static void allow_null(struct program *p, int number, int argument)
{
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 6);
	load_argument(p, argument);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2);
	load(p, offsetof(struct seccomp_data, args) + 8 * (size_t)argument + 4);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
	refuse(p, EPERM);
	answer(p, SECCOMP_RET_ALLOW);
}

static void add_conditional(struct program *p)
{
	const uint32_t ourselves[] = {(uint32_t)getpid()};
	const uint32_t process[] = {PR_SET_NAME, PR_GET_NAME, PR_SET_TIMERSLACK, PR_GET_TIMERSLACK, ANONYMOUS_NAME};
	const uint32_t queries[] = {FIONREAD, _IOR(0xb7, 0x6, int) /* NS_GET_PID_FROM_PIDNS */};
	const uint32_t caller[] = {0};
	const uint32_t unshared[] = {CLONE_FILES}, closed[] = {CLOSE_RANGE_UNSHARE};

	allow_without_bits(p, SYS_openat, 2, WRITING);
#ifdef SYS_open
	allow_without_bits(p, SYS_open, 1, WRITING);
#endif
	allow_without_bits(p, SYS_mmap, 2, PROT_EXEC);
	allow_without_bits(p, SYS_mprotect, 2, PROT_EXEC);
	allow_with_bits(p, SYS_clone, 0, CLONE_THREAD);
	allow_values(p, SYS_tgkill, 0, ourselves, 1);
	allow_values(p, SYS_prctl, 0, process, sizeof(process) / sizeof(process[0]));
	allow_values(p, SYS_ioctl, 1, queries, sizeof(queries) / sizeof(queries[0]));
	allow_values(p, SYS_setpriority, 1, caller, 1);
	/* A thread may have its own table of descriptors: whoever closes an inotify descriptor last waits for the kernel's
	 * workers, seconds on a full machine, and a tracer thread that is dying would do so before it lets its tracees go. */
	allow_values(p, SYS_unshare, 0, unshared, 1);
	allow_values(p, SYS_close_range, 2, closed, 1);
	allow_null(p, SYS_prlimit64, 2);
	/* Its flags are in memory, where no filter can see them: with ENOSYS glibc takes clone, whose flags can be seen. */
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1);
	refuse(p, ENOSYS);
}

/* For the number and the architecture; what is no call of ours kills. */
static void begin(struct program *p)
{
	load(p, offsetof(struct seccomp_data, arch));
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0);
	answer(p, SECCOMP_RET_KILL_PROCESS);
	load(p, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
	emit(p, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
	answer(p, SECCOMP_RET_KILL_PROCESS);
#endif
}

static int install(struct program *p)
{
	struct sock_fprog filter = {.len = p->length, .filter = p->code};

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0 ? -errno : 0;
}

int sandbox_enter(void)
{
	struct program p = {.length = 0};

	begin(&p);
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		allow(&p, allowed[i]);
	add_conditional(&p);
	refuse(&p, EPERM);
	return install(&p);
}

int sandbox_leave_network(void)
{
	static const int refused[] = {SYS_execve, SYS_execveat, SYS_io_uring_setup, SYS_bpf};
	const uint32_t local[] = {AF_UNIX};
	struct program p = {.length = 0};

	begin(&p);
	allow_values(&p, SYS_socket, 0, local, 1);
	allow_values(&p, SYS_socketpair, 0, local, 1);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		emit(&p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)refused[i], 0, 1);
		refuse(&p, EPERM);
	}
	answer(&p, SECCOMP_RET_ALLOW);
	return install(&p);
}

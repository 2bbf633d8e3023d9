/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "process.h"
#include "ptrace/probes.h"
#include "ptrace/tracer.h"
#include "rights.h"
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_UNCONFINED 70
#define DYING_NS UINT64_C(500000000)
#define GIVE_UP_NS UINT64_C(2000000000)
#define LEFT_BEHIND 8
#define STACK_LOCKED (64u * 1024)
#define SLICE_NS UINT64_C(100000) /* the least that the kernel takes */
#define KEPT (UINT64_C(1) << CAP_SYS_PTRACE | UINT64_C(1) << CAP_DAC_READ_SEARCH)

static int ascending(const void *left, const void *right)
{
	return *(const int *)left - *(const int *)right;
}

static void close_between(unsigned first, unsigned last)
{
	if (first > last || close_range(first, last, 0) == 0)
		return;
	/* Linux before 5.9 */
	for (unsigned fd = first; fd <= last && fd < 1024; fd++)
		close((int)fd);
}

/* All but these and stdin, stdout, stderr. */
static void close_others(const struct tracer_options *tracer)
{
	int kept[] = {tracer->control_fd, tracer->supervisor_fd, tracer->arena_fd, tracer->positions_fd};
	unsigned next = 3;

	qsort(kept, 4, sizeof(kept[0]), ascending);
	for (int i = 0; i < 4; i++) {
		if (kept[i] > 0)
			close_between(next, (unsigned)kept[i] - 1);
		next = (unsigned)kept[i] + 1;
	}
	close_between(next, UINT_MAX);
}

static int lock_object(struct dl_phdr_info *object, size_t size, void *unused)
{
	(void)size;
	(void)unused;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];

		if (segment->p_type == PT_LOAD && segment->p_flags & (PF_X | PF_W))
			mlock((const void *)(object->dlpi_addr + segment->p_vaddr), segment->p_memsz);
	}
	return 0;
}

/* A tracer that waits for its own page freezes its targets meanwhile. As far as RLIMIT_MEMLOCK goes, for the code and
 * the data first; mlockall(2) would count the whole arena. What cannot be locked stays pageable: no error. */
static void lock_memory(void)
{
	char top;
	uintptr_t stack = (uintptr_t)&top;

	dl_iterate_phdr(lock_object, NULL);
	mlock((const void *)(stack - STACK_LOCKED), STACK_LOCKED);
}

/* Who is woken by a short slice's end of its own goes first (sched(7); kernel/sched/fair.c, custom_slice, since Linux
 * 6.12): it takes no more of a CPU than before, but takes it sooner. A tracer that waits for a CPU behind a whole slice
 * of others finds what has entered a container after its exec, and each of its tracees waits as long. */
static void ask_for_short_slices(void)
{
	/* sched_setattr(2), struct sched_attr: its header clashes with the library's before glibc 2.41. */
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attr = {.size = sizeof(attr)};

	if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) < 0 || attr.policy != SCHED_OTHER)
		return;
	attr.runtime = SLICE_NS;
	syscall(SYS_sched_setattr, 0, &attr, 0);
}

/* Not by a session, where there is another way: of that the kernel makes a group of its scheduler (sched(7), "The
 * autogroup feature"), and on Linux 6.18 of two groups that are both busy one may get no CPU for seconds. */
static void leave_terminal(void)
{
	int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	bool left = terminal < 0 ? errno == ENXIO : ioctl(terminal, TIOCNOTTY) == 0;

	if (terminal >= 0)
		close(terminal);
	if (!left || setpgid(0, 0) < 0)
		setsid();
}

static void set_signals(void)
{
	sigset_t none;

	/* Children are none of its own; ignored, SIGCHLD costs no wake-up at each stop of a tracee: limits of ptrace(2) */
	signal(SIGCHLD, SIG_IGN);
	signal(SIGTTIN, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void run(struct tracer_options *tracer, pid_t supervisor)
{
	const struct rlimit none = {0, 0};

	leave_terminal();
	close_others(tracer);
	set_signals();
	setrlimit(RLIMIT_CORE, &none);
	lock_memory();
	ask_for_short_slices();
	if (rights_keep(KEPT) < 0)
		_exit(EXIT_UNCONFINED);
	/* After the change of rights, which may reset both: prctl(2). A core dump stops its targets while it is written. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	/* Until tracer_run() takes it, it kills; then it gives the tracer time to let its targets go. */
	signal(SIGUSR2, SIG_DFL);
	signal(SIGALRM, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGUSR2, 0, 0, 0);
	if (getppid() != supervisor)
		_exit(EXIT_UNCONFINED);
	probes_start(sandbox_enter);
	tracer->diag_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (sandbox_enter() < 0)
		_exit(EXIT_UNCONFINED);
	_exit(tracer_run(tracer));
}

int process_start(struct process *process, const struct supervisor_options *options, const struct shared *shared,
                  const struct command *command, uint64_t now_ns)
{
	int pair[2];
	pid_t supervisor = getpid();

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0) {
		struct tracer_options tracer = {
			.control_fd = options->control_fd,
			.supervisor_fd = pair[1],
			.arena_fd = shared->arena_fd,
			.positions_fd = shared->positions_fd,
			.proc = options->proc,
			.cgroup_root = options->cgroup_root,
			.allow_pid = options->allow_pid,
			.command = command->pid,
			.command_running = command->running,
		};

		run(&tracer, supervisor);
	}
	int error = pid < 0 ? -errno : 0;
	close(pair[1]);
	if (error) {
		close(pair[0]);
		return error;
	}
	*process = (struct process){.pid = pid, .socket = pair[0], .started_ns = now_ns};
	return 0;
}

void process_hang_up(struct process *process)
{
	if (process->socket >= 0)
		close(process->socket);
	process->socket = -1;
}

void process_dies(struct process *process, uint64_t now_ns)
{
	process_hang_up(process);
	if (!process->dying_ns)
		process->dying_ns = now_ns;
}

static void kill_it(struct process *process, uint64_t now_ns)
{
	if (!process->dying_ns)
		process->dying_ns = now_ns;
	process->killed = true;
	kill(process->pid, SIGKILL);
}

void process_kill_stalled(struct process *process, uint64_t now_ns)
{
	if (!process->pid)
		return;
	process->stalled = true;
	kill_it(process, now_ns);
}

static pid_t left_behind[LEFT_BEHIND];

/* False: there is no room for one more. */
static bool leave_behind(pid_t pid)
{
	for (int i = 0; i < LEFT_BEHIND; i++) {
		if (!left_behind[i]) {
			left_behind[i] = pid;
			return true;
		}
	}
	return false;
}

static void reap_left_behind(void)
{
	for (int i = 0; i < LEFT_BEHIND; i++) {
		if (left_behind[i] && waitpid(left_behind[i], NULL, WNOHANG) != 0)
			left_behind[i] = 0;
	}
}

/* Whether it has ended, or it is of no use to wait for that any longer. */
static bool has_ended(struct process *process, int *status, uint64_t now_ns)
{
	pid_t pid;

	do {
		pid = waitpid(process->pid, status, WNOHANG | WUNTRACED);
		if (pid == process->pid && WIFSTOPPED(*status))
			process_kill_stalled(process, now_ns);
	} while (pid == process->pid && WIFSTOPPED(*status));
	if (pid == process->pid)
		return true;
	if (!process->dying_ns)
		return false;
	if (!process->killed && now_ns - process->dying_ns > DYING_NS)
		kill_it(process, now_ns);
	*status = SIGKILL;
	return now_ns - process->dying_ns > GIVE_UP_NS && leave_behind(process->pid);
}

bool process_reap(struct process *process, int *status, uint64_t now_ns)
{
	reap_left_behind();
	if (!process->pid || !has_ended(process, status, now_ns))
		return false;
	process_hang_up(process);
	process->pid = 0;
	return true;
}

void process_reap_orphans(const struct process *process)
{
	siginfo_t child = {0};

	while (waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) == 0 && child.si_pid) {
		if (child.si_pid == process->pid)
			return; /* its status is wanted; it is reaped next */
		waitpid(child.si_pid, NULL, WNOHANG);
		child.si_pid = 0;
	}
}

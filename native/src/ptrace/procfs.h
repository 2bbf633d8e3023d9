/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tracer reads of /proc: bounded reads of small files, every field checked.
 */
#ifndef STL_PROCFS_H
#define STL_PROCFS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

void procfs_root(const char *root); /* once, before any thread */

#define NS_DEPTH 32 /* pid_namespaces(7): they nest no deeper */

struct task_status {
	char state;
	pid_t tgid, ppid, tracer;
	int ns_depth;              /* how many numbers NSpid has, at most NS_DEPTH */
	pid_t ns_pid[NS_DEPTH];    /* outermost first */
	pid_t ns_tgid;             /* in its own, innermost namespace */
	uint64_t ignored, caught;  /* bit n-1: signal n */
	uint64_t pending, blocked; /* pending: its own and its process's */
	uint64_t voluntary;        /* voluntary_ctxt_switches */
};

enum syscall_now { NOW_RUNNING, NOW_OUTSIDE, NOW_INSIDE, NOW_UNKNOWN };

struct task_syscall {
	enum syscall_now now;
	int number;
	uint64_t args[6];
};

struct task_ran {
	uint64_t cpu_ns, waited_ns, slices; /* waited: ready to run, for a CPU */
};

struct file_identity {
	uint64_t device, inode;
};

static inline bool file_is(const struct file_identity *file, const struct file_identity *other)
{
	return file->device == other->device && file->inode == other->inode;
}

struct task_stat {
	uint64_t flags;       /* PF_* */
	uint64_t start_ticks; /* since boot, in clock ticks: with the ID, who it is */
	int cpu;              /* that it ran on last */
};

/* Of a file's whole text, ended with NUL; -ENODATA: it is not that file's. */
int task_status_parse(const char *text, struct task_status *out);
int task_syscall_parse(const char *text, struct task_syscall *out);
int task_ran_parse(const char *text, struct task_ran *out);
int task_stat_parse(const char *text, struct task_stat *out);
bool task_cgroups_parse(const char *text, const char *id); /* whether one of them is the container's */

/* Each returns 0 or -errno. */
int task_status_read(pid_t tid, struct task_status *out);
int task_syscall_read(pid_t tid, struct task_syscall *out);
int task_ran_read(pid_t tid, struct task_ran *out); /* -ENOENT without CONFIG_SCHED_INFO */
int task_stat_read(pid_t tid, struct task_stat *out);
int task_exe_read(pid_t tid, struct file_identity *out,
                  bool *in_memory); /* in_memory: a memfd, as runc's copy of itself */
int task_root_read(pid_t tid, struct file_identity *out);
void task_path(pid_t tid, const char *file, char *path, size_t size);
void task_fd_path(pid_t tid, int descriptor, char *path, size_t size);
pid_t task_pidfd_pid(pid_t tid, int descriptor); /* whose it is, in /proc's PID namespace; 0: nobody's */
ssize_t task_auxv_read(pid_t tid, void *buffer, size_t size);
int task_open(pid_t tid, const char *file);   /* to be read: a descriptor */
int task_comm_read(pid_t tid, char comm[16]); /* ended with NUL */
bool task_is_runtime(pid_t tid);              /* it is runc's own set-up, and has not exec'ed yet */
int task_exe_bits(pid_t tid);                 /* 32 or 64, of its program; 0: unknown */

/* Whom `viewer` calls `ns_pid`; -ENOTTY: Linux before 6.11 cannot say. */
pid_t task_by_ns_pid(pid_t viewer, pid_t ns_pid);
/* Whether one of its cgroups is the container's, or lies in it. What cannot be told is true. */
bool task_in_container(pid_t tid, const char *id);
bool task_fd_is_socket(pid_t tid, int descriptor);
/* How many tasks the process has, from the link count of its task directory; 0: it is gone. */
uint32_t count_tasks(pid_t pid);
void list_tasks(pid_t pid, void (*each)(pid_t tid, void *context), void *context);
void list_children(pid_t pid, void (*each)(pid_t child, void *context), void *context);

#endif

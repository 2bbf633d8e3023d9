/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroups.h"

/* ioctl_nsfs(2), NS_GET_PID_FROM_PIDNS */
#define GET_PID_FROM_PIDNS _IOR(0xb7, 0x6, int)
/* include/linux/sched.h, PF_FORKNOEXEC; proc(5) shows the flags. */
#define FORKED_NO_EXEC 0x40

static const char *proc = "/proc";

void procfs_root(const char *root)
{
	proc = root;
}

void task_path(pid_t tid, const char *file, char *path, size_t size)
{
	snprintf(path, size, "%s/%d/%s", proc, tid, file);
}

void task_fd_path(pid_t tid, int descriptor, char *path, size_t size)
{
	snprintf(path, size, "%s/%d/fd/%d", proc, tid, descriptor);
}

int task_open(pid_t tid, const char *file)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%d/%s", proc, tid, file);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Reads at most size - 1 bytes and ends them with NUL; the length or -errno. */
static ssize_t read_small(pid_t tid, const char *file, char *buffer, size_t size)
{
	int fd = task_open(tid, file);

	if (fd < 0)
		return fd;
	ssize_t length = read(fd, buffer, size - 1);
	int error = errno;

	close(fd);
	if (length < 0)
		return -error;
	buffer[length] = '\0';
	return length;
}

ssize_t task_auxv_read(pid_t tid, void *buffer, size_t size)
{
	int fd = task_open(tid, "auxv");

	if (fd < 0)
		return fd;
	ssize_t length = read(fd, buffer, size);
	int error = errno;

	close(fd);
	return length < 0 ? -error : length;
}

int task_comm_read(pid_t tid, char comm[16])
{
	ssize_t length = read_small(tid, "comm", comm, 16);

	if (length < 0)
		return (int)length;
	/* A newline ends it; of one of 15 bytes that is cut off already. */
	if (length > 0 && comm[length - 1] == '\n')
		comm[length - 1] = '\0';
	return 0;
}

static const char *field(const char *text, const char *name)
{
	const char *found = strstr(text, name);

	return found ? found + strlen(name) : NULL;
}

/* A line of numbers, each behind a tab: how many of them were stored. */
static int pids_of(const char *text, pid_t pids[NS_DEPTH])
{
	int count = 0;

	while (text && *text == '\t' && count < NS_DEPTH) {
		char *end;
		long pid = strtol(text + 1, &end, 10);

		if (end == text + 1)
			break;
		pids[count++] = (pid_t)pid;
		text = end;
	}
	return count;
}

static uint64_t number_of(const char *text, const char *name, int base)
{
	const char *value = field(text, name);

	return value ? strtoull(value, NULL, base) : 0;
}

int task_status_parse(const char *text, struct task_status *out)
{
	memset(out, 0, sizeof(*out));
	/* The name comes first, and a newline in it is escaped: a name cannot forge the lines that follow. */
	const char *state = field(text, "\nState:\t");

	if (!state || !*state)
		return -ENODATA;
	out->state = *state;
	out->tgid = (pid_t)number_of(text, "\nTgid:\t", 10);
	out->ppid = (pid_t)number_of(text, "\nPPid:\t", 10);
	out->tracer = (pid_t)number_of(text, "\nTracerPid:\t", 10);
	out->ignored = number_of(text, "\nSigIgn:\t", 16);
	out->caught = number_of(text, "\nSigCgt:\t", 16);
	out->pending = number_of(text, "\nSigPnd:\t", 16) | number_of(text, "\nShdPnd:\t", 16);
	out->blocked = number_of(text, "\nSigBlk:\t", 16);
	out->voluntary = number_of(text, "\nvoluntary_ctxt_switches:\t", 10);
	out->ns_depth = pids_of(field(text, "\nNSpid:"), out->ns_pid);
	pid_t groups[NS_DEPTH];
	int depth = pids_of(field(text, "\nNStgid:"), groups);

	out->ns_tgid = depth ? groups[depth - 1] : 0;
	return 0;
}

int task_syscall_parse(const char *text, struct task_syscall *out)
{
	memset(out, 0, sizeof(*out));
	out->now = NOW_UNKNOWN;
	if (strncmp(text, "running", 7) == 0) {
		out->now = NOW_RUNNING;
		return 0;
	}
	int fields =
		sscanf(text, "%d %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64, &out->number,
	               &out->args[0], &out->args[1], &out->args[2], &out->args[3], &out->args[4], &out->args[5]);

	if (fields < 1)
		return -ENODATA;
	out->now = fields == 7 && out->number >= 0 ? NOW_INSIDE : NOW_OUTSIDE;
	return 0;
}

int task_ran_parse(const char *text, struct task_ran *out)
{
	memset(out, 0, sizeof(*out));
	if (sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64, &out->cpu_ns, &out->waited_ns, &out->slices) != 3)
		return -ENODATA;
	return 0;
}

int task_stat_parse(const char *text, struct task_stat *out)
{
	memset(out, 0, sizeof(*out));
	/* proc(5): the name may hold anything, ')' too; the last one ends it. */
	const char *at = strrchr(text, ')');

	for (int index = 2; at && index < 39; index++) {
		at = strchr(at + 1, ' ');
		if (at && index + 1 == 9)
			out->flags = strtoull(at + 1, NULL, 10);
		if (at && index + 1 == 22)
			out->start_ticks = strtoull(at + 1, NULL, 10);
	}
	if (!at)
		return -ENODATA;
	out->cpu = (int)strtol(at + 1, NULL, 10);
	return 0;
}

int task_status_read(pid_t tid, struct task_status *out)
{
	char text[16384]; /* the groups, of which a task may have thousands, come before what is wanted */
	ssize_t length = read_small(tid, "status", text, sizeof(text));

	return length < 0 ? (int)length : task_status_parse(text, out);
}

int task_syscall_read(pid_t tid, struct task_syscall *out)
{
	char text[256];
	ssize_t length = read_small(tid, "syscall", text, sizeof(text));

	return length < 0 ? (int)length : task_syscall_parse(text, out);
}

int task_ran_read(pid_t tid, struct task_ran *out)
{
	char text[128];
	ssize_t length = read_small(tid, "schedstat", text, sizeof(text));

	return length < 0 ? (int)length : task_ran_parse(text, out);
}

int task_stat_read(pid_t tid, struct task_stat *out)
{
	char text[1024];
	ssize_t length = read_small(tid, "stat", text, sizeof(text));

	return length < 0 ? (int)length : task_stat_parse(text, out);
}

static int identify(const char *path, struct file_identity *out)
{
	struct statx status;

	/* What the file's server has to say is not waited for: the container may be that server (FUSE). */
	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_INO, &status) < 0)
		return -errno;
	out->device = (uint64_t)status.stx_dev_major << 32 | status.stx_dev_minor;
	out->inode = status.stx_ino;
	return 0;
}

int task_root_read(pid_t tid, struct file_identity *out)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%d/root", proc, tid);
	return identify(path, out);
}

int task_exe_read(pid_t tid, struct file_identity *out, bool *in_memory)
{
	char path[512], link[64];

	snprintf(path, sizeof(path), "%s/%d/exe", proc, tid);
	int error = identify(path, out);

	if (error)
		return error;
	ssize_t length = readlink(path, link, sizeof(link) - 1);

	link[length < 0 ? 0 : length] = '\0';
	*in_memory = strncmp(link, "/memfd:", 7) == 0;
	return 0;
}

bool task_is_runtime(pid_t tid)
{
	char comm[32];
	struct task_stat stat;

	/* Any task may call itself so; none that has exec'ed can have its "has not exec'ed" back. */
	return read_small(tid, "comm", comm, sizeof(comm)) > 0 && strncmp(comm, "runc:[", 6) == 0 &&
	       task_stat_read(tid, &stat) == 0 && (stat.flags & FORKED_NO_EXEC);
}

int task_exe_bits(pid_t tid)
{
	char auxv[16];
	uint64_t first;

	/* The kernel's own copy: no file is read, and no memory of the task. A 32-bit vector has its first value in the
	 * upper half of what would be the first key. */
	if (read_small(tid, "auxv", auxv, sizeof(auxv)) < (ssize_t)sizeof(first))
		return 0;
	memcpy(&first, auxv, sizeof(first));
	return first >> 32 ? 32 : 64;
}

pid_t task_by_ns_pid(pid_t viewer, pid_t ns_pid)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%d/ns/pid", proc, viewer);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	int tid = ioctl(fd, GET_PID_FROM_PIDNS, ns_pid);
	int error = errno;

	close(fd);
	return tid < 0 ? -error : tid;
}

bool task_cgroups_parse(const char *text, const char *id)
{
	char name[128], found[CONTAINER_ID_SIZE];

	/* A line for each hierarchy: "4:memory:/docker/ID" */
	for (const char *at = strchr(text, '/'); at; at = strchr(at, '/')) {
		size_t length = strcspn(++at, "/\n");

		if (length >= sizeof(name))
			continue;
		memcpy(name, at, length);
		name[length] = '\0';
		if (container_id_of(name, found) && strcmp(found, id) == 0)
			return true;
	}
	return false;
}

bool task_in_container(pid_t tid, const char *id)
{
	char text[16384];
	ssize_t length = read_small(tid, "cgroup", text, sizeof(text));

	/* It has no text where the path is too long for one: that is a container's doing. */
	if (length < 0)
		return length != -ESRCH && length != -ENOENT;
	return length == sizeof(text) - 1 || task_cgroups_parse(text, id);
}

pid_t task_pidfd_pid(pid_t tid, int descriptor)
{
	char name[64], text[1024];

	snprintf(name, sizeof(name), "fdinfo/%d", descriptor);
	if (read_small(tid, name, text, sizeof(text)) < 0)
		return 0;
	return (pid_t)number_of(text, "\nPid:\t", 10);
}

bool task_fd_is_socket(pid_t tid, int descriptor)
{
	char path[512], link[32];

	snprintf(path, sizeof(path), "%s/%d/fd/%d", proc, tid, descriptor);
	ssize_t length = readlink(path, link, sizeof(link) - 1);

	link[length < 0 ? 0 : length] = '\0';
	return strncmp(link, "socket:", 7) == 0;
}

uint32_t count_tasks(pid_t pid)
{
	char path[512];
	struct stat status;

	snprintf(path, sizeof(path), "%s/%d/task", proc, pid);
	if (stat(path, &status) < 0 || status.st_nlink < 2)
		return 0;
	return (uint32_t)status.st_nlink - 2;
}

void list_tasks(pid_t pid, void (*each)(pid_t tid, void *context), void *context)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%d/task", proc, pid);
	DIR *directory = opendir(path);

	if (!directory)
		return;
	for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
		pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (tid > 0)
			each(tid, context);
	}
	closedir(directory);
}

struct children_of {
	pid_t pid;
	void (*each)(pid_t child, void *context);
	void *context;
};

static void children_of_task(pid_t tid, void *context)
{
	const struct children_of *wanted = context;
	char file[64], text[4096];

	snprintf(file, sizeof(file), "task/%d/children", tid);
	if (read_small(wanted->pid, file, text, sizeof(text)) <= 0)
		return;
	for (char *at = text, *end; *at; at = end) {
		long child = strtol(at, &end, 10);

		/* Every one has a space behind it; one without was cut off. */
		if (end == at || *end != ' ')
			break;
		if (child > 0)
			wanted->each((pid_t)child, wanted->context);
	}
}

void list_children(pid_t pid, void (*each)(pid_t child, void *context), void *context)
{
	struct children_of wanted = {pid, each, context};

	list_tasks(pid, children_of_task, &wanted);
}

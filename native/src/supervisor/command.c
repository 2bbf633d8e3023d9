/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_NOT_RUN 127
#define DEFAULT_PATH "/bin:/usr/bin"

static int executable(const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return errno;
	if (!S_ISREG(status.st_mode))
		return EACCES;
	return access(path, X_OK) < 0 ? errno : 0;
}

/* As execvp(3) looks for it, but before anything is traced, so that its misses are not the command's failed calls.
 * 0 or an errno. */
static int find_program(const char *name, char path[PATH_MAX])
{
	const char *folders = getenv("PATH");
	int error = ENOENT;

	if (!*name)
		return ENOENT;
	if (strchr(name, '/'))
		return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX ? executable(path) : ENAMETOOLONG;
	for (const char *folder = folders ? folders : DEFAULT_PATH;; folder++) {
		int length = (int)strcspn(folder, ":");
		int size = snprintf(path, PATH_MAX, "%.*s%s%s", length, folder, length ? "/" : "./", name);
		int found = size < PATH_MAX ? executable(path) : ENAMETOOLONG;

		if (!found)
			return 0;
		if (found == EACCES)
			error = EACCES;
		folder += length;
		if (!*folder)
			break;
	}
	return error;
}

/* Yama's scope 1 lets nobody but ancestors trace; an exception for the supervisor covers all its tracers (ptracer
 * exceptions hold for descendants, security/yama/yama_lsm.c). Where the scope is another one nothing is changed. */
static void permit_tracer(const char *proc, pid_t supervisor)
{
	char path[PATH_MAX], scope = '0';

	if (snprintf(path, sizeof(path), "%s/sys/kernel/yama/ptrace_scope", proc) >= PATH_MAX)
		return;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (read(fd, &scope, 1) == 1 && scope == '1')
		prctl(PR_SET_PTRACER, (unsigned long)supervisor, 0, 0, 0);
	close(fd);
}

/* A file without a header that the kernel knows is a script for sh: execvp(3) */
static void run_as_script(char *path, char **argv)
{
	size_t count = 0;

	while (argv[count])
		count++;
	char **script = calloc(count + 2, sizeof(*script));
	if (!script)
		return;
	script[0] = "sh";
	script[1] = path;
	memcpy(script + 2, argv + 1, count * sizeof(*script));
	execv("/bin/sh", script);
}

static _Noreturn void child(int go, int report, const char *proc, pid_t supervisor, char **argv)
{
	char path[PATH_MAX], word;
	ssize_t size;

	/* An ignored signal stays ignored through exec, and Python ignores this one; SIGCHLD is at its default already. */
	signal(SIGPIPE, SIG_DFL);
	permit_tracer(proc, supervisor);
	int error = find_program(argv[0], path);
	if (!error) {
		do
			size = read(go, &word, 1);
		while (size < 0 && errno == EINTR);
		if (size != 1)
			_exit(EXIT_NOT_RUN);
		execv(path, argv);
		if (errno == ENOEXEC) {
			run_as_script(path, argv);
			errno = ENOEXEC;
		}
		error = errno;
	}
	size = write(report, &error, sizeof(error));
	_exit(size == sizeof(error) ? EXIT_NOT_RUN : EXIT_NOT_RUN - 1);
}

int command_fork(struct command *command, char **argv, const char *proc, uint64_t now_ns)
{
	int go[2], report[2];
	pid_t supervisor = getpid();

	if (pipe2(go, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(report, O_CLOEXEC) < 0) {
		int error = -errno;

		close(go[0]);
		close(go[1]);
		return error;
	}
	pid_t pid = fork();
	if (pid == 0) {
		close(go[1]);
		close(report[0]);
		child(go[0], report[1], proc, supervisor, argv);
	}
	int error = pid < 0 ? -errno : 0;
	close(go[0]);
	close(report[1]);
	if (error) {
		close(go[1]);
		close(report[0]);
		return error;
	}
	*command = (struct command){
		.pid = pid,
		.go = go[1],
		.report = report[0],
		.deadline_ns = now_ns + COMMAND_TAKEN_NS,
		.name = argv[0],
	};
	return 0;
}

static void hang_up(struct command *command)
{
	if (command->go >= 0)
		close(command->go);
	command->go = -1;
}

void command_go(struct command *command)
{
	if (!command->pid || command->running || command->go < 0)
		return;
	/* SIGPIPE is ignored; a command that is gone already is reaped as any other */
	command->running = write(command->go, "", 1) == 1;
	hang_up(command);
}

void command_check(struct command *command, uint64_t now_ns)
{
	if (!command->pid || command->running || command->failure || now_ns < command->deadline_ns)
		return;
	command->failure = ETIMEDOUT;
	kill(command->pid, SIGKILL);
	hang_up(command);
}

/* The errno of its exec, or 0. For one that is dead: then nobody else can write. */
void command_signal(const struct command *command, int64_t number)
{
	if (!command->running || !command->pid)
		return;
	if (number == SIGHUP || number == SIGINT || number == SIGQUIT || number == SIGTERM)
		kill(command->pid, (int)number);
}

static int exec_failure(const struct command *command)
{
	int error;

	return read(command->report, &error, sizeof(error)) == (ssize_t)sizeof(error) ? error : 0;
}

static void describe(const struct command *command, struct stl_message *out)
{
	if (command->failure)
		snprintf(out->text, sizeof(out->text), "%.300s was not run: no tracer took it within 5 s",
		         command->name);
	else if (out->value)
		snprintf(out->text, sizeof(out->text), "%.300s cannot be run: %s", command->name,
		         strerror((int)out->value));
}

bool command_reap(struct command *command, struct stl_message *out)
{
	int status;

	if (!command->pid || waitpid(command->pid, &status, WNOHANG) != command->pid)
		return false;
	*out = (struct stl_message){.type = STL_SUP_COMMAND_ENDED, .pid = command->pid, .detail = status};
	out->value = command->failure ? command->failure : exec_failure(command);
	describe(command, out);
	hang_up(command);
	close(command->report);
	command->pid = 0;
	return true;
}

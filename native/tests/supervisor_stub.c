/* SPDX-License-Identifier: Apache-2.0
 *
 * A tracer that traces nothing and does what a test tells it, to see what the supervisor makes of it. Linked in the
 * place of the engine; a message's text says what to do, the answer comes as STL_EV_REFUSED.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "arena/arena.h"
#include "ptrace/tracer.h"

#define BEAT_MS 50

struct stub {
	const struct tracer_options *options;
	struct stl_arena *arena;
	bool silent, deaf, ending;
	int status;
};

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void beat(struct stub *stub)
{
	struct stl_beat *mine = &stub->arena->beats[STL_THREADS];

	mine->beat_ns = monotonic_ns();
	mine->active = 1;
}

static void say(struct stub *stub, uint32_t type, const char *text)
{
	struct stl_message message = {.type = type, .pid = getpid(), .value = stub->arena->generation};

	snprintf(message.text, sizeof(message.text), "%s", text);
	send(stub->options->control_fd, &message, sizeof(message), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void *nothing(void *unused)
{
	return unused;
}

static int thread(void)
{
	pthread_t made;
	int error = pthread_create(&made, NULL, nothing, NULL);

	return error ? (errno = error, -1) : pthread_join(made, NULL);
}

static int connect_abstract(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "\0nobody"};

	return connect(0, (struct sockaddr *)&address, sizeof(address));
}

static int limit(bool set)
{
	struct rlimit files;

	return getrlimit(RLIMIT_NOFILE, &files) < 0 ? -1 : set ? setrlimit(RLIMIT_NOFILE, &files) : 0;
}

static int map(int protection)
{
	return mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

/* NAME=ERRNO for each thing tried; 0: it worked. */
static void probe(struct stub *stub)
{
	char text[STL_TEXT_SIZE] = "";
	size_t used = 0;
	char *const none[] = {NULL};

#define TRY(name, call)                                                                                                \
	(errno = 0, used += (size_t)snprintf(text + used, sizeof(text) - used, "%s=%d ", name, (call) < 0 ? errno : 0))
	TRY("socket", socket(AF_INET, SOCK_STREAM, 0));
	TRY("unix", socket(AF_UNIX, SOCK_STREAM, 0));
	TRY("connect", connect_abstract());
	TRY("bind", bind(0, NULL, 0));
	TRY("fork", fork());
	TRY("execve", execve("/bin/true", none, none));
	TRY("write", open("/tmp", O_TMPFILE | O_RDWR, 0600));
	TRY("create", open("/dev/shm/stracelet-probe", O_CREAT, 0600));
	TRY("openat2", syscall(SYS_openat2, AT_FDCWD, "/", NULL, 0));
	TRY("unlink", unlink("/tmp/stracelet-probe"));
	TRY("code", map(PROT_READ | PROT_EXEC));
	TRY("kill", kill(getppid(), 0));
	TRY("tgkill", syscall(SYS_tgkill, getppid(), getppid(), 0));
	TRY("setrlimit", limit(true));
	TRY("dumpable", prctl(PR_SET_DUMPABLE, 1));
	TRY("bpf", syscall(SYS_bpf, 0, NULL, 0));
	TRY("uring", syscall(SYS_io_uring_setup, 1, NULL));
	TRY("mount", syscall(SYS_mount, NULL, NULL, NULL, 0, NULL));
	TRY("getrlimit", limit(false));
	TRY("read", open("/proc/self/status", O_RDONLY));
	TRY("fds", open("/proc/self/fd", O_RDONLY | O_DIRECTORY));
	TRY("thread", thread());
	TRY("self", syscall(SYS_tgkill, getpid(), gettid(), 0));
	TRY("memory", map(PROT_READ | PROT_WRITE));
	TRY("name", prctl(PR_SET_NAME, "stub"));
#undef TRY
	say(stub, STL_EV_REFUSED, text);
}

static void obey(struct stub *stub, const char *text)
{
	if (strcmp(text, "be silent") == 0) {
		stub->silent = true;
	} else if (strcmp(text, "stall a thread") == 0) {
		stub->arena->beats[3].beat_ns = monotonic_ns();
		stub->arena->beats[3].active = 1;
	} else if (strcmp(text, "be deaf") == 0) {
		stub->deaf = true;
		say(stub, STL_EV_REFUSED, "deaf");
	} else if (strcmp(text, "probe") == 0) {
		probe(stub);
	} else if (strcmp(text, "crash") == 0) {
		abort();
	} else if (strcmp(text, "other ABI") == 0) {
#ifdef __x86_64__
		__asm__ volatile("int $0x80" : : "a"(20)); /* getpid of i386 */
#endif
	} else if (strcmp(text, "take the command") == 0) {
		send(stub->options->supervisor_fd, "c", 1, MSG_NOSIGNAL);
	} else if (strncmp(text, "exit ", 5) == 0) {
		stub->ending = true;
		stub->status = atoi(text + 5);
	}
}

static void look_round(struct stub *stub)
{
	struct pollfd fds[] = {
		{.fd = stub->deaf ? -1 : stub->options->supervisor_fd, .events = POLLIN},
		{.fd = stub->options->control_fd, .events = POLLIN},
	};
	struct stl_message message;

	if (poll(fds, 2, BEAT_MS) <= 0)
		return;
	if (fds[0].revents)
		stub->ending = true;
	ssize_t size = recv(stub->options->control_fd, &message, sizeof(message), MSG_DONTWAIT);
	if (size == sizeof(message))
		obey(stub, message.text);
	else if (size == 0)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); /* the supervisor's word is what counts */
}

int tracer_run(const struct tracer_options *options)
{
	struct stub stub = {.options = options};
	char text[64];

	if (arena_map(options->arena_fd, &stub.arena) < 0)
		return 1;
	arena_begin_generation(stub.arena, (uint32_t)getpid());
	beat(&stub);
	snprintf(text, sizeof(text), "command=%d running=%d", options->command, options->command_running);
	say(&stub, STL_EV_HELLO, text);
	while (!stub.ending) {
		look_round(&stub);
		if (!stub.silent)
			beat(&stub);
	}
	return stub.status;
}

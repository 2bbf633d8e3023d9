/* SPDX-License-Identifier: Apache-2.0
 *
 * What is left to a supervisor that listens, and to what it forks: Unix sockets, children, threads; no other network.
 */
#define _GNU_SOURCE
#include "supervisor/sandbox.c"

#include "check.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <sys/wait.h>

/* Runs it behind the filter, in a child; its errno or 0. */
static int confined(int (*attempt)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
		CHECK_EQUAL(sandbox_leave_network(), 0);
		_exit(attempt() < 0 ? errno : 0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int internet(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int internet6(void)
{
	return socket(AF_INET6, SOCK_DGRAM, 0);
}

static int netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0);
}

static int packets(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0);
}

/* The kernel looks at an int: socket(2) */
static int internet_in_disguise(void)
{
	return (int)syscall(SYS_socket, UINT64_C(0x100000000) | AF_INET, SOCK_STREAM, 0);
}

static int unix_in_disguise(void)
{
	return (int)syscall(SYS_socket, UINT64_C(0x200000000) | AF_UNIX, SOCK_STREAM, 0);
}

static int uring(void)
{
	return (int)syscall(SYS_io_uring_setup, 1, NULL);
}

static int program(void)
{
	char *const arguments[] = {"true", NULL};

	return execv("/bin/true", arguments);
}

static int of_a_child(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	errno = WEXITSTATUS(status);
	return errno ? -1 : 0;
}

static void *nothing(void *unused)
{
	return unused;
}

/* All that serving an agent takes: a listener, a connection, a descriptor that is passed, a thread. */
static int serve(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1);
	int pair[2], listener = socket(AF_UNIX, SOCK_SEQPACKET, 0), client = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	struct ucred peer;
	socklen_t length = sizeof(peer);
	pthread_t thread;
	char text[8];

	snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "stracelet-test-%d", getpid());
	size += (socklen_t)strlen(address.sun_path + 1);
	if (listener < 0 || client < 0 || bind(listener, (struct sockaddr *)&address, size) < 0 ||
	    listen(listener, 1) < 0 || connect(client, (struct sockaddr *)&address, size) < 0)
		return -1;
	int accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	struct iovec part = {.iov_base = text, .iov_len = sizeof(text)};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};

	if (accepted < 0 || getsockopt(accepted, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0 ||
	    send(client, "hello", 5, 0) != 5 || recvmsg(accepted, &header, 0) != 5 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
		return -1;
	int error = pthread_create(&thread, NULL, nothing, NULL);

	errno = error;
	return error ? -1 : pthread_join(thread, NULL);
}

/* The tracer that it forks confines itself further. */
static int no_socket_at_all(void)
{
	int error = sandbox_enter();

	if (error) {
		errno = -error;
		return -1;
	}
	return socket(AF_UNIX, SOCK_STREAM, 0) < 0 && errno == EPERM ? 0 : -1;
}

static void test_there_is_no_network(void)
{
	CHECK_EQUAL(confined(internet), EPERM);
	CHECK_EQUAL(confined(internet6), EPERM);
	CHECK_EQUAL(confined(netlink), EPERM);
	CHECK_EQUAL(confined(packets), EPERM);
	CHECK_EQUAL(confined(internet_in_disguise), EPERM);
	CHECK_EQUAL(confined(uring), EPERM);
	CHECK_EQUAL(confined(of_a_child), EPERM);
}

static void test_no_program_is_started(void)
{
	CHECK_EQUAL(confined(program), EPERM);
}

static void test_an_agent_can_be_served(void)
{
	CHECK_EQUAL(confined(serve), 0);
	CHECK_EQUAL(confined(unix_in_disguise), 0);
}

static void test_a_tracer_can_be_confined_further(void)
{
	CHECK_EQUAL(confined(no_socket_at_all), 0);
}

int main(void)
{
	const struct test tests[] = {
		TEST(test_there_is_no_network),
		TEST(test_no_program_is_started),
		TEST(test_an_agent_can_be_served),
		TEST(test_a_tracer_can_be_confined_further),
	};

	return RUN_TESTS(tests);
}

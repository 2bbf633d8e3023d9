/* SPDX-License-Identifier: Apache-2.0
 *
 * transfers PAUSE_US: three threads that block in transfers which a stop would cut short: a write of 1 MiB to a pipe, a send of
 * 1 MiB on a socket, a recv of 100 bytes with MSG_WAITALL that come in two halves. Their partners are slow; after
 * each transfer its thread sleeps for PAUSE_US, if that is not 0. "status"
 * prints "write DONE SHORT", "send DONE SHORT", "recv DONE SHORT".
 */
#include "tracee.h"
#include <sys/socket.h>

#define SIZE (1 << 20)

struct transfer {
	const char *name;
	int in, out;
	_Atomic long done, shorter;
};

static long pause_us;
static struct transfer transfers[] = {{.name = "write"}, {.name = "send"}, {.name = "recv"}};

static void book(struct transfer *t, long result, long wanted)
{
	t->done++;
	t->shorter += result != wanted;
	if (pause_us)
		sleep_us(pause_us);
}

static void *writer(void *argument)
{
	struct transfer *t = argument;
	static char data[SIZE];

	for (;;)
		book(t, write(t->out, data, SIZE), SIZE);
	return NULL;
}

static void *sender(void *argument)
{
	struct transfer *t = argument;
	static char data[SIZE];

	for (;;)
		book(t, send(t->out, data, SIZE, 0), SIZE);
	return NULL;
}

static void *slow_reader(void *argument)
{
	struct transfer *t = argument;
	char *data = malloc(65536);

	for (;;) {
		sleep_us(4000);
		CHECK(read(t->in, data, 65536) > 0);
	}
	return NULL;
}

static void *receiver(void *argument)
{
	struct transfer *t = argument;
	char data[100];

	for (;;)
		book(t, recv(t->in, data, sizeof data, MSG_WAITALL), sizeof data);
	return NULL;
}

static void *half_sender(void *argument)
{
	struct transfer *t = argument;
	char data[50] = "";

	for (;;) {
		sleep_us(20000);
		CHECK(send(t->out, data, sizeof data, 0) == sizeof data);
	}
	return NULL;
}

static void start(void *(*body)(void *), struct transfer *t)
{
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, body, t) == 0);
}

static void connected(struct transfer *t, int pipes)
{
	int pair[2];

	CHECK((pipes ? pipe(pair) : socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) == 0);
	t->in = pair[0];
	t->out = pair[1];
}

int main(int argc, char **argv)
{
	char line[16];

	tracee_begin();
	pause_us = argc > 1 ? atol(argv[1]) : 0;
	for (int i = 0; i < 3; i++)
		connected(&transfers[i], i == 0);
	start(writer, &transfers[0]);
	start(slow_reader, &transfers[0]);
	start(sender, &transfers[1]);
	start(slow_reader, &transfers[1]);
	start(receiver, &transfers[2]);
	start(half_sender, &transfers[2]);
	say("ready");
	while (command(line, sizeof line)) {
		for (int i = 0; i < 3; i++)
			dprintf(STDOUT_FILENO, "%s %ld %ld\n", transfers[i].name, transfers[i].done,
			        transfers[i].shorter);
		say("end");
	}
	_exit(7);
}

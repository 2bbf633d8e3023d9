/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int listener;

/* From a port of its own, which its end leaves free: else it would be another each time. */
static int client_of(int family, int flags, int port)
{
	int fd = socket(family, SOCK_STREAM | flags, 0), on = 1;
	struct linger linger = {1, 0};
	struct sockaddr_in in = {AF_INET, htons(port), {htonl(INADDR_LOOPBACK)}, {0}};
	struct sockaddr_in6 in6 = {AF_INET6, htons(port), 0, IN6ADDR_LOOPBACK_INIT, 0};

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	if (family == AF_INET)
		bind(fd, (void *)&in, sizeof(in));
	else if (family == AF_INET6)
		bind(fd, (void *)&in6, sizeof(in6));
	return fd;
}

static void connections(int family, const struct sockaddr *at, socklen_t size)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	int on = 1;

	listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	bind(listener, at, size);
	listen(listener, 5);
	getsockname(listener, (void *)&address, &length);

	int client = client_of(family, 0, 45324);

	connect(client, (void *)&address, length);
	length = sizeof(address);

	int server = accept(listener, (void *)&address, &length);

	length = sizeof(address);
	getpeername(client, (void *)&address, &length);
	length = 4;
	getpeername(client, (void *)&address, &length);
	length = 0;
	getsockname(client, (void *)&address, &length);
	length = 200;
	getsockname(client, (void *)&address, &length);
	getsockname(client, NULL, &length);
	getsockname(client, (void *)&address, NULL);
	getsockname(client, (void *)1, (void *)1);
	length = -1;
	getsockname(client, (void *)&address, &length);
	length = sizeof(address);
	getpeername(listener, (void *)&address, &length);
	length = sizeof(address);
	getsockname(-1, (void *)&address, &length);

	char buffer[100];

	memset(buffer, 'a', sizeof(buffer));
	send(client, buffer, sizeof(buffer), 0);
	recv(server, buffer, sizeof(buffer), 0);
	send(client, "hello", 5, MSG_NOSIGNAL | MSG_DONTWAIT);
	recv(server, buffer, 3, MSG_PEEK);
	recv(server, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_TRUNC);
	recv(server, buffer, sizeof(buffer), MSG_DONTWAIT);
	send(client, NULL, 0, 0);
	send(client, (void *)1, 10, 0);
	send(client, "x", 1, -1);
	recv(server, (void *)1, 10, MSG_DONTWAIT);
	write(client, "w", 1);
	read(server, buffer, sizeof(buffer));
	length = sizeof(address);
	send(client, "from", 4, 0);
	recvfrom(server, buffer, sizeof(buffer), 0, (void *)&address, &length);
	shutdown(client, SHUT_WR);
	recv(server, buffer, sizeof(buffer), MSG_WAITALL);
	close(client);
	close(server);

	client = client_of(family, SOCK_NONBLOCK, 45325);
	length = sizeof(address);
	getsockname(listener, (void *)&address, &length);
	connect(client, (void *)&address, length);
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	close(server);
	close(client);
	client = client_of(family, SOCK_NONBLOCK, 45326);
	connect(client, (void *)&address, length);
	length = 3;
	server = accept4(listener, (void *)&address, &length, SOCK_CLOEXEC);
	close(server);
	close(client);
	fcntl(listener, F_SETFL, O_NONBLOCK);
	length = sizeof(address);
	accept(listener, (void *)&address, &length);
	accept4(listener, (void *)&address, &length, 0x7);
	accept(listener, (void *)1, (void *)2);
	accept4(-1, NULL, (void *)1, 0);
	close(listener);
}

static void datagrams(void)
{
	struct sockaddr_in in = {AF_INET, htons(45321), {htonl(INADDR_LOOPBACK)}, {0}}, from;
	struct sockaddr_in own = {AF_INET, htons(45323), {htonl(INADDR_LOOPBACK)}, {0}};
	int receiver = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP), sender = socket(AF_INET, SOCK_DGRAM, 0);
	char buffer[64];
	socklen_t length = sizeof(from);

	bind(receiver, (void *)&in, sizeof(in));
	bind(sender, (void *)&own, sizeof(own));
	sendto(sender, "datagram\n\0\1\377", 12, 0, (void *)&in, sizeof(in));
	sendto(sender, "second", 6, MSG_CONFIRM, (void *)&in, sizeof(in));
	sendto(sender, "third", 5, 0, (void *)&in, 3);
	sendto(sender, "fourth", 6, 0, NULL, 16);
	sendto(sender, "fifth", 5, 0, (void *)1, 16);
	recvfrom(receiver, buffer, sizeof(buffer), 0, NULL, NULL);
	recvfrom(receiver, buffer, 2, MSG_TRUNC, NULL, (void *)3);
	recvfrom(receiver, buffer, 2, MSG_DONTWAIT, (void *)&from, &length);
	recvfrom(receiver, buffer, 2, MSG_DONTWAIT, (void *)1, (void *)2);
	sendto(sender, "sixth", 5, 0, (void *)&in, sizeof(in));
	recvfrom(receiver, buffer, sizeof(buffer), 0, (void *)&from, &length);
	sendto(sender, "seventh", 7, 0, (void *)&in, sizeof(in));
	length = 6;
	recvfrom(receiver, buffer, sizeof(buffer), 0, (void *)&from, &length);
	sendto(sender, "", 0, 0, (void *)&in, sizeof(in));
	length = 100;
	recvfrom(receiver, buffer, sizeof(buffer), 0, (void *)&from, &length);
	close(receiver);
	close(sender);
}

int main(void)
{
	struct sockaddr_un un = {AF_UNIX, "\0stracelet-network-streams"};
	struct sockaddr_in in = {AF_INET, htons(45320), {htonl(INADDR_LOOPBACK)}, {0}};
	struct sockaddr_in6 in6 = {AF_INET6, htons(45320), 0, IN6ADDR_LOOPBACK_INIT, 0};

	connections(AF_UNIX, (void *)&un, offsetof(struct sockaddr_un, sun_path) + 26);
	connections(AF_INET, (void *)&in, sizeof(in));
	connections(AF_INET6, (void *)&in6, sizeof(in6));
	datagrams();

	int pair[2];
	struct sockaddr_un from;
	socklen_t length = sizeof(from);
	char buffer[10];

	socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
	send(pair[0], "unnamed", 7, 0);
	recvfrom(pair[1], buffer, sizeof(buffer), 0, (void *)&from, &length);
	length = sizeof(from);
	getsockname(pair[0], (void *)&from, &length);
	return 0;
}

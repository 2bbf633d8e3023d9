/* SPDX-License-Identifier: Apache-2.0
 *
 * What a task's sockets and interfaces cost: a task may ask for them with each of its calls.
 */
#define _GNU_SOURCE
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "ptrace/clock.h"
#include "ptrace/interfaces.h"
#include "ptrace/probes.h"
#include "ptrace/procfs.h"
#include "ptrace/sockets.h"

#define TASK 7

static char root[64];
static _Atomic uint64_t hung_until_ns;

/* ---- interfaces, of a /proc of the test's own ----------------------------------------------------------------- */

static void path_of(const char *name, char path[128])
{
	snprintf(path, 128, "%s/%s", root, name);
}

static FILE *rewritten(const char *name)
{
	char path[128];

	path_of(name, path);
	FILE *file = fopen(path, "w");

	CHECK(file);
	return file;
}

static void make_proc(void)
{
	static const char *const directories[] = {"7", "7/net", "7/ns"};
	char path[128];

	strcpy(root, "/tmp/test_sockets.XXXXXX");
	CHECK(mkdtemp(root));
	for (int i = 0; i < 3; i++) {
		path_of(directories[i], path);
		CHECK_EQUAL(mkdir(path, 0700), 0);
	}
	procfs_root(root);
}

static void remove_proc(void)
{
	static const char *const all[] = {"7/net/igmp6", "7/net/igmp", "7/net", "7/ns/net", "7/ns", "7", ""};
	char path[128];

	for (int i = 0; i < 7; i++) {
		path_of(all[i], path);
		remove(path);
	}
	procfs_root("/proc");
}

static void be_in_namespace(const char *name)
{
	char path[128];

	path_of("7/ns/net", path);
	unlink(path);
	CHECK_EQUAL(symlink(name, path), 0);
}

static void test_interfaces_are_of_both_families(void)
{
	struct captured_interface all[INTERFACES_MOST];
	FILE *six, *four;

	make_proc();
	be_in_namespace("net:[1]");
	six = rewritten("7/net/igmp6");
	fputs("2    down            ff020000000000000000000000000001     1 0000000C 0\n"
	      "2    down            ff010000000000000000000000000001     1 00000008 0\n",
	      six);
	fclose(six);
	four = rewritten("7/net/igmp");
	fputs("Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n"
	      "5\tvery-long-names:     1      V3\n\t\t\t\t010000E0     1 0:00000000\t\t0\n",
	      four);
	fclose(four);
	CHECK_EQUAL(interfaces_of(TASK, all), 2);
	CHECK(all[0].index == 2 && !strcmp(all[0].name, "down"));
	CHECK(all[1].index == 5 && !strcmp(all[1].name, "very-long-names"));
	remove_proc();
}

static void write_interface(uint32_t index, int groups)
{
	FILE *file = rewritten("7/net/igmp6");

	for (int i = 0; i < groups; i++)
		fprintf(file, "%-4u %-15s ff02%028d %5d %08X %d\n", index, "many", i, 1, 12, 0);
	fprintf(file, "%-4u %-15s ff02%028d %5d %08X %d\n", index + 1, "behind", 1, 1, 12, 0);
	fclose(file);
}

static void test_interfaces_are_read_once_a_second(void)
{
	struct captured_interface all[INTERFACES_MOST];

	make_proc();
	uint64_t kept_until_ns = clock_ns() + NS_PER_S;

	be_in_namespace("net:[2]");
	write_interface(10, 1);
	CHECK_EQUAL(interfaces_of(TASK, all), 2);
	CHECK_EQUAL(all[0].index, 10);
	write_interface(20, 1);
	CHECK_EQUAL(interfaces_of(TASK, all), 2);
	CHECK(all[0].index == 10 || clock_ns() >= kept_until_ns);
	be_in_namespace("net:[3]");
	CHECK_EQUAL(interfaces_of(TASK, all), 2);
	CHECK_EQUAL(all[0].index, 20);
	remove_proc();
}

static void test_of_many_groups_a_part_is_read(void)
{
	struct captured_interface all[INTERFACES_MOST];

	make_proc();
	be_in_namespace("net:[4]");
	write_interface(10, 100000);
	CHECK_EQUAL(interfaces_of(TASK, all), 1);
	remove_proc();
}

/* ---- netlink sockets: our own ------------------------------------------------------------------------------------ */

static int32_t netlink_of(int fd)
{
	int32_t protocol;

	CHECK(netlink_socket(getpid(), fd, &hung_until_ns, &protocol));
	return protocol;
}

static void bind_netlink(int fd)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK};

	CHECK_EQUAL(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

static void test_a_netlink_socket_is_found_when_it_is_bound(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);

	CHECK_EQUAL(netlink_of(fd), -1);
	bind_netlink(fd);
	CHECK_EQUAL(netlink_of(fd), NETLINK_GENERIC);
	close(fd);
}

/* That it was read is seen by what it would have said. */
static void test_an_unbound_netlink_socket_is_not_looked_for_each_time(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	uint64_t kept_until_ns = clock_ns() + NS_PER_S, until_ns = kept_until_ns + 10 * NS_PER_S;
	int32_t protocol;

	for (int i = 0; i < 10; i++)
		CHECK_EQUAL(netlink_of(fd), -1);
	bind_netlink(fd);
	CHECK(netlink_of(fd) == -1 || clock_ns() >= kept_until_ns);
	while ((protocol = netlink_of(fd)) < 0 && clock_ns() < until_ns)
		nanosleep(&(struct timespec){0, 10 * NS_PER_MS}, NULL);
	CHECK_EQUAL(protocol, NETLINK_GENERIC);
	close(fd);
}

static void test_what_is_no_netlink_socket(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), pair[2];
	int32_t protocol;

	CHECK(pipe(pair) == 0);
	CHECK(!netlink_socket(getpid(), fd, &hung_until_ns, &protocol));
	CHECK(!netlink_socket(getpid(), fd, &hung_until_ns, &protocol));
	CHECK(!netlink_socket(getpid(), pair[0], &hung_until_ns, &protocol));
	CHECK(!netlink_socket(getpid(), -1, &hung_until_ns, &protocol));
	close(fd);
	close(pair[0]);
	close(pair[1]);
}

static int unconfined(void)
{
	return 0;
}

int main(void)
{
	static const struct test tests[] = {
		TEST(test_interfaces_are_of_both_families),
		TEST(test_interfaces_are_read_once_a_second),
		TEST(test_of_many_groups_a_part_is_read),
		TEST(test_a_netlink_socket_is_found_when_it_is_bound),
		TEST(test_an_unbound_netlink_socket_is_not_looked_for_each_time),
		TEST(test_what_is_no_netlink_socket),
	};

	probes_start(unconfined);
	return RUN_TESTS(tests);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * A tree of ordinary directories looks like a hierarchy, except that no file of it changes by itself. The module keeps
 * one tree to the process's end, so each test has a process of its own.
 */
#define _GNU_SOURCE
#include "ptrace/cgroups.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define USER "user.slice/user@1000.service"
#define OTHER_USER "user.slice/user@1001.service"
#define MOST_NESTED 64
#define MOST_OF_ONE 2000

static char root[] = "/tmp/test_cgroups.XXXXXX";
static int appeared, gone, entered;

static void count_appeared(const char *id, const char *path, bool late)
{
	char found[CONTAINER_ID_SIZE];

	(void)late;
	CHECK(container_id_of(strrchr(path, '/') + 1, found));
	CHECK(strcmp(found, id) == 0);
	appeared++;
}

static void count_gone(const char *id)
{
	CHECK(!cgroups_has(id));
	gone++;
}

static void count_entered(const char *id)
{
	CHECK(cgroups_has(id));
	entered++;
}

static void nothing(void)
{
}

/* In libc's place: another's inotify instances and watches count as ours, where he has our uid. */
static int instance_error;
static int watches_left = INT_MAX;

int inotify_init1(int flags)
{
	if (!instance_error)
		return (int)syscall(SYS_inotify_init1, flags);
	errno = instance_error;
	return -1;
}

int inotify_add_watch(int fd, const char *path, uint32_t mask)
{
	if (watches_left > 0) {
		watches_left--;
		return (int)syscall(SYS_inotify_add_watch, fd, path, mask);
	}
	errno = ENOSPC;
	return -1;
}

static const struct cgroup_watcher watcher = {count_appeared, count_gone, count_entered, nothing};

static const char *path_of(const char *name)
{
	static char path[PATH_MAX];

	CHECK(snprintf(path, sizeof(path), "%s/%s", root, name) < (int)sizeof(path));
	return path;
}

/* pid: the process that is in it; 0: none */
static void make(const char *name, int pid)
{
	char file[PATH_MAX];

	CHECK_EQUAL(mkdir(path_of(name), 0755), 0);
	CHECK(snprintf(file, sizeof(file), "%s/%s/cgroup.procs", root, name) < (int)sizeof(file));
	FILE *procs = fopen(file, "w");

	CHECK(procs);
	if (pid)
		fprintf(procs, "%d\n", pid);
	fclose(procs);
}

static void give(const char *name, uid_t uid)
{
	CHECK_EQUAL(chown(path_of(name), uid, uid), 0);
}

static void take_away(const char *name)
{
	char file[PATH_MAX];

	CHECK(snprintf(file, sizeof(file), "%s/%s/cgroup.procs", root, name) < (int)sizeof(file));
	CHECK_EQUAL(unlink(file), 0);
	CHECK_EQUAL(rmdir(path_of(name)), 0);
}

static void open_tree(void)
{
	CHECK_EQUAL(cgroups_open(root, &watcher), 0);
}

static void add_pid(pid_t pid, void *context)
{
	char *text = context;

	sprintf(text + strlen(text), "%d ", (int)pid);
}

/* A scan waits for a multiple of what the last one took. */
#define CHECK_SOON(condition)                                                                                          \
	do {                                                                                                           \
		for (int i = 0; i < 5000 && !(condition); i++) {                                                       \
			usleep(1000);                                                                                  \
			cgroups_poll(1);                                                                               \
		}                                                                                                      \
		CHECK(condition);                                                                                      \
	} while (0)

#define CHECK_PIDS(id, expected)                                                                                       \
	do {                                                                                                           \
		char pids[256] = "";                                                                                   \
		cgroups_each_process(id, add_pid, pids);                                                               \
		if (strcmp(pids, expected) != 0)                                                                       \
			fprintf(stderr, "%.8s: %s\n", id, pids);                                                       \
		CHECK(strcmp(pids, expected) == 0);                                                                    \
	} while (0)

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *ftw)
{
	(void)status;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void in_a_process_of_its_own(void (*body)(void))
{
	char template[] = "/tmp/test_cgroups.XXXXXX";
	int status;

	CHECK(mkdtemp(template));
	CHECK_EQUAL(chmod(template, 0755), 0);
	memcpy(root, template, sizeof(root));
	pid_t child = fork();

	CHECK(child >= 0);
	if (child == 0) {
		make("docker", 0);
		make("user.slice", 0);
		make(USER, 0);
		make(OTHER_USER, 0);
		FILE *procs = fopen(path_of("cgroup.procs"), "w");

		CHECK(procs);
		fclose(procs);
		body();
		_exit(0);
	}
	CHECK_EQUAL(waitpid(child, &status, 0), child);
	nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	CHECK_EQUAL(status, 0);
}

#define OWN_PROCESS(name)                                                                                              \
	static void name(void)                                                                                         \
	{                                                                                                              \
		in_a_process_of_its_own(name##_body);                                                                  \
	}

static bool may_give_away(void)
{
	if (geteuid() == 0)
		return true;
	printf("  skipped: needs root, others cannot give a directory away\n");
	return false;
}

static void a_user_cannot_pass_for_a_container_of_root_s_body(void)
{
	if (!may_give_away())
		return;
	open_tree();
	give(USER, 1000);
	make("docker/" A, 10);
	make(USER "/" A, 66);
	give(USER "/" A, 1000);
	make(USER "/" A "/" B, 67);
	make(USER "/" A "/inside", 68);
	cgroups_read();
	CHECK_PIDS(A, "10 ");
	CHECK(!cgroups_has(B));
	CHECK_EQUAL(appeared, 1);
}
OWN_PROCESS(a_user_cannot_pass_for_a_container_of_root_s)

static void nor_if_he_is_first_body(void)
{
	if (!may_give_away())
		return;
	give(USER, 1000);
	make(USER "/" A, 66);
	make(USER "/" A "/" B, 67);
	make(USER "/" A "/inside", 68);
	open_tree();
	CHECK_PIDS(A, "66 68 ");
	CHECK_PIDS(B, "67 ");
	cgroups_follow(A);
	make("docker/" A, 10);
	cgroups_read();
	CHECK_PIDS(A, "10 ");
	CHECK(!cgroups_has(B));
	CHECK_EQUAL(gone, 1); /* B */
	CHECK_EQUAL(appeared, 1);
	CHECK(entered > 0);
	make(USER "/" A "/later", 69);
	make(USER "/" A "/" C, 70);
	cgroups_read();
	CHECK_PIDS(A, "10 ");
	CHECK(!cgroups_has(C));
	take_away("docker/" A);
	cgroups_read();
	CHECK(!cgroups_has(A));
	CHECK_EQUAL(gone, 2);
}
OWN_PROCESS(nor_if_he_is_first)

static void nor_if_both_are_there_body(void)
{
	if (!may_give_away())
		return;
	give(USER, 1000);
	make(USER "/" A, 66);
	make("docker/" A, 10);
	give("docker/" A, 100000); /* a user namespace's root */
	make("docker/" A "/" B, 11);
	open_tree();
	CHECK_PIDS(A, "10 ");
	CHECK_PIDS(B, "11 ");
}
OWN_PROCESS(nor_if_both_are_there)

static void a_container_of_one_user_s_stays_his_body(void)
{
	if (!may_give_away())
		return;
	give(USER, 1000);
	give(OTHER_USER, 1001);
	make(USER "/user.slice", 0);
	give(USER "/user.slice", 1000);
	open_tree();
	make(USER "/user.slice/libpod-" A ".scope", 10);
	make(OTHER_USER "/" A, 66);
	cgroups_read();
	CHECK_PIDS(A, "10 ");
	make(USER "/user.slice/libpod-" A ".scope/container", 11);
	cgroups_read();
	CHECK_PIDS(A, "10 11 ");
}
OWN_PROCESS(a_container_of_one_user_s_stays_his)

static void a_container_cannot_take_the_id_of_one_that_starts_later_body(void)
{
	open_tree();
	make("docker/" A, 10);
	make("docker/" A "/" B, 66);
	make("docker/" A "/" C, 12);
	cgroups_read();
	make("docker/" B, 20);
	make("docker/" B "/" C, 67);
	cgroups_read();
	CHECK_PIDS(A, "10 66 ");
	CHECK_PIDS(B, "20 67 ");
	CHECK_PIDS(C, "12 ");
	take_away("docker/" A "/" C);
	take_away("docker/" A "/" B);
	take_away("docker/" A);
	cgroups_read();
	CHECK(!cgroups_has(A));
	CHECK(!cgroups_has(C));
	CHECK_PIDS(B, "20 67 ");
}
OWN_PROCESS(a_container_cannot_take_the_id_of_one_that_starts_later)

static void numbered(char name[PATH_MAX], const char *in, int number)
{
	CHECK(snprintf(name, PATH_MAX, "%s/%064x", in, (unsigned int)number) < PATH_MAX);
}

static void containers_in_containers_have_an_end_body(void)
{
	char name[PATH_MAX], inner[PATH_MAX];

	open_tree();
	make("docker/" A, 10);
	for (int i = 0; i < 20; i++) {
		numbered(name, "docker/" A, i);
		make(name, 0);
		for (int j = 0; j < 20; j++) {
			numbered(inner, name, 100 + i * 20 + j);
			make(inner, 0);
		}
		cgroups_read();
	}
	CHECK_EQUAL(appeared, 1 + MOST_NESTED);
}
OWN_PROCESS(containers_in_containers_have_an_end)

static void one_that_has_gone_makes_room_for_another_body(void)
{
	char name[PATH_MAX];

	open_tree();
	make("docker/" A, 10);
	for (int i = 0; i < 3 * MOST_NESTED; i++) {
		numbered(name, "docker/" A, i);
		make(name, 100 + i);
		cgroups_read();
		CHECK_EQUAL(appeared, 2 + i);
		CHECK(cgroups_has(strrchr(name, '/') + 1));
		CHECK_PIDS(A, "10 ");
		take_away(name);
		cgroups_read();
		CHECK_EQUAL(gone, 1 + i);
	}
}
OWN_PROCESS(one_that_has_gone_makes_room_for_another)

static void a_directory_whose_name_begins_with_a_dot_body(void)
{
	make("docker/.hidden", 0);
	make("docker/.hidden/" A, 10);
	make("docker/...", 0);
	make("docker/.../" B, 20);
	open_tree();
	CHECK_PIDS(A, "10 ");
	CHECK_PIDS(B, "20 ");
}
OWN_PROCESS(a_directory_whose_name_begins_with_a_dot)

static void make_numbered(const char *in, int count)
{
	char name[PATH_MAX];

	for (int i = 0; i < count; i++) {
		CHECK(snprintf(name, sizeof(name), "%s/%d", in, i) < (int)sizeof(name));
		make(name, 0);
	}
}

static void a_container_has_its_share_of_the_directories_body(void)
{
	make("docker/" A, 10);
	make_numbered("docker/" A, MOST_OF_ONE);
	open_tree();
	make("docker/" A "/one more", 11);
	make("docker/" B, 20);
	make("docker/" B "/inside", 21);
	cgroups_read();
	CHECK_PIDS(A, "10 ");
	CHECK_PIDS(B, "20 21 ");
	take_away("docker/" A "/0");
	make("docker/" A "/another", 12);
	cgroups_read();
	CHECK_PIDS(A, "10 12 ");
}
OWN_PROCESS(a_container_has_its_share_of_the_directories)

static void so_has_a_user_body(void)
{
	if (!may_give_away())
		return;
	give(USER, 1000);
	give(OTHER_USER, 1001);
	make_numbered(USER, MOST_OF_ONE - 1);
	make(USER "/" A, 10);
	open_tree();
	make(USER "/" A "/inside", 11);
	make(USER "/" B, 20);
	make(OTHER_USER "/" C, 30);
	cgroups_read();
	CHECK_PIDS(A, "10 ");
	CHECK(!cgroups_has(B));
	CHECK_PIDS(C, "30 ");
	make("docker/" B, 21);
	cgroups_read();
	CHECK_PIDS(B, "21 ");
}
OWN_PROCESS(so_has_a_user)

static void a_tree_that_cannot_be_watched_body(void)
{
	make("docker/" A, 10);
	instance_error = EMFILE;
	open_tree();
	CHECK_EQUAL(cgroups_fd(), -1);
	CHECK_EQUAL(cgroups_unwatched(), EMFILE);
	CHECK_PIDS(A, "10 ");
	make("docker/" B, 20);
	CHECK_SOON(cgroups_has(B));
	CHECK_PIDS(B, "20 ");
	take_away("docker/" A);
	CHECK_SOON(!cgroups_has(A));
	CHECK_EQUAL(appeared, 1);
	CHECK_EQUAL(gone, 1);

	instance_error = 0;
	CHECK_SOON(cgroups_fd() >= 0);
	CHECK_EQUAL(cgroups_unwatched(), 0);
	make("docker/" A, 11);
	take_away("docker/" B);
	cgroups_read();
	CHECK_PIDS(A, "11 ");
	CHECK(!cgroups_has(B));
	CHECK_EQUAL(appeared, 2);
	CHECK_EQUAL(gone, 2);
}
OWN_PROCESS(a_tree_that_cannot_be_watched)

static void directories_that_cannot_be_watched_body(void)
{
	open_tree();
	CHECK_EQUAL(cgroups_unwatched(), 0);
	watches_left = 0;
	make("docker/" A, 10);
	cgroups_read();
	CHECK_EQUAL(cgroups_unwatched(), ENOSPC);
	CHECK_PIDS(A, "10 ");
	CHECK(cgroups_follow(A));
	make("docker/" A "/inside", 11);
	make("docker/" A "/" B, 20);
	CHECK_SOON(cgroups_has(B));
	CHECK_PIDS(A, "10 11 ");
	CHECK_PIDS(B, "20 ");
	CHECK_EQUAL(appeared, 2);
	CHECK(entered > 0);
	take_away("docker/" A "/" B);
	CHECK_SOON(gone == 1);

	watches_left = INT_MAX;
	CHECK_SOON(!cgroups_unwatched());
	CHECK_EQUAL(appeared, 2);
	CHECK_EQUAL(gone, 1);
	make("docker/" A "/" B, 21);
	cgroups_read();
	CHECK_PIDS(B, "21 ");
	take_away("docker/" A "/inside");
	take_away("docker/" A "/" B);
	take_away("docker/" A);
	cgroups_read();
	CHECK(!cgroups_has(A));
	CHECK_EQUAL(gone, 3);
}
OWN_PROCESS(directories_that_cannot_be_watched)

static void a_look_that_fails_forgets_nothing_body(void)
{
	struct rlimit before, none;

	make("docker/" A, 10);
	instance_error = EMFILE;
	open_tree();
	CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){0, before.rlim_max};
	CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &none), 0);
	instance_error = ENFILE;
	CHECK_SOON(cgroups_unwatched() == ENFILE);
	CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &before), 0);
	CHECK_PIDS(A, "10 ");
	CHECK_EQUAL(gone, 0);
	instance_error = 0;
	CHECK_SOON(!cgroups_unwatched());
}
OWN_PROCESS(a_look_that_fails_forgets_nothing)

static void one_that_was_made_again_body(void)
{
	make("docker/" A, 10);
	make("docker/" A "/" B, 11);
	open_tree();
	take_away("docker/" A "/" B);
	take_away("docker/" A);
	make("docker/" A, 20);
	make("docker/" A "/" B, 21);
	cgroups_read();
	CHECK_PIDS(A, "20 ");
	CHECK_PIDS(B, "21 ");
	CHECK_EQUAL(gone, 2);
	CHECK_EQUAL(appeared, 2);
}
OWN_PROCESS(one_that_was_made_again)

int main(void)
{
	static const struct test tests[] = {
		TEST(a_user_cannot_pass_for_a_container_of_root_s),
		TEST(nor_if_he_is_first),
		TEST(nor_if_both_are_there),
		TEST(a_container_of_one_user_s_stays_his),
		TEST(a_container_cannot_take_the_id_of_one_that_starts_later),
		TEST(containers_in_containers_have_an_end),
		TEST(one_that_has_gone_makes_room_for_another),
		TEST(a_directory_whose_name_begins_with_a_dot),
		TEST(a_container_has_its_share_of_the_directories),
		TEST(so_has_a_user),
		TEST(a_tree_that_cannot_be_watched),
		TEST(directories_that_cannot_be_watched),
		TEST(a_look_that_fails_forgets_nothing),
		TEST(one_that_was_made_again),
	};

	return RUN_TESTS(tests);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * slowexec: told to go, a thread that was busy till then, and is not the leader, execs. After it has the leader's ID, and
 * before the exec is over, its list of robust futexes is read (kernel/futex/core.c, futex_exec_release()), of a page that
 * comes after a second. The program makes 1,000 getppid(2) then, and reports.
 */
#include "tracee.h"
#include <linux/userfaultfd.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

static const char *self;
static atomic_bool going;

static void fault_slowly(void)
{
	struct uffdio_api api = {.api = UFFD_API};
	long size = sysconf(_SC_PAGESIZE);
	void *page = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register registered = {{(uintptr_t)page, (uint64_t)size}, UFFDIO_REGISTER_MODE_MISSING, 0};
	struct uffdio_zeropage zero = {.range = registered.range};
	int fd = (int)syscall(SYS_userfaultfd, 0);

	CHECK(page != MAP_FAILED && fd >= 0);
	CHECK(ioctl(fd, UFFDIO_API, &api) == 0 && ioctl(fd, UFFDIO_REGISTER, &registered) == 0);
	pid_t server = fork();

	CHECK(server >= 0);
	if (server == 0) {
		tracee_begin();
		sleep_us(1000000);
		ioctl(fd, UFFDIO_ZEROPAGE, &zero);
		_exit(0);
	}
	CHECK(syscall(SYS_set_robust_list, page, 3 * sizeof(void *)) == 0);
}

static void *run(void *unused)
{
	(void)unused;
	while (!atomic_load(&going))
		;
	fault_slowly();
	execl(self, self, "after", NULL);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	tracee_begin();
	if (argc > 1) {
		for (int i = 0; i < 1000; i++)
			syscall(SYS_getppid);
		say("calls execve 1");
		say("calls getppid 1000");
		say("end");
		_exit(7);
	}
	self = argv[0];
	CHECK(pthread_create(&thread, NULL, run, NULL) == 0);
	await_go();
	atomic_store(&going, true);
	for (;;)
		pause();
}

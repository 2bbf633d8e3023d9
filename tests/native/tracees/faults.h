/* SPDX-License-Identifier: Apache-2.0
 *
 * Pages that come late, by userfaultfd(2).
 */
#ifndef FAULTS_H
#define FAULTS_H

#include "tracee.h"
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

/* The list of robust futexes is read in the midst of an exec (kernel/futex/core.c, futex_exec_release()): here, of a
 * page that comes after so long. */
static inline void make_exec_slow(long us)
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
		sleep_us(us);
		ioctl(fd, UFFDIO_ZEROPAGE, &zero);
		_exit(0);
	}
	CHECK(syscall(SYS_set_robust_list, page, 3 * sizeof(void *)) == 0);
}

#endif

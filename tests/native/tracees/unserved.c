/* SPDX-License-Identifier: Apache-2.0
 *
 * unserved N: N times a write(2) to no descriptor from a page that nobody serves (userfaultfd(2)): EBADF each time.
 */
#include "tracee.h"
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

int main(int argc, char **argv)
{
	struct uffdio_api api = {.api = UFFD_API};
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register range = {.range = {(unsigned long)page, 4096}, .mode = UFFDIO_REGISTER_MODE_MISSING};
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	tracee_begin();
	CHECK(argc == 2);
	CHECK(page != MAP_FAILED);
	CHECK(fd >= 0);
	CHECK(ioctl(fd, UFFDIO_API, &api) == 0);
	CHECK(ioctl(fd, UFFDIO_REGISTER, &range) == 0);
	await_go();
	for (int i = 0; i < atoi(argv[1]); i++)
		CHECK(write(-1, page, 10) == -1 && errno == EBADF);
	return 7;
}

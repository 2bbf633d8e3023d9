/* SPDX-License-Identifier: Apache-2.0
 * Opening, closing and doubling of descriptors, with good and bad arguments.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WIDE 0xdeadbeef00000000UL
#define BAD ((void *)1)

/* Ends where its page does, so that what is behind it cannot be read. */
static char *at_page_end(const char *text, size_t size)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(pages + 4096, 4096);
	return memcpy(pages + 4096 - size, text, size);
}

static void opens(void)
{
	static char long_name[5000];

	memset(long_name, 'x', sizeof(long_name) - 1);
	close(syscall(SYS_open, "file_open.tmp", O_RDWR | O_CREAT | O_TRUNC, 0640));
	close(syscall(SYS_open, "file_open.tmp", O_RDONLY));
	close(syscall(SYS_open, "file_open.tmp", O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0777));
	close(syscall(SYS_open, "file_open.tmp", O_WRONLY | O_SYNC | O_NOCTTY));
	close(syscall(SYS_open, "file_open.tmp", O_WRONLY | O_DSYNC | O_NOFOLLOW | O_NOATIME));
	syscall(SYS_open, "file_open.tmp", O_ACCMODE | 0x80000000);
	syscall(SYS_open, "file_open.tmp", O_CREAT | O_EXCL, 07777);
	syscall(SYS_open, "file_open.tmp", O_DIRECTORY | O_PATH);
	syscall(SYS_open, "missing\n\t\"\\\1\377\0339", O_RDWR | O_CREAT | O_EXCL | O_DIRECTORY, 0200000);
	close(syscall(SYS_open, ".", O_TMPFILE | O_RDWR, 0600));
	syscall(SYS_open, ".", O_TMPFILE, 0600);
	syscall(SYS_open, "missing", 020000000, 0600);
	syscall(SYS_open, "missing", 0x800000);
	syscall(SYS_open, NULL, 0);
	syscall(SYS_open, BAD, -1, -1);
	syscall(SYS_open, long_name, O_RDONLY);
	syscall(SYS_open, at_page_end("no end", 6), O_RDONLY);
	close(syscall(SYS_open, at_page_end("/dev/null", 10), O_RDONLY));
	close(syscall(SYS_creat, "file_open.tmp", 0600));
	syscall(SYS_creat, NULL, -1);
	close(syscall(SYS_openat, AT_FDCWD, "file_open.tmp", O_RDONLY | O_LARGEFILE));
	close(syscall(SYS_openat, AT_FDCWD, "file_open.tmp", O_RDWR | O_CREAT, 01));
	close(syscall(SYS_openat, -100L & 0xffffffff, "/dev/null", O_RDONLY));
	syscall(SYS_openat, 99, "file_open.tmp", O_DIRECT);
	syscall(SYS_openat, -1L, "", O_RDONLY);
	close(syscall(SYS_openat, 99, "/dev/zero", O_RDONLY));
}

static void open_hows(void)
{
	struct open_how how = {
		.flags = O_RDWR | O_CREAT, .mode = 0600, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
	struct {
		struct open_how how;
		unsigned long more[6];
	} longer = {.how = {.flags = O_RDONLY | O_CLOEXEC}};

	close(syscall(SYS_openat2, AT_FDCWD, "file_open.tmp", &how, sizeof(how)));
	close(syscall(SYS_openat2, AT_FDCWD, "file_open.tmp", &longer, sizeof(longer)));
	longer.more[1] = 0x1234;
	syscall(SYS_openat2, AT_FDCWD, "file_open.tmp", &longer, sizeof(longer));
	syscall(SYS_openat2, AT_FDCWD, "file_open.tmp", &how, 8);
	syscall(SYS_openat2, AT_FDCWD, "file_open.tmp", &how, sizeof(how) - 1);
	syscall(SYS_openat2, AT_FDCWD, "file_open.tmp", NULL, sizeof(how));
	syscall(SYS_openat2, 5, NULL, BAD, 24);
	how = (struct open_how){.flags = 0xffffffffffffffff, .mode = -1, .resolve = -1};
	syscall(SYS_openat2, AT_FDCWD, "file_open.tmp", &how, sizeof(how));
	how = (struct open_how){.flags = O_PATH, .resolve = 0x100};
	syscall(SYS_openat2, AT_FDCWD, "file_open.tmp", &how, sizeof(how));
	longer.how.flags = O_CREAT;
	longer.more[3] = 1;
	syscall(SYS_openat2, AT_FDCWD, "missing/missing", &longer, sizeof(longer));
	how = (struct open_how){.flags = O_WRONLY, .mode = 07};
	syscall(SYS_openat2, AT_FDCWD, "file_open.tmp", &how, sizeof(how));
}

static void doubles(void)
{
	int fd = open("/dev/null", O_RDWR);
	int ends[2] = {-1, -1};

	close(syscall(SYS_dup, fd));
	syscall(SYS_dup, -1L);
	syscall(SYS_dup2, fd, 40);
	syscall(SYS_dup2, 77, -1L);
	syscall(SYS_dup2, AT_FDCWD, AT_FDCWD);
	syscall(SYS_dup3, fd, 41, O_CLOEXEC);
	syscall(SYS_dup3, fd, 41, 0);
	syscall(SYS_dup3, fd, fd, -1);
	syscall(SYS_dup3, fd, 41, 3);
	syscall(SYS_dup3, fd, 41, O_NONBLOCK | O_CLOEXEC);
	syscall(SYS_close_range, 40, 41, 0);
	syscall(SYS_close_range, 40, -1, 4);
	syscall(SYS_close_range, 41, 40, 6);
	syscall(SYS_close_range, 60, 70, -1);
	syscall(SYS_close, fd);
	syscall(SYS_close, -1L);
	syscall(SYS_close, 0x7fffffff);
	syscall(SYS_pipe, ends);
	syscall(SYS_close, ends[0]);
	syscall(SYS_close, ends[1]);
	syscall(SYS_pipe, NULL);
	syscall(SYS_pipe, BAD);
	syscall(SYS_pipe2, ends, O_CLOEXEC | O_NONBLOCK);
	syscall(SYS_close, ends[0]);
	syscall(SYS_close, ends[1]);
	syscall(SYS_pipe2, ends, 0);
	syscall(SYS_close, ends[0]);
	syscall(SYS_close, ends[1]);
	syscall(SYS_pipe2, ends, -1);
	syscall(SYS_pipe2, NULL, O_DIRECT);
	syscall(SYS_pipe2, BAD, 0x80);
}

static void anonymous(void)
{
	close(syscall(SYS_memfd_create, "name", 0));
	close(syscall(SYS_memfd_create, "n\nme", MFD_CLOEXEC | MFD_ALLOW_SEALING));
	syscall(SYS_memfd_create, "huge", MFD_HUGETLB | MFD_HUGE_2MB | 0x40);
	syscall(SYS_memfd_create, "huge", -1);
	syscall(SYS_memfd_create, "huge", 21U << 26);
	syscall(SYS_memfd_create, NULL, 0x10);
	syscall(SYS_memfd_create, BAD, 1);
	syscall(SYS_memfd_create, "a name that is much longer than the limit of what is shown of a string", 8);
	syscall(SYS_memfd_create,
	        "a name that is much longer than what a name may be at all, which is two hundred and fifty bytes, a "
	        "limit "
	        "that comes from the length of a file's name less the prefix that it is given, so this one has to go "
	        "on "
	        "for a while yet, until it is longer than that",
	        0x20);
	close(syscall(SYS_memfd_secret, O_CLOEXEC));
	syscall(SYS_memfd_secret, -1);
	syscall(SYS_umask, 022);
	syscall(SYS_umask, 0);
	syscall(SYS_umask, 022);
	syscall(SYS_umask, 0xffffff12);
	syscall(SYS_umask, 022);
}

int main(void)
{
	opens();
	open_hows();
	doubles();
	anonymous();
	unlink("file_open.tmp");
	return 0;
}

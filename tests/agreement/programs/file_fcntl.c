/* SPDX-License-Identifier: Apache-2.0
 * fcntl's commands and locks, with good and bad arguments.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BAD ((void *)1)
#define NAME "file_fcntl.tmp"
#define fcntl_(...) syscall(SYS_fcntl, __VA_ARGS__)
#ifdef SYS_fcntl64
#define fcntl_wide(...) syscall(SYS_fcntl64, __VA_ARGS__)
#else
#define fcntl_wide(...) syscall(SYS_fcntl, __VA_ARGS__)
#endif

#undef F_GETLK
#undef F_SETLK
#undef F_SETLKW
#define F_GETLK 5
#define F_SETLK 6
#define F_SETLKW 7
#define F_GETLK64_ 12
#define F_SETLK64_ 13

struct owner {
	int type, pid;
};

/* The layouts that the kernel knows: with longs, and with 64-bit offsets (aligned to 4 bytes on i386). */
struct lock {
	short type, whence;
	long start, len;
	int pid;
};

struct lock64 {
	short type, whence;
	long long start, len;
	int pid;
};

static void flags(int fd)
{
	fcntl_(fd, F_GETFD);
	fcntl_(fd, F_SETFD, FD_CLOEXEC);
	fcntl_(fd, F_GETFD);
	fcntl_(fd, F_SETFD, 0x10);
	fcntl_(fd, F_SETFD, 0);
	fcntl_(-1L, F_GETFD);
	fcntl_(fd, F_GETFL);
	fcntl_(fd, F_SETFL, O_RDWR | O_APPEND | O_NONBLOCK | O_LARGEFILE);
	fcntl_(fd, F_GETFL);
	fcntl_(fd, F_SETFL, -1L);
	fcntl_(-1L, F_SETFL, 0);
	fcntl_(fd, F_SETFL, 0);
	close(fcntl_(fd, F_DUPFD, 20));
	close(fcntl_(fd, F_DUPFD_CLOEXEC, 0L));
	fcntl_(-1L, F_DUPFD, -1L);
	fcntl_(fd, 1234, 5678);
	fcntl_(fd, -1, -1L);
	fcntl_wide(fd, F_GETFL);
	fcntl_wide(fd, F_GETFD, 77);
}

static void owners(int fd)
{
	struct owner owner = {F_OWNER_PID, 0};

	fcntl_(fd, F_SETOWN, 0L);
	fcntl_(fd, F_SETOWN, -1L);
	fcntl_(fd, F_GETOWN);
	fcntl_(fd, F_SETSIG, SIGUSR1);
	fcntl_(fd, F_GETSIG);
	fcntl_(fd, F_SETSIG, 0);
	fcntl_(fd, F_SETSIG, 1000);
	fcntl_(fd, F_GETSIG);
	fcntl_(fd, F_SETOWN_EX, &owner);
	owner = (struct owner){77, 1};
	fcntl_(fd, F_SETOWN_EX, &owner);
	fcntl_(fd, F_GETOWN_EX, &owner);
	fcntl_(fd, F_GETOWN_EX, BAD);
	fcntl_(fd, F_SETOWN_EX, NULL);
	fcntl_(fd, 17, &owner);
	fcntl_(fd, 17, NULL);
}

static void locks(int fd)
{
	struct lock lock = {F_WRLCK, SEEK_SET, 1, 10, 0};
	struct lock64 wide = {F_RDLCK, SEEK_CUR, 0, 0, 0};

	fcntl_(fd, F_SETLK, &lock);
	fcntl_(fd, F_GETLK, &lock);
	lock = (struct lock){F_UNLCK, SEEK_END, -5, 0, 1234};
	fcntl_(fd, F_SETLKW, &lock);
	lock = (struct lock){77, 66, -1, -1, -1};
	fcntl_(fd, F_SETLK, &lock);
	fcntl_(fd, F_GETLK, &lock);
	fcntl_(fd, F_GETLK, NULL);
	fcntl_(fd, F_SETLK, BAD);
	fcntl_(-1L, F_GETLK, &lock);
	lock = (struct lock){F_WRLCK, SEEK_SET, 1, 10, 0};
	fcntl_(fd, F_GETLK, &lock);
	fcntl_wide(fd, F_GETLK64_, &wide);
	fcntl_wide(fd, F_SETLK64_, &wide);
	wide = (struct lock64){F_WRLCK, SEEK_SET, 0x123456789LL, 0, 0};
	fcntl_wide(fd, F_OFD_SETLK, &wide);
	fcntl_wide(fd, F_OFD_GETLK, &wide);
	wide = (struct lock64){F_UNLCK, SEEK_SET, 0, 0, 5};
	fcntl_wide(fd, F_OFD_SETLKW, &wide);
	fcntl_wide(fd, F_OFD_SETLK, BAD);
	syscall(SYS_flock, fd, LOCK_EX);
	syscall(SYS_flock, fd, LOCK_SH | LOCK_NB);
	syscall(SYS_flock, fd, LOCK_UN);
	syscall(SYS_flock, -1L, -1);
	syscall(SYS_flock, fd, 0x100);
	syscall(SYS_flock, fd, 0);
	syscall(SYS_flock, fd, 32 | 64);
	syscall(SYS_flock, fd, 128);
	syscall(SYS_flock, fd, 32 | LOCK_NB);
}

static void leases(int fd)
{
	int memory = memfd_create("sealed", MFD_ALLOW_SEALING), directory = open(".", O_RDONLY | O_DIRECTORY);
	int ends[2];
	uint64_t hint = RWH_WRITE_LIFE_SHORT;

	fcntl_(fd, F_GETLEASE);
	fcntl_(fd, F_SETLEASE, F_WRLCK);
	fcntl_(fd, F_GETLEASE);
	fcntl_(fd, F_SETLEASE, F_UNLCK);
	fcntl_(fd, F_SETLEASE, 77);
	fcntl_(-1L, F_GETLEASE);
	fcntl_(directory, F_NOTIFY, DN_ACCESS | DN_MULTISHOT);
	fcntl_(directory, F_NOTIFY, 0);
	fcntl_(fd, F_NOTIFY, -1);
	fcntl_(fd, F_NOTIFY, 0x1000);
	fcntl_(fd, F_SETLEASE, -1L);
	fcntl_(fd, F_NOTIFY, -1L);
	fcntl_(fd, F_ADD_SEALS, -1L);
	fcntl_(fd, F_SETSIG, -1L);
	fcntl_(fd, F_SETFD, -1L);
	fcntl_(memory, F_GET_SEALS);
	fcntl_(memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
	fcntl_(memory, F_GET_SEALS);
	fcntl_(memory, F_ADD_SEALS, -1);
	fcntl_(memory, F_ADD_SEALS, 0);
	fcntl_(fd, F_ADD_SEALS, 0x100);
	fcntl_(fd, F_GET_SEALS);
	if (pipe(ends))
		return;
	fcntl_(ends[0], F_GETPIPE_SZ);
	fcntl_(ends[0], F_SETPIPE_SZ, 4096);
	fcntl_(ends[0], F_SETPIPE_SZ, -1L);
	fcntl_(fd, F_GETPIPE_SZ);
	fcntl_(fd, F_GET_RW_HINT, &hint);
	hint = RWH_WRITE_LIFE_SHORT;
	fcntl_(fd, F_SET_RW_HINT, &hint);
	fcntl_(fd, F_GET_FILE_RW_HINT, &hint);
	fcntl_(fd, F_SET_FILE_RW_HINT, &hint);
	hint = 77;
	fcntl_(fd, F_SET_RW_HINT, &hint);
	fcntl_(fd, F_SET_RW_HINT, NULL);
	fcntl_(fd, F_GET_RW_HINT, BAD);
	fcntl_(fd, 1024 + 5);
	fcntl_(fd, 1024 + 5, 9);
	close(ends[0]);
	close(ends[1]);
	close(directory);
	close(memory);
}

int main(void)
{
	int fd = open(NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);

	signal(SIGIO, SIG_IGN);
	flags(fd);
	owners(fd);
	locks(fd);
	leases(fd);
	unlink(NAME);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 * What is known of files and file systems, with good and bad arguments.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/stat.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#define BAD ((void *)1)
#define NAME "file_stat.tmp"

static char buffer[4096];

static void stats(int fd)
{
#ifdef SYS_newfstatat
	syscall(SYS_newfstatat, AT_FDCWD, NAME, buffer, 0);
	syscall(SYS_newfstatat, fd, "", buffer, AT_EMPTY_PATH);
	syscall(SYS_newfstatat, AT_FDCWD, "/dev/null", buffer, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT);
	syscall(SYS_newfstatat, AT_FDCWD, "missing", buffer, 0);
	syscall(SYS_newfstatat, 99, NULL, NULL, -1);
	syscall(SYS_newfstatat, AT_FDCWD, NAME, BAD, 0);
#endif
	syscall(SYS_stat, NAME, buffer);
	syscall(SYS_stat, "/dev/null", buffer);
	syscall(SYS_stat, "missing", buffer);
	syscall(SYS_stat, NAME, NULL);
	syscall(SYS_lstat, NAME, buffer);
	syscall(SYS_lstat, NULL, BAD);
	syscall(SYS_fstat, fd, buffer);
	syscall(SYS_fstat, -1L, buffer);
	syscall(SYS_fstat, fd, BAD);
#ifdef SYS_stat64
	syscall(SYS_stat64, NAME, buffer);
	syscall(SYS_stat64, "/dev/zero", buffer);
	syscall(SYS_stat64, NULL, buffer);
	syscall(SYS_lstat64, NAME, buffer);
	syscall(SYS_lstat64, "missing", BAD);
	syscall(SYS_fstat64, fd, buffer);
	syscall(SYS_fstat64, -1L, buffer);
	syscall(SYS_fstatat64, AT_FDCWD, NAME, buffer, 0);
	syscall(SYS_fstatat64, fd, "", buffer, AT_EMPTY_PATH);
	syscall(SYS_fstatat64, fd, NULL, buffer, -1);
	syscall(18, NAME, buffer);
	syscall(84, "missing", buffer);
	syscall(28, fd, buffer);
#endif
	syscall(SYS_statx, AT_FDCWD, NAME, AT_STATX_SYNC_AS_STAT, STATX_BASIC_STATS, buffer);
	syscall(SYS_statx, AT_FDCWD, NAME, AT_STATX_FORCE_SYNC | AT_SYMLINK_NOFOLLOW, STATX_ALL, buffer);
	syscall(SYS_statx, AT_FDCWD, "/dev/null", AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_MODE,
	        buffer);
	syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_ATIME | STATX_MNT_ID | STATX_SIZE, buffer);
	syscall(SYS_statx, fd, "", AT_EMPTY_PATH, 0, buffer);
	syscall(SYS_statx, 99, NULL, 0x6000, 0x7fffffff, NULL);
	syscall(SYS_statx, 99, NULL, -1, -1, BAD);
	syscall(SYS_statx, AT_FDCWD, "missing", 1, 0x1000000, buffer);
}

static void file_systems(int fd)
{
	syscall(SYS_statfs, "/proc", buffer);
	syscall(SYS_statfs, "missing", buffer);
	syscall(SYS_statfs, NULL, NULL);
	syscall(SYS_statfs, "/proc", BAD);
	syscall(SYS_fstatfs, fd, BAD);
	syscall(SYS_fstatfs, -1L, buffer);
	close(fd);
	fd = open("/sys", O_RDONLY);
	syscall(SYS_fstatfs, fd, buffer);
#ifdef SYS_statfs64
	syscall(SYS_statfs64, "/proc", 84, buffer);
	syscall(SYS_statfs64, "/proc", 88, buffer);
	syscall(SYS_statfs64, "missing", -1, buffer);
	syscall(SYS_statfs64, "/proc", 84, BAD);
	syscall(SYS_fstatfs64, fd, 84, buffer);
	syscall(SYS_fstatfs64, -1L, 0, NULL);
#endif
	syscall(SYS_ustat, 0x801, buffer);
	syscall(SYS_ustat, 0, NULL);
	syscall(SYS_ustat, -1, BAD);
	close(fd);
}

int main(void)
{
	struct timeval times[] = {{1000000000, 123456}, {1100000000, 0}};
	int fd = open(NAME, O_RDWR | O_CREAT | O_TRUNC, 04640);

	if (ftruncate(fd, 12345))
		return 1;
	utimes(NAME, times);
	stats(fd);
	file_systems(fd);
	unlink(NAME);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 * Names of files, their owners, modes and times, with good and bad arguments.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define BAD ((void *)1)
#define NAME "file_names.tmp"

static void names(void)
{
	char buffer[64];

	syscall(SYS_mkdir, "file_names.d", 0755);
	syscall(SYS_mkdir, NAME, -1);
	syscall(SYS_mkdirat, AT_FDCWD, "file_names.d/x", 01777);
	syscall(SYS_mkdirat, 99, NULL, 0);
	syscall(SYS_rename, NAME, "file_names.d/y");
	syscall(SYS_rename, NULL, BAD);
	syscall(SYS_renameat, AT_FDCWD, "file_names.d/y", AT_FDCWD, NAME);
	syscall(SYS_renameat, 99, "a", -1L, "b");
	syscall(SYS_renameat2, AT_FDCWD, NAME, AT_FDCWD, "file_names.d", RENAME_EXCHANGE);
	syscall(SYS_renameat2, AT_FDCWD, NAME, AT_FDCWD, "file_names.d", RENAME_EXCHANGE);
	syscall(SYS_renameat2, AT_FDCWD, NAME, AT_FDCWD, "file_names.d", RENAME_NOREPLACE | RENAME_WHITEOUT);
	syscall(SYS_renameat2, 98, "a", 99, "b", 0x10);
	syscall(SYS_renameat2, 98, "a", 99, "b", -1);
	syscall(SYS_link, NAME, "file_names.link");
	syscall(SYS_link, NULL, "b");
	syscall(SYS_linkat, AT_FDCWD, NAME, AT_FDCWD, "file_names.link", AT_SYMLINK_FOLLOW);
	syscall(SYS_linkat, 99, "", -1L, "b", AT_EMPTY_PATH | 1);
	syscall(SYS_unlink, "file_names.link");
	syscall(SYS_symlink, NAME, "file_names.link");
	syscall(SYS_symlinkat, NAME, AT_FDCWD, "file_names.link");
	syscall(SYS_symlinkat, NULL, 99, BAD);
	syscall(SYS_readlink, "file_names.link", buffer, sizeof(buffer));
	syscall(SYS_readlink, "file_names.link", buffer, 4);
	syscall(SYS_readlink, NAME, buffer, sizeof(buffer));
	syscall(SYS_readlink, "file_names.link", buffer, 0);
	syscall(SYS_readlink, "file_names.link", NULL, -1);
	syscall(SYS_readlinkat, AT_FDCWD, "file_names.link", buffer, sizeof(buffer));
	syscall(SYS_readlinkat, 99, "file_names.link", buffer, -5);
	syscall(SYS_unlinkat, AT_FDCWD, "file_names.link", 0);
	syscall(SYS_unlinkat, AT_FDCWD, "file_names.d/x", AT_REMOVEDIR);
	syscall(SYS_unlinkat, 99, BAD, -1);
	syscall(SYS_symlink, "a target that is longer than the thirty-two bytes which are shown", "file_names.link");
	syscall(SYS_readlink, "file_names.link", buffer, sizeof(buffer));
	syscall(SYS_unlink, "file_names.link");
	syscall(SYS_mknod, "file_names.node", S_IFIFO | 0644, 0);
	syscall(SYS_unlink, "file_names.node");
	syscall(SYS_mknod, NAME, S_IFCHR | 0600, makedev(1, 3));
	syscall(SYS_mknod, NAME, S_IFBLK | S_ISUID | 0600, makedev(259, 70000));
	syscall(SYS_mknod, NAME, S_IFREG | 01777, 5);
	syscall(SYS_mknod, NAME, 0644, 5);
	syscall(SYS_mknod, NAME, 0, 0);
	syscall(SYS_mknod, NAME, S_ISUID | 0644, 0);
	syscall(SYS_mknod, NAME, S_IFREG | S_ISGID, 0);
	syscall(SYS_mknod, NAME, S_IFCHR | 0600, 0);
	syscall(SYS_mknod, NAME, 0x7000 | 06644, 0);
	syscall(SYS_mknod, NULL, 0x1f000 | 0644, -1);
	syscall(SYS_mknodat, AT_FDCWD, NAME, S_IFSOCK, 0);
	syscall(SYS_mknodat, AT_FDCWD, NAME, S_IFCHR | 0600, makedev(4, 64));
	syscall(SYS_mknodat, 99, NULL, S_IFDIR | 0755, 0);
	syscall(SYS_rmdir, "file_names.d");
	syscall(SYS_rmdir, BAD);
	syscall(SYS_unlink, NULL);
}

static void directories(int fd)
{
	char buffer[4096];
	int here = open(".", O_RDONLY | O_DIRECTORY);

	syscall(SYS_chdir, "missing");
	syscall(SYS_chdir, NULL);
	syscall(SYS_chdir, "/");
	syscall(SYS_getcwd, buffer, sizeof(buffer));
	syscall(SYS_getcwd, buffer, 1L);
	syscall(SYS_getcwd, NULL, 100L);
	syscall(SYS_fchdir, fd);
	syscall(SYS_fchdir, here);
	syscall(SYS_chroot, NAME);
	syscall(SYS_chroot, NULL);
	syscall(SYS_pivot_root, NAME, "missing");
	syscall(SYS_pivot_root, NULL, BAD);
	syscall(SYS_acct, "missing/x");
	syscall(SYS_acct, BAD);
	syscall(SYS_swapon, NAME, 0);
	syscall(SYS_swapon, "missing", 0x8000 | 0x10000 | 7);
	syscall(SYS_swapon, "missing", 0x20000 | 0x7fff);
	syscall(SYS_swapon, "missing", 7);
	syscall(SYS_swapon, "missing", 0x40000 | 0x80000);
	syscall(SYS_swapon, "missing", 0x100000);
	syscall(SYS_swapon, NULL, -1);
	syscall(SYS_swapoff, NAME);
	syscall(SYS_swapoff, NULL);
#ifdef SYS_uselib
	syscall(SYS_uselib, "missing");
	syscall(SYS_uselib, NULL);
#endif
	close(here);
}

static void modes(int fd)
{
	syscall(SYS_chmod, NAME, 0640);
	syscall(SYS_chmod, NAME, 04755);
	syscall(SYS_chmod, NAME, S_IFREG | 0600);
	syscall(SYS_chmod, NULL, -1);
	syscall(SYS_fchmod, fd, 0600);
	syscall(SYS_fchmod, -1L, 0);
	syscall(SYS_fchmodat, AT_FDCWD, NAME, 0600);
	syscall(SYS_fchmodat, 99, BAD, 0777777);
	syscall(SYS_access, NAME, F_OK);
	syscall(SYS_access, NAME, R_OK | W_OK);
	syscall(SYS_access, "missing", R_OK | X_OK);
	syscall(SYS_access, NULL, -1);
	syscall(SYS_access, NAME, 8);
	syscall(SYS_faccessat, AT_FDCWD, NAME, X_OK);
	syscall(SYS_faccessat, 99, "missing", 0x10);
	syscall(SYS_faccessat2, AT_FDCWD, NAME, R_OK, AT_EACCESS);
	syscall(SYS_faccessat2, AT_FDCWD, NAME, F_OK, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH);
	syscall(SYS_faccessat2, AT_FDCWD, NAME, F_OK, 1);
	syscall(SYS_faccessat2, 99, NULL, -1, -1);
	syscall(SYS_chown, NAME, -1, -1);
	syscall(SYS_chown, NAME, getuid(), -1);
	syscall(SYS_chown, NULL, 12345678, 0);
	syscall(SYS_lchown, NAME, -1, getgid());
	syscall(SYS_lchown, NULL, 0xffff, 0x10000);
	syscall(SYS_fchown, fd, -1, -1);
	syscall(SYS_fchown, -1L, 5, 6);
	syscall(SYS_fchownat, AT_FDCWD, NAME, -1, -1, AT_SYMLINK_NOFOLLOW);
	syscall(SYS_fchownat, 99, NULL, 1, 2, -1);
	syscall(SYS_fchownat, 99, NULL, 1, 2, AT_EMPTY_PATH);
#ifdef SYS_chown32
	syscall(SYS_chown32, NAME, -1, -1);
	syscall(SYS_lchown32, NULL, 12345678, -2);
	syscall(SYS_fchown32, -1L, 5, 6);
#endif
}

static void times(int fd)
{
	struct {
		long s, t;
	} pair[] = {{1000000000, 123456}, {1100000000, 1}}, zero[] = {{0, 0}, {-1, -1}},
	  past[] = {{-5, 7}, {-5, 1000000}}, near[] = {{5, 0}, {0, 5}};
	struct {
		long long s, t;
	} wide[] = {{1000000000, UTIME_NOW}, {-5, UTIME_OMIT}}, odd[] = {{1000000000, 123456789}, {1, 1000000000}};
	struct timespec now[] = {{7, UTIME_NOW}, {8, UTIME_OMIT}};

	syscall(SYS_utime, NAME, pair);
	syscall(SYS_utime, NAME, NULL);
	syscall(SYS_utime, NULL, BAD);
	syscall(SYS_utime, "missing", zero);
	syscall(SYS_utime, "missing", past);
	syscall(SYS_utimes, "missing", past);
	syscall(SYS_utimes, "missing", near);
	syscall(SYS_utimensat, AT_FDCWD, "missing", past, 0);
	syscall(SYS_utimes, NAME, pair);
	syscall(SYS_utimes, NAME, NULL);
	syscall(SYS_utimes, "missing", zero);
	syscall(SYS_utimes, BAD, BAD);
	syscall(SYS_futimesat, AT_FDCWD, NAME, pair);
	syscall(SYS_futimesat, 99, NULL, NULL);
	syscall(SYS_utimensat, AT_FDCWD, NAME, pair, 0);
	syscall(SYS_utimensat, AT_FDCWD, NAME, now, AT_SYMLINK_NOFOLLOW);
	syscall(SYS_utimensat, fd, NULL, NULL, 0);
	syscall(SYS_utimensat, fd, BAD, BAD, -1);
	syscall(SYS_utimensat, -1L, "", zero, AT_EMPTY_PATH);
#ifdef SYS_utimensat_time64
	syscall(SYS_utimensat_time64, AT_FDCWD, NAME, wide, 0);
	syscall(SYS_utimensat_time64, AT_FDCWD, NAME, odd, AT_SYMLINK_NOFOLLOW);
	syscall(SYS_utimensat_time64, AT_FDCWD, NAME, NULL, 0);
#endif
	(void)wide;
	(void)odd;
}

int main(void)
{
	int fd = open(NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);

	names();
	directories(fd);
	modes(fd);
	times(fd);
	unlink(NAME);
	return 0;
}

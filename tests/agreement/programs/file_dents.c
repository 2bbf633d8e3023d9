/* SPDX-License-Identifier: Apache-2.0
 * Directories' entries and extended attributes, with good and bad arguments.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define BAD ((void *)1)
#define NAME "file_dents.tmp"

static char buffer[4096];

static void entries(void)
{
	int fd;

	syscall(SYS_mkdir, NAME ".d", 0700);
	close(open(NAME ".d/a\n", O_CREAT | O_WRONLY, 0600));
	syscall(SYS_mkdir, NAME ".d/b", 0700);
	syscall(SYS_symlink, "x", NAME ".d/a name that is longer than the thirty-two that are shown");
	fd = open(NAME ".d", O_RDONLY | O_DIRECTORY);
	syscall(SYS_getdents64, fd, buffer, sizeof(buffer));
	syscall(SYS_getdents64, fd, buffer, sizeof(buffer));
	syscall(SYS_lseek, fd, 0L, SEEK_SET);
	syscall(SYS_getdents64, fd, buffer, 60);
	syscall(SYS_getdents64, fd, buffer, 10);
	syscall(SYS_lseek, fd, 0L, SEEK_SET);
	syscall(SYS_getdents, fd, buffer, sizeof(buffer));
	syscall(SYS_getdents, fd, buffer, sizeof(buffer));
	syscall(SYS_getdents, fd, NULL, 0);
	syscall(SYS_getdents, -1L, buffer, -1);
	syscall(SYS_getdents64, -1L, BAD, -1);
#ifdef SYS_readdir
	syscall(SYS_lseek, fd, 0L, SEEK_SET);
	syscall(SYS_readdir, fd, buffer, 1);
	syscall(SYS_readdir, fd, BAD, 0);
	syscall(SYS_lseek, fd, 0x7fffffff, SEEK_SET);
	syscall(SYS_readdir, fd, buffer, 1);
	syscall(SYS_readdir, -1L, buffer, -1);
#endif
	unlink(NAME ".d/a name that is longer than the thirty-two that are shown");
	rmdir(NAME ".d/b");
	unlink(NAME ".d/a\n");
	close(fd);
	rmdir(NAME ".d");
}

static void attributes(int fd)
{
	static const char value[] = "a value that is longer than the thirty-two that are shown";

	syscall(SYS_setxattr, NAME, "user.stracelet", value, sizeof(value), 0);
	syscall(SYS_setxattr, NAME, "user.stracelet", "v\0x", 3, XATTR_CREATE);
	syscall(SYS_setxattr, NAME, "user.stracelet", "v\0x", 3, XATTR_REPLACE);
	syscall(SYS_setxattr, NAME, "user.empty", NULL, 0, 0);
	syscall(SYS_setxattr, NAME, "user.end", "end", 4, 0);
	syscall(SYS_setxattr, NAME, "user.x", "1234567890123456789012345678901", 32, 0);
	syscall(SYS_setxattr, NAME, "user.x", "12345678901234567890123456789012", 33, 0);
	syscall(SYS_setxattr, NAME, "user.x", "", 1, 0);
	syscall(SYS_setxattr, NAME, "user.x", "a\0\0", 3, 0);
	syscall(SYS_getxattr, NAME, "user.x", buffer, sizeof(buffer));
	syscall(SYS_removexattr, NAME, "user.x");
	syscall(SYS_setxattr, NULL, BAD, BAD, -1L, -1);
	syscall(SYS_lsetxattr, "missing", "user.x", "abc", 3, 4);
	syscall(SYS_fsetxattr, fd, "user.a name of an attribute that is longer than what is shown", "abc", 4, 0);
	syscall(SYS_fsetxattr, -1L, NULL, NULL, 0, 0);
	syscall(SYS_getxattr, NAME, "user.stracelet", buffer, sizeof(buffer));
	syscall(SYS_getxattr, NAME, "user.stracelet", NULL, 0);
	syscall(SYS_getxattr, NAME, "user.stracelet", buffer, 0);
	syscall(SYS_getxattr, NAME, "user.stracelet", buffer, 1);
	syscall(SYS_getxattr, NAME, "user.end", buffer, sizeof(buffer));
	syscall(SYS_getxattr, NAME, "user.empty", buffer, sizeof(buffer));
	syscall(SYS_getxattr, NAME, "user.missing", buffer, sizeof(buffer));
	syscall(SYS_lgetxattr, NULL, BAD, NULL, -1L);
	syscall(SYS_fgetxattr, fd, "user.a name of an attribute that is longer than what is shown", buffer, 60);
	syscall(SYS_fgetxattr, fd, "user.stracelet", BAD, 20);
	syscall(SYS_listxattr, NAME, buffer, sizeof(buffer));
	syscall(SYS_listxattr, NAME, NULL, 0);
	syscall(SYS_listxattr, NAME, buffer, 0);
	syscall(SYS_listxattr, NAME, buffer, 3);
	syscall(SYS_llistxattr, "missing", buffer, -1L);
	syscall(SYS_flistxattr, fd, buffer, sizeof(buffer));
	syscall(SYS_flistxattr, -1L, NULL, 5);
	syscall(SYS_removexattr, NAME, "user.stracelet");
	syscall(SYS_removexattr, NAME, NULL);
	syscall(SYS_lremovexattr, NAME, "user.empty");
	syscall(SYS_fremovexattr, fd, "user.end");
	syscall(SYS_fremovexattr, fd, "user.a name of an attribute that is longer than what is shown");
	syscall(SYS_fremovexattr, -1L, BAD);
	syscall(SYS_listxattr, NAME, buffer, sizeof(buffer));
}

int main(void)
{
	int fd = open(NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);

	entries();
	attributes(fd);
	unlink(NAME);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 * Mounts, handles, quotas: calls that fail, since nothing of the system is to change.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/dqblk_xfs.h>
#include <linux/mount.h>
#include <stdint.h>
#include <string.h>
#include <sys/quota.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BAD ((void *)1)
#define NAME "file_mount.tmp"
#ifdef __i386__
#define WIDE(value) (unsigned long)(value), (unsigned long)((unsigned long long)(value) >> 32)
#else
#define WIDE(value) (value)
#endif
#define MAGIC 0xc0ed0000UL

static char buffer[4096];

static void mounts(void)
{
	syscall(SYS_mount, "none", "missing", "tmpfs", 1UL | 2 | 8, "size=1k");
	syscall(SYS_mount, "/dev/null", NAME, "ext4", 0UL, NULL);
	syscall(SYS_mount, NULL, NULL, NULL, 0UL, NULL);
	syscall(SYS_mount, BAD, BAD, BAD, -1UL, BAD);
	syscall(SYS_mount, "/", "missing", NULL, 4096UL | 16384, NULL);
	syscall(SYS_mount, "/", "missing", "ignored", 4096UL | 16384, "data");
	syscall(SYS_mount, "/", "missing", "ignored", 32UL | 4096, "data");
	syscall(SYS_mount, "/", "missing", "ignored", 32UL, "data");
	syscall(SYS_mount, "/", "missing", "ignored", 8192UL, "data");
	syscall(SYS_mount, "none", "missing", "none", 16384UL | (1 << 18), "data");
	syscall(SYS_mount, "none", "missing", "none", 1UL << 19, "data");
	syscall(SYS_mount, "none", "missing", "proc", MAGIC | 4,
	        "a string of data that is longer than thirty-two bytes");
	syscall(SYS_mount, "none", "missing", "proc", MAGIC, NULL);
	syscall(SYS_mount, "none", "missing", "proc", 1UL << 9, NULL);
	syscall(SYS_umount2, "missing", 0);
	syscall(SYS_umount2, NAME, 1 | 2 | 4);
	syscall(SYS_umount2, NULL, -1);
	syscall(SYS_umount2, NAME, 0x100);
#ifdef SYS_umount
	syscall(SYS_umount, "missing");
	syscall(SYS_umount, NULL);
#endif
}

static void configurations(int fd)
{
	syscall(SYS_fsopen, "missing", FSOPEN_CLOEXEC);
	syscall(SYS_fsopen, NULL, 0);
	syscall(SYS_fsopen, BAD, -1);
	syscall(SYS_fsopen, "a name of a file system that is longer than thirty-two bytes", 2);
	syscall(SYS_fsconfig, fd, FSCONFIG_SET_FLAG, "ro", NULL, 0);
	syscall(SYS_fsconfig, fd, FSCONFIG_SET_FLAG, NULL, "x", 5);
	syscall(SYS_fsconfig, fd, FSCONFIG_SET_STRING, "key", "value", 0);
	syscall(SYS_fsconfig, -1L, FSCONFIG_SET_STRING, "a key that is longer than thirty-two bytes",
	        "a value that is longer than thirty-two bytes", -1);
	syscall(SYS_fsconfig, fd, FSCONFIG_SET_BINARY, "key", "va\0ue", 5);
	syscall(SYS_fsconfig, fd, FSCONFIG_SET_BINARY, "key", "value", -1);
	syscall(SYS_fsconfig, fd, FSCONFIG_SET_BINARY, NULL, NULL, 0);
	syscall(SYS_fsconfig, fd, FSCONFIG_SET_PATH, "key", "/dev/null", AT_FDCWD);
	syscall(SYS_fsconfig, fd, FSCONFIG_SET_PATH_EMPTY, "key", "", fd);
	syscall(SYS_fsconfig, fd, FSCONFIG_SET_FD, "key", NULL, fd);
	syscall(SYS_fsconfig, fd, FSCONFIG_SET_FD, "key", "v", -1L);
	syscall(SYS_fsconfig, fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	syscall(SYS_fsconfig, fd, FSCONFIG_CMD_RECONFIGURE, "k", "v", 9);
	syscall(SYS_fsconfig, fd, 99, "k", "v", 9);
	syscall(SYS_fsconfig, fd, -1, BAD, BAD, -1);
}

static void trees(int fd)
{
	syscall(SYS_fsmount, fd, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOATIME);
	syscall(SYS_fsmount, -1L, -1, -1);
	syscall(SYS_fsmount, fd, 2, MOUNT_ATTR_STRICTATIME);
	syscall(SYS_fsmount, fd, 0, 0);
	syscall(SYS_fsmount, fd, 0, 0x1000);
	syscall(SYS_fspick, AT_FDCWD, "missing", FSPICK_CLOEXEC | FSPICK_NO_AUTOMOUNT);
	syscall(SYS_fspick, 99, NULL, -1);
	syscall(SYS_fspick, fd, NAME, 0x10);
	syscall(SYS_open_tree, AT_FDCWD, "missing", OPEN_TREE_CLONE | AT_RECURSIVE | OPEN_TREE_CLOEXEC);
	close(syscall(SYS_open_tree, AT_FDCWD, NAME, AT_SYMLINK_NOFOLLOW));
	syscall(SYS_open_tree, 99, BAD, -1);
	syscall(SYS_open_tree, 99, "", 2);
	syscall(SYS_move_mount, AT_FDCWD, "missing", fd, "", MOVE_MOUNT_F_SYMLINKS | MOVE_MOUNT_T_EMPTY_PATH);
	syscall(SYS_move_mount, 99, NULL, -1L, BAD, -1);
	syscall(SYS_move_mount, 99, "a", 98, "b", 0x1000);
}

static void attributes(void)
{
	struct {
		uint64_t set, clear, propagation, user;
	} change = {MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, MOUNT_ATTR_NOEXEC | MOUNT_ATTR__ATIME, 1 << 18, 7};
	struct {
		uint64_t set, clear, propagation, user, more;
	} longer = {MOUNT_ATTR_NOATIME | MOUNT_ATTR_IDMAP, 0, 0, 0xffffffffffffffff, 5};

	syscall(SYS_mount_setattr, AT_FDCWD, "missing", AT_RECURSIVE, &change, sizeof(change));
	syscall(SYS_mount_setattr, 99, "missing", AT_EMPTY_PATH, &longer, sizeof(longer));
	longer.more = 0;
	syscall(SYS_mount_setattr, 99, "missing", -1, &longer, sizeof(longer));
	syscall(SYS_mount_setattr, 99, NULL, 0, &change, 8);
	syscall(SYS_mount_setattr, 99, NULL, 0, NULL, -1);
	syscall(SYS_mount_setattr, 99, NULL, 1, BAD, sizeof(change));
	memset(&change, 0xff, sizeof(change));
	syscall(SYS_mount_setattr, 99, "x", 0, &change, sizeof(change));
	memset(&change, 0, sizeof(change));
	syscall(SYS_mount_setattr, 99, "x", 0, &change, sizeof(change));
}

static void handles(int fd)
{
	struct {
		unsigned int size;
		int type;
		unsigned char bytes[256];
	} handle = {.size = 4};
	int mount = 0;

	syscall(SYS_name_to_handle_at, AT_FDCWD, NAME, &handle, &mount, 0);
	handle.size = 64;
	syscall(SYS_name_to_handle_at, AT_FDCWD, "/dev/missing", &handle, &mount, AT_SYMLINK_FOLLOW);
	handle.size = 64;
	syscall(SYS_name_to_handle_at, AT_FDCWD, "/", &handle, &mount, 0);
	handle.size = 200;
	syscall(SYS_name_to_handle_at, fd, "", &handle, &mount, AT_EMPTY_PATH);
	syscall(SYS_name_to_handle_at, fd, NULL, NULL, NULL, -1);
	syscall(SYS_name_to_handle_at, fd, "missing", BAD, BAD, 1);
	memset(&handle, 0, sizeof(handle));
	handle.size = 8;
	handle.type = 1;
	syscall(SYS_open_by_handle_at, -1L, &handle, O_RDONLY);
	handle.size = 200;
	syscall(SYS_open_by_handle_at, AT_FDCWD, &handle, O_RDWR | O_CLOEXEC);
	handle.size = 0;
	handle.type = -1;
	syscall(SYS_open_by_handle_at, 99, &handle, -1);
	syscall(SYS_open_by_handle_at, 99, NULL, O_PATH);
	syscall(SYS_open_by_handle_at, 99, BAD, 0);
#ifdef SYS_lookup_dcookie
	syscall(SYS_lookup_dcookie, WIDE(0x123456789abcULL), buffer, sizeof(buffer));
	syscall(SYS_lookup_dcookie, WIDE(-1ULL), NULL, -1L);
#endif
}

static void quotas(int fd)
{
	struct {
		uint64_t a[8];
		uint32_t valid;
	} quota = {{1, 2, 3, 4, 5, 6, 7, 8}, QIF_LIMITS};
	struct {
		uint64_t a[2];
		uint32_t flags, valid;
	} info = {{1, 2}, 1, IIF_ALL};
	struct fs_disk_quota limits = {.d_version = 1,
	                               .d_flags = FS_USER_QUOTA | FS_GROUP_QUOTA | 0x10,
	                               .d_fieldmask = 0x3b1,
	                               .d_id = 2,
	                               .d_blk_hardlimit = 3,
	                               .d_ino_softlimit = 6,
	                               .d_bcount = 7,
	                               .d_icount = 8,
	                               .d_itimer = -9,
	                               .d_btimer = 10,
	                               .d_iwarns = 11,
	                               .d_rtbcount = 15,
	                               .d_rtbwarns = 17};

	syscall(SYS_quotactl, QCMD(Q_QUOTAON, USRQUOTA), "/dev/missing", 2, "quota.file");
	syscall(SYS_quotactl, QCMD(Q_QUOTAON, GRPQUOTA), "/dev/missing", 99, NULL);
	syscall(SYS_quotactl, QCMD(Q_QUOTAOFF, 2), "/dev/missing", 0, BAD);
	syscall(SYS_quotactl, QCMD(Q_SYNC, USRQUOTA), "/dev/missing", 0, NULL);
	syscall(SYS_quotactl, QCMD(Q_SETQUOTA, USRQUOTA), "/dev/missing", 1000, &quota);
	syscall(SYS_quotactl, QCMD(Q_GETQUOTA, GRPQUOTA), "/dev/missing", -1, &quota);
	syscall(SYS_quotactl, QCMD(0x800009, GRPQUOTA), NULL, 5, NULL);
	syscall(SYS_quotactl, QCMD(Q_SETINFO, GRPQUOTA), "/dev/missing", 5, &info);
	syscall(SYS_quotactl, QCMD(Q_GETINFO, 77), "/dev/missing", 5, &info);
	syscall(SYS_quotactl, QCMD(Q_GETFMT, 1), "/dev/missing", 5, &info);
	syscall(SYS_quotactl, QCMD(Q_SETQUOTA, 1), BAD, -1, BAD);
	syscall(SYS_quotactl, QCMD(0x5801, 1), "/dev/missing", 5, &info);
	syscall(SYS_quotactl, QCMD(0x5803, 1), "/dev/missing", 5, &info);
	syscall(SYS_quotactl, QCMD(0x5805, 1), "/dev/missing", 5, &info);
	syscall(SYS_quotactl, QCMD(0x5802, 0), "/dev/missing", 7, &fd);
	syscall(SYS_quotactl, QCMD(0x5802, 0), "/dev/missing", 7, BAD);
	syscall(SYS_quotactl, QCMD(0x5804, 0), "/dev/missing", 7, &limits);
	syscall(SYS_quotactl, QCMD(0x5806, 0), "/dev/missing", 7, &fd);
	syscall(SYS_quotactl, QCMD(0x5807, 0), "/dev/missing", 7, &fd);
	syscall(SYS_quotactl, QCMD(0x5808, 0), "/dev/missing", 7, &fd);
	syscall(SYS_quotactl, QCMD(0x5809, 0), "/dev/missing", 7, &fd);
	syscall(SYS_quotactl, QCMD(0x580a, 0), "/dev/missing", 7, BAD);
	syscall(SYS_quotactl, -1, NULL, 5, BAD);
	syscall(SYS_quotactl, 5, NULL, 5, NULL);
	syscall(SYS_quotactl_fd, fd, QCMD(Q_SETQUOTA, USRQUOTA), 1000, &quota);
	syscall(SYS_quotactl_fd, -1L, QCMD(Q_QUOTAON, USRQUOTA), 2, "quota.file");
	syscall(SYS_quotactl_fd, fd, -1, -1, BAD);
}

int main(void)
{
	int fd = open(NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);

	mounts();
	configurations(fd);
	trees(fd);
	attributes();
	handles(fd);
	quotas(fd);
	unlink(NAME);
	return 0;
}

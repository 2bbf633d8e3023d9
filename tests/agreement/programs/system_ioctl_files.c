/* SPDX-License-Identifier: Apache-2.0
 * The ioctls of files, file systems, block devices and others, and numbers without a name. */
#define _GNU_SOURCE
#include <asm/fcntl.h>
#include <linux/blkpg.h>
#include <linux/btrfs.h>
#include <linux/cdrom.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/fscrypt.h>
#include <linux/hdreg.h>
#include <linux/inotify.h>
#include <linux/input.h>
#include <linux/kvm.h>
#include <linux/loop.h>
#include <linux/nsfs.h>
#include <linux/perf_event.h>
#include <linux/random.h>
#include <linux/rtc.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <linux/vhost.h>
#include <linux/watchdog.h>
#include <scsi/sg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BAD ((void *)8)
#define call(fd, request, ...) syscall(SYS_ioctl, fd, request, __VA_ARGS__)

static void files(int file, int other)
{
	struct file_clone_range range = {.src_fd = other, .src_offset = 0, .src_length = 4096, .dest_offset = 8192};
	struct {
		struct fiemap map;
		struct fiemap_extent extents[2];
	} map = {.map = {.fm_length = ~0ULL, .fm_flags = FIEMAP_FLAG_SYNC, .fm_extent_count = 2}};
	struct {
		struct file_dedupe_range range;
		struct file_dedupe_range_info info[2];
	} dedupe = {.range = {.src_length = 4096, .dest_count = 2},
	            .info = {{.dest_fd = other}, {.dest_fd = -1, .dest_offset = 7}}};
	struct fsxattr attr;
	struct fstrim_range trim = {0, ~0ULL, 0};
	char label[256] = "a label", policy[64] = "";
	unsigned long long size;
	int number = 0;
	long flags = 0;
	call(file, FICLONE, (long)other);
	call(file, FICLONERANGE, &range);
	call(file, FICLONERANGE, BAD);
	call(file, FIDEDUPERANGE, &dedupe);
	call(-1, FIDEDUPERANGE, BAD);
	call(file, FS_IOC_FIEMAP, &map);
	call(file, FS_IOC_FIEMAP, BAD);
	map.map.fm_extent_count = 0, map.map.fm_flags = 0x108;
	call(file, FS_IOC_FIEMAP, &map);
	call(-1, FS_IOC_FIEMAP, &map);
	call(file, FS_IOC_GETFLAGS, &flags);
	call(file, FS_IOC_GETFLAGS, BAD);
	call(-1, FS_IOC_GETFLAGS, &flags);
	flags = FS_IMMUTABLE_FL | FS_NODUMP_FL | 0x20;
	call(-1, FS_IOC_SETFLAGS, &flags);
	flags = 0;
	call(-1, FS_IOC_SETFLAGS, &flags);
	call(-1, FS_IOC32_GETFLAGS, &flags);
	call(-1, FS_IOC32_SETFLAGS, &flags);
	call(file, FS_IOC_GETVERSION, &flags);
	call(-1, FS_IOC_SETVERSION, &flags);
	call(file, FS_IOC_FSGETXATTR, &attr);
	attr.fsx_xflags = FS_XFLAG_SYNC | 0x80000000 | FS_XFLAG_PROJINHERIT;
	call(-1, FS_IOC_FSSETXATTR, &attr);
	call(-1, FS_IOC_FSGETXATTR, &attr);
	call(file, FS_IOC_GETFSLABEL, label);
	call(-1, FS_IOC_SETFSLABEL, label);
	call(-1, FITRIM, &trim);
	call(-1, FITHAW, NULL);
	call(-1, FIFREEZE, 5L);
	call(file, FIBMAP, &number);
	call(file, FIGETBSZ, &number);
	call(file, FIGETBSZ, BAD);
	call(file, FIONREAD, &number);
	call(file, FIOCLEX, 0L);
	call(file, FIOQSIZE, &size);
	call(-1, FS_IOC_GET_ENCRYPTION_POLICY, policy);
	call(-1, FS_IOC_SET_ENCRYPTION_POLICY, policy);
	call(-1, FS_IOC_GET_ENCRYPTION_PWSALT, policy);
}

static void blocks(int file)
{
	struct hd_geometry geometry = {1, 2, 3, 4};
	struct blkpg_partition partition = {.start = 512, .length = 1024, .pno = 1, .devname = "name"};
	struct blkpg_ioctl_arg part = {BLKPG_ADD_PARTITION, 0, sizeof partition, &partition};
	struct loop_info64 info64 = {.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR, .lo_file_name = "file"};
	struct loop_info info = {.lo_number = 3, .lo_name = "file"};
	unsigned long long pair[2] = {512, 1024};
	long number = 7;
	call(-1, BLKROSET, &number);
	call(-1, BLKROGET, &number);
	call(-1, BLKRRPART, 3L);
	call(-1, BLKGETSIZE, &number);
	call(-1, BLKGETSIZE64, &number);
	call(-1, BLKFLSBUF, 1L);
	call(-1, BLKRASET, 128L);
	call(-1, BLKRAGET, &number);
	call(-1, BLKFRASET, 64L);
	call(-1, BLKFRAGET, &number);
	call(-1, BLKSECTSET, 64L);
	call(-1, BLKSECTGET, &number);
	call(-1, BLKSSZGET, &number);
	call(-1, BLKBSZGET, &number);
	call(-1, BLKBSZSET, &number);
	call(-1, BLKDISCARD, pair);
	call(-1, BLKSECDISCARD, pair);
	call(-1, BLKZEROOUT, BAD);
	call(-1, BLKIOMIN, &number);
	call(-1, BLKIOOPT, &number);
	call(-1, BLKALIGNOFF, &number);
	call(-1, BLKPBSZGET, &number);
	call(-1, BLKDISCARDZEROES, &number);
	call(-1, BLKROTATIONAL, &number);
	call(-1, BLKTRACESTART, 1L);
	call(-1, BLKPG, &part);
	call(-1, BLKPG, BAD);
	call(-1, BLKPG, NULL);
	part.op = 77, part.data = BAD;
	call(-1, BLKPG, &part);
	call(-1, HDIO_GETGEO, &geometry);
	call(-1, LOOP_SET_FD, (long)file);
	call(-1, LOOP_CLR_FD, 0L);
	call(-1, LOOP_CHANGE_FD, (long)file);
	call(-1, LOOP_SET_STATUS, &info);
	call(-1, LOOP_GET_STATUS, &info);
	call(-1, LOOP_SET_STATUS64, &info64);
	call(-1, LOOP_SET_STATUS64, BAD);
	call(-1, LOOP_GET_STATUS64, &info64);
	call(-1, LOOP_SET_CAPACITY, 0L);
	call(-1, LOOP_SET_DIRECT_IO, 1L);
	call(-1, LOOP_SET_BLOCK_SIZE, 512L);
	struct loop_config config = {.fd = file, .block_size = 512, .info = {.lo_file_name = "file"}};
	call(-1, LOOP_CONFIGURE, BAD);
	call(-1, LOOP_CONFIGURE, &config);
	config.__reserved[1] = 5;
	call(-1, LOOP_CONFIGURE, &config);
	info64.lo_encrypt_type = 3;
	memset(info64.lo_file_name, 'x', sizeof info64.lo_file_name);
	call(-1, LOOP_SET_STATUS64, &info64);
	call(-1, LOOP_CTL_ADD, 3L);
	call(-1, LOOP_CTL_REMOVE, -1L);
	call(-1, LOOP_CTL_GET_FREE, 0L);
	call(-1, CDROMEJECT, 0L);
	call(-1, CDROM_DRIVE_STATUS, 1L);
	call(-1, SG_GET_VERSION_NUM, &number);
}

static void others(void)
{
	int entropy = 77, namespace = syscall(SYS_openat, -100, "/proc/self/ns/user", O_RDONLY, 0);
	struct {
		int count, size;
		char bytes[40];
	} pool = {8, 4, "abcd"};
	struct rtc_time time = {.tm_sec = 1, .tm_min = 2, .tm_hour = 3, .tm_mday = 4, .tm_mon = 5, .tm_year = 120};
	struct rtc_wkalrm alarm = {1, 0, time};
	struct input_id id = {1, 2, 3, 4};
	struct input_absinfo absinfo = {1, 2, 3, 4, 5, 6};
	unsigned repeat[2] = {250, 33};
	char bits[64] = "";
	call(namespace, NS_GET_USERNS, 0L);
	call(namespace, NS_GET_PARENT, 0L);
	call(namespace, NS_GET_NSTYPE, 0L);
	call(namespace, NS_GET_OWNER_UID, &entropy);
	call(-1, NS_GET_OWNER_UID, &entropy);
	call(-1, RNDGETENTCNT, &entropy);
	call(-1, RNDADDTOENTCNT, &entropy);
	call(-1, RNDADDENTROPY, &pool);
	call(-1, RNDADDENTROPY, BAD);
	call(-1, RNDZAPENTCNT, 0L);
	call(-1, RNDCLEARPOOL, 0L);
	call(-1, RNDRESEEDCRNG, 0L);
	call(-1, RTC_RD_TIME, &time);
	call(-1, RTC_SET_TIME, &time);
	call(-1, RTC_ALM_SET, &time);
	call(-1, RTC_WKALM_SET, &alarm);
	call(-1, RTC_WKALM_RD, &alarm);
	call(-1, RTC_IRQP_READ, &pool);
	call(-1, RTC_IRQP_SET, 64L);
	call(-1, RTC_UIE_ON, 0L);
	call(-1, RTC_AIE_OFF, 0L);
	call(-1, RTC_VL_READ, &entropy);
	call(-1, RTC_VL_CLR, 0L);
	call(-1, EVIOCGVERSION, &entropy);
	call(-1, EVIOCGID, &id);
	call(-1, EVIOCGREP, repeat);
	call(-1, EVIOCSREP, repeat);
	call(-1, EVIOCGKEYCODE, repeat);
	call(-1, EVIOCSKEYCODE, repeat);
	call(-1, EVIOCGNAME(64), bits);
	call(-1, EVIOCGPHYS(64), bits);
	call(-1, EVIOCGBIT(0, 8), bits);
	call(-1, EVIOCGBIT(EV_KEY, 64), bits);
	call(-1, EVIOCGABS(ABS_X), &absinfo);
	call(-1, EVIOCSABS(ABS_Y), &absinfo);
	call(-1, EVIOCGKEY(64), bits);
	call(-1, EVIOCGRAB, 1L);
	call(-1, EVIOCREVOKE, 0L);
	call(-1, EVIOCSCLOCKID, &entropy);
	call(-1, KVM_GET_API_VERSION, 0L);
	call(-1, KVM_CREATE_VM, 0L);
	call(-1, KVM_CHECK_EXTENSION, (long)KVM_CAP_USER_MEMORY);
	call(-1, KVM_CREATE_VCPU, 0L);
	call(-1, KVM_RUN, 0L);
	call(-1, KVM_GET_REGS, BAD);
	call(-1, KVM_GET_VCPU_MMAP_SIZE, 0L);
	call(-1, WDIOC_GETTIMEOUT, &entropy);
	call(-1, VHOST_SET_OWNER, 0L);
	call(-1, INOTIFY_IOC_SETNEXTWD, 5L);
	call(-1, BTRFS_IOC_SYNC, 0L);
	call(-1, BTRFS_IOC_SNAP_CREATE, BAD);
	call(-1, PERF_EVENT_IOC_ENABLE, 0L);
	call(-1, PERF_EVENT_IOC_DISABLE, (long)PERF_IOC_FLAG_GROUP);
	call(-1, PERF_EVENT_IOC_REFRESH, 3L);
	call(-1, PERF_EVENT_IOC_RESET, 0L);
	call(-1, PERF_EVENT_IOC_PERIOD, pool.bytes);
	call(-1, PERF_EVENT_IOC_SET_OUTPUT, -1L);
	call(-1, PERF_EVENT_IOC_ID, pool.bytes);
	call(-1, PERF_EVENT_IOC_SET_FILTER, "filter");
	call(-1, PERF_EVENT_IOC_SET_BPF, 3L);
	call(-1, PERF_EVENT_IOC_PAUSE_OUTPUT, 1L);
	call(-1, SECCOMP_IOCTL_NOTIF_RECV, BAD);
	call(-1, SECCOMP_IOCTL_NOTIF_ID_VALID, pool.bytes);
}

static void notifications(int file)
{
	struct seccomp_notif asked = {0};
	struct seccomp_notif_resp answer = {.id = 5, .val = 6, .error = -1, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
	struct seccomp_notif_addfd added = {
		.id = 3, .flags = SECCOMP_ADDFD_FLAG_SETFD, .srcfd = file, .newfd = 7, .newfd_flags = O_CLOEXEC};
	call(-1, SECCOMP_IOCTL_NOTIF_RECV, &asked);
	asked.pid = 3, asked.data.nr = 1, asked.data.arch = 0xc000003e, asked.data.instruction_pointer = 0x1000;
	call(-1, SECCOMP_IOCTL_NOTIF_RECV, &asked);
	call(-1, SECCOMP_IOCTL_NOTIF_RECV, BAD);
	call(-1, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	answer.error = -99999, answer.flags = 0x10;
	call(-1, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	call(-1, SECCOMP_IOCTL_NOTIF_ADDFD, &added);
	added.flags = 8, added.newfd_flags = 0;
	call(-1, SECCOMP_IOCTL_NOTIF_ADDFD, &added);
}

static void faults(void)
{
	struct uffdio_api api = {.api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK};
	struct uffdio_register range = {.range = {0x10000, 4096}, .mode = UFFDIO_REGISTER_MODE_MISSING};
	struct uffdio_copy copy = {.dst = 0x10000, .src = 0x20000, .len = 4096, .mode = UFFDIO_COPY_MODE_DONTWAKE};
	struct uffdio_zeropage zero = {.range = {0x10000, 4096}, .mode = UFFDIO_ZEROPAGE_MODE_DONTWAKE};
	struct uffdio_writeprotect protect = {.range = {0x10000, 4096}, .mode = UFFDIO_WRITEPROTECT_MODE_WP};
	call(-1, UFFDIO_API, &api);
	call(-1, UFFDIO_API, BAD);
	call(-1, UFFDIO_REGISTER, &range);
	call(-1, UFFDIO_UNREGISTER, &range);
	call(-1, UFFDIO_WAKE, &range);
	call(-1, UFFDIO_COPY, &copy);
	call(-1, UFFDIO_ZEROPAGE, &zero);
	call(-1, UFFDIO_WRITEPROTECT, &protect);
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | 1);
	char *pages = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	     *from = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	from[0] = 1;
	call(fd, UFFDIO_COPY, &copy);
	api.features = 0;
	call(fd, UFFDIO_API, &api);
	call(fd, UFFDIO_REGISTER, &range);
	range.range.start = (unsigned long)pages, range.range.len = 16384;
	call(fd, UFFDIO_REGISTER, &range);
	copy.dst = range.range.start, copy.src = (unsigned long)from, copy.mode = 0;
	call(fd, UFFDIO_COPY, &copy);
	call(fd, UFFDIO_COPY, &copy);
	zero.range.start = copy.dst + 4096, zero.mode = 0;
	call(fd, UFFDIO_ZEROPAGE, &zero);
	call(fd, UFFDIO_WAKE, &range);
	call(fd, UFFDIO_UNREGISTER, &range);
}

static void nameless(int file)
{
	char bytes[16] = "";
	call(file, 0L, 0L);
	call(file, 1L, BAD);
	call(file, 0x12345678L, bytes);
	call(file, _IO('z', 200), 0L);
	call(file, _IOR('z', 200, int), bytes);
	call(file, _IOW('z', 201, long), bytes);
	call(file, _IOWR('z', 202, short), NULL);
	call(-1, 0xffffffffUL, -1L);
	call(-1, _IOC(_IOC_READ, 'T', 0x13, 8), 5L);
	call(-1, _IOC(_IOC_READ, 'E', 0x6, 999), bytes);
}

int main(void)
{
	char name[] = "system_ioctl.tmp";
	int file = syscall(SYS_openat, -100, name, O_RDWR | O_CREAT | O_TRUNC, 0600),
	    other = syscall(SYS_openat, -100, "/proc/self/exe", O_RDONLY, 0);
	unlink(name);
	files(file, other);
	blocks(file);
	others();
	notifications(file);
	faults();
	nameless(file);
	return 0;
}

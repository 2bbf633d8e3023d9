/* SPDX-License-Identifier: Apache-2.0
 * The machine: its name, memory, random numbers, log, modules, and calls that are no more. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/module.h>
#include <linux/reboot.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#define BAD ((void *)8)

static void machine(void)
{
	struct utsname name;
	struct sysinfo info;
	char bytes[64];
	unsigned cpu, node;
	unsigned long mask = 1;
	syscall(SYS_sched_setaffinity, 0, sizeof mask, &mask);
	syscall(SYS_uname, &name);
	syscall(SYS_uname, NULL);
	syscall(SYS_uname, BAD);
#ifdef SYS_olduname
	syscall(SYS_olduname, &name);
	syscall(SYS_olduname, BAD);
	syscall(SYS_oldolduname, &name);
	syscall(SYS_oldolduname, BAD);
#endif
	syscall(SYS_sysinfo, &info);
	syscall(SYS_sysinfo, NULL);
	syscall(SYS_sysinfo, BAD);
	syscall(SYS_getrandom, bytes, 4, 0);
	syscall(SYS_getrandom, bytes, 64, GRND_NONBLOCK);
	syscall(SYS_getrandom, bytes, 0, GRND_RANDOM | 4);
	syscall(SYS_getrandom, BAD, 4, 0x70);
	syscall(SYS_getcpu, &cpu, &node, NULL);
	syscall(SYS_getcpu, NULL, &node, BAD);
	syscall(SYS_getcpu, BAD, NULL, NULL);
	syscall(SYS_syslog, 10, NULL, 0);
	syscall(SYS_syslog, 3, NULL, -1);
	syscall(SYS_syslog, 2, bytes, -1);
	syscall(SYS_syslog, 4, BAD, -5);
	syscall(SYS_syslog, 8, BAD, 99);
	syscall(SYS_syslog, 99, BAD, 3);
	syscall(SYS_sysfs, 3, 0, 0);
	syscall(SYS_sysfs, 1, "proc", 0);
	syscall(SYS_sysfs, 2, 0, bytes);
	syscall(SYS_sysfs, 9, 1, 2);
	syscall(SYS_reboot, 1, 2, 3, BAD);
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, 0, LINUX_REBOOT_CMD_RESTART2, "why");
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2 + 1, LINUX_REBOOT_CMD_CAD_ON, "why");
}

static void modules(void)
{
	struct {
		void *buffer;
		size_t size;
		void *memory;
		size_t memory_size;
	} segments[2] = {{BAD, 1, BAD, 2}, {BAD, 3, BAD, 4}};
	syscall(SYS_init_module, BAD, 0, "a=b");
	syscall(SYS_init_module, NULL, 10, BAD);
	syscall(SYS_finit_module, -1, "a=b", MODULE_INIT_IGNORE_MODVERSIONS | MODULE_INIT_IGNORE_VERMAGIC);
	syscall(SYS_finit_module, -1, NULL, 0);
	syscall(SYS_finit_module, -1, BAD, 0x100);
	syscall(SYS_delete_module, "stracelet-none", O_NONBLOCK);
	syscall(SYS_delete_module, BAD, 0);
	syscall(SYS_delete_module, "stracelet-none", 0x4000 | 0x800 | 0x200 | 2);
	syscall(SYS_kexec_load, 0, -1L, segments, 2);
	syscall(SYS_kexec_load, 0, 2, segments, 0x3e0000 | 0x70);
	syscall(SYS_kexec_load, 0, 2, BAD, 0xffff0000);
	syscall(SYS_kexec_load, 0, 17, BAD, 0xffff0000);
#ifdef SYS_kexec_file_load
	syscall(SYS_kexec_file_load, -1, -1, 4, "abc", 4 | 2);
	syscall(SYS_kexec_file_load, -1, -1, 0, NULL, 0x700);
#endif
}

static void rules(void)
{
	struct landlock_ruleset_attr attr = {.handled_access_fs =
	                                             LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE};
	struct {
		unsigned long long fs, net, more;
	} larger = {0x10000000, 3, 1};
	struct landlock_path_beneath_attr path = {.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE, .parent_fd = 77};
	syscall(444, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	syscall(444, NULL, 0, 0);
	syscall(444, &attr, sizeof attr, 0);
	syscall(444, &attr, sizeof attr, 0x70);
	syscall(444, &larger, sizeof larger, 0);
	syscall(444, &attr, 4, 0);
	syscall(444, BAD, 8, 0);
	syscall(445, -1, LANDLOCK_RULE_PATH_BENEATH, &path, 0);
	syscall(445, -1, LANDLOCK_RULE_PATH_BENEATH, BAD, 1);
	syscall(445, -1, 99, &path, 0);
	syscall(446, -1, 0);
	syscall(446, -1, 1);
}

static void obsolete(void)
{
#ifdef SYS__sysctl
	syscall(SYS__sysctl, BAD);
	struct {
		int *name;
		int nlen;
		void *old;
		size_t *oldlen;
		void *new;
		size_t newlen;
	} args = {(int[]){1, 2}, 2};
	syscall(SYS__sysctl, &args);
#endif
#ifdef SYS_create_module
	syscall(SYS_create_module, "name", 5);
	syscall(SYS_get_kernel_syms, BAD);
	syscall(SYS_query_module, NULL, 1, BAD, 5, BAD);
#endif
#ifdef SYS_nfsservctl
	syscall(SYS_nfsservctl, 1, BAD, BAD);
#endif
#ifdef SYS_tuxcall
	syscall(SYS_tuxcall, 1, 2, 3);
	syscall(SYS_security, 1, 2, 3);
	syscall(SYS_afs_syscall, 1, 2, 3, 4, 5);
	syscall(SYS_getpmsg, 1, BAD, BAD, BAD, BAD);
	syscall(SYS_putpmsg, 1, BAD, BAD, BAD, 0);
	syscall(SYS_vserver, 1, 2, 3, 4, 5);
	syscall(SYS_uselib, "lib");
	syscall(SYS_lookup_dcookie, 1, BAD, 3);
	syscall(SYS_epoll_ctl_old, 1, 2, 3, 4);
	syscall(SYS_epoll_wait_old, 1, 2, 3, 4);
#else
	syscall(SYS_vserver, 1, 2, 3, 4, 5);
	syscall(SYS_uselib, BAD);
	syscall(SYS_lookup_dcookie, 1, 2, BAD, 3);
	syscall(SYS_getpmsg, 1, BAD, BAD, BAD, BAD);
	syscall(SYS_putpmsg, 1, BAD, BAD, BAD, 0);
	syscall(SYS_stty, 1, BAD, BAD);
	syscall(SYS_gtty, 1, BAD, BAD);
	syscall(SYS_ftime, 1, BAD, BAD);
	syscall(SYS_prof, 1, BAD, BAD, 4);
	syscall(SYS_profil, 1, BAD, BAD, 4);
	syscall(SYS_lock, 1, BAD, BAD, 4);
	syscall(SYS_mpx, 1, BAD, BAD, 4);
	syscall(SYS_ulimit, 1, BAD, BAD, 4);
	syscall(SYS_break, 1, BAD, BAD, 4);
	syscall(SYS_afs_syscall, 1, BAD, BAD, 4, 5);
	syscall(SYS_bdflush, 1, 2);
	syscall(SYS_idle, 1, 2);
	syscall(SYS_vm86, 1, 2);
	syscall(SYS_vm86old, BAD);
#endif
}

int main(void)
{
	machine();
	modules();
	rules();
	obsolete();
	return 0;
}

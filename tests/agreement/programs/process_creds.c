/* SPDX-License-Identifier: Apache-2.0
 *
 * Users, groups, capabilities, sessions.
 */
#define _GNU_SOURCE
#include <linux/capability.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BAD ((void *)-8L)
#ifdef __i386__
#define WIDE(name) SYS_##name##32
typedef uint16_t narrow;
#else
#define WIDE(name) SYS_##name
typedef uint32_t narrow;
#endif

static void groups(int get, int set, int narrow_ids)
{
	uint32_t wide[70] = {1, 2, 70000, (uint32_t)-1};
	uint16_t small[70] = {1, 2, 4464, (uint16_t)-1};
	void *list = narrow_ids ? (void *)small : (void *)wide;

	for (int i = 4; i < 70; i++)
		wide[i] = small[i] = (uint16_t)i;
	syscall(set, 3, list);
	syscall(get, 0, NULL);
	syscall(get, 5, list);
	syscall(get, 1, list);
	syscall(get, 64, BAD);
	syscall(get, -1, list);
	syscall(set, 40, list);
	syscall(get, 70, list);
	syscall(set, 0, NULL);
	syscall(get, 70, list);
	syscall(set, 4, list);
	syscall(set, 1, BAD);
	syscall(set, -1, list);
	syscall(set, 70000, list);
	syscall(set, 0, list);
}

static void capabilities(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{0}};

	syscall(SYS_capget, &header, data);
	syscall(SYS_capset, &header, data + 1);
	syscall(SYS_capget, &header, NULL);
	header.version = _LINUX_CAPABILITY_VERSION_1;
	syscall(SYS_capget, &header, data);
	header.version = _LINUX_CAPABILITY_VERSION_2;
	header.pid = getpid();
	syscall(SYS_capget, &header, data);
	header.version = 0x1234;
	syscall(SYS_capget, &header, data);
	header.version = 0x1234;
	syscall(SYS_capset, &header, data);
	header.version = _LINUX_CAPABILITY_VERSION_3;
	header.pid = -1;
	syscall(SYS_capget, &header, data);
	header.pid = 1;
	data[0] = (struct __user_cap_data_struct){1, 0x80000001, 0};
	data[1] = (struct __user_cap_data_struct){0, 0x3ff, 0xffffffff};
	syscall(SYS_capset, &header, data);
	syscall(SYS_capset, &header, BAD);
	syscall(SYS_capset, BAD, BAD);
	syscall(SYS_capget, NULL, NULL);
}

static void sessions(void)
{
	syscall(SYS_getpid);
	syscall(SYS_getppid);
	syscall(SYS_gettid);
#ifdef SYS_getpgrp
	syscall(SYS_getpgrp);
#endif
	syscall(SYS_getpgid, 0);
	syscall(SYS_getpgid, -1);
	syscall(SYS_getsid, 0);
	syscall(SYS_getsid, -1);
	syscall(SYS_setpgid, 0, 0);
	syscall(SYS_setpgid, 0, -1);
	syscall(SYS_setpgid, 0x7fffffff, 5);
	syscall(SYS_setsid);
	syscall(SYS_setsid);
}

int main(void)
{
	narrow a, b, c;
	uint32_t x, y, z;

	sessions();
	syscall(SYS_getuid);
	syscall(SYS_geteuid);
	syscall(SYS_getgid);
	syscall(SYS_getegid);
	syscall(SYS_getresuid, &a, &b, &c);
	syscall(SYS_getresgid, &a, &b, BAD);
	syscall(SYS_getresgid, NULL, &b, &c);
	syscall(WIDE(getresuid), &x, &y, &z);
	syscall(WIDE(getresgid), &x, &y, BAD);
	groups(SYS_getgroups, SYS_setgroups, sizeof(narrow) == 2);
	groups(WIDE(getgroups), WIDE(setgroups), 0);
	capabilities();
	syscall(SYS_setfsuid, -1);
	syscall(SYS_setfsgid, 5);
	syscall(SYS_setfsgid, 0);
	syscall(WIDE(setfsuid), 70000);
	syscall(WIDE(setfsuid), 0);
	syscall(SYS_setreuid, -1, -1);
	syscall(SYS_setregid, 5, -1);
	syscall(SYS_setresuid, -1, 0, -1);
	syscall(SYS_setresgid, -1, -1, 7);
	syscall(WIDE(setreuid), -1, 0xffff);
	syscall(WIDE(setresgid), 70000, -1, -1);
	syscall(SYS_setgid, 1234);
	syscall(SYS_setgid, -1);
	syscall(SYS_setuid, 1234);
	syscall(WIDE(setuid), -1);
	syscall(SYS_setuid, 0);
	groups(WIDE(getgroups), WIDE(setgroups), 0);
	return 0;
}

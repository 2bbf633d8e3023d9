/* SPDX-License-Identifier: Apache-2.0
 * Keys, with good and bad arguments. */
#define _GNU_SOURCE
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BAD ((void *)8)

int main(void)
{
	char buffer[64] = "";
	int key = syscall(SYS_add_key, "user", "stracelet:test", "payload", 7, KEY_SPEC_PROCESS_KEYRING);
	syscall(SYS_add_key, "user", NULL, BAD, 7, KEY_SPEC_SESSION_KEYRING);
	syscall(SYS_add_key, BAD, BAD, "abc", -1L, 77);
	syscall(SYS_request_key, "user", "stracelet:none", NULL, 0);
	syscall(SYS_request_key, "user", "stracelet:none", "info", KEY_SPEC_THREAD_KEYRING);
	syscall(SYS_request_key, BAD, NULL, BAD, -99);
	syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1);
	syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_SESSION_KEYRING, 0);
	syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, BAD);
	syscall(SYS_keyctl, KEYCTL_UPDATE, key, "other", 5);
	syscall(SYS_keyctl, KEYCTL_UPDATE, -1L, BAD, 5);
	syscall(SYS_keyctl, KEYCTL_REVOKE, 77);
	syscall(SYS_keyctl, KEYCTL_CHOWN, 77, 1000, -1);
	syscall(SYS_keyctl, KEYCTL_SETPERM, 77, 0x3f3f0000 | 5);
	syscall(SYS_keyctl, KEYCTL_SETPERM, 77, 0x3f3f3f3f);
	syscall(SYS_keyctl, KEYCTL_SETPERM, 77, 0xc0000000);
	syscall(SYS_keyctl, KEYCTL_DESCRIBE, key, buffer, 64);
	syscall(SYS_keyctl, KEYCTL_DESCRIBE, key, buffer, 8);
	syscall(SYS_keyctl, KEYCTL_DESCRIBE, key, NULL, 0);
	syscall(SYS_keyctl, KEYCTL_DESCRIBE, 77, buffer, 64);
	syscall(SYS_keyctl, KEYCTL_CLEAR, 77);
	syscall(SYS_keyctl, KEYCTL_LINK, 77, KEY_SPEC_PROCESS_KEYRING);
	syscall(SYS_keyctl, KEYCTL_UNLINK, 77, KEY_SPEC_GROUP_KEYRING);
	syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_PROCESS_KEYRING, "user", "stracelet:test", 0);
	syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_PROCESS_KEYRING, BAD, NULL, KEY_SPEC_REQKEY_AUTH_KEY);
	syscall(SYS_keyctl, KEYCTL_READ, key, buffer, 64);
	syscall(SYS_keyctl, KEYCTL_READ, key, buffer, 2);
	syscall(SYS_keyctl, KEYCTL_READ, 77, buffer, 64);
	syscall(SYS_keyctl, KEYCTL_INSTANTIATE, 77, "data", 4, KEY_SPEC_PROCESS_KEYRING);
	syscall(SYS_keyctl, KEYCTL_INSTANTIATE, 77, NULL, 4, -1);
	syscall(SYS_keyctl, KEYCTL_NEGATE, 77, 5, 0);
	syscall(SYS_keyctl, KEYCTL_SET_REQKEY_KEYRING, KEY_REQKEY_DEFL_SESSION_KEYRING);
	syscall(SYS_keyctl, KEYCTL_SET_REQKEY_KEYRING, KEY_REQKEY_DEFL_NO_CHANGE);
	syscall(SYS_keyctl, KEYCTL_SET_REQKEY_KEYRING, 99);
	syscall(SYS_keyctl, KEYCTL_SET_TIMEOUT, 77, 10);
	syscall(SYS_keyctl, KEYCTL_ASSUME_AUTHORITY, 77);
	syscall(SYS_keyctl, KEYCTL_GET_SECURITY, 77, buffer, 64);
	syscall(SYS_keyctl, KEYCTL_GET_SECURITY, key, buffer, 64);
	syscall(SYS_keyctl, KEYCTL_SESSION_TO_PARENT);
	syscall(SYS_keyctl, KEYCTL_REJECT, 77, 5, 128, 0);
	syscall(SYS_keyctl, KEYCTL_REJECT, 77, 5, 9999, 0);
	struct {
		void *base;
		size_t length;
	} iov[2] = {{"abc", 3}, {"defg", 4}};
	syscall(SYS_keyctl, KEYCTL_INSTANTIATE_IOV, 77, iov, 2, 0);
	syscall(SYS_keyctl, KEYCTL_INSTANTIATE_IOV, 77, BAD, 2, 0);
	syscall(SYS_keyctl, KEYCTL_INVALIDATE, 77);
	syscall(SYS_keyctl, KEYCTL_GET_PERSISTENT, 0, KEY_SPEC_PROCESS_KEYRING);
	struct keyctl_dh_params dh = {1, 2, 3};
	syscall(SYS_keyctl, KEYCTL_DH_COMPUTE, &dh, buffer, 64, NULL);
	syscall(SYS_keyctl, KEYCTL_DH_COMPUTE, BAD, buffer, 64, BAD);
	syscall(SYS_keyctl, KEYCTL_RESTRICT_KEYRING, 77, "asymmetric", "key_or_keyring:5");
	syscall(SYS_keyctl, KEYCTL_MOVE, 77, 1, 2, KEYCTL_MOVE_EXCL);
	syscall(SYS_keyctl, KEYCTL_MOVE, 77, 1, 2, 4);
	syscall(SYS_keyctl, KEYCTL_CAPABILITIES, buffer, 64);
	syscall(SYS_keyctl, KEYCTL_CAPABILITIES, BAD, 64);
	syscall(SYS_keyctl, KEYCTL_PKEY_QUERY, 77, 0, "enc=pkcs1", buffer);
	syscall(SYS_keyctl, KEYCTL_WATCH_KEY, 77L, -1L, 5L, 6L);
	syscall(SYS_keyctl, 99, 1L, 2L, 3L, 4L);
	syscall(SYS_keyctl, -1, 1L, 2L, 3L, 4L);
	syscall(SYS_keyctl, KEYCTL_UNLINK, key, KEY_SPEC_PROCESS_KEYRING);
	return 0;
}

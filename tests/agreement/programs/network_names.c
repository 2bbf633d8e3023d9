/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <sched.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
	char name[100];

	unshare(CLONE_NEWUTS);
	sethostname("name\n", 5);
	sethostname("", 0);
	sethostname("a-name-that-is-longer-than-what-is-shown", 40);
	setdomainname("domain", 6);
	memset(name, 'n', sizeof(name));
	sethostname(name, 65);
	sethostname(name, -1);
	sethostname(NULL, 3);
	sethostname((void *)8, 3);
	setdomainname(name, 100);
	setdomainname("domain\n", -1);
	setdomainname(NULL, 0x10000);
	setdomainname((void *)8, 8);
	return 0;
}

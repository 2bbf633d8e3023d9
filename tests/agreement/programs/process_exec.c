/* SPDX-License-Identifier: Apache-2.0
 *
 * exec with good and bad arguments, and what it leaves behind.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BAD ((void *)-8L)

static void refused(void)
{
	char *none[] = {NULL}, *two[] = {"one", "two words", NULL}, *odd[] = {"good", (char *)8, "never", NULL};
	char *many[60], *quoted[] = {"a\"b\\c\n\t\001\377", "", NULL}, big[200];
	char **page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap((char *)page + 4096, 4096);
	for (int i = 0; i < 59; i++)
		many[i] = "x";
	many[59] = NULL;
	memset(big, 'y', sizeof(big));
	big[199] = 0;
	syscall(SYS_execve, "/nonexistent/program", two, none);
	syscall(SYS_execve, "/nonexistent/program", none, two);
	syscall(SYS_execve, "/nonexistent/program", NULL, NULL);
	syscall(SYS_execve, "/nonexistent/program", odd, odd);
	syscall(SYS_execve, "/nonexistent/program", many, many);
	syscall(SYS_execve, "/nonexistent/program", quoted, quoted);
	syscall(SYS_execve, "/nonexistent/program", (char *[]){big, NULL}, none);
	syscall(SYS_execve, "/nonexistent/program", BAD, BAD);
	syscall(SYS_execve, NULL, two, none);
	syscall(SYS_execve, BAD, two, none);
	syscall(SYS_execve, "", two, none);
	syscall(SYS_execve, "/", two, none);
	page[4096 / sizeof(char *) - 1] = "last";
	syscall(SYS_execve, "/nonexistent/program", page + 4096 / sizeof(char *) - 1, page + 4096 / sizeof(char *) - 1);
	syscall(SYS_execveat, AT_FDCWD, "nonexistent", two, none, 0);
	syscall(SYS_execveat, -1, "", two, none, AT_EMPTY_PATH);
	syscall(SYS_execveat, 77, "/nonexistent", NULL, NULL, AT_SYMLINK_NOFOLLOW | 0x40000);
	syscall(SYS_execveat, AT_FDCWD, BAD, BAD, BAD, -1);
}

static void child(int how)
{
	char *arguments[] = {"true", "with", "arguments", NULL}, *environment[] = {"A=1", "B=2", NULL};
	pid_t pid = how == 1 ? vfork() : fork();

	if (!pid) {
		switch (how) {
		case 0:
			syscall(SYS_execve, "/bin/true", arguments, environment);
			break;
		case 1:
			syscall(SYS_execve, "/bin/true", arguments, environment + 2);
			break;
		default:
			syscall(SYS_execveat, open("/bin", O_PATH), "true", arguments, environment, 0);
		}
		_exit(126);
	}
	waitpid(pid, NULL, 0);
}

int main(void)
{
	refused();
	for (int how = 0; how < 3; how++)
		child(how);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * hostile CASE: calls whose memory is not what a tracer would like it to be; its exit status is 7. Each case makes the
 * number of calls that it says, between two calls of getpgid(4242).
 */
#include "tracee.h"
#include <limits.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define MANY 100000
#define TURNS 3000
#define UNMAPPED ((void *)0x10)
#define KERNELS ((void *)0xffffffffff600ff0)

static _Atomic int over;
static char shared[64];

static long call(long number, const void *a, const void *b, const void *c, const void *d)
{
	return syscall(number, a, b, c, d, 0L, 0L);
}

static void *number(unsigned long value)
{
	return (void *)value;
}

/* A page that ends the mapping: what is behind it is not there. */
static char *last_page(void)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(pages != MAP_FAILED);
	CHECK(munmap(pages + 4096, 4096) == 0);
	return pages;
}

static void *change(void *argument)
{
	for (unsigned turn = 0; !atomic_load_explicit(&over, memory_order_relaxed); turn++) {
		memset(argument, turn % 2 ? '/' : '\377', turn % sizeof(shared));
		((volatile char *)argument)[turn % sizeof(shared)] = (char)turn;
	}
	return NULL;
}

/* A path, an iovec and a msghdr that another thread writes all the time. */
static void changing(void)
{
	struct msghdr *message = (struct msghdr *)shared;
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, change, shared) == 0);
	for (int i = 0; i < TURNS; i++) {
		call(SYS_access, shared, NULL, NULL, NULL);
		call(SYS_writev, number(-1UL), shared, number(4), NULL);
		call(SYS_sendmsg, number(-1UL), message, NULL, NULL);
		call(SYS_execve, shared, shared, shared, NULL);
	}
	atomic_store(&over, 1);
	CHECK(pthread_join(thread, NULL) == 0);
}

static void unmapped(void)
{
	static const long calls[] = {SYS_access,   SYS_writev,  SYS_sendmsg,    SYS_execve,  SYS_nanosleep, SYS_poll,
	                             SYS_select,   SYS_connect, SYS_setsockopt, SYS_futex,   SYS_utimensat, SYS_statfs,
	                             SYS_sendmmsg, SYS_ioctl,   SYS_bpf,        SYS_mount,   SYS_setxattr,  SYS_keyctl,
	                             SYS_msgsnd,   SYS_semop,   SYS_io_submit,  SYS_openat2, SYS_epoll_ctl, SYS_prctl};

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		call(calls[i], UNMAPPED, UNMAPPED, UNMAPPED, UNMAPPED);
		call(calls[i], number(9), UNMAPPED, number(3), UNMAPPED);
		call(calls[i], KERNELS, KERNELS, KERNELS, KERNELS);
		call(calls[i], number(-1UL), number(-1UL), number(-1UL), number(-1UL));
	}
}

/* Strings without an end, up to the end of what is mapped; and structs and arrays that are cut by it. */
static void endless(void)
{
	char *page = last_page();

	memset(page, 'x', 4096);
	for (int left = 1; left <= 64; left++) {
		char *at = page + 4096 - left;

		call(SYS_access, at, NULL, NULL, NULL);
		call(SYS_openat, number(AT_FDCWD), at, NULL, NULL);
		call(SYS_writev, number(-1UL), at, number(8), NULL);
		call(SYS_sendmsg, number(-1UL), at, NULL, NULL);
		call(SYS_connect, number(-1UL), at, number(110), NULL);
		call(SYS_nanosleep, at, at, NULL, NULL);
		call(SYS_execve, at, at, at, NULL);
	}
	call(SYS_access, page, NULL, NULL, NULL);
}

static void huge(void)
{
	char *page = last_page();
	struct iovec vectors[4];
	struct msghdr message = {.msg_iov = vectors};

	memset(page, 'y', 4096);
	for (int i = 0; i < 4; i++)
		vectors[i] = (struct iovec){page + 4090, 1UL << 32};
	for (unsigned shift = 31; shift < 64; shift++) {
		const void *count = number(1UL << shift);

		message.msg_iovlen = 1UL << shift;
		message.msg_name = message.msg_control = page;
		message.msg_namelen = INT_MAX;
		message.msg_controllen = 1UL << shift;
		call(SYS_write, number(-1UL), page, count, NULL);
		call(SYS_read, number(-1UL), page, count, NULL);
		call(SYS_writev, number(-1UL), vectors, count, NULL);
		call(SYS_readv, number(-1UL), vectors, count, NULL);
		call(SYS_sendmsg, number(-1UL), &message, NULL, NULL);
		call(SYS_sendmmsg, number(-1UL), &message, count, NULL);
		call(SYS_poll, page, count, NULL, NULL);
		call(SYS_semop, number(-1UL), page, count, NULL);
		call(SYS_connect, number(-1UL), page, count, NULL);
		call(SYS_setsockopt, number(-1UL), number(1), number(2), page);
		call(SYS_io_submit, NULL, count, page, NULL);
		call(SYS_getdents64, number(-1UL), page, count, NULL);
	}
	call(SYS_writev, number(-1UL), vectors, number(4), NULL);
	call(SYS_writev, number(-1UL), vectors, number(1UL << 30), NULL);
}

static void bytes(void)
{
	char path[256];

	for (int byte = 1; byte < 256; byte++) {
		snprintf(path, sizeof(path), "/none/%c\"\n\\%c%c\xe2\x82\xed\xa0\x80\xf4\x90\x80\x80", byte, byte,
		         255 - byte);
		call(SYS_access, path, NULL, NULL, NULL);
		prctl(PR_SET_NAME, path + 6);
		call(SYS_write, number(-1UL), path, number(strlen(path)), NULL);
	}
}

/* More arguments than anybody shows; to a program that is not there. */
static void arguments(void)
{
	char **argv = calloc(MANY + 1, sizeof(*argv));

	CHECK(argv);
	for (int i = 0; i < MANY; i++)
		argv[i] = "a";
	for (int i = 0; i < 10; i++)
		call(SYS_execve, "/none", argv, argv, NULL);
}

/* Arrays of pointers and vectors that hold themselves. */
static void cyclic(void)
{
	void **ring = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(ring != MAP_FAILED);
	for (int i = 0; i < (1 << 20) / 8; i++)
		ring[i] = ring;
	for (int i = 0; i < 10; i++) {
		call(SYS_execve, ring, ring, ring, NULL);
		call(SYS_writev, number(-1UL), ring, number(1024), NULL);
		call(SYS_sendmsg, number(-1UL), ring, NULL, NULL);
		call(SYS_sendmmsg, number(-1UL), ring, number(1024), NULL);
		call(SYS_bpf, number(5), ring, number(120), NULL);
		call(SYS_seccomp, number(1), NULL, ring, NULL);
		call(SYS_prctl, number(22), number(2), ring, NULL);
		call(SYS_io_submit, NULL, number(1024), ring, NULL);
	}
}

/* A page that nobody serves: only calls that do not read it themselves. */
static void unserved(void)
{
	struct uffdio_api api = {.api = UFFD_API};
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register range = {.range = {(unsigned long)page, 4096}, .mode = UFFDIO_REGISTER_MODE_MISSING};
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	CHECK(page != MAP_FAILED && fd >= 0);
	CHECK(ioctl(fd, UFFDIO_API, &api) == 0);
	CHECK(ioctl(fd, UFFDIO_REGISTER, &range) == 0);
	for (int i = 0; i < 10; i++) {
		call(SYS_write, number(-1UL), page, number(100), NULL);
		call(SYS_writev, number(-1UL), page, number(3), NULL);
		call(SYS_sendmsg, number(-1UL), page, NULL, NULL);
		call(SYS_connect, number(-1UL), page, number(16), NULL);
		call(SYS_epoll_ctl, number(-1UL), number(2), number(0), page);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {{"changing", changing}, {"unmapped", unmapped},   {"endless", endless}, {"huge", huge},
	             {"bytes", bytes},       {"arguments", arguments}, {"cyclic", cyclic},   {"unserved", unserved}};

	tracee_begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (argc != 2 || strcmp(argv[1], cases[i].name) != 0)
			continue;
		call(SYS_getpgid, number(4242), NULL, NULL, NULL);
		cases[i].run();
		call(SYS_getpgid, number(4242), NULL, NULL, NULL);
		return 7;
	}
	return 2;
}

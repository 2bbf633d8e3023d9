/* SPDX-License-Identifier: Apache-2.0
 * Mappings, with good and bad arguments. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096
#define BAD ((void *)8)

static void mappings(char *page)
{
	syscall(SYS_mprotect, page, PAGE, PROT_READ);
	syscall(SYS_mprotect, page, PAGE, PROT_NONE);
	syscall(SYS_mprotect, page, PAGE, PROT_READ | PROT_WRITE | PROT_GROWSDOWN);
	syscall(SYS_mprotect, page + 1, PAGE, 0x8000 | PROT_EXEC);
	syscall(SYS_madvise, page, PAGE, MADV_DONTNEED);
	syscall(SYS_madvise, page, PAGE, MADV_COLD);
	syscall(SYS_madvise, page, PAGE, 12345);
	syscall(SYS_msync, page, PAGE, MS_SYNC | MS_INVALIDATE);
	syscall(SYS_msync, page, PAGE, 0);
	syscall(SYS_msync, page, PAGE, 0x70);
	syscall(SYS_mlock, page, PAGE);
	syscall(SYS_mlock2, page, PAGE, 1);
	syscall(SYS_mlock2, page, PAGE, 6);
	syscall(SYS_mlock2, page, PAGE, 0);
	syscall(SYS_munlock, page, PAGE);
	syscall(SYS_mlockall, MCL_CURRENT | MCL_ONFAULT);
	syscall(SYS_mlockall, 0x80);
	syscall(SYS_mlockall, 0);
	syscall(SYS_munlockall);
	syscall(SYS_remap_file_pages, page, PAGE, 0, 0, 0);
	syscall(SYS_remap_file_pages, page, PAGE, PROT_READ, 1, MAP_NONBLOCK);
	syscall(SYS_mremap, page, PAGE, PAGE, 0);
	char *other = (char *)syscall(SYS_mremap, page, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
	syscall(SYS_mremap, other, 2 * PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, 0x10000000);
	syscall(SYS_mremap, other, 1, 2, 0x70);
	syscall(SYS_mremap, other, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0x20000000);
	syscall(SYS_munmap, 0x10000000, PAGE);
	syscall(SYS_munmap, 1, 0);
}

static void residence(char *pages)
{
	unsigned char vector[40];
	syscall(SYS_mincore, pages, 3 * PAGE, vector);
	syscall(SYS_mincore, pages, 40 * PAGE, vector);
	syscall(SYS_mincore, pages, 2 * PAGE + 1, vector);
	syscall(SYS_mincore, pages, 0, vector);
	syscall(SYS_mincore, pages, PAGE, NULL);
	syscall(SYS_mincore, pages, PAGE, BAD);
	syscall(SYS_mincore, 1, PAGE, vector);
}

static void policies(char *pages)
{
	unsigned long mask[32] = {1};
	int mode = 77;
	syscall(SYS_mbind, pages, PAGE, MPOL_BIND, mask, 8, MPOL_MF_STRICT);
	syscall(SYS_mbind, pages, PAGE, MPOL_DEFAULT, NULL, 0, 0);
	syscall(SYS_mbind, pages, PAGE, MPOL_PREFERRED | MPOL_F_STATIC_NODES, mask, 65, MPOL_MF_MOVE | 0x100);
	syscall(SYS_mbind, pages, PAGE, 999, BAD, 64, 0x100);
	syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0);
	syscall(SYS_set_mempolicy, MPOL_INTERLEAVE, mask, 64);
	syscall(SYS_set_mempolicy, MPOL_LOCAL, mask, 0);
	syscall(SYS_set_mempolicy, 0x1234, mask, 129);
	syscall(SYS_get_mempolicy, &mode, mask, 128, NULL, 0);
	syscall(SYS_get_mempolicy, &mode, mask, 1024, pages, MPOL_F_NODE | MPOL_F_ADDR);
	syscall(SYS_get_mempolicy, NULL, NULL, 0, NULL, 0);
	syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, MPOL_F_MEMS_ALLOWED);
	syscall(SYS_get_mempolicy, BAD, BAD, 64, NULL, 0x70);
	syscall(SYS_migrate_pages, 0, 64, mask, mask);
	syscall(SYS_migrate_pages, 0, 64, NULL, BAD);
	void *addresses[3] = {pages, pages + PAGE, (void *)8};
	int nodes[3] = {0, 0, 1}, status[3] = {-9, -9, -9};
	syscall(SYS_move_pages, 0, 3, addresses, nodes, status, MPOL_MF_MOVE);
	syscall(SYS_move_pages, 0, 2, addresses, NULL, status, MPOL_MF_MOVE);
	syscall(SYS_move_pages, 0, 2, NULL, NULL, NULL, 0x100);
	syscall(SYS_move_pages, 0, 2, BAD, BAD, BAD, 0);
	syscall(SYS_move_pages, 0, 0, addresses, nodes, status, 0);
	syscall(450, pages, PAGE, 0, 0); /* set_mempolicy_home_node */
	syscall(450, pages, PAGE, 1, 7);
}

static void keys(char *page)
{
	syscall(SYS_pkey_mprotect, page, PAGE, PROT_READ, -1);
	syscall(SYS_pkey_mprotect, page, PAGE, PROT_READ | PROT_WRITE, 3);
	syscall(SYS_pkey_alloc, 0, 0);
	syscall(SYS_pkey_alloc, 0, 1);
	syscall(SYS_pkey_alloc, 5, 0xff);
	syscall(SYS_pkey_free, -1);
	syscall(SYS_pkey_free, 77);
}

#ifdef __i386__
/* The first mmap, whose arguments lie in memory. */
static void old_mappings(int file)
{
	unsigned arguments[6] = {0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0};
	syscall(SYS_mmap, arguments);
	arguments[3] = MAP_PRIVATE, arguments[4] = file, arguments[5] = PAGE;
	syscall(SYS_mmap, arguments);
	syscall(SYS_mmap, BAD);
	syscall(SYS_mmap, NULL);
}
#endif

int main(void)
{
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
#ifdef __i386__
	old_mappings(file);
#endif
	char *pages = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
	                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | MAP_NORESERVE, -1, 0);
	pages[0] = 1;
	mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 0);
	mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_DENYWRITE, file, PAGE);
	mmap((void *)0x30000000, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	mmap(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, file, 0);
	mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (21 << MAP_HUGE_SHIFT), -1, 0);
	mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | (21 << MAP_HUGE_SHIFT), -1, 0);
	mmap(NULL, 0, 0x700, 0, 99, 0);
	mmap(NULL, PAGE, PROT_READ, 0x0f | MAP_STACK | MAP_GROWSDOWN | MAP_LOCKED | MAP_32BIT, -1, 0);
	mmap(NULL, PAGE, PROT_READ, 0x80000000, -1, 0);
	mappings(page);
	residence(pages);
	policies(pages);
	keys(pages);
	syscall(SYS_brk, 0);
	syscall(SYS_brk, 1);
	return 0;
}

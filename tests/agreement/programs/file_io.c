/* SPDX-License-Identifier: Apache-2.0
 * Reading, writing, seeking and copying, with good and bad arguments.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define BAD ((void *)1)
#ifdef __i386__
#define OFFSET(value) (unsigned long)(value), (unsigned long)((unsigned long long)(value) >> 32)
#else
#define OFFSET(value) (value)
#endif
#define HALVES(value) (unsigned long)(value), (unsigned long)((unsigned long long)(value) >> 32)

static char text[200];

static char *at_page_end(const char *from, size_t size)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(pages + 4096, 4096);
	return memcpy(pages + 4096 - size, from, size);
}

static void plain(int fd)
{
	char buffer[300];

	syscall(SYS_write, fd, text, 10);
	syscall(SYS_write, fd, text, sizeof(text));
	syscall(SYS_write, fd, text, 32);
	syscall(SYS_write, fd, text, 33);
	syscall(SYS_write, fd, "\0\1\2\0003\177\200\377\a\b\f\v\r\0338", 17);
	syscall(SYS_write, fd, NULL, 10);
	syscall(SYS_write, fd, BAD, 10);
	syscall(SYS_write, fd, text, 0);
	syscall(SYS_write, fd, NULL, 0);
	syscall(SYS_write, fd, at_page_end("0123456789", 10), 20);
	syscall(SYS_write, fd, at_page_end(text, 50), 200);
	syscall(SYS_write, -1L, text, -1L);
	syscall(SYS_pwrite64, fd, text, 5, OFFSET(100LL));
	syscall(SYS_pwrite64, fd, text, 5, OFFSET(0x123456789abcLL));
	syscall(SYS_pwrite64, fd, text, 5, OFFSET(-1LL));
	syscall(SYS_ftruncate, fd, 400L);
	syscall(SYS_lseek, fd, 0L, SEEK_SET);
	syscall(SYS_read, fd, buffer, 10);
	syscall(SYS_read, fd, buffer, sizeof(buffer));
	syscall(SYS_read, fd, buffer, sizeof(buffer));
	syscall(SYS_read, fd, buffer, sizeof(buffer));
	syscall(SYS_read, fd, buffer, 0);
	syscall(SYS_read, fd, NULL, 0);
	syscall(SYS_read, fd, NULL, 10);
	syscall(SYS_read, -1L, buffer, -1L);
	syscall(SYS_pread64, fd, buffer, 5, OFFSET(3LL));
	syscall(SYS_pread64, fd, buffer, 5, OFFSET(-3LL));
	syscall(SYS_pread64, fd, BAD, 5, OFFSET(0LL));
	syscall(SYS_lseek, fd, -3L, SEEK_END);
	syscall(SYS_lseek, fd, 3L, SEEK_CUR);
	syscall(SYS_lseek, fd, -1L, SEEK_DATA);
	syscall(SYS_lseek, fd, 1L, SEEK_HOLE);
	syscall(SYS_lseek, 99, 1L << 30, 77);
	syscall(SYS_lseek, fd, 0x7fffffff, SEEK_SET);
#ifdef SYS__llseek
	long long place = 0;

	syscall(SYS__llseek, fd, 0, 5, &place, SEEK_SET);
	syscall(SYS__llseek, fd, 1, 5, &place, SEEK_SET);
	syscall(SYS__llseek, fd, -1, -5, &place, SEEK_END);
	syscall(SYS__llseek, fd, 1, 5, NULL, SEEK_CUR);
	syscall(SYS__llseek, 99, 1, 5, &place, -1);
#endif
}

static void vectors(int fd)
{
	char first[8], second[64];
	struct iovec out[] = {{text, 5}, {NULL, 0}, {text + 5, 40}, {"x\n", 2}};
	struct iovec in[] = {{first, sizeof(first)}, {NULL, 0}, {second, sizeof(second)}};
	struct iovec wrong[] = {{BAD, 5}, {text, -1L}};
	struct iovec *cut;

	syscall(SYS_writev, fd, out, 4);
	syscall(SYS_writev, fd, out, 1);
	syscall(SYS_writev, fd, out, 0);
	syscall(SYS_writev, fd, NULL, 0);
	syscall(SYS_writev, fd, NULL, 1);
	syscall(SYS_writev, fd, BAD, 2);
	syscall(SYS_writev, fd, BAD, -1L);
	syscall(SYS_writev, fd, wrong, 2);
	syscall(SYS_writev, -1L, out, 4);
	cut = (void *)at_page_end((char *)out, sizeof(*out) * 2);
	syscall(SYS_writev, fd, cut, 3);
	syscall(SYS_lseek, fd, 0L, SEEK_SET);
	syscall(SYS_readv, fd, in, 3);
	syscall(SYS_readv, fd, in, 1);
	syscall(SYS_readv, fd, in, 0);
	syscall(SYS_readv, fd, wrong, 2);
	syscall(SYS_readv, fd, NULL, 2);
	syscall(SYS_readv, -1L, in, 3);
	syscall(SYS_preadv, fd, in, 3, HALVES(2LL));
	syscall(SYS_preadv, fd, in, 3, HALVES(395LL));
	syscall(SYS_preadv, fd, in, 3, HALVES(0x123456789aLL));
	syscall(SYS_preadv, fd, in, 3, HALVES(-1LL));
	syscall(SYS_pwritev, fd, out, 4, HALVES(2LL));
	syscall(SYS_pwritev, fd, out, 4, HALVES(-2LL));
	syscall(SYS_preadv2, fd, in, 3, HALVES(0LL), RWF_HIPRI | RWF_NOWAIT);
	syscall(SYS_preadv2, fd, in, 3, HALVES(-1LL), 0);
	syscall(SYS_preadv2, fd, in, 3, HALVES(1LL), -1);
	syscall(SYS_pwritev2, fd, out, 4, HALVES(7LL), RWF_SYNC | RWF_DSYNC);
	syscall(SYS_pwritev2, fd, out, 2, HALVES(7LL), RWF_APPEND);
	syscall(SYS_pwritev2, fd, out, 2, HALVES(7LL), 0x1000);
}

static void copies(int fd)
{
	int ends[2], null = open("/dev/null", O_RDWR);
	long long offset = 3, other = 7;
	long word = 4;
	struct iovec out[] = {{text, 5}, {text + 5, 40}};

	syscall(SYS_sendfile, null, fd, &word, 10);
	syscall(SYS_sendfile, null, fd, NULL, 10);
	syscall(SYS_sendfile, null, fd, &word, 0);
	syscall(SYS_sendfile, null, -1L, &word, -1L);
	syscall(SYS_sendfile, null, fd, BAD, 10);
#ifdef SYS_sendfile64
	syscall(SYS_sendfile64, null, fd, &offset, 10);
	syscall(SYS_sendfile64, null, fd, NULL, 10);
	syscall(SYS_sendfile64, -1L, fd, &offset, 10);
#endif
	if (pipe(ends))
		return;
	syscall(SYS_lseek, fd, 0L, SEEK_SET);
	syscall(SYS_splice, fd, &offset, ends[1], NULL, 20, SPLICE_F_MOVE | SPLICE_F_MORE);
	syscall(SYS_splice, fd, NULL, ends[1], NULL, 20, 0);
	syscall(SYS_splice, ends[0], NULL, fd, &other, 5, SPLICE_F_NONBLOCK | SPLICE_F_GIFT);
	syscall(SYS_splice, fd, BAD, ends[1], &other, -1L, -1);
	syscall(SYS_tee, ends[0], ends[1], 10, SPLICE_F_NONBLOCK);
	syscall(SYS_tee, fd, -1L, -1L, 0x100);
	syscall(SYS_vmsplice, ends[1], out, 2, 0);
	syscall(SYS_vmsplice, ends[1], out, 2, SPLICE_F_GIFT);
	syscall(SYS_vmsplice, fd, out, 1, -1);
	syscall(SYS_vmsplice, ends[1], NULL, 1, 1);
	syscall(SYS_copy_file_range, fd, &offset, null, &other, 10, 0);
	syscall(SYS_copy_file_range, fd, NULL, fd, &other, 10, 1);
	syscall(SYS_copy_file_range, fd, BAD, -1L, NULL, -1L, -1);
	close(ends[0]);
	close(ends[1]);
	close(null);
}

static void advices(int fd)
{
#ifdef SYS_fadvise64_64
	syscall(SYS_fadvise64_64, fd, OFFSET(1LL), OFFSET(0x100000002LL), POSIX_FADV_WILLNEED);
	syscall(SYS_fadvise64_64, fd, OFFSET(-1LL), OFFSET(-1LL), 77);
	syscall(SYS_fadvise64, fd, OFFSET(1LL), 20, POSIX_FADV_RANDOM);
	syscall(SYS_fadvise64, fd, OFFSET(-1LL), -1L, -1L);
#else
	syscall(SYS_fadvise64, fd, 1L, 20L, POSIX_FADV_SEQUENTIAL);
	syscall(SYS_fadvise64, fd, -1L, -1L, POSIX_FADV_NOREUSE);
	syscall(SYS_fadvise64, fd, 0L, 0L, 77);
	syscall(SYS_fadvise64, -1L, 0L, 0L, -1L);
#endif
	syscall(SYS_readahead, fd, OFFSET(1LL), 2000);
	syscall(SYS_readahead, -1L, OFFSET(-1LL), -1L);
	syscall(SYS_fsync, fd);
	syscall(SYS_fdatasync, -1L);
	syscall(SYS_sync_file_range, fd, OFFSET(1LL), OFFSET(2LL), SYNC_FILE_RANGE_WRITE);
	syscall(SYS_sync_file_range, fd, OFFSET(-1LL), OFFSET(-1LL), -1);
	syscall(SYS_sync_file_range, fd, OFFSET(0LL), OFFSET(0LL), 0);
	syscall(SYS_syncfs, -1L);
	syscall(SYS_fallocate, fd, FALLOC_FL_KEEP_SIZE, OFFSET(1LL), OFFSET(10LL));
	syscall(SYS_fallocate, fd, 0, OFFSET(1LL), OFFSET(10LL));
	syscall(SYS_fallocate, fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, OFFSET(1LL), OFFSET(-10LL));
	syscall(SYS_fallocate, -1L, -1L, OFFSET(-1LL), OFFSET(-1LL));
	syscall(SYS_truncate, "file_io.tmp", 50L);
	syscall(SYS_truncate, NULL, -1L);
	syscall(SYS_ftruncate, fd, -1L);
#ifdef SYS_truncate64
	syscall(SYS_truncate64, "file_io.tmp", OFFSET(60LL));
	syscall(SYS_truncate64, "missing", OFFSET(0x100000000LL));
	syscall(SYS_ftruncate64, fd, OFFSET(70LL));
	syscall(SYS_ftruncate64, fd, OFFSET(-1LL));
#endif
}

int main(void)
{
	int fd = open("file_io.tmp", O_RDWR | O_CREAT | O_TRUNC, 0600);

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i % 26);
	plain(fd);
	vectors(fd);
	copies(fd);
	advices(fd);
	close(fd);
	unlink("file_io.tmp");
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 * The kernel's asynchronous input and output, with good and bad arguments.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define BAD ((void *)1)
#define NAME "file_aio.tmp"

static unsigned long context;

static void submissions(int fd)
{
	static char text[] = "something that is longer than the thirty-two bytes which are shown";
	static char into[64];
	struct iovec vector[] = {{text, 5}, {text + 5, 40}};
	struct iocb write = {.aio_data = 0x123,
	                     .aio_lio_opcode = IOCB_CMD_PWRITE,
	                     .aio_fildes = fd,
	                     .aio_reqprio = 3,
	                     .aio_buf = (uintptr_t)text,
	                     .aio_nbytes = 20,
	                     .aio_offset = 7};
	struct iocb read = {.aio_lio_opcode = IOCB_CMD_PREAD,
	                    .aio_fildes = fd,
	                    .aio_buf = (uintptr_t)into,
	                    .aio_nbytes = sizeof(into),
	                    .aio_flags = IOCB_FLAG_RESFD | IOCB_FLAG_IOPRIO,
	                    .aio_resfd = fd};
	struct iocb writev = {.aio_lio_opcode = IOCB_CMD_PWRITEV,
	                      .aio_fildes = fd,
	                      .aio_buf = (uintptr_t)vector,
	                      .aio_nbytes = 2,
	                      .aio_rw_flags = 3};
	struct iocb readv = {.aio_lio_opcode = IOCB_CMD_PREADV,
	                     .aio_fildes = fd,
	                     .aio_buf = (uintptr_t)vector,
	                     .aio_nbytes = 1,
	                     .aio_offset = -1};
	struct iocb sync = {.aio_lio_opcode = IOCB_CMD_FSYNC, .aio_fildes = fd, .aio_buf = 5, .aio_nbytes = 6};
	struct iocb poll = {.aio_lio_opcode = IOCB_CMD_POLL, .aio_fildes = fd, .aio_buf = 5};
	struct iocb wrong = {
		.aio_lio_opcode = 77, .aio_fildes = -1, .aio_reqprio = -1, .aio_flags = -1, .aio_resfd = -1};
	struct iocb none = {.aio_lio_opcode = IOCB_CMD_NOOP, .aio_fildes = fd};
	struct iocb *one[] = {&write}, *all[] = {&read, &writev, &readv, &sync, &poll, NULL, &wrong, &none, BAD};
	struct io_event events[4];

	syscall(SYS_io_submit, context, 1L, one);
	syscall(SYS_io_getevents, context, 1L, 4L, events, NULL);
	syscall(SYS_io_submit, 0L, 9L, all);
	syscall(SYS_io_submit, context, 0L, all);
	syscall(SYS_io_submit, context, -1L, all);
	syscall(SYS_io_submit, context, 1L, all + 6);
	syscall(SYS_io_submit, context, 2L, NULL);
	syscall(SYS_io_submit, -1L, 2L, BAD);
	syscall(SYS_io_cancel, context, &write, events);
	syscall(SYS_io_cancel, 0L, NULL, BAD);
	syscall(SYS_io_cancel, 0L, BAD, NULL);
}

static void results(void)
{
	struct {
		long s, ns;
	} at_once = {0, 1}, wrong = {-1, -1};
	struct {
		long long s, ns;
	} wide = {0, 2};
	uint64_t mask = 0x201;
	struct {
		void *mask;
		unsigned long size;
	} signals = {&mask, 8}, none = {NULL, 8}, odd = {&mask, 77};
	struct io_event events[4];

	syscall(SYS_io_getevents, context, 0L, 4L, events, &at_once);
	syscall(SYS_io_getevents, 0L, -1L, -1L, NULL, NULL);
	syscall(SYS_io_getevents, 0L, 1L, 4L, BAD, &wrong);
	syscall(SYS_io_getevents, 0L, 1L, 4L, BAD, BAD);
	syscall(SYS_io_pgetevents, context, 0L, 4L, events, &at_once, &signals);
	syscall(SYS_io_pgetevents, 0L, 1L, 4L, BAD, NULL, NULL);
	syscall(SYS_io_pgetevents, 0L, 1L, 4L, BAD, &at_once, &none);
	syscall(SYS_io_pgetevents, 0L, 1L, 4L, BAD, &at_once, &odd);
	syscall(SYS_io_pgetevents, 0L, 1L, 4L, BAD, NULL, BAD);
#ifdef SYS_io_pgetevents_time64
	syscall(SYS_io_pgetevents_time64, context, 0L, 4L, events, &wide, &signals);
	syscall(SYS_io_pgetevents_time64, 0L, 0L, 4L, events, &wide, NULL);
#endif
	(void)wide;
}

int main(void)
{
	int fd = open(NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);

	syscall(SYS_io_setup, 3, &context);
	syscall(SYS_io_setup, 3, &context);
	syscall(SYS_io_setup, 0, NULL);
	syscall(SYS_io_setup, -1, BAD);
	submissions(fd);
	results();
	syscall(SYS_io_destroy, context);
	syscall(SYS_io_destroy, -1L);
	syscall(SYS_io_destroy, 0L);
	unlink(NAME);
	return 0;
}

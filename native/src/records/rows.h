/* SPDX-License-Identifier: Apache-2.0
 *
 * What is worth capturing of a call: data, that every engine can read, and no code.
 *
 * A call without a row of its own has one that follows from the types of its arguments (syscall_arguments.txt): paths,
 * descriptors. A row here replaces that. Calls whose meaning one argument decides (ioctl, fcntl, prctl, bpf) have a row
 * for each value of interest, and one without a value for the rest.
 */
#ifndef STL_ROWS_H
#define STL_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "records/calls.h"

enum take {
	TAKE_END,    /* no more in this row */
	TAKE_PATH,   /* a string up to its NUL, at most PATH_MAX: printed whole */
	TAKE_STRING, /* a string up to its NUL, at most the string limit (and one byte, to tell whether there is more) */
	TAKE_BYTES, /* `length` bytes, at most the string limit: file and socket data; left out where data is not wanted */
	TAKE_OBJECT,     /* `size` bytes */
	TAKE_SIZED,      /* `length` bytes, at most `size` */
	TAKE_ARRAY,      /* `length` elements of `size` bytes each, at most the element limit (and one more) */
	TAKE_STRINGS,    /* argv: pointers up to a null pointer, and their strings */
	TAKE_COUNT,      /* envp: how many pointers up to a null pointer; the strings where all is wanted (-v) */
	TAKE_IOVEC,      /* `length` struct iovec, and of each its bytes; at EXIT no more bytes in all than the result,
	             * of a call that failed (ALWAYS) none */
	TAKE_MSGHDR,     /* struct msghdr: name, iovec with contents, control */
	TAKE_MMSGHDR,    /* `length` struct mmsghdr */
	TAKE_DESCRIPTOR, /* the argument is a descriptor: what it is, where that is wanted (-y); with `at` it is an int at
	                  * that offset, less 1, of the object there, which the row takes too */
	TAKE_POLLFDS,    /* `length` struct pollfd: as TAKE_ARRAY, and what the descriptors are */
	TAKE_FDSETS,     /* the argument is a bitmap of descriptors below `length`: it, and what they are */
	TAKE_FDS, /* `length` times `size` bytes of ints that are descriptors (pipe, socketpair): it, and what they are */
	TAKE_RESULT_FD, /* the result is a descriptor */
	TAKE_PID,       /* the argument is a PID: whose, where that is wanted */
	TAKE_RESULT_PID,
	TAKE_STACK, /* `size` bytes from the stack pointer on: what rt_sigreturn(2) restores; `arg` has no meaning */
	TAKE_IOCBS, /* `length` pointers, and the struct iocb (aio) that each points to, and the data of a write, PWRITEV's
	             * and PREADV's iovec */
};

enum when {
	WHEN_ENTRY,
	WHEN_EXIT,   /* of a call that succeeded */
	WHEN_ALWAYS, /* at the exit, of one that failed too */
	WHEN_BOTH,   /* ENTRY and EXIT */
};

enum length {
	LENGTH_ONE,
	LENGTH_ARG,     /* the value of argument `length_arg` */
	LENGTH_RESULT,  /* the call's result */
	LENGTH_LESSER,  /* the lesser of the two */
	LENGTH_POINTED, /* the uint32_t that argument `length_arg` points to (a socklen_t *), at that moment */
	LENGTH_FIELD, /* the word of the object that `arg` points to, at offset `length_at` (32-bit ABI: `length_at32`) */
	LENGTH_FIELD32, /* likewise the uint32_t at that offset */
	LENGTH_FIELD16, /* likewise the uint16_t */
};

#define TAKES 8
#define ANY_VALUE UINT64_MAX

struct capture {
	uint8_t take; /* enum take */
	uint8_t when; /* enum when */
	uint8_t arg;  /* 0 to 5 */
	uint8_t length, length_arg;
	/* 0: the argument is the pointer. Else the pointer lies in the object that the argument points to, at this offset
	 * less 1; the word is read anew (a tracee may change it meanwhile). */
	uint8_t at, at32;
	uint8_t length_at, length_at32;
	uint16_t size, size32; /* size32: of a 32-bit ABI, 0: the same */
	uint8_t skip, skip32;  /* so many bytes behind the pointer it begins: a message, behind its type */
	/* What nobody has looked at lies in it, keys among it. Where data is not wanted, of a TAKE_SIZED an int is taken,
	 * of anything else nothing; but of a socket's option that has a form of its own all. */
	bool opaque;
};

struct capture_row {
	uint16_t call;        /* enum call_id */
	uint8_t by;           /* 1 + the argument that decides; 0: the row is for all */
	uint64_t value, mask; /* the argument's value under the mask (0: all bits); ANY_VALUE: all other values */
	struct capture captures[TAKES];
};

/* Of each family, ended by a row with call CALL_UNKNOWN. */
extern const struct capture_row file_rows[], network_rows[], process_rows[], system_rows[];

/* Once, before the first row_of(). */
void rows_prepare(void);
/* Whether an option's value is a struct that is shown by its fields (decode/network_options.c), none of them secret. */
bool option_has_form(uint32_t level, uint32_t name);
/* Never NULL. An ioctl without a row of its own has one made from the direction and size in its number: *made. */
const struct capture_row *row_of(enum call_id call, const uint64_t args[6], struct capture_row *made);

#endif

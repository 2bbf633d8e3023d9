/* SPDX-License-Identifier: Apache-2.0
 *
 * From a record to text: what every family of calls decodes with. A decoder sees records alone, never a process, so all
 * that it prints was captured; it runs on another machine, of another architecture, years later.
 *
 * A call's decoder runs twice, as a call has two phases: once `entering`, for what can be told before it has run, and
 * once `exiting`, for the rest. Between the two other lines may have been printed (`<unfinished ...>`). Each phase
 * begins an argument with argument(), in order; what the first has begun the second does not begin again.
 *
 *     static void decode_read(struct decoder *d)
 *     {
 *             if (entering(d)) {
 *                     argument(d);
 *                     print_fd(d, d->args[0]);
 *             } else {
 *                     argument(d);
 *                     print_result_bytes(d, d->args[1]);
 *                     argument(d);
 *                     print_unsigned(d, d->args[2]);
 *             }
 *     }
 *
 * Memory is fetched by its address, as the tracee has it; at the exit, what was captured there at the exit goes before
 * what was captured at the entry. All of it is hostile: a length in it is a claim, and no pointer is ever followed but
 * by another fetch.
 */
#ifndef STL_DECODE_H
#define STL_DECODE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "records/calls.h"
#include "records/record.h"
#include "stracelet.h"

/* ---- the state of one decoding ------------------------------------------------------------------- */

enum result_format {
	RESULT_DECIMAL,
	RESULT_HEX,
	RESULT_OCTAL,
	RESULT_UNSIGNED,
	RESULT_FD,   /* a descriptor: with its path, under -y */
	RESULT_PID,  /* a PID: with its comm, under -Y */
	RESULT_NONE, /* the call never returns: "?" */
};

struct output; /* decode/output.h: where text goes, and how */

struct decoder {
	const struct stl_print_options *options;
	struct output *out;
	const struct stl_record *record;
	enum call_id call; /* what it is decoded as: of socketcall and ipc the call behind it */
	int abi;
	unsigned word;    /* bytes of a pointer and a long there: 4 or 8 */
	uint64_t args[6]; /* of a 32-bit ABI zero-extended */
	int64_t result;
	int error; /* a positive errno, or 0 */
	bool exiting;
	bool finished; /* false: it never returned (its task was killed in it) */
	int begun;     /* arguments */
	enum result_format result_format;
	enum call_id interrupted; /* of its task: the call that restart_syscall(2) would go on with */
};

static inline bool entering(const struct decoder *d)
{
	return !d->exiting;
}

/* Whether what the kernel should have filled in is not to be believed: the call failed, or never returned. */
static inline bool failed(const struct decoder *d)
{
	return d->error || !d->finished;
}

/* All elements and fields are wanted (-v). */
bool verbose(const struct decoder *d);

typedef void call_decoder(struct decoder *d);

struct decoder_entry {
	enum call_id call;
	call_decoder *decode;
};

/* Of each family, ended by an entry with CALL_UNKNOWN. A call without one is printed by the types of its arguments. */
extern const struct decoder_entry file_decoders[], network_decoders[], process_decoders[], system_decoders[];

/* ---- what was captured ---------------------------------------------------------------------------- */

/* Copies `size` bytes from the tracee's `address`; false: not all of them were captured, and nothing is copied. */
bool fetch(const struct decoder *d, uint64_t address, void *into, size_t size);
/* Copies what there is of them, from the front; how many bytes. */
size_t fetch_some(const struct decoder *d, uint64_t address, void *into, size_t size);
/* A pointer or long of the tracee's ABI. */
bool fetch_word(const struct decoder *d, uint64_t address, uint64_t *value);
/* Where what was captured at exactly that address begins; NULL: nothing. Its status says why it is short. */
const struct stl_capture *fetch_capture(const struct decoder *d, uint64_t address, uint8_t kind);

/* ---- arguments, structs, arrays ---------------------------------------------------------------------- */

/* Begins the next argument: ", " before all but the first; in JSON an item of its own, with the name that the kernel
 * gives it, and its value. */
void argument(struct decoder *d);
/* Likewise, for what is no argument of the kernel's by that name, or another's value. */
void argument_named(struct decoder *d, const char *name, uint64_t value);

/* "{", then fields, then "}". */
void begin_struct(struct decoder *d);
/* ", " before all but the first of its struct, then "name=". */
void field(struct decoder *d, const char *name);
/* Fields are left out, since not all is wanted: ", ..." before the "}". */
void end_struct_short(struct decoder *d);
void end_struct(struct decoder *d);

typedef void print_element(struct decoder *d, const void *element, size_t index);
/* "[a, b, ...]": `count` elements of `size` bytes at `address`; the address where nothing was captured; "..." where the
 * element limit ends it, a comment with the address where memory ends. NULL pointer: "NULL". */
void print_array(struct decoder *d, uint64_t address, uint64_t count, size_t size, print_element *print);

/* ---- the simple things ------------------------------------------------------------------------------- */

void print(struct decoder *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
void print_text(struct decoder *d, const char *text);
void print_comment(struct decoder *d, const char *format, ...)
	__attribute__((format(printf, 2, 3))); /* in comment marks */
/* Of a 32-bit ABI, and of what is an int to the kernel, the low half counts: the caller casts. */
void print_signed(struct decoder *d, int64_t value);
void print_unsigned(struct decoder *d, uint64_t value);
void print_hex(struct decoder *d, uint64_t value); /* 0x1f, and 0 as "0" */
void print_octal(struct decoder *d, uint64_t value);
void print_address(struct decoder *d, uint64_t value); /* "NULL", or 0x.. */
/* (what, decoded from it): a pointer to an int, `[3]`; the address where it was not captured. */
void print_int_at(struct decoder *d, uint64_t address);
void print_u32_at(struct decoder *d, uint64_t address);
void print_u64_at(struct decoder *d, uint64_t address);
void print_word_at(struct decoder *d, uint64_t address); /* a long of the tracee's */

/* ---- strings and data --------------------------------------------------------------------------------- */

/* A path: whole, quoted. */
void print_path(struct decoder *d, uint64_t address);
/* A string up to its NUL, at most the string limit, then "...". */
void print_string(struct decoder *d, uint64_t address);
/* `length` bytes of data, at most the string limit; the address where data is not wanted or was not captured. */
void print_bytes(struct decoder *d, uint64_t address, uint64_t length);
/* Data that the call has put there, as many bytes as its result says; the address if it failed. */
void print_result_bytes(struct decoder *d, uint64_t address);
/* Bytes that the decoder has itself, quoted with the escapes that were asked for (-x); limit 0: all. `ended`: they are a
 * string, whose NUL is left out. */
void print_quoted(struct decoder *d, const void *bytes, size_t size, size_t limit, bool ended);
/* Likewise, of `size` bytes those that are `shown`: what is masked is looked for in all. */
void print_shown(struct decoder *d, const void *bytes, size_t size, size_t shown);
/* argv, envp: ["a", "b"], or the address and how many there are. */
void print_strings(struct decoder *d, uint64_t address, bool count_only);
/* struct iovec *, with what is in each; `limit`: bytes in all (the result, at the exit), UINT64_MAX: none. */
void print_iovec(struct decoder *d, uint64_t address, uint64_t count, uint64_t limit);

/* ---- constants -------------------------------------------------------------------------------------- */

/* Tables are generated (constants/), in the order in which they are specified: flags are printed in that order, and it is
 * not always that of the values (EFD_CLOEXEC|EFD_NONBLOCK, R_OK|W_OK, STATX_ALL before its bits). Of several names of
 * one value the first counts. */
struct constant {
	uint64_t value;
	const char *name;
};

struct constants {
	const struct constant *items;
	size_t count;
	const char *unknown; /* "O_???" */
	bool unsorted;       /* the order is not that of the values: a value is looked for from the front */
};

/* NULL: it has no name. */
const char *constant_name(const struct constants *table, uint64_t value);
/* The name; or 0x.. and the table's unknown as a comment. As -X wants it. */
void print_constant(struct decoder *d, const struct constants *table, uint64_t value);
/* NAME|NAME|0x..; of a value without any name 0x.. and the unknown as a comment; "0", or the table's name for 0. */
void print_flags(struct decoder *d, const struct constants *table, uint64_t value);
/* Likewise, where some bits are a number of their own (O_ACCMODE, S_IFMT): these first, by `first`. */
void print_flags_with(struct decoder *d, const struct constants *first, uint64_t first_mask,
                      const struct constants *table, uint64_t value);

/* ---- things that many calls have ----------------------------------------------------------------------- */

void print_fd(struct decoder *d, uint64_t value);    /* an int; with <path> under -y */
void print_dirfd(struct decoder *d, uint64_t value); /* AT_FDCWD too */
void print_pid(struct decoder *d, uint64_t value);
void print_id(struct decoder *d, uint64_t value); /* uid_t, gid_t: -1 as "-1" */
void print_signal(struct decoder *d, uint64_t value);
void print_signal_name(struct decoder *d, uint64_t value); /* whatever -X wants: SIGHUP */
void print_mode(struct decoder *d, uint64_t value);        /* 0644 */
void print_file_mode(struct decoder *d, uint64_t value);   /* S_IFREG|0644 */
void print_device(struct decoder *d, uint64_t value);      /* makedev(0x8, 0x1) */
void print_open_flags(struct decoder *d, uint64_t value);
void print_sigset(struct decoder *d, uint64_t address, uint64_t size); /* [INT CHLD], ~[KILL], [] */
void print_sigset_value(struct decoder *d, uint64_t set);
/* Each struct in the layout of its name: timespec and timeval by the ABI's word, *_64 with 64-bit fields on every ABI. */
void print_timespec(struct decoder *d, uint64_t address);
void print_timespec64(struct decoder *d, uint64_t address);
void print_timeval(struct decoder *d, uint64_t address);
void print_siginfo(struct decoder *d, const void *siginfo, size_t size); /* the native siginfo_t */
void print_sockaddr(struct decoder *d, uint64_t address, uint64_t length);
/* A socket's filter: `count` struct sock_filter, under -v. */
void print_filter(struct decoder *d, uint64_t address, uint64_t count);
void print_rusage(struct decoder *d, uint64_t address);
void print_wait_status(struct decoder *d, uint64_t status);
void print_errno(struct decoder *d, int error); /* ENOENT */

/* ---- the result -------------------------------------------------------------------------------------- */

/* At the exit: how the result is printed, and what goes in brackets behind it. */
void result_is(struct decoder *d, enum result_format format);
void result_note(struct decoder *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What print*() prints until end_note() goes into the note, not the line: "(left {tv_sec=1, tv_nsec=0})". */
void begin_note(struct decoder *d);
void end_note(struct decoder *d);

/* ---- the core (decoder.c) ------------------------------------------------------------------------------- */

/* Once. */
void decoders_prepare(void);
call_decoder *decoder_of(enum call_id call);
/* Prints one phase of the record's call: its arguments alone. */
void decode_phase(struct decoder *d);
/* As which call a call is decoded whose first argument says it (socketcall, ipc): args are changed likewise. */
void decode_as(struct decoder *d, enum call_id call, const uint64_t args[6]);

#endif

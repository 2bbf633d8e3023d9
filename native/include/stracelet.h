/* SPDX-License-Identifier: Apache-2.0
 *
 * The contract between the native program (supervisor and tracer), the native library and Python.
 *
 * The part between the cdef marks is read by the compiler and by cffi alike, so it holds only what both
 * understand: integer constants, structs of fixed-width integers, and function declarations.
 * All times are nanoseconds. All counts are 64 bits wide.
 */
#ifndef STRACELET_H
#define STRACELET_H

#include <stddef.h>
#include <stdint.h>

/* cdef: begin */

/* ---- identifiers -------------------------------------------------------------------------------- */

#define STL_VERSION 3

#define STL_ABI_X86_64 0
#define STL_ABI_I386 1
#define STL_ABI_AARCH64 2
#define STL_ABI_UNKNOWN 3
/* A row of this ABI counts a signal: its number is the signal's, its calls are in bucket 0. */
#define STL_ABI_SIGNAL 4

/* A number that has no name, such as one outside [0, STL_MAX_NUMBER), is booked as STL_NUMBER_UNKNOWN. */
#define STL_MAX_NUMBER 1024
#define STL_NUMBER_UNKNOWN -1
/* What calls are booked as whose container may have no further row. */
#define STL_NUMBER_OTHER -2

#define STL_ID_SIZE 80
#define STL_TEXT_SIZE 512

/* ---- the arena: sizes --------------------------------------------------------------------------- */

#define STL_THREADS 128
#define STL_SLOTS 1024
#define STL_ROWS 65536

/* Bucket i holds durations in (edge(i-1), edge(i)], edge(i) = 250 ns * 2^(i/8) * (1 + (i%8)/8); bucket 0 is
 * [0, 250 ns], the last one is everything above 250 ns * 2^35. */
#define STL_OCTAVES 35
#define STL_BUCKETS 282
#define STL_EDGES 281
/* A row whose places for errnos are taken, but for the last one, is followed by another row of the same key, up to
 * STL_KEY_ROWS. Then the last place counts what has none of its own, as STL_ERROR_OTHER: a target's seccomp filter
 * gives its calls any errno (seccomp(2), SECCOMP_RET_ERRNO). */
#define STL_ROW_ERRNOS 16
#define STL_KEY_ROWS 3
#define STL_MAX_ERRNO 4095
#define STL_ERROR_OTHER 4096

/* ---- the rings: records, one ring for each tracer thread ------------------------------------------- */

#define STL_RING_SIZE 4194304

/* ---- messages: fixed size, over SOCK_SEQPACKET ---------------------------------------------------- */

struct stl_message {
	uint32_t type;
	uint32_t slot;
	uint64_t serial;
	int64_t pid;
	int64_t value;
	int64_t detail;
	char id[80];    /* STL_ID_SIZE, NUL-terminated */
	char text[512]; /* STL_TEXT_SIZE, NUL-terminated */
};

/* supervisor -> agent */
#define STL_SUP_ARENA 1          /* SCM_RIGHTS: the arena's memfd */
#define STL_SUP_TRACER_STARTED 2 /* value: generation, pid: the tracer's */
#define STL_SUP_TRACER_ENDED 3   /* value: enum STL_END_*, detail: wait status */
#define STL_SUP_COMMAND_ENDED 4  /* pid, detail: wait status; value: errno if its exec failed, text: what failed */
#define STL_SUP_CONNECTED 5      /* value: index, detail: 0 and SCM_RIGHTS: the socket; or an errno */
#define STL_SUP_POSITIONS 6      /* SCM_RIGHTS: the memfd with the rings' read positions, which the agent writes */
/* agent -> supervisor */
#define STL_SUP_CONNECT 16 /* value: index into the supervisor's --connect list */
#define STL_SUP_SIGNAL 17  /* value: SIGHUP, SIGINT, SIGQUIT or SIGTERM, for the command */

#define STL_TRACE_SILENT 1 /* it is counted; nothing of it is recorded */

#define STL_END_EXITED 0 /* by itself, after STL_REQ_END */
#define STL_END_DIED 1   /* by a signal or an error */
#define STL_END_STALLED 2

/* agent -> tracer, each idempotent */
/* value: 1: new containers are traced from their first exec as provisional; 0: not; detail: STL_TRACE_* */
#define STL_REQ_POLICY 32
/* id: trace this container, now or as soon as its cgroup appears; keeps a provisional one; detail: STL_TRACE_* */
#define STL_REQ_TRACE 33
/* pid: trace this process (value: its start time in clock ticks, 0 not to check); id "pid:N"; detail: STL_TRACE_* */
#define STL_REQ_PID 34
#define STL_REQ_DROP 35    /* id: stop tracing it; value: 1: throw away what was counted */
#define STL_REQ_RELEASE 36 /* slot, serial: its statistics are not needed any more */
#define STL_REQ_FILTER 38  /* text: `detail` bytes of struct stl_filter, from its offset `value` on */
#define STL_REQ_RECORD 39  /* value: STL_RECORD_*, 0: no records; detail: string limit; after the filter */
#define STL_REQ_COMMAND 40 /* what there was to ask for is asked: the command may exec */
#define STL_REQ_HANG 47    /* only in a build for tests: every tracer thread hangs */
#define STL_REQ_END 37     /* detach everything, answer STL_EV_END, exit */

/* tracer -> agent: hints, never waited for; the arena's slots are the truth */
#define STL_EV_HELLO 64     /* value: generation, pid */
#define STL_EV_SEEN 65      /* id, text: path under its hierarchy's root: a container's cgroup appeared, not traced */
#define STL_EV_NEW 66       /* slot, serial, id, text: as SEEN, and it is traced provisionally: trace or drop it */
#define STL_EV_GONE 67      /* id: its cgroup is gone */
#define STL_EV_ATTACHED 68  /* slot, serial, id; value: tasks attached, detail: tasks still waited for */
#define STL_EV_FAILED 69    /* slot, serial, id, pid; value: enum STL_FAIL_*, detail: errno or the other tracer's PID */
#define STL_EV_ENDED 70     /* slot, serial, id: no task is left, and none will come */
#define STL_EV_WAITING 71   /* id: no such cgroup yet; it is traced as soon as it appears */
#define STL_EV_TIMEOUT 72   /* slot, serial, id: provisional for 2 s without an answer: let go and thrown away */
#define STL_EV_OVERFLOW 73  /* messages were lost: read the slots again */
#define STL_EV_REFUSED 74   /* id, pid, detail: errno; text: why a request was refused */
#define STL_EV_END 75       /* everything is detached */
#define STL_EV_UNWATCHED 76 /* detail: errno that keeps the cgroup tree from being watched; 0: it is */

#define STL_FAIL_TRACED 0     /* somebody else traces it; detail: that tracer's thread ID */
#define STL_FAIL_PERMISSION 1 /* detail: errno */
#define STL_FAIL_TARGET_TRACES 2
#define STL_FAIL_LATE 3  /* attached after its first exec; text: why, if it had not to be left alone until then */
#define STL_FAIL_LIMIT 4 /* no free slot, row or tracer thread */
#define STL_FAIL_OTHER 5 /* detail: errno */
#define STL_FAIL_REASONS 6

/* ---- the reader: what Python sees of the arena ----------------------------------------------------- */

#define STL_SLOT_FREE 0
#define STL_SLOT_PROVISIONAL 1 /* traced, name not known yet */
#define STL_SLOT_TRACED 2
#define STL_SLOT_LEAVING 3 /* being detached; statistics are kept */
#define STL_SLOT_ENDED 4   /* no task left; statistics are kept until released */
#define STL_SLOT_LEFT 5    /* all detached, or ended meanwhile; statistics are kept until released */

struct stl_info {
	uint32_t generation; /* of the tracer: 1 for the first one */
	uint32_t tracer_pid;
	uint64_t created_ns; /* CLOCK_REALTIME */
	uint64_t rows_used;
	uint64_t rows_refused; /* calls that found no free row (they are in no row) */
	uint64_t calls_folded; /* booked as STL_NUMBER_OTHER or STL_ERROR_OTHER */
	uint32_t threads;      /* tracer threads now */
	uint32_t slots_used;
};

struct stl_container {
	uint32_t slot;
	uint32_t state;
	uint64_t serial;
	uint64_t first_ns;     /* CLOCK_REALTIME at which tracing began: its counters' created time */
	uint64_t end_ns;       /* CLOCK_REALTIME at which it ended, or 0 */
	uint64_t traced_ns;    /* time with at least one task attached */
	uint64_t held_ns;      /* time its tasks were held in our stops, summed over tasks */
	uint64_t cpu_ns;       /* estimate of its tasks' own CPU time while traced */
	uint64_t delayed;      /* attach_delayed_total */
	uint64_t eintr_passed; /* -EINTR that tracing caused and that could not be undone */
	uint64_t failures[6];  /* by STL_FAIL_* */
	uint32_t tracees;
	uint32_t pending; /* tasks seized whose tracing has not begun yet */
	char id[80];
};

/* The sum over all rows of (container, ABI, number). */
struct stl_cell {
	uint32_t slot;
	uint32_t abi;
	int32_t number;
	uint32_t reserved;
	uint64_t serial;
	uint64_t calls;
	uint64_t errors;
	uint64_t sum_ns;
	uint64_t min_ns;
	uint64_t max_ns;
	uint64_t buckets[32]; /* not cumulative: bucket i is calls in (edge[i-1], edge[i]]; [n_edges] is the rest */
};

struct stl_error_cell {
	uint32_t slot;
	uint32_t abi;
	int32_t number;
	uint32_t error; /* a positive errno, or STL_ERROR_OTHER */
	uint64_t serial;
	uint64_t calls;
};

#define STL_MAX_EDGES 31

typedef struct stl_reader stl_reader;

/* All return a count or 0, or -errno. Nothing in the arena is trusted; a reader never writes to it and never blocks.
 * One thread at a time uses a reader. Of what is copied to an array the count there is is returned; at most max are
 * copied, so with max 0 the count alone is asked for. */
int stl_reader_open(int arena_fd, stl_reader **out); /* -EINVAL: not an arena of this version */
void stl_reader_close(stl_reader *reader);
int stl_reader_info(stl_reader *reader, struct stl_info *out);
int stl_reader_containers(stl_reader *reader, struct stl_container *out, int max);
/* Takes a consistent copy of every row in use and adds them up; edges: upper bounds in ns, ascending, each one of
 * stl_bucket_edge()'s (else -EINVAL). Returns the count of cells. They stay in the reader: fetch them with the
 * two calls below. */
int stl_reader_snapshot(stl_reader *reader, const uint64_t *edges, int n_edges);
int stl_reader_cells(stl_reader *reader, struct stl_cell *out, int max);        /* sorted by slot, abi, number */
int stl_reader_errors(stl_reader *reader, struct stl_error_cell *out, int max); /* sorted likewise, then by error */

uint64_t stl_bucket_edge(int bucket); /* upper edge in ns; UINT64_MAX for the last bucket */
int stl_bucket_index(uint64_t duration_ns);
const char *stl_syscall_name(int abi, int number); /* NULL: no such syscall */
int stl_syscall_number(int abi, const char *name); /* -ENOENT */
const char *stl_errno_name(int error);             /* NULL: none */
const char *stl_signal_name(int signal);           /* "SIGHUP"; "SIGRT_2" as strace; NULL: none */

/* ---- records: which are wanted, and what is captured for them ------------------------------------------ */

#define STL_RECORD_ON 1
#define STL_RECORD_VERBOSE 2     /* -v: whole arrays, the environment's strings */
#define STL_RECORD_DESCRIPTORS 4 /* -y: what descriptors are */
#define STL_RECORD_ADDRESSES 8   /* -yy: of sockets their addresses, of devices their numbers */
#define STL_RECORD_PIDS 16       /* -Y, --decode-pids=pidns: whose a PID is */
#define STL_RECORD_LOSSLESS 32   /* a full ring is waited for; without it, records are dropped and counted */
#define STL_RECORD_NO_DATA 64    /* no file or socket data */

#define STL_STATUS_SUCCESSFUL 1
#define STL_STATUS_FAILED 2
#define STL_STATUS_UNFINISHED 4
#define STL_STATUS_UNAVAILABLE 8
#define STL_STATUS_DETACHED 16
#define STL_STATUS_ALL 31

#define STL_FILTER_WORDS 16 /* of 64 bits: STL_MAX_NUMBER */

/* Applied by the tracer at a call's entry (calls) and exit (the rest), and by the printer. */
struct stl_filter {
	uint64_t calls[48]; /* STL_FILTER_WORDS for each of the ABIs x86-64, i386, aarch64: bit n: number n is wanted */
	uint64_t signals[2]; /* bit n: signal n */
	uint64_t min_duration_ns;
	uint32_t status;  /* STL_STATUS_* */
	uint32_t unknown; /* 1: calls whose number has no name too */
	uint64_t
		dump_reads[4]; /* bit n: what is read from descriptor n is shown whole; all bits: of every descriptor */
	uint64_t dump_writes[4];
};

/* ---- the stream: the rings' records, in order of time --------------------------------------------------- */

typedef struct stl_stream stl_stream;

/* Since the stream was opened. */
struct stl_stream_info {
	uint64_t produced; /* records that passed the filter, those dropped included */
	uint64_t dropped;
	uint64_t read; /* from the rings */
};

int stl_stream_open(int arena_fd, int positions_fd, stl_stream **out); /* -EINVAL: not of this version */
void stl_stream_close(stl_stream *stream);
/* Copies whole records, checked, in order of time, and frees their place; how many bytes, 0: none that are surely in
 * order yet. all: also the youngest, which a slower thread's could still go before. size: RECORD_MAX or more. */
int64_t stl_stream_read(stl_stream *stream, void *buffer, size_t size, int all);
int stl_stream_info(stl_stream *stream, struct stl_stream_info *out);

/* ---- the printer: records to text, JSON or counts ------------------------------------------------------- */

#define STL_FORMAT_TEXT 0
#define STL_FORMAT_JSON 1
#define STL_FORMAT_COUNTS 2 /* nothing is printed; stl_printer_cells() has the sums */

#define STL_CONSTANTS_ABBREV 0 /* -X */
#define STL_CONSTANTS_RAW 1
#define STL_CONSTANTS_VERBOSE 2

#define STL_TIME_NONE 0
#define STL_TIME_SECONDS 1      /* -t: 12:34:56 */
#define STL_TIME_MICROSECONDS 2 /* -tt */
#define STL_TIME_EPOCH 3        /* -ttt */
#define STL_TIME_RELATIVE 4     /* -r */

#define STL_PRINT_DURATION 1    /* -T */
#define STL_PRINT_IP 2          /* -i */
#define STL_PRINT_VERBOSE 4     /* -v */
#define STL_PRINT_DESCRIPTORS 8 /* -y */
#define STL_PRINT_ADDRESSES 16  /* -yy */
#define STL_PRINT_COMMS 32      /* -Y */
#define STL_PRINT_PIDNS 64      /* --decode-pids=pidns */
#define STL_PRINT_NO_DATA 128   /* file and socket data as addresses */
#define STL_PRINT_MASK_EXEC 256 /* argv and envp masked */
#define STL_PRINT_ALWAYS_PID                                                                                           \
	512                   /* "1234 " before each line, as strace -f -o FILE; else "[pid 1234] " when of several */
#define STL_PRINT_NO_PID 1024 /* -ff: a file for each */
#define STL_PRINT_CONTAINER 2048 /* a prefix names the container */
#define STL_PRINT_COLOUR 4096
#define STL_PRINT_NO_ATTACH 8192      /* -q: nothing of attaching and detaching */
#define STL_PRINT_NO_EXIT 16384       /* -qq: no "+++ exited with" */
#define STL_PRINT_NO_SUPERSEDED 65536 /* -qqq: no "+++ superseded by execve" */
#define STL_PRINT_STAMPS 131072       /* each line begins with its record's time, 20 digits of ns, and a blank */
#define STL_PRINT_NAME_UNKNOWN 32768  /* records of containers that nobody has named are printed at once */

struct stl_print_options {
	uint32_t format, string_limit, column; /* column: -a, 40 */
	uint32_t hex;                          /* 1: -x, 2: -xx */
	uint32_t constants, time, flags, reserved;
	uint64_t limit; /* lines, then nothing more; 0: no limit */
	char node[64];
};

/* Of a container whose records come; UNKNOWN ones wait, at most 2 s of their own time, for one of the others. */
#define STL_NAMED_UNKNOWN 0
#define STL_NAMED_KEPT 1
#define STL_NAMED_DROPPED 2

struct stl_named {
	uint32_t slot;
	uint32_t state; /* STL_NAMED_* */
	uint64_t serial;
	char id[80];
	char name[256], pod[256], namespace[256];
};

typedef struct stl_printer stl_printer;

int stl_printer_new(const struct stl_print_options *options, const struct stl_filter *filter, stl_printer **out);
void stl_printer_free(stl_printer *printer);
int stl_printer_path(stl_printer *printer, const char *path);    /* -P: these alone; several may be given */
int stl_printer_mask(stl_printer *printer, const char *pattern); /* what matches (regex(7)) is printed as [masked] */
int stl_printer_container(stl_printer *printer, const struct stl_named *named);
/* Records as stl_stream_read() gives them; how many bytes of output wait. -EINVAL: what is no record was met. */
int64_t stl_printer_feed(stl_printer *printer, const void *records, size_t size);
/* No more will come: lines that are begun are ended. */
int64_t stl_printer_end(stl_printer *printer);
/* Takes output, all of it of one task: *tid (with STL_PRINT_NO_PID, else 0). Whole lines, but for a call in progress. */
int64_t stl_printer_take(stl_printer *printer, char *out, size_t size, int32_t *tid);
int stl_printer_done(stl_printer *printer);       /* 1: `limit` lines have been printed */
uint64_t stl_printer_lines(stl_printer *printer); /* printed */
int stl_printer_cells(stl_printer *printer, struct stl_cell *out,
                      int max); /* of STL_FORMAT_COUNTS; buckets are empty */

/* What is in a set of calls: bit b of classes[i] says that call i, of STL_CALLS, is in class b; for -e trace=%class. */
int stl_call_count(void);
const char *stl_call_name(int call);
uint64_t stl_call_classes(int call); /* bits: STL_CLASS_* */

#define STL_CLASS_FILE 1
#define STL_CLASS_DESC 2
#define STL_CLASS_NETWORK 4
#define STL_CLASS_PROCESS 8
#define STL_CLASS_SIGNAL 16
#define STL_CLASS_IPC 32
#define STL_CLASS_MEMORY 64
#define STL_CLASS_CREDS 128
#define STL_CLASS_STAT 256
#define STL_CLASS_LSTAT 512
#define STL_CLASS_FSTAT 1024
#define STL_CLASS_STAT_LIKE 2048
#define STL_CLASS_STATFS 4096
#define STL_CLASS_FSTATFS 8192
#define STL_CLASS_STATFS_LIKE 16384
#define STL_CLASS_PURE 32768
#define STL_CLASS_CLOCK 65536

/* cdef: end */

#endif

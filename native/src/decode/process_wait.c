/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting for children, and what they have used: wait4(2), waitid(2), getrusage(2), times(2).
 */
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "constants/process.h"
#include "decode/process.h"

#define SYSCALL_STOP 0x80 /* PTRACE_O_TRACESYSGOOD's */
#define RUSAGE_WORDS 18   /* two struct timeval, 14 longs: getrusage(2) */

/* wait4(2)'s status; ptrace(2) has the events above bit 16. */
void print_wait_status(struct decoder *d, uint64_t value)
{
	int status = (int32_t)value, event = (int)((uint32_t)value >> 16);

	if (WIFEXITED(status & 0xffff)) {
		print(d, "{WIFEXITED(s) && WEXITSTATUS(s) == %d}", WEXITSTATUS(status));
		status &= ~W_EXITCODE(WEXITSTATUS(status), 0);
	} else if (WIFSIGNALED(status & 0xffff)) {
		print_text(d, "{WIFSIGNALED(s) && WTERMSIG(s) == ");
		print_signal_name(d, (uint64_t)WTERMSIG(status));
		print(d, "%s}", WCOREDUMP(status) ? " && WCOREDUMP(s)" : "");
	} else if (WIFSTOPPED(status & 0xffff)) {
		int signal = WSTOPSIG(status & 0xffff);

		print_text(d, "{WIFSTOPPED(s) && WSTOPSIG(s) == ");
		print_signal_name(d, (uint64_t)(signal & ~SYSCALL_STOP));
		print(d, "%s}", signal & SYSCALL_STOP ? " | 0x80" : "");
	} else if (WIFCONTINUED(status)) {
		print_text(d, "{WIFCONTINUED(s)}");
		event = 0;
	} else {
		print(d, "%#x", (unsigned)status);
		return;
	}
	if (event) {
		print_text(d, "|");
		print_constant(d, &ptrace_events, (uint64_t)event);
		print_text(d, "<<16");
	}
}

static bool fetch_words(const struct decoder *d, uint64_t address, uint64_t *words, unsigned count)
{
	uint32_t narrow[RUSAGE_WORDS];

	if (!address || count > RUSAGE_WORDS)
		return false;
	if (d->word == 8)
		return fetch(d, address, words, count * sizeof(*words));
	if (!fetch(d, address, narrow, count * sizeof(*narrow)))
		return false;
	for (unsigned i = 0; i < count; i++)
		words[i] = (uint64_t)(int64_t)(int32_t)narrow[i];
	return true;
}

void print_rusage(struct decoder *d, uint64_t address)
{
	static const char *const names[] = {"ru_maxrss", "ru_ixrss",    "ru_idrss",   "ru_isrss",   "ru_minflt",
	                                    "ru_majflt", "ru_nswap",    "ru_inblock", "ru_oublock", "ru_msgsnd",
	                                    "ru_msgrcv", "ru_nsignals", "ru_nvcsw",   "ru_nivcsw"};
	uint64_t words[RUSAGE_WORDS];

	if (!fetch_words(d, address, words, RUSAGE_WORDS)) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field(d, "ru_utime");
	print(d, "{tv_sec=%" PRId64 ", tv_usec=%" PRIu64 "}", (int64_t)words[0], words[1]);
	field(d, "ru_stime");
	print(d, "{tv_sec=%" PRId64 ", tv_usec=%" PRIu64 "}", (int64_t)words[2], words[3]);
	if (!verbose(d)) {
		end_struct_short(d);
		return;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		field(d, names[i]);
		print_unsigned(d, words[4 + i]);
	}
	end_struct(d);
}

static void print_status_at(struct decoder *d, uint64_t address)
{
	int32_t status;

	if (!address || !fetch(d, address, &status, sizeof(status))) {
		print_address(d, address);
		return;
	}
	print_text(d, "[");
	print_wait_status(d, (uint32_t)status);
	print_text(d, "]");
}

/* With WNOHANG and a result of 0 the kernel has written nothing. */
static void print_waited(struct decoder *d, uint64_t address, print_pointed *print_it)
{
	if (failed(d) || !d->result)
		print_address(d, address);
	else
		print_it(d, address);
}

static void begin_wait(struct decoder *d)
{
	argument(d);
	print_pid(d, d->args[0]);
}

static void print_wait_rest(struct decoder *d)
{
	argument(d);
	print_waited(d, d->args[1], print_status_at);
	argument(d);
	print_flags(d, &wait_options, (uint32_t)d->args[2]);
	result_is(d, RESULT_PID);
}

void decode_waitpid(struct decoder *d)
{
	if (entering(d))
		begin_wait(d);
	else
		print_wait_rest(d);
}

void decode_wait4(struct decoder *d)
{
	if (entering(d)) {
		begin_wait(d);
		return;
	}
	print_wait_rest(d);
	argument(d);
	print_waited(d, d->args[3], print_rusage);
}

void decode_waitid(struct decoder *d)
{
	if (entering(d)) {
		argument(d);
		print_constant(d, &waitid_types, (uint32_t)d->args[0]);
		argument(d);
		if ((uint32_t)d->args[0] == P_PIDFD)
			print_fd(d, d->args[1]);
		else
			print_pid(d, d->args[1]);
		return;
	}
	argument(d);
	print_filled(d, d->args[2], print_siginfo_at);
	argument(d);
	print_flags(d, &wait_options, (uint32_t)d->args[3]);
	argument(d);
	print_filled(d, d->args[4], print_rusage);
}

void decode_getrusage(struct decoder *d)
{
	argument(d);
	if (entering(d))
		print_constant(d, &rusage_whos, (uint32_t)d->args[0]);
	else
		print_filled(d, d->args[1], print_rusage);
}

static void print_tms(struct decoder *d, uint64_t address)
{
	static const char *const names[] = {"tms_utime", "tms_stime", "tms_cutime", "tms_cstime"};
	uint64_t words[4];

	if (!fetch_words(d, address, words, 4)) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	for (size_t i = 0; i < 4; i++) {
		field(d, names[i]);
		print_unsigned(d, words[i]);
	}
	end_struct(d);
}

void decode_times(struct decoder *d)
{
	if (entering(d))
		return;
	argument(d);
	print_filled(d, d->args[0], print_tms);
	result_is(d, RESULT_UNSIGNED);
}

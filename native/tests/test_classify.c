/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <sys/ptrace.h>

#include "check.h"
#include "ptrace/classify.h"

struct row {
	const char *what;
	int code, status;
	enum stop_kind kind;
	int signal;
};

#define EVENT(event, signal) ((event) << 8 | (signal))

static const struct row table[] = {
	{"exited", CLD_EXITED, 7, STOP_DEATH, 0},
	{"killed", CLD_KILLED, SIGKILL, STOP_DEATH, 0},
	{"dumped", CLD_DUMPED, SIGSEGV, STOP_DEATH, 0},
	{"a death whose status looks like an event", CLD_EXITED, EVENT(PTRACE_EVENT_STOP, SIGSTOP), STOP_DEATH, 0},
	{"continued", CLD_CONTINUED, SIGCONT, STOP_NONE, 0},
	{"no such code", 99, SIGTRAP, STOP_NONE, 0},
	{"entry or exit", CLD_TRAPPED, SIGTRAP | 0x80, STOP_SYSCALL, 0},
	{"a breakpoint of its own", CLD_TRAPPED, SIGTRAP, STOP_SIGNAL, SIGTRAP},
	{"a signal", CLD_TRAPPED, SIGUSR1, STOP_SIGNAL, SIGUSR1},
	{"the last real-time signal", CLD_TRAPPED, 64, STOP_SIGNAL, 64},
	{"SIGSTOP on its way", CLD_TRAPPED, SIGSTOP, STOP_SIGNAL, SIGSTOP},
	{"fork", CLD_TRAPPED, EVENT(PTRACE_EVENT_FORK, SIGTRAP), STOP_CHILD, 0},
	{"vfork", CLD_TRAPPED, EVENT(PTRACE_EVENT_VFORK, SIGTRAP), STOP_CHILD, 0},
	{"clone", CLD_TRAPPED, EVENT(PTRACE_EVENT_CLONE, SIGTRAP), STOP_CHILD, 0},
	{"exec", CLD_TRAPPED, EVENT(PTRACE_EVENT_EXEC, SIGTRAP), STOP_EXEC, 0},
	{"an interrupt", CLD_TRAPPED, EVENT(PTRACE_EVENT_STOP, SIGTRAP), STOP_EVENT, 0},
	{"group stop", CLD_TRAPPED, EVENT(PTRACE_EVENT_STOP, SIGSTOP), STOP_GROUP, SIGSTOP},
	{"group stop of a terminal", CLD_TRAPPED, EVENT(PTRACE_EVENT_STOP, SIGTSTP), STOP_GROUP, SIGTSTP},
	{"group stop of a reader", CLD_TRAPPED, EVENT(PTRACE_EVENT_STOP, SIGTTIN), STOP_GROUP, SIGTTIN},
	{"group stop of a writer", CLD_STOPPED, EVENT(PTRACE_EVENT_STOP, SIGTTOU), STOP_GROUP, SIGTTOU},
	{"an event not asked for", CLD_TRAPPED, EVENT(PTRACE_EVENT_EXIT, SIGTRAP), STOP_OTHER, 0},
	{"vfork done", CLD_TRAPPED, EVENT(PTRACE_EVENT_VFORK_DONE, SIGTRAP), STOP_OTHER, 0},
	{"seccomp", CLD_TRAPPED, EVENT(PTRACE_EVENT_SECCOMP, SIGTRAP), STOP_OTHER, 0},
};

static void the_table(void)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		siginfo_t info = {.si_code = table[i].code};

		info.si_pid = 42;
		info.si_status = table[i].status;
		struct stop stop = classify_stop(&info);

		if ((int)stop.kind != (int)table[i].kind || stop.signal != table[i].signal)
			fprintf(stderr, "%s: kind %d, signal %d\n", table[i].what, stop.kind, stop.signal);
		CHECK_EQUAL(stop.kind, table[i].kind);
		CHECK_EQUAL(stop.signal, table[i].signal);
		CHECK_EQUAL(stop.tid, 42);
	}
}

/* Every status word that a wait can give: each has an answer, and a signal only where there is one. */
static void every_status(void)
{
	for (int status = 0; status < 0x20000; status++) {
		siginfo_t info = {.si_code = CLD_TRAPPED};

		info.si_status = status;
		struct stop stop = classify_stop(&info);

		CHECK(stop.kind != STOP_NONE && stop.kind != STOP_DEATH);
		CHECK((stop.kind == STOP_SIGNAL || stop.kind == STOP_GROUP) || stop.signal == 0);
		CHECK(stop.signal >= 0 && stop.signal < 128);
	}
}

int main(void)
{
	static const struct test tests[] = {
		TEST(the_table),
		TEST(every_status),
	};

	return RUN_TESTS(tests);
}

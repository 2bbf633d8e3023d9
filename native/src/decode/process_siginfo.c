/* SPDX-License-Identifier: Apache-2.0
 *
 * siginfo_t: what a signal carries depends on its code and number; sigaction(2). The layout is the kernel's
 * include/uapi/asm-generic/siginfo.h, with words of 8 bytes, or of 4 as an i386 task has it.
 */
#include <inttypes.h>
#include <linux/audit.h>
#include <signal.h>
#include <string.h>

#include "constants/process.h"
#include "decode/process.h"

#define SIGINFO_SIZE 128
#define CLOCK_TICKS 100 /* USER_HZ, the unit of si_utime and si_stime */

/* Of the union, `base` is where it begins. */
struct siginfo {
	const unsigned char *bytes; /* SIGINFO_SIZE */
	unsigned word, base;
	int32_t number, error, code;
};

static uint32_t int_at(const struct siginfo *info, unsigned offset)
{
	uint32_t value;

	memcpy(&value, info->bytes + info->base + offset, sizeof(value));
	return value;
}

static uint64_t word_at(const struct siginfo *info, unsigned offset)
{
	uint64_t value;

	if (info->word == 4)
		return int_at(info, offset);
	memcpy(&value, info->bytes + info->base + offset, sizeof(value));
	return value;
}

static void pid_field(struct decoder *d, const char *name, uint32_t pid)
{
	field(d, name);
	print_pid(d, pid);
}

static void sender(struct decoder *d, const struct siginfo *info)
{
	pid_field(d, "si_pid", int_at(info, 0));
	field(d, "si_uid");
	print_id(d, int_at(info, 4));
}

static void value(struct decoder *d, const struct siginfo *info)
{
	field(d, "si_int");
	print_signed(d, (int32_t)int_at(info, 8));
	field(d, "si_ptr");
	print_address(d, word_at(info, 8));
}

static void poll_event(struct decoder *d, const struct siginfo *info)
{
	field(d, "si_band");
	print_signed(d, info->word == 4 ? (int32_t)int_at(info, 0) : (int64_t)word_at(info, 0));
	field(d, "si_fd");
	print_fd(d, int_at(info, info->word));
}

static void by_user(struct decoder *d, const struct siginfo *info)
{
	switch (info->code) {
	case SI_USER:
	case SI_TKILL:
		sender(d, info);
		break;
	case SI_TIMER:
		field(d, "si_timerid");
		print_hex(d, int_at(info, 0));
		field(d, "si_overrun");
		print_signed(d, (int32_t)int_at(info, 4));
		value(d, info);
		break;
	case SI_SIGIO:
		poll_event(d, info);
		break;
	default:
		sender(d, info);
		if (word_at(info, 8))
			value(d, info);
	}
}

static void ticks(struct decoder *d, const char *name, uint64_t ticks)
{
	field(d, name);
	print_unsigned(d, ticks);
	if (ticks && d->options->constants != STL_CONSTANTS_RAW)
		print_comment(d, "%" PRIu64 ".%02" PRIu64 " s", ticks / CLOCK_TICKS, ticks % CLOCK_TICKS);
}

static void child(struct decoder *d, const struct siginfo *info)
{
	/* clock_t is a long, and aligned as one */
	unsigned times = info->word == 4 ? 12 : 16;

	sender(d, info);
	field(d, "si_status");
	if (info->code == CLD_EXITED)
		print_signed(d, (int32_t)int_at(info, 8));
	else
		print_signal(d, int_at(info, 8));
	ticks(d, "si_utime", word_at(info, times));
	ticks(d, "si_stime", word_at(info, times + info->word));
}

static void fault(struct decoder *d, const struct siginfo *info)
{
	field(d, "si_addr");
	print_address(d, word_at(info, 0));
	if (info->number == SIGBUS && (info->code == BUS_MCEERR_AR || info->code == BUS_MCEERR_AO)) {
		field(d, "si_addr_lsb");
		print_hex(d, int_at(info, info->word) & 0xffff);
	}
	if (info->number == SIGSEGV && info->code == SEGV_BNDERR) {
		field(d, "si_lower");
		print_address(d, word_at(info, 2 * info->word));
		field(d, "si_upper");
		print_address(d, word_at(info, 3 * info->word));
	}
	if (info->number == SIGSEGV && info->code == SEGV_PKUERR) {
		field(d, "si_pkey");
		print_unsigned(d, int_at(info, 2 * info->word));
	}
}

void print_syscall_number(struct decoder *d, uint32_t arch, uint64_t number)
{
	int abi = arch == AUDIT_ARCH_X86_64 ? STL_ABI_X86_64 : arch == AUDIT_ARCH_I386 ? STL_ABI_I386 : STL_ABI_UNKNOWN;
	const char *name = stl_syscall_name(abi, number < STL_MAX_NUMBER ? (int)number : -1);

	if (d->options->constants == STL_CONSTANTS_RAW)
		name = NULL;
	const char *prefix = abi == d->abi ? "__NR_" : "";

	if (name && *prefix && d->options->constants == STL_CONSTANTS_ABBREV) {
		print(d, "%s%s", prefix, name);
		return;
	}
	print_unsigned(d, number);
	if (name)
		print_comment(d, "%s%s", prefix, name);
}

static void denied(struct decoder *d, const struct siginfo *info)
{
	uint32_t arch = int_at(info, info->word + 4);

	field(d, "si_call_addr");
	print_address(d, word_at(info, 0));
	field(d, "si_syscall");
	print_syscall_number(d, arch, int_at(info, info->word));
	field(d, "si_arch");
	print_constant(d, &audit_architectures, arch);
}

static void by_kernel(struct decoder *d, const struct siginfo *info)
{
	switch (info->number) {
	case SIGCHLD:
		child(d, info);
		break;
	case SIGILL:
	case SIGFPE:
	case SIGSEGV:
	case SIGBUS:
	case SIGTRAP:
		fault(d, info);
		break;
	case SIGIO:
		if (info->code <= POLL_HUP)
			poll_event(d, info);
		break;
	case SIGSYS:
		denied(d, info);
		break;
	default:
		if (int_at(info, 0) || int_at(info, 4))
			sender(d, info);
		if (word_at(info, 8))
			value(d, info);
	}
}

static const struct constants *codes_of(const struct siginfo *info)
{
	/* what any signal can have */
	if (info->code <= 0 || info->code >= SI_KERNEL)
		return &si_codes;
	switch (info->number) {
	case SIGILL:
		return &sigill_codes;
	case SIGFPE:
		return &sigfpe_codes;
	case SIGSEGV:
		return &sigsegv_codes;
	case SIGBUS:
		return &sigbus_codes;
	case SIGTRAP:
		return &sigtrap_codes;
	case SIGCHLD:
		return &sigchld_codes;
	case SIGIO:
		return &sigpoll_codes;
	case SIGSYS:
		return &sigsys_codes;
	default:
		return &si_codes;
	}
}

static void print_words(struct decoder *d, const unsigned char bytes[SIGINFO_SIZE], unsigned word)
{
	struct siginfo info = {.bytes = bytes, .word = word, .base = word == 4 ? 12 : 16};

	memcpy(&info.number, bytes, 4);
	memcpy(&info.error, bytes + 4, 4);
	memcpy(&info.code, bytes + 8, 4);
	begin_struct(d);
	if (info.number) {
		field(d, "si_signo");
		print_signal(d, (uint32_t)info.number);
		field(d, "si_code");
		print_constant(d, codes_of(&info), (uint32_t)info.code);
		if (info.error) {
			field(d, "si_errno");
			if (info.error > 0)
				print_errno(d, info.error);
			else
				print_unsigned(d, (uint32_t)info.error);
		}
		if (info.code <= 0)
			by_user(d, &info);
		else
			by_kernel(d, &info);
	}
	end_struct(d);
}

void print_siginfo(struct decoder *d, const void *siginfo, size_t size)
{
	unsigned char bytes[SIGINFO_SIZE] = {0};

	memcpy(bytes, siginfo, size < sizeof(bytes) ? size : sizeof(bytes));
	/* PTRACE_GETSIGINFO gives a tracer's own layout, and a tracer is a 64-bit program */
	print_words(d, bytes, 8);
}

void print_siginfo_at(struct decoder *d, uint64_t address)
{
	unsigned char bytes[SIGINFO_SIZE] = {0};

	if (!address || !fetch(d, address, bytes, sizeof(bytes)))
		print_address(d, address);
	else
		print_words(d, bytes, d->word);
}

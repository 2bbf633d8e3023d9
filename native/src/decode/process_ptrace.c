/* SPDX-License-Identifier: Apache-2.0
 *
 * ptrace(2): what its third and fourth argument are depends on the request.
 */
#include <inttypes.h>
#include <linux/elf.h>
#include <string.h>

#include "constants/process.h"
#include "decode/process.h"

/* Requests, of all architectures and of x86 (linux/ptrace.h, asm/ptrace-abi.h). */
#define PTRACE_TRACEME 0
#define PTRACE_PEEKUSER 3
#define PTRACE_GET_SYSCALL_INFO 0x420e

enum operand {
	NOTHING,
	ADDRESS,
	HEX,
	UNSIGNED,
	USER,   /* an offset into struct user */
	REGSET, /* NT_* */
	PEEKED, /* struct ptrace_peeksiginfo_args */
	SIGNAL,
	OPTIONS,
	OUT_WORD,
	OUT_LONG,
	REGISTERS,
	OUT_REGISTERS,
	SIGINFO,
	OUT_SIGINFO,
	OUT_SIGINFOS,
	SIGMASK,
	OUT_SIGMASK,
	PART,
	OUT_PART,
	OUT_SYSCALL_INFO,
};

/* `unknown` stands for all that is not here. */
static const struct request {
	uint32_t request;
	uint8_t addr, data;
} requests[] = {
	{PTRACE_TRACEME, NOTHING, NOTHING},
	{1, ADDRESS, OUT_WORD}, /* PEEKTEXT */
	{2, ADDRESS, OUT_WORD}, /* PEEKDATA */
	{PTRACE_PEEKUSER, USER, OUT_WORD},
	{4, ADDRESS, HEX},               /* POKETEXT */
	{5, ADDRESS, HEX},               /* POKEDATA */
	{6, USER, HEX},                  /* POKEUSER */
	{7, ADDRESS, SIGNAL},            /* CONT */
	{8, NOTHING, NOTHING},           /* KILL */
	{9, ADDRESS, SIGNAL},            /* SINGLESTEP */
	{12, NOTHING, OUT_REGISTERS},    /* GETREGS */
	{13, NOTHING, REGISTERS},        /* SETREGS */
	{14, NOTHING, ADDRESS},          /* GETFPREGS */
	{15, NOTHING, ADDRESS},          /* SETFPREGS */
	{16, NOTHING, NOTHING},          /* ATTACH */
	{17, ADDRESS, SIGNAL},           /* DETACH */
	{21, ADDRESS, OPTIONS},          /* OLDSETOPTIONS */
	{24, ADDRESS, SIGNAL},           /* SYSCALL */
	{31, ADDRESS, SIGNAL},           /* SYSEMU */
	{32, ADDRESS, SIGNAL},           /* SYSEMU_SINGLESTEP */
	{33, ADDRESS, SIGNAL},           /* SINGLEBLOCK */
	{0x4200, ADDRESS, OPTIONS},      /* SETOPTIONS */
	{0x4201, ADDRESS, OUT_LONG},     /* GETEVENTMSG */
	{0x4202, ADDRESS, OUT_SIGINFO},  /* GETSIGINFO */
	{0x4203, ADDRESS, SIGINFO},      /* SETSIGINFO */
	{0x4204, REGSET, OUT_PART},      /* GETREGSET */
	{0x4205, REGSET, PART},          /* SETREGSET */
	{0x4206, ADDRESS, OPTIONS},      /* SEIZE */
	{0x4207, NOTHING, NOTHING},      /* INTERRUPT */
	{0x4208, NOTHING, NOTHING},      /* LISTEN */
	{0x4209, PEEKED, OUT_SIGINFOS},  /* PEEKSIGINFO */
	{0x420a, UNSIGNED, OUT_SIGMASK}, /* GETSIGMASK */
	{0x420b, UNSIGNED, SIGMASK},     /* SETSIGMASK */
	{0x420c, UNSIGNED, ADDRESS},     /* SECCOMP_GET_FILTER */
	{0x420d, UNSIGNED, ADDRESS},     /* SECCOMP_GET_METADATA */
	{PTRACE_GET_SYSCALL_INFO, UNSIGNED, OUT_SYSCALL_INFO},
};

static const struct request unknown = {0, ADDRESS, ADDRESS};

static const struct request *request_of(uint64_t number)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		if (requests[i].request == number)
			return &requests[i];
	}
	return &unknown;
}

/* struct user of x86-64 (sys/user.h) */
static const struct {
	uint16_t offset;
	const char *name;
} user_places[] = {
	{0, "8*R15"},
	{8, "8*R14"},
	{16, "8*R13"},
	{24, "8*R12"},
	{32, "8*RBP"},
	{40, "8*RBX"},
	{48, "8*R11"},
	{56, "8*R10"},
	{64, "8*R9"},
	{72, "8*R8"},
	{80, "8*RAX"},
	{88, "8*RCX"},
	{96, "8*RDX"},
	{104, "8*RSI"},
	{112, "8*RDI"},
	{120, "8*ORIG_RAX"},
	{128, "8*RIP"},
	{136, "8*CS"},
	{144, "8*EFL"},
	{152, "8*RSP"},
	{160, "8*SS"},
	{216, "offsetof(struct user, u_fpvalid)"},
	{224, "offsetof(struct user, i387)"},
	{736, "offsetof(struct user, u_tsize)"},
	{744, "offsetof(struct user, u_dsize)"},
	{752, "offsetof(struct user, u_ssize)"},
	{760, "offsetof(struct user, start_code)"},
	{768, "offsetof(struct user, start_stack)"},
	{776, "offsetof(struct user, signal)"},
	{784, "offsetof(struct user, reserved)"},
	{792, "offsetof(struct user, u_ar0)"},
	{800, "offsetof(struct user, u_fpstate)"},
	{808, "offsetof(struct user, magic)"},
	{816, "offsetof(struct user, u_comm)"},
	{848, "offsetof(struct user, u_debugreg)"},
	{912, "sizeof(struct user)"},
};

/* What lies at an offset of it. */
static void print_user_offset(struct decoder *d, uint64_t offset)
{
	size_t count = sizeof(user_places) / sizeof(*user_places), i = 0;

	if (d->abi == STL_ABI_AARCH64 || offset > user_places[count - 1].offset ||
	    d->options->constants == STL_CONSTANTS_RAW) {
		print_hex(d, offset);
		return;
	}
	while (i + 1 < count && user_places[i + 1].offset <= offset)
		i++;
	bool comment = d->options->constants == STL_CONSTANTS_VERBOSE;

	if (comment) {
		print_hex(d, offset);
		print_text(d, " /* ");
	}
	print_text(d, user_places[i].name);
	if (offset > user_places[i].offset)
		print(d, "+%" PRIu64, offset - user_places[i].offset);
	print_text(d, comment ? " */" : "");
}

/* ---- registers ---------------------------------------------------------------------------------------------- */

static const char *const wide_registers[] = {
	"r15", "r14",      "r13", "r12", "rbp",    "rbx", "r11", "r10",     "r9",      "r8", "rax", "rcx", "rdx", "rsi",
	"rdi", "orig_rax", "rip", "cs",  "eflags", "rsp", "ss",  "fs_base", "gs_base", "ds", "es",  "fs",  "gs"};
static const char *const narrow_registers[] = {"ebx", "ecx", "edx",      "esi", "edi", "ebp",    "eax", "xds", "xes",
                                               "xfs", "xgs", "orig_eax", "eip", "xcs", "eflags", "esp", "xss"};
#define WIDE_SIZE (sizeof(wide_registers) / sizeof(*wide_registers) * 8)
#define NARROW_SIZE (sizeof(narrow_registers) / sizeof(*narrow_registers) * 4)

static bool print_registers_of(struct decoder *d, uint64_t address, uint64_t size)
{
	unsigned char bytes[WIDE_SIZE];
	bool wide = size == WIDE_SIZE;
	unsigned word = wide ? 8 : 4;
	const char *const *names = wide ? wide_registers : narrow_registers;

	if (d->abi == STL_ABI_AARCH64 || (!wide && size != NARROW_SIZE) || !fetch(d, address, bytes, (size_t)size))
		return false;
	begin_struct(d);
	for (size_t i = 0; i < size / word; i++) {
		uint64_t value = 0;

		memcpy(&value, bytes + i * word, word);
		field(d, names[i]);
		print_hex(d, value);
	}
	end_struct(d);
	return true;
}

static void print_registers(struct decoder *d, uint64_t address)
{
	if (!address || !print_registers_of(d, address, d->word == 8 ? WIDE_SIZE : NARROW_SIZE))
		print_address(d, address);
}

/* struct iovec, whose part is a set of registers where it has their size. */
static void print_part(struct decoder *d, uint64_t address, bool filled)
{
	uint64_t base, length;

	if (!address || !fetch_word(d, address, &base) || !fetch_word(d, address + d->word, &length)) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field(d, "iov_base");
	if (!filled || (uint32_t)d->args[2] != NT_PRSTATUS || !print_registers_of(d, base, length))
		print_address(d, base);
	field(d, "iov_len");
	print_unsigned(d, length);
	end_struct(d);
}

/* ---- PTRACE_GET_SYSCALL_INFO -------------------------------------------------------------------------------- */

/* struct ptrace_syscall_info of linux/ptrace.h */
struct syscall_info {
	uint8_t op, padding[3];
	uint32_t arch;
	uint64_t instruction_pointer, stack_pointer;
	union {
		struct {
			uint64_t number, args[6];
			uint32_t result_data;
		} entry;
		struct {
			int64_t result;
			uint8_t is_error;
		} exit;
	};
};
#define INFO_ENTRY 1
#define INFO_EXIT 2
#define INFO_SECCOMP 3
#define INFO_COMMON 24 /* up to the union */

static void print_info_call(struct decoder *d, const struct syscall_info *info)
{
	field(d, info->op == INFO_ENTRY ? "entry" : "seccomp");
	begin_struct(d);
	field(d, "nr");
	print_syscall_number(d, info->arch, info->entry.number);
	field(d, "args");
	print_text(d, "[");
	for (int i = 0; i < 6; i++) {
		print_text(d, i ? ", " : "");
		print_hex(d, info->entry.args[i]);
	}
	print_text(d, "]");
	if (info->op == INFO_SECCOMP) {
		field(d, "ret_data");
		print_hex(d, info->entry.result_data);
	}
	end_struct(d);
}

static void print_info_exit(struct decoder *d, const struct syscall_info *info)
{
	field(d, "exit");
	begin_struct(d);
	field(d, "rval");
	if (info->exit.is_error && info->exit.result < 0 && info->exit.result >= -STL_MAX_ERRNO) {
		print_text(d, "-");
		print_errno(d, (int)-info->exit.result);
	} else {
		print_signed(d, info->exit.result);
	}
	field(d, "is_error");
	print_unsigned(d, info->exit.is_error);
	end_struct(d);
}

static void print_syscall_info(struct decoder *d, uint64_t address)
{
	struct syscall_info info;
	size_t got;

	memset(&info, 0, sizeof(info));
	got = address ? fetch_some(d, address, &info, sizeof(info)) : 0;
	if (got < INFO_COMMON) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field(d, "op");
	print_constant(d, &ptrace_syscall_ops, info.op);
	field(d, "arch");
	print_constant(d, &audit_architectures, info.arch);
	field(d, "instruction_pointer");
	print_address(d, info.instruction_pointer);
	field(d, "stack_pointer");
	print_address(d, info.stack_pointer);
	if (info.op == INFO_ENTRY || info.op == INFO_SECCOMP)
		print_info_call(d, &info);
	else if (info.op == INFO_EXIT)
		print_info_exit(d, &info);
	end_struct(d);
}

/* ---- operands ----------------------------------------------------------------------------------------------- */

static void print_peeked(struct decoder *d, uint64_t address)
{
	struct {
		uint64_t offset;
		uint32_t flags;
		int32_t count;
	} peeked;

	if (!address || !fetch(d, address, &peeked, sizeof(peeked))) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field(d, "off");
	print_unsigned(d, peeked.offset);
	field(d, "flags");
	print_flags(d, &ptrace_peek_flags, peeked.flags);
	field(d, "nr");
	print_signed(d, peeked.count);
	end_struct(d);
}

#define SIGINFO_SIZE 128

static void print_one_siginfo(struct decoder *d, const void *element, size_t index)
{
	(void)element;
	print_siginfo_at(d, d->args[3] + index * SIGINFO_SIZE);
}

static bool is_out(uint8_t operand)
{
	switch (operand) {
	case OUT_WORD:
	case OUT_LONG:
	case OUT_REGISTERS:
	case OUT_SIGINFO:
	case OUT_SIGINFOS:
	case OUT_SIGMASK:
	case OUT_PART:
	case OUT_SYSCALL_INFO:
		return true;
	default:
		return false;
	}
}

static void print_in(struct decoder *d, uint8_t operand, uint64_t value)
{
	switch (operand) {
	case HEX:
		print_hex(d, value);
		break;
	case UNSIGNED:
		print_unsigned(d, value);
		break;
	case USER:
		print_user_offset(d, value);
		break;
	case REGSET:
		print_constant(d, &ptrace_regsets, (uint32_t)value);
		break;
	case PEEKED:
		print_peeked(d, value);
		break;
	case SIGNAL:
		print_signal(d, value);
		break;
	case OPTIONS:
		print_flags(d, &ptrace_options, value);
		break;
	case REGISTERS:
		print_registers(d, value);
		break;
	case SIGINFO:
		print_siginfo_at(d, value);
		break;
	case SIGMASK:
		print_sigset(d, value, d->args[2]);
		break;
	case PART:
		print_part(d, value, true);
		break;
	default:
		print_address(d, value);
	}
}

static void print_word_in_hex(struct decoder *d, uint64_t address)
{
	uint64_t value;

	if (!fetch_word(d, address, &value)) {
		print_address(d, address);
		return;
	}
	print_text(d, "[");
	print_hex(d, value);
	print_text(d, "]");
}

static void print_out(struct decoder *d, uint8_t operand, uint64_t address)
{
	if (failed(d) && operand != OUT_PART) {
		print_address(d, address);
		return;
	}
	switch (operand) {
	case OUT_WORD:
		print_word_in_hex(d, address);
		break;
	case OUT_LONG:
		print_word_at(d, address);
		break;
	case OUT_REGISTERS:
		print_registers(d, address);
		break;
	case OUT_SIGINFO:
		print_siginfo_at(d, address);
		break;
	case OUT_SIGINFOS:
		print_array(d, address, (uint64_t)d->result, SIGINFO_SIZE, print_one_siginfo);
		break;
	case OUT_SIGMASK:
		print_sigset(d, address, d->args[2]);
		break;
	case OUT_PART:
		print_part(d, address, !failed(d));
		break;
	default:
		print_syscall_info(d, address);
	}
}

void decode_ptrace(struct decoder *d)
{
	const struct request *request = request_of(d->args[0]);

	if (entering(d)) {
		argument(d);
		print_constant(d, &ptrace_requests, (uint32_t)d->args[0]);
		if (request->request == PTRACE_TRACEME && request != &unknown)
			return;
		argument(d);
		print_pid(d, d->args[1]);
		if (request->addr != NOTHING) {
			argument_named(d, "addr", d->args[2]);
			print_in(d, request->addr, d->args[2]);
		}
	}
	if (request->data == NOTHING || is_out(request->data) == entering(d))
		return;
	argument_named(d, "data", d->args[3]);
	if (entering(d))
		print_in(d, request->data, d->args[3]);
	else
		print_out(d, request->data, d->args[3]);
}

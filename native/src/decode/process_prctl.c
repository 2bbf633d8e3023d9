/* SPDX-License-Identifier: Apache-2.0
 *
 * prctl(2): which arguments an option has, and what they are.
 */
#include <linux/prctl.h>
#include <string.h>

#include "constants/process.h"
#include "decode/process.h"

#define NAME_SIZE 16           /* TASK_COMM_LEN */
#define SET_PTRACER 0x59616d61 /* PR_SET_PTRACER */

/* What an argument is. IN: told at the entry; OUT: filled in by the kernel. */
enum operand {
	NOTHING,
	HEX,
	UNSIGNED,
	SIGNED,
	ADDRESS,
	NAMED,      /* a constant of `table`, an int */
	NAMED_LONG, /* likewise, a long */
	FLAGS,
	SIGNAL,
	PID,
	STRING,
	COMMENTED,
	PROCESS_NAME,
	OUT_NAME,
	OUT_INT,
	OUT_UNSIGNED,
	OUT_POINTER,
	OUT_SIGNAL,
	OUT_NAMED,
	OUT_ADDRESS, /* what is there is not shown */
	OUT_COOKIE,
	VECTOR_LENGTH,
	TAGGED,
	PTRACER,
	PROGRAM,
};

/* How the result is shown. */
enum outcome { PLAIN, NOTE_NAMED, NOTE_FLAGS };

struct option {
	uint64_t option;
	uint8_t operands[4];
	const struct constants *table, *second; /* of the first and the second argument that has names */
	uint8_t outcome;
	const struct constants *result;
};

/* Options whose further arguments depend on the first stand here with what is common to all (see rest_of()). */
static const struct option options[] = {
	{.option = PR_SET_PDEATHSIG, .operands = {SIGNAL}, .outcome = PLAIN},
	{.option = PR_GET_PDEATHSIG, .operands = {OUT_SIGNAL}},
	{.option = PR_GET_DUMPABLE, .operands = {NOTHING}, .outcome = NOTE_NAMED, .result = &prctl_dumpable_modes},
	{.option = PR_SET_DUMPABLE, .operands = {NAMED}, .table = &prctl_dumpable_modes},
	{.option = PR_GET_UNALIGN, .operands = {OUT_INT}},
	{.option = PR_SET_UNALIGN, .operands = {FLAGS}, .table = &prctl_unaligned_flags},
	{.option = PR_GET_KEEPCAPS, .operands = {NOTHING}},
	{.option = PR_SET_KEEPCAPS, .operands = {UNSIGNED}},
	{.option = PR_GET_FPEMU, .operands = {OUT_INT}},
	{.option = PR_SET_FPEMU, .operands = {UNSIGNED}},
	{.option = PR_GET_FPEXC, .operands = {OUT_INT}},
	{.option = PR_SET_FPEXC, .operands = {UNSIGNED}},
	{.option = PR_GET_TIMING, .operands = {NOTHING}},
	{.option = PR_SET_TIMING, .operands = {UNSIGNED}},
	{.option = PR_SET_NAME, .operands = {PROCESS_NAME}},
	{.option = PR_GET_NAME, .operands = {OUT_NAME}},
	{.option = PR_GET_ENDIAN, .operands = {OUT_INT}},
	{.option = PR_SET_ENDIAN, .operands = {UNSIGNED}},
	{.option = PR_GET_SECCOMP, .operands = {NOTHING}},
	{.option = PR_SET_SECCOMP, .operands = {NAMED_LONG}, .table = &prctl_seccomp_modes},
	{.option = PR_CAPBSET_READ, .operands = {NAMED_LONG}, .table = &capability_names},
	{.option = PR_CAPBSET_DROP, .operands = {NAMED_LONG}, .table = &capability_names},
	{.option = PR_GET_TSC, .operands = {OUT_NAMED}, .table = &prctl_tsc_modes},
	{.option = PR_SET_TSC, .operands = {NAMED}, .table = &prctl_tsc_modes},
	{.option = PR_GET_SECUREBITS, .operands = {NOTHING}, .outcome = NOTE_FLAGS, .result = &securebits_flags},
	{.option = PR_SET_SECUREBITS, .operands = {FLAGS}, .table = &securebits_flags},
	{.option = PR_SET_TIMERSLACK, .operands = {SIGNED}},
	{.option = PR_GET_TIMERSLACK, .operands = {NOTHING}},
	{.option = PR_TASK_PERF_EVENTS_DISABLE, .operands = {NOTHING}},
	{.option = PR_TASK_PERF_EVENTS_ENABLE, .operands = {NOTHING}},
	{.option = PR_MCE_KILL, .operands = {NAMED_LONG, HEX, HEX, HEX}, .table = &prctl_mce_kill_commands},
	{.option = PR_MCE_KILL_GET,
         .operands = {HEX, HEX, HEX, HEX},
         .outcome = NOTE_NAMED,
         .result = &prctl_mce_kill_policies},
	{.option = PR_SET_MM, .operands = {NAMED, HEX, HEX, HEX}, .table = &prctl_mm_fields},
	{.option = PR_SET_CHILD_SUBREAPER, .operands = {UNSIGNED}},
	{.option = PR_GET_CHILD_SUBREAPER, .operands = {OUT_UNSIGNED}},
	{.option = PR_SET_NO_NEW_PRIVS, .operands = {UNSIGNED, HEX, HEX, HEX}},
	{.option = PR_GET_NO_NEW_PRIVS, .operands = {HEX, HEX, HEX, HEX}},
	{.option = PR_GET_TID_ADDRESS, .operands = {OUT_POINTER}},
	{.option = PR_SET_THP_DISABLE, .operands = {UNSIGNED, HEX, HEX, HEX}},
	{.option = PR_GET_THP_DISABLE, .operands = {HEX, HEX, HEX, HEX}},
	{.option = PR_MPX_ENABLE_MANAGEMENT, .operands = {HEX, HEX, HEX, HEX}},
	{.option = PR_MPX_DISABLE_MANAGEMENT, .operands = {HEX, HEX, HEX, HEX}},
	{.option = PR_SET_FP_MODE, .operands = {FLAGS}, .table = &prctl_fp_modes},
	{.option = PR_GET_FP_MODE, .operands = {NOTHING}, .outcome = NOTE_FLAGS, .result = &prctl_fp_modes},
	{.option = PR_CAP_AMBIENT, .operands = {NAMED_LONG, HEX, HEX, HEX}, .table = &prctl_ambient_commands},
	{.option = PR_SVE_SET_VL, .operands = {VECTOR_LENGTH}, .table = &prctl_sve_flags},
	{.option = PR_SVE_GET_VL, .operands = {NOTHING}, .outcome = NOTE_FLAGS, .result = &prctl_sve_flags},
	{.option = PR_GET_SPECULATION_CTRL,
         .operands = {NAMED_LONG},
         .table = &prctl_speculations,
         .outcome = NOTE_FLAGS,
         .result = &prctl_speculation_states},
	{.option = PR_SET_SPECULATION_CTRL, .operands = {NAMED_LONG, HEX}, .table = &prctl_speculations},
	{.option = PR_PAC_RESET_KEYS, .operands = {FLAGS, HEX, HEX, HEX}, .table = &prctl_pac_keys},
	{.option = PR_SET_TAGGED_ADDR_CTRL, .operands = {TAGGED, HEX, HEX, HEX}},
	{.option = PR_GET_TAGGED_ADDR_CTRL, .operands = {HEX, HEX, HEX, HEX}},
	{.option = PR_SET_IO_FLUSHER, .operands = {UNSIGNED, HEX, HEX, HEX}},
	{.option = PR_GET_IO_FLUSHER, .operands = {HEX, HEX, HEX, HEX}},
	{.option = PR_SET_SYSCALL_USER_DISPATCH,
         .operands = {NAMED_LONG, HEX, HEX, ADDRESS},
         .table = &prctl_dispatch_modes},
	{.option = PR_PAC_SET_ENABLED_KEYS,
         .operands = {FLAGS, FLAGS, HEX, HEX},
         .table = &prctl_pac_enabled_keys,
         .second = &prctl_pac_enabled_keys},
	{.option = PR_PAC_GET_ENABLED_KEYS, .operands = {HEX, HEX, HEX, HEX}},
	{.option = PR_SCHED_CORE,
         .operands = {NAMED, PID, COMMENTED, ADDRESS},
         .table = &prctl_sched_core_commands,
         .second = &prctl_pid_types},
	{.option = PR_SME_SET_VL, .operands = {VECTOR_LENGTH}, .table = &prctl_sme_flags},
	{.option = PR_SME_GET_VL, .operands = {NOTHING}, .outcome = NOTE_FLAGS, .result = &prctl_sme_flags},
	{.option = SET_PTRACER, .operands = {PTRACER}},
	{.option = PR_SET_VMA, .operands = {NAMED, HEX, HEX, HEX}, .table = &prctl_vma_kinds},
};

static const struct option unknown = {.operands = {HEX, HEX, HEX, HEX}};

static const struct option *option_of(uint32_t number)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
		if (options[i].option == number)
			return &options[i];
	}
	return &unknown;
}

/* What the first argument makes of the others. */
static struct option rest_of(const struct option *option, const uint64_t args[6])
{
	struct option whole = *option;

	switch (option->option) {
	case PR_SET_SECCOMP:
		if (args[1] == 2)
			whole.operands[1] = PROGRAM;
		else if (args[1] != 1)
			memset(whole.operands + 1, HEX, 3);
		break;
	case PR_MCE_KILL:
		whole.second = &prctl_mce_kill_policies;
		if (args[1] == PR_MCE_KILL_SET)
			whole.operands[1] = NAMED_LONG;
		break;
	case PR_CAP_AMBIENT:
		whole.second = &capability_names;
		if (args[1] >= PR_CAP_AMBIENT_IS_SET && args[1] <= PR_CAP_AMBIENT_LOWER)
			whole.operands[1] = NAMED_LONG;
		break;
	case PR_SET_SPECULATION_CTRL:
		whole.second = &prctl_speculation_states;
		if (constant_name(option->table, args[1]))
			whole.operands[1] = NAMED_LONG;
		break;
	case PR_SCHED_CORE:
		if (args[1] == PR_SCHED_CORE_GET)
			whole.operands[3] = OUT_COOKIE;
		break;
	case PR_SET_VMA:
		if (args[1] == PR_SET_VMA_ANON_NAME)
			memcpy(whole.operands + 1, (uint8_t[]){ADDRESS, UNSIGNED, STRING}, 3);
		break;
	default:
		break;
	}
	return whole;
}

static void print_name(struct decoder *d, uint64_t address)
{
	char name[NAME_SIZE] = {0};
	size_t got = address ? fetch_some(d, address, name, NAME_SIZE - 1) : 0;

	if (!got || (got < NAME_SIZE - 1 && !memchr(name, 0, got))) {
		print_address(d, address);
		return;
	}
	print_quoted(d, name, got, d->options->string_limit, true);
	if (!memchr(name, 0, NAME_SIZE - 1) && d->options->string_limit >= NAME_SIZE - 1)
		print_text(d, "...");
}

/* arch/arm64: the length of vectors and flags in one. */
static void print_vector_length(struct decoder *d, const struct constants *table, uint64_t value)
{
	uint64_t flags = value & ~(uint64_t)PR_SVE_VL_LEN_MASK;

	if (flags) {
		print_flags(d, table, flags);
		print_text(d, "|");
	}
	print_hex(d, value & PR_SVE_VL_LEN_MASK);
}

static void print_tagged(struct decoder *d, const struct constants *table, uint64_t value)
{
	uint64_t modes = value & PR_MTE_TCF_MASK, tags = (value & PR_MTE_TAG_MASK) >> PR_MTE_TAG_SHIFT;
	uint64_t rest = value & ~(uint64_t)(PR_TAGGED_ADDR_ENABLE | PR_MTE_TCF_MASK | PR_MTE_TAG_MASK);

	print_text(d, value & PR_TAGGED_ADDR_ENABLE ? "PR_TAGGED_ADDR_ENABLE|" : "!PR_TAGGED_ADDR_ENABLE|");
	print_constant(d, table, modes);
	if (tags) {
		print_text(d, "|");
		print_hex(d, tags);
		print_text(d, "<<PR_MTE_TAG_SHIFT");
	}
	if (rest) {
		print_text(d, "|");
		print_hex(d, rest);
	}
}

typedef void print_composed(struct decoder *d, const struct constants *table, uint64_t value);

/* A number of several parts: as -X wants it, the names in one comment. */
static void print_parts(struct decoder *d, print_composed *print_it, const struct constants *table, uint64_t value)
{
	struct stl_print_options options;
	struct decoder named = with_short_names(d, &options);
	uint32_t style = d->options->constants;

	if (style != STL_CONSTANTS_ABBREV)
		print_hex(d, value);
	if (style == STL_CONSTANTS_RAW)
		return;
	print_text(d, style == STL_CONSTANTS_VERBOSE ? " /* " : "");
	print_it(&named, table, value);
	print_text(d, style == STL_CONSTANTS_VERBOSE ? " */" : "");
}

static void print_ptracer(struct decoder *d, uint64_t value)
{
	if (value != (d->word == 4 ? UINT32_MAX : UINT64_MAX))
		print_pid(d, value);
	else if (d->options->constants == STL_CONSTANTS_ABBREV)
		print_text(d, "PR_SET_PTRACER_ANY");
	else
		print_text(d, d->options->constants == STL_CONSTANTS_RAW ? "-1" : "-1 /* PR_SET_PTRACER_ANY */");
}

/* What has a meaning of its own for some options. */
static void print_special(struct decoder *d, enum operand operand, const struct constants *table, uint64_t value)
{
	switch (operand) {
	case SIGNAL:
		if (value > 128)
			print_unsigned(d, value);
		else
			print_signal(d, value);
		break;
	case PROCESS_NAME:
		print_name(d, value);
		break;
	case VECTOR_LENGTH:
		print_parts(d, print_vector_length, table, value);
		break;
	case TAGGED:
		print_parts(d, print_tagged, &prctl_tag_check_modes, value);
		break;
	case PTRACER:
		print_ptracer(d, value);
		break;
	case PROGRAM:
		print_seccomp_program(d, value);
		break;
	default:
		print_hex(d, value);
	}
}

static void print_in(struct decoder *d, enum operand operand, const struct constants *table, uint64_t value)
{
	switch (operand) {
	case UNSIGNED:
		print_unsigned(d, value);
		break;
	case SIGNED:
		print_signed(d, (int64_t)value);
		break;
	case ADDRESS:
		print_address(d, value);
		break;
	case NAMED:
		print_constant(d, table, (uint32_t)value);
		break;
	case NAMED_LONG:
		print_constant(d, table, value);
		break;
	case FLAGS:
		print_flags(d, table, value);
		break;
	case PID:
		print_pid(d, value);
		break;
	case STRING:
		print_string(d, value);
		break;
	case COMMENTED:
		print_commented(d, table, value);
		break;
	default:
		print_special(d, operand, table, value);
	}
}

static void print_out(struct decoder *d, enum operand operand, const struct constants *table, uint64_t address)
{
	uint64_t cookie;
	uint32_t value;

	if (failed(d) || !address) {
		print_address(d, address);
	} else if (operand == OUT_NAME) {
		print_name(d, address);
	} else if (operand == OUT_POINTER) {
		print_pointer_at(d, address);
	} else if (operand == OUT_COOKIE) {
		if (fetch(d, address, &cookie, sizeof(cookie)))
			print(d, "[%#llx]", (unsigned long long)cookie);
		else
			print_address(d, address);
	} else if (!fetch(d, address, &value, sizeof(value))) {
		print_address(d, address);
	} else {
		print_text(d, "[");
		if (operand == OUT_SIGNAL)
			print_signal(d, value);
		else if (operand == OUT_NAMED)
			print_constant(d, table, value);
		else if (operand == OUT_UNSIGNED)
			print_unsigned(d, value);
		else
			print_signed(d, (int32_t)value);
		print_text(d, "]");
	}
}

static bool is_out(uint8_t operand)
{
	return operand >= OUT_NAME && operand <= OUT_COOKIE;
}

static const struct constants *table_of(const struct option *option, int index)
{
	return index == 0 ? option->table : option->second;
}

static void print_prctl_result(struct decoder *d, const struct option *option)
{
	if (failed(d) || option->outcome == PLAIN)
		return;
	if (option->outcome == NOTE_NAMED) {
		note_constant(d, option->result, (uint64_t)d->result);
	} else {
		struct stl_print_options options;
		struct decoder named = with_short_names(d, &options);

		result_is(d, RESULT_HEX);
		if (d->result && d->options->constants != STL_CONSTANTS_RAW)
			note_flags(&named, option->result, (uint64_t)d->result);
	}
}

void decode_prctl(struct decoder *d)
{
	struct option option = rest_of(option_of((uint32_t)d->args[0]), d->args);

	if (entering(d)) {
		argument(d);
		print_constant(d, &prctl_options, (uint32_t)d->args[0]);
	}
	for (int i = 0; i < 4 && option.operands[i] != NOTHING; i++) {
		if (is_out(option.operands[i]) == entering(d))
			continue;
		argument(d);
		if (entering(d))
			print_in(d, option.operands[i], table_of(&option, i), d->args[i + 1]);
		else
			print_out(d, option.operands[i], table_of(&option, i), d->args[i + 1]);
	}
	if (!entering(d))
		print_prctl_result(d, &option);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * execve(2), exit(2).
 */
#include "constants/file.h"
#include "decode/process.h"

static void print_program(struct decoder *d, int first)
{
	argument(d);
	print_path(d, d->args[first]);
	argument(d);
	print_strings(d, d->args[first + 1], false);
	argument(d);
	print_strings(d, d->args[first + 2], !verbose(d));
}

void decode_execve(struct decoder *d)
{
	if (entering(d))
		print_program(d, 0);
}

void decode_execveat(struct decoder *d)
{
	if (!entering(d))
		return;
	argument(d);
	print_dirfd(d, d->args[0]);
	print_program(d, 1);
	argument(d);
	print_flags(d, &at_flags, (uint32_t)d->args[4]);
}

void decode_exit(struct decoder *d)
{
	if (entering(d)) {
		argument(d);
		print_signed(d, (int32_t)d->args[0]);
	} else {
		result_is(d, RESULT_NONE);
	}
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Which calls belong to strace's classes, as its man page describes them.
 */
#include <stddef.h>

#include "records/calls.h"
#include "stracelet.h"

static uint64_t by_types(const struct call *call)
{
	uint64_t classes = 0;

	for (unsigned i = 0; i < call->count; i++) {
		switch (call->arguments[i].type) {
		case ARGUMENT_PATH:
			classes |= STL_CLASS_FILE;
			break;
		case ARGUMENT_FD:
		case ARGUMENT_DIRFD:
			classes |= STL_CLASS_DESC;
		}
	}
	return classes;
}

int stl_call_count(void)
{
	return CALLS;
}

const char *stl_call_name(int call)
{
	return call >= 0 && call < CALLS ? calls[call].name : NULL;
}

uint64_t stl_call_classes(int call)
{
	return call >= 0 && call < CALLS ? by_types(&calls[call]) : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "records/rows.h"

const struct capture_row process_rows[] = {
	{.call = CALL_UNKNOWN},
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "records/rows.h"

const struct capture_row network_rows[] = {
	{.call = CALL_UNKNOWN},
};

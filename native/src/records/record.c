/* SPDX-License-Identifier: Apache-2.0 */
#include "records/record.h"

bool record_check(const struct stl_record *record, size_t available)
{
	if (available < sizeof(*record) || record->size > available || record->size > RECORD_MAX ||
	    record->size < sizeof(*record) || record->size % 8 != 0 || record->comm[RECORD_COMM - 1])
		return false;
	size_t left = record->size - sizeof(*record);
	const struct stl_capture *capture = capture_first(record);

	for (uint32_t i = 0; i < record->captures; i++) {
		if (left < sizeof(*capture))
			return false;
		left -= sizeof(*capture);
		if (capture->size > left || RECORD_ALIGN((size_t)capture->size) > left)
			return false;
		left -= RECORD_ALIGN((size_t)capture->size);
		capture = capture_next(capture);
	}
	return true;
}

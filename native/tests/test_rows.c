/* SPDX-License-Identifier: Apache-2.0
 *
 * From a call and its arguments to what is captured of it.
 */
#include <linux/ioctl.h>

#include "check.h"
#include "records/rows.h"

static const struct capture_row *row_with(enum call_id call, uint64_t first, uint64_t second)
{
	static struct capture_row made;
	const uint64_t args[6] = {first, second};

	return row_of(call, args, &made);
}

static int count_of(const struct capture_row *row, enum take take)
{
	int count = 0;

	for (int i = 0; i < TAKES && row->captures[i].take != TAKE_END; i++)
		count += row->captures[i].take == take;
	return count;
}

static void test_types_say_what_no_row_says(void)
{
	CHECK_EQUAL(count_of(row_with(CALL_chdir, 0, 0), TAKE_PATH), 1);
	CHECK_EQUAL(count_of(row_with(CALL_fchdir, 0, 0), TAKE_DESCRIPTOR), 1);
	const struct capture_row *row = row_with(CALL_renameat2, 0, 0);

	CHECK_EQUAL(count_of(row, TAKE_PATH), 2);
	CHECK_EQUAL(count_of(row, TAKE_DESCRIPTOR), 2);
	CHECK_EQUAL(row_with(CALL_UNKNOWN, 0, 0)->captures[0].take, TAKE_END);
}

static void test_every_row_is_one(void)
{
	for (int call = 0; call < CALLS; call++) {
		const struct capture_row *row = row_with((enum call_id)call, 0, 0);

		CHECK_EQUAL(row->call, call);
		for (int i = 0; i < TAKES && row->captures[i].take != TAKE_END; i++) {
			const struct capture *capture = &row->captures[i];

			CHECK(capture->arg < 6);
			CHECK(capture->length_arg < 6);
			CHECK(capture->take <= TAKE_IOCBS);
			CHECK(capture->when <= WHEN_BOTH);
			CHECK(capture->length <= LENGTH_FIELD32);
		}
	}
}

static void test_an_ioctl_is_captured_by_its_number(void)
{
	const struct capture_row *row = row_with(CALL_ioctl, 3, _IOWR('!', 200, char[24]));
	int found = 0;

	for (int i = 0; i < TAKES && row->captures[i].take != TAKE_END; i++) {
		if (row->captures[i].take != TAKE_OBJECT)
			continue;
		CHECK_EQUAL(row->captures[i].size, 24);
		CHECK_EQUAL(row->captures[i].when, WHEN_BOTH);
		CHECK_EQUAL(row->captures[i].arg, 2);
		found++;
	}
	CHECK_EQUAL(found, 1);
	CHECK_EQUAL(count_of(row, TAKE_DESCRIPTOR), 1);
	CHECK_EQUAL(count_of(row_with(CALL_ioctl, 3, _IO('!', 200)), TAKE_OBJECT), 0);
	/* What the upper half of a 64-bit register holds is no part of it. */
	CHECK_EQUAL(count_of(row_with(CALL_ioctl, 3, UINT64_C(1) << 40 | _IOW('!', 200, int)), TAKE_OBJECT), 1);
}

int main(void)
{
	static const struct test tests[] = {
		TEST(test_types_say_what_no_row_says),
		TEST(test_every_row_is_one),
		TEST(test_an_ioctl_is_captured_by_its_number),
	};

	rows_prepare();
	return RUN_TESTS(tests);
}

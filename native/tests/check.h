/* SPDX-License-Identifier: Apache-2.0
 *
 * A test is a function; the first check that does not hold ends the program with what and where.
 */
#ifndef STRACELET_CHECK_H
#define STRACELET_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: %s: not so: %s\n", __FILE__, __LINE__, __func__, #condition);          \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

#define CHECK_EQUAL(actual, expected)                                                                                  \
	do {                                                                                                           \
		long long actual_ = (long long)(actual), expected_ = (long long)(expected);                            \
		if (actual_ != expected_) {                                                                            \
			fprintf(stderr, "%s:%d: %s: %s is %lld, not %lld\n", __FILE__, __LINE__, __func__, #actual,    \
			        actual_, expected_);                                                                   \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

struct test {
	const char *name;
	void (*run)(void);
};

#define TEST(function)                                                                                                 \
	{                                                                                                              \
#function, function                                                                                    \
	}

static inline int run_tests(const char *program, const struct test *tests, int count)
{
	for (int i = 0; i < count; i++) {
		printf("%s: %s\n", program, tests[i].name);
		fflush(stdout);
		tests[i].run();
	}
	printf("%s: %d passed, 0 failed\n", program, count);
	return 0;
}

#define RUN_TESTS(tests) run_tests(__FILE__, tests, (int)(sizeof(tests) / sizeof(*(tests))))

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * When a tracer counts as stalled, on a clock of the test's own.
 */
#include "supervisor/watch.c"

#include "check.h"

#include <string.h>

#define MS UINT64_C(1000000)
#define START (UINT64_C(7) << 40)
#define CONTROL STL_THREADS

static struct stl_beat beats[STL_THREADS + 1];
static struct watch watch;
static uint64_t now_ns;

static struct watch_task task;

static struct watch_task look(uint32_t tid)
{
	CHECK(tid != 0);
	return task;
}

static void begin(void)
{
	task = (struct watch_task){0};
	memset(beats, 0, sizeof(beats));
	for (uint32_t i = 0; i <= STL_THREADS; i++)
		beats[i].tid = 1000 + i;
	now_ns = START;
	watch_start(&watch, 999, now_ns);
}

static void beat(int thread)
{
	beats[thread].beat_ns = now_ns;
	beats[thread].active = 1;
}

/* Looks every 100 ms; how many ms until the verdict, or 0: none within `ms`. */
static uint64_t stalled_after(uint64_t ms, int beating)
{
	for (uint64_t passed = 100; passed <= ms; passed += 100) {
		now_ns += 100 * MS;
		if (beating >= 0)
			beat(beating);
		if (watch_look(&watch, beats, look, now_ns))
			return passed;
	}
	return 0;
}

static void who_beats_has_not_stalled(void)
{
	begin();
	CHECK_EQUAL(stalled_after(60000, CONTROL), 0);
}

static void silence_of_any_thread_is_a_stall(void)
{
	for (int thread = 0; thread < STL_THREADS; thread++) {
		begin();
		beat(CONTROL);
		beat(thread);
		CHECK_EQUAL(stalled_after(2000, CONTROL), 700);
	}
	begin();
	beat(CONTROL);
	CHECK_EQUAL(stalled_after(2000, -1), 700);
}

static void an_idle_thread_may_be_silent(void)
{
	begin();
	beat(5);
	beats[5].active = 0;
	CHECK_EQUAL(stalled_after(60000, CONTROL), 0);
}

static void a_start_may_take_long_but_not_for_ever(void)
{
	begin();
	CHECK_EQUAL(stalled_after(4900, -1), 0);
	beat(CONTROL);
	CHECK_EQUAL(stalled_after(1000, CONTROL), 0);
	begin();
	CHECK_EQUAL(stalled_after(6000, -1), 5100);
}

static void our_own_pause_is_not_counted(void)
{
	begin();
	beat(CONTROL);
	CHECK_EQUAL(stalled_after(400, -1), 0);
	now_ns += 3000 * MS;
	CHECK(!watch_look(&watch, beats, look, now_ns));
	/* the tracer may have been held up as we were: its silence counts from now on */
	CHECK_EQUAL(stalled_after(2000, -1), 700);
	begin();
	now_ns += 60000 * MS;
	CHECK(!watch_look(&watch, beats, look, now_ns));
	CHECK_EQUAL(stalled_after(4900, -1), 0);
}

static void a_look_that_is_a_little_late_counts(void)
{
	begin();
	beat(CONTROL);
	for (int i = 0; i < 2; i++) {
		now_ns += 240 * MS;
		CHECK(!watch_look(&watch, beats, look, now_ns));
	}
	now_ns += 240 * MS;
	CHECK(!watch_look(&watch, beats, look, now_ns));
	now_ns += 100 * MS;
	CHECK(watch_look(&watch, beats, look, now_ns));
}

static void a_beat_may_be_younger_than_the_clock_was_read(void)
{
	begin();
	for (int i = 0; i < 100; i++) {
		now_ns += 100 * MS;
		beat(CONTROL);
		beats[CONTROL].beat_ns = now_ns + 2 * MS;
		CHECK(!watch_look(&watch, beats, look, now_ns));
	}
}

static void a_beat_out_of_the_far_future_is_none(void)
{
	begin();
	beat(CONTROL);
	beats[9].beat_ns = UINT64_MAX;
	beats[9].active = 1;
	CHECK_EQUAL(stalled_after(2000, CONTROL), 700);
}

static struct watch_task starving(uint32_t tid)
{
	(void)tid;
	task.cpu_ns += 1 * MS;
	return task;
}

static struct watch_task spinning(uint32_t tid)
{
	(void)tid;
	task.cpu_ns += 90 * MS;
	return task;
}

static void who_wants_a_cpu_and_gets_none_has_not_stalled(void)
{
	begin();
	beat(CONTROL);
	task.runnable = true;
	for (int i = 0; i < 600; i++) {
		now_ns += 100 * MS;
		CHECK(!watch_look(&watch, beats, starving, now_ns));
	}
}

static struct watch_task sharing(uint32_t tid)
{
	(void)tid;
	task.cpu_ns += 12 * MS;
	return task;
}

static void silence_is_measured_in_time_on_a_cpu(void)
{
	begin();
	beat(CONTROL);
	for (int i = 0; i < 10; i++) {
		task.runnable = i % 2; /* it waits for a moment as often as not */
		now_ns += 100 * MS;
		CHECK(!watch_look(&watch, beats, sharing, now_ns));
	}
	beat(CONTROL);
	now_ns += 100 * MS;
	CHECK(!watch_look(&watch, beats, sharing, now_ns));
	task.runnable = true;
	for (int i = 0; i < 9; i++) {
		now_ns += 100 * MS;
		CHECK(!watch_look(&watch, beats, sharing, now_ns));
	}
	now_ns += 100 * MS;
	CHECK(watch_look(&watch, beats, sharing, now_ns));
}

static void who_gets_no_cpu_may_begin_late(void)
{
	begin();
	task.runnable = true;
	for (int i = 0; i < 600; i++) {
		now_ns += 100 * MS;
		CHECK(!watch_look(&watch, beats, starving, now_ns));
	}
	task.runnable = false;
	CHECK_EQUAL(stalled_after(6000, -1), 5100);
}

static void who_runs_and_does_not_beat_has(void)
{
	int looks = 0;

	begin();
	beat(CONTROL);
	task.runnable = true;
	do {
		now_ns += 100 * MS;
		looks++;
	} while (!watch_look(&watch, beats, spinning, now_ns));
	CHECK_EQUAL(looks, 7);
}

int main(void)
{
	static const struct test tests[] = {
		TEST(who_beats_has_not_stalled),
		TEST(silence_of_any_thread_is_a_stall),
		TEST(an_idle_thread_may_be_silent),
		TEST(a_start_may_take_long_but_not_for_ever),
		TEST(our_own_pause_is_not_counted),
		TEST(a_look_that_is_a_little_late_counts),
		TEST(a_beat_may_be_younger_than_the_clock_was_read),
		TEST(a_beat_out_of_the_far_future_is_none),
		TEST(who_wants_a_cpu_and_gets_none_has_not_stalled),
		TEST(silence_is_measured_in_time_on_a_cpu),
		TEST(who_gets_no_cpu_may_begin_late),
		TEST(who_runs_and_does_not_beat_has),
	};

	return RUN_TESTS(tests);
}

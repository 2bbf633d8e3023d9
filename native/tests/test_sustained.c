/* SPDX-License-Identifier: Apache-2.0
 *
 * Records as fast as a busy node makes them: from a producer in a process of its own, by rings, stream and printer, to
 * text in a file. STRACELET_SECONDS says for how long (5).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "fixture.h"
#include "records.h"
#include "records/ring.h"

#define WRITERS 4
#define SECOND UINT64_C(1000000000)
/* What sanitizers leave of it. */
#ifdef __SANITIZE_ADDRESS__
#define RATE 10000
#else
#define RATE 200000
#endif
#define MEMORY_KB (64 << 10)
#define UNPACED 0
#define MIX 4

/* Of the producer, for whoever started it. */
struct progress {
	_Atomic uint64_t put[WRITERS];
	_Atomic int begin, end;
};

static struct fixture fixture;
static struct stl_positions *positions;
static struct progress *progress;
static stl_stream *stream;
static stl_printer *printer;
static struct records mix;
static unsigned char taken[2 * RECORD_MAX];
static char text[1 << 20];
static uint64_t told, rate;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

static void make_mix(void)
{
	static const char data[33] = "GET / HTTP/1.1\r\nHost: \377\1localhost";

	mix = (struct records){0};
	add_record(&mix, RECORD_SYSCALL, "openat")->args[1] = 0x1000;
	mix.last->result = 5;
	add_string(&mix, 0x1000, "/usr/share/zoneinfo/Europe/Vienna");
	add_record(&mix, RECORD_SYSCALL, "write");
	mix.last->args[1] = 0x2000;
	mix.last->args[2] = 512;
	add_capture(&mix, CAPTURED_MEMORY, PHASE_ENTRY, CAPTURE_LIMITED, 0x2000, data, sizeof(data));
	add_record(&mix, RECORD_SYSCALL, "close")->result = -9;
	add_record(&mix, RECORD_SYSCALL, "getpid")->result = 100;
}

/* A tracer thread's part. Where it was kept from its CPU it makes up for no more than 10 ms. */
static void *produce(void *argument)
{
	intptr_t index = (intptr_t)argument;
	uint64_t gap = rate ? SECOND * WRITERS / rate : 0, due = now_ns(), count = 0;
	const char *at = mix.bytes;
	struct ring ring;

	ring_open(&ring, &fixture.arena->rings[index], &positions->rings[index]);
	while (!atomic_load_explicit(&progress->end, memory_order_relaxed)) {
		uint64_t now = now_ns();
		_Alignas(8) char copy[512];
		struct stl_record *record = (struct stl_record *)copy;

		if (now < due) {
			nanosleep(&(struct timespec){0, 500000}, NULL);
			continue;
		}
		due = due + SECOND / 100 < now ? now : due + gap;
		memcpy(copy, at, ((const struct stl_record *)at)->size);
		record->tid = record->pid = 100 + (int32_t)index;
		record->time_ns = record->order_ns = now;
		ring_put(&ring, record);
		atomic_store_explicit(&progress->put[index], ++count, memory_order_relaxed);
		at += record->size;
		at = at == mix.bytes + mix.size ? mix.bytes : at;
	}
	return NULL;
}

static pid_t start_producer(void)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pthread_t threads[WRITERS];

	for (intptr_t i = 0; i < WRITERS; i++)
		CHECK_EQUAL(pthread_create(&threads[i], NULL, produce, (void *)i), 0);
	for (int i = 0; i < WRITERS; i++)
		CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
	_exit(0);
}

static void stop_producer(pid_t pid)
{
	int status;

	atomic_store(&progress->end, 1);
	CHECK_EQUAL(waitpid(pid, &status, 0), pid);
	CHECK_EQUAL(status, 0);
}

static void open_all(uint64_t wanted)
{
	struct stl_print_options options = {.format = STL_FORMAT_TEXT,
	                                    .string_limit = 32,
	                                    .column = 40,
	                                    .flags = STL_PRINT_ALWAYS_PID | STL_PRINT_NAME_UNKNOWN};
	struct stl_filter filter;
	int positions_fd = positions_create();

	memset(&filter, 0xff, sizeof(filter));
	filter.min_duration_ns = 0;
	memset(filter.dump_reads, 0, sizeof(filter.dump_reads));
	memset(filter.dump_writes, 0, sizeof(filter.dump_writes));
	rate = wanted;
	told = 0;
	fixture = set_up();
	CHECK_EQUAL(positions_map(positions_fd, true, &positions), 0);
	CHECK_EQUAL(stl_stream_open(fixture.fd, positions_fd, &stream), 0);
	CHECK_EQUAL(stl_printer_new(&options, &filter, &printer), 0);
	close(positions_fd);
	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(progress != MAP_FAILED);
	make_mix();
}

static void close_all(void)
{
	stl_printer_free(printer);
	stl_stream_close(stream);
	positions_unmap(positions);
	munmap(progress, sizeof(*progress));
	tear_down(&fixture);
}

static void look_for_dropped(int64_t size)
{
	for (int64_t at = 0; at < size;) {
		const struct stl_record *record = (const struct stl_record *)(taken + at);

		if (record->type == RECORD_DROPPED)
			told += record->args[0];
		at += record->size;
	}
}

/* As the agent does it; how many bytes of records there were. */
static int64_t carry(FILE *file, int all)
{
	int64_t size = stl_stream_read(stream, taken, sizeof(taken), all), got;
	int32_t tid;

	CHECK(size >= 0);
	look_for_dropped(size);
	CHECK(stl_printer_feed(printer, taken, (size_t)size) >= 0);
	while ((got = stl_printer_take(printer, text, sizeof(text), &tid)) > 0)
		CHECK_EQUAL(fwrite(text, 1, (size_t)got, file), got);
	return size;
}

static void carry_for(FILE *file, uint64_t ns)
{
	uint64_t until = now_ns() + ns;

	while (now_ns() < until) {
		if (!carry(file, 0))
			nanosleep(&(struct timespec){0, 3000000}, NULL);
	}
}

static uint64_t all_put(void)
{
	uint64_t sum = 0;

	for (int i = 0; i < WRITERS; i++)
		sum += atomic_load(&progress->put[i]);
	return sum;
}

static struct stl_stream_info all_that_is_left(FILE *file)
{
	struct stl_stream_info info;

	while (carry(file, 1))
		continue;
	CHECK_EQUAL(stl_stream_info(stream, &info), 0);
	CHECK_EQUAL(info.produced, all_put());
	CHECK_EQUAL(info.read + info.dropped, info.produced);
	return info;
}

/* How long this thread had to wait for a CPU that others had, in ns. */
static uint64_t kept_waiting(void)
{
	unsigned long long ran = 0, waited = 0;
	FILE *file = fopen("/proc/thread-self/schedstat", "r");

	if (!file)
		return 0;
	CHECK_EQUAL(fscanf(file, "%llu %llu", &ran, &waited), 2);
	fclose(file);
	return waited;
}

static long memory_kb(void)
{
	char line[128];
	long kb = 0;
	FILE *file = fopen("/proc/self/status", "r");

	CHECK(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "VmRSS: %ld", &kb) == 1)
			break;
	}
	fclose(file);
	return kb;
}

static uint64_t seconds(void)
{
	const char *given = getenv("STRACELET_SECONDS");

	return given ? strtoull(given, NULL, 10) : 5;
}

static void test_nothing_is_dropped_at_the_rate_of_a_busy_node(void)
{
	FILE *file = tmpfile();

	CHECK(file);
	open_all(RATE);
	uint64_t waited = kept_waiting(), lasted = now_ns();
	pid_t pid = start_producer();

	carry_for(file, seconds() * SECOND);
	stop_producer(pid);
	lasted = now_ns() - lasted;
	waited = kept_waiting() - waited;
	struct stl_stream_info info = all_that_is_left(file);
	long kb = memory_kb();

	printf("%llu records a second, %llu dropped, %ld KiB\n", (unsigned long long)(info.produced * SECOND / lasted),
	       (unsigned long long)info.dropped, kb);
	CHECK_EQUAL(stl_printer_lines(printer), info.read);
#ifndef __SANITIZE_ADDRESS__
	CHECK(kb < MEMORY_KB);
#endif
	/* Others that have the CPUs are no fault of the reader, nor of the rings. */
	bool kept = info.produced * SECOND / lasted < RATE / 100 * 95 || waited > lasted / 10;

	if (kept) {
		CHECK(!getenv("STRACELET_NO_SKIP"));
		printf("  skipped: the machine is too busy, the reader waited %llu ms for a CPU\n",
		       (unsigned long long)waited / 1000000);
	} else {
		CHECK_EQUAL(info.dropped, 0);
	}
	fclose(file);
	close_all();
}

static void test_what_is_too_much_is_counted(void)
{
	FILE *file = fopen("/dev/null", "w");

	CHECK(file);
	open_all(UNPACED);
	pid_t pid = start_producer();

	carry_for(file, SECOND / 2);
	nanosleep(&(struct timespec){0, 200000000}, NULL);
	carry_for(file, SECOND / 2);
	stop_producer(pid);
	struct stl_stream_info info = all_that_is_left(file);

	CHECK(info.dropped > 0);
	CHECK(told > 0 && told <= info.dropped);
	fclose(file);
	close_all();
}

static uint64_t put_in_a_second(bool reads)
{
	FILE *file = fopen("/dev/null", "w");

	CHECK(file);
	open_all(UNPACED);
	pid_t pid = start_producer();

	if (reads)
		carry_for(file, SECOND);
	else
		nanosleep(&(struct timespec){1, 0}, NULL);
	stop_producer(pid);
	uint64_t put = all_put();

	all_that_is_left(file);
	fclose(file);
	close_all();
	return put;
}

static void test_nobody_waits_for_a_reader_that_is_stalled(void)
{
	CHECK(put_in_a_second(false) * 3 / 2 > put_in_a_second(true));
}

int main(void)
{
	static const struct test tests[] = {
		TEST(test_nothing_is_dropped_at_the_rate_of_a_busy_node),
		TEST(test_what_is_too_much_is_counted),
		TEST(test_nobody_waits_for_a_reader_that_is_stalled),
	};

	return RUN_TESTS(tests);
}

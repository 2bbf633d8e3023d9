/* SPDX-License-Identifier: Apache-2.0
 *
 * shared FOLDER N: four threads that share their descriptors, of which each opens, N times, a file that no other opens,
 * writes the file's path into it, and closes it, by close(2) or by a dup2(2) over it.
 */
#include "tracee.h"

static const char *folder;
static int rounds;

static void *work(void *argument)
{
	char path[256];

	for (int i = 0; i < rounds; i++) {
		int length = snprintf(path, sizeof path, "%s/%d-%d", folder, (int)(long)argument, i % 4);
		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		CHECK(fd >= 0);
		CHECK(write(fd, path, (size_t)length) == length);
		if (i % 3 == 0) {
			int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

			CHECK(dup2(null, fd) == fd);
			CHECK(close(null) == 0);
			CHECK(write(fd, "/dev/null", 9) == 9);
		}
		CHECK(close(fd) == 0);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[4];

	tracee_begin();
	CHECK(argc == 3);
	folder = argv[1];
	rounds = atoi(argv[2]);
	await_go();
	for (long i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	return 7;
}

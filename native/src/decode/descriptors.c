/* SPDX-License-Identifier: Apache-2.0
 *
 * Descriptors, PIDs, and what they were known to be.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "decode/decode.h"
#include "decode/output.h"
#include "decode/strings.h"

/* The part at *at, up to the next NUL; *at then goes to the one behind it. */
static size_t next_part(const char **at, const char *end, const char **part)
{
	size_t size = strnlen(*at, (size_t)(end - *at));

	*part = *at;
	*at += size;
	*at += *at < end;
	return size;
}

/* What -yy says instead of the path; false: nothing. */
static bool print_instead(struct decoder *d, const char *at, const char *end)
{
	bool any = false;
	const char *part;
	size_t size;

	while (at < end && (size = next_part(&at, end, &part))) {
		if (*part == 's') {
			print_escaped(d, part + 1, size - 1, "");
			any = true;
		} else if (any && (*part == 'q' || *part == '@')) {
			print_text(d, *part == '@' ? "@" : "");
			print_quoted(d, part + 1, size - 1, 0, false);
		}
	}
	return any;
}

static void print_description(struct decoder *d, const char *at, const char *end)
{
	bool deleted = false, addresses = d->options->flags & STL_PRINT_ADDRESSES;
	const char *part, *path;
	size_t size, path_size = next_part(&at, end, &path);

	print_text(d, "<");
	if (!addresses || !print_instead(d, at, end))
		print_escaped(d, path, path_size, "<>");
	while (at < end && (size = next_part(&at, end, &part))) {
		deleted |= *part == 'd';
		if (addresses && (*part == 'c' || *part == 'b')) {
			print_text(d, *part == 'c' ? "<char " : "<block ");
			print_escaped(d, part + 1, size - 1, "<>");
			print_text(d, ">");
		}
	}
	print_text(d, deleted ? ">(deleted)" : ">");
}

static void print_described(struct decoder *d, int32_t fd)
{
	const struct stl_capture *capture;

	if (d->options->flags & (STL_PRINT_DESCRIPTORS | STL_PRINT_ADDRESSES) &&
	    (capture = fetch_capture(d, (uint32_t)fd, CAPTURED_DESCRIPTOR)) && capture->size)
		print_description(d, capture_bytes(capture), (const char *)capture_bytes(capture) + capture->size);
}

void print_fd(struct decoder *d, uint64_t value)
{
	print_signed(d, (int32_t)value);
	if ((int32_t)value >= 0) /* AT_FDCWD is none here */
		print_described(d, (int32_t)value);
}

void print_dirfd(struct decoder *d, uint64_t value)
{
	if ((int32_t)value != AT_FDCWD || d->options->constants == STL_CONSTANTS_RAW)
		print_signed(d, (int32_t)value);
	else if (d->options->constants == STL_CONSTANTS_VERBOSE)
		print_text(d, "-100 /* AT_FDCWD */");
	else
		print_text(d, "AT_FDCWD");
	print_described(d, (int32_t)value);
}

void print_pid(struct decoder *d, uint64_t value)
{
	const struct stl_capture *capture = NULL;
	int32_t pid = (int32_t)value, host = pid;

	print_signed(d, pid);
	if (d->options->flags & (STL_PRINT_COMMS | STL_PRINT_PIDNS))
		capture = fetch_capture(d, (uint32_t)pid, CAPTURED_PID);
	if (!capture || capture->size < sizeof(host))
		return;
	memcpy(&host, capture_bytes(capture), sizeof(host));
	if (d->options->flags & STL_PRINT_COMMS && capture->size > sizeof(host)) {
		text_add_char(&d->out->line, '<');
		print_escaped(d, (const char *)capture_bytes(capture) + sizeof(host), capture->size - sizeof(host),
		              "<>");
		text_add_char(&d->out->line, '>');
	}
	if (d->options->flags & STL_PRINT_PIDNS && host != pid)
		print_comment(d, "%" PRId32 " in strace's PID NS", host);
}

void print_id(struct decoder *d, uint64_t value)
{
	if ((uint32_t)value == UINT32_MAX)
		print_signed(d, -1);
	else
		print_unsigned(d, (uint32_t)value);
}

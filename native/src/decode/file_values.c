/* SPDX-License-Identifier: Apache-2.0
 *
 * The calls about files and descriptors: what their topics share.
 */
#include "decode/file.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

void argument_fd(struct decoder *d, unsigned index)
{
	argument(d);
	print_fd(d, d->args[index]);
}

void argument_dirfd(struct decoder *d, unsigned index)
{
	argument(d);
	print_dirfd(d, d->args[index]);
}

void argument_path(struct decoder *d, unsigned index)
{
	argument(d);
	print_path(d, d->args[index]);
}

void argument_string(struct decoder *d, unsigned index)
{
	argument(d);
	print_string(d, d->args[index]);
}

void argument_address(struct decoder *d, unsigned index)
{
	argument(d);
	print_address(d, d->args[index]);
}

void argument_int(struct decoder *d, unsigned index)
{
	argument(d);
	print_signed(d, (int32_t)d->args[index]);
}

void argument_uint(struct decoder *d, unsigned index)
{
	argument(d);
	print_unsigned(d, (uint32_t)d->args[index]);
}

void argument_long(struct decoder *d, unsigned index)
{
	argument(d);
	print_signed(d, d->word == 4 ? (int32_t)d->args[index] : (int64_t)d->args[index]);
}

void argument_unsigned(struct decoder *d, unsigned index)
{
	argument(d);
	print_unsigned(d, d->args[index]);
}

void argument_flags(struct decoder *d, unsigned index, const struct constants *table)
{
	argument(d);
	print_flags(d, table, (uint32_t)d->args[index]);
}

void argument_constant(struct decoder *d, unsigned index, const struct constants *table)
{
	argument(d);
	print_constant(d, table, (uint32_t)d->args[index]);
}

uint64_t wide_value(const struct decoder *d, unsigned index)
{
	if (d->word == 8)
		return d->args[index];
	return (uint32_t)d->args[index] | d->args[index + 1] << 32;
}

void argument_wide(struct decoder *d, unsigned index, const char *name)
{
	argument_named(d, name, wide_value(d, index));
	print_signed(d, (int64_t)wide_value(d, index));
}

void print_hex_bytes(struct decoder *d, const void *bytes, size_t size, size_t limit)
{
	const struct stl_print_options *options = d->options;
	struct stl_print_options in_hex = *options;

	in_hex.hex = 2;
	d->options = &in_hex;
	print_quoted(d, bytes, size, limit, false);
	d->options = options;
}

void print_binary(struct decoder *d, uint64_t address, int32_t size)
{
	const struct stl_print_options *options = d->options;
	struct stl_print_options in_hex = *options;

	in_hex.hex = 2;
	d->options = &in_hex;
	if (size < 0)
		print_address(d, address);
	else
		print_bytes(d, address, (uint64_t)size);
	d->options = options;
}

void print_beyond(struct decoder *d, uint64_t address, uint64_t size, size_t known)
{
	unsigned char bytes[4096];
	size_t there, zeros = 0;

	if (size <= known)
		return;
	size = size < sizeof(bytes) ? size : sizeof(bytes);
	there = fetch_some(d, address + known, bytes, (size_t)size - known);
	while (zeros < there && !bytes[zeros])
		zeros++;
	if (zeros == there)
		return;
	field(d, "");
	print(d, "/* bytes %zu..%zu */ ", known, known + there - 1);
	print_hex_bytes(d, bytes, there, d->options->string_limit);
}

void print_result_string(struct decoder *d, uint64_t address)
{
	const struct stl_print_options *options = d->options;
	struct stl_print_options with_data = *options;

	with_data.flags &= ~(uint32_t)STL_PRINT_NO_DATA;
	d->options = &with_data;
	print_result_bytes(d, address);
	d->options = options;
}

void print_offset_at(struct decoder *d, uint64_t address)
{
	int64_t offset;

	if (!address || !fetch(d, address, &offset, sizeof(offset)))
		print_address(d, address);
	else
		print(d, "[%" PRId64 "]", offset);
}

void print_moment(struct decoder *d, int64_t seconds, uint64_t fraction, unsigned digits)
{
	uint64_t most = digits == 9 ? 999999999 : 999999;
	time_t moment = (time_t)seconds;
	char text[64], zone[16];
	struct tm broken;

	if ((!seconds && !fraction) || fraction > most || !localtime_r(&moment, &broken) ||
	    !strftime(text, sizeof(text), "%FT%T", &broken) || !strftime(zone, sizeof(zone), "%z", &broken))
		return;
	if (fraction)
		print_comment(d, "%s.%0*" PRIu64 "%s", text, (int)digits, fraction, zone);
	else
		print_comment(d, "%s%s", text, zone);
}

static void print_one_iovec(struct decoder *d, const void *element, size_t index)
{
	uint64_t base = 0, length = 0;

	(void)index;
	memcpy(&base, element, d->word);
	memcpy(&length, (const char *)element + d->word, d->word);
	begin_struct(d);
	field(d, "iov_base");
	print_address(d, base);
	field(d, "iov_len");
	print_unsigned(d, length);
	end_struct(d);
}

void print_iovec_addresses(struct decoder *d, uint64_t address, uint64_t count)
{
	print_array(d, address, count, (size_t)2 * d->word, print_one_iovec);
}

void print_itimerspec(struct decoder *d, uint64_t address, unsigned word)
{
	char setting[32];
	uint64_t value = address + (uint64_t)2 * word;

	if (!address || !fetch(d, address, setting, (size_t)4 * word)) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field(d, "it_interval");
	(word == 4 ? print_timespec : print_timespec64)(d, address);
	field(d, "it_value");
	(word == 4 ? print_timespec : print_timespec64)(d, value);
	end_struct(d);
}

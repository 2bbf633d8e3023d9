/* SPDX-License-Identifier: Apache-2.0
 *
 * Directories' entries. Layouts: include/linux/dirent.h, fs/readdir.c.
 */
#include <inttypes.h>
#include <string.h>

#include "constants/file.h"
#include "decode/file.h"

/* As much as is captured at most (records/rows_file.c). */
#define ENTRIES_MAX UINT16_MAX
#define NAME_MOST 255

struct entry {
	uint64_t inode;
	int64_t offset;
	uint16_t length;
	uint8_t type;
	const char *name;
	size_t name_size;
};

/* The entry at `bytes`, of which `size` are there; false: it is none. */
typedef bool unpack_entry(const char *bytes, size_t size, unsigned word, struct entry *entry);

static bool set_name(const char *bytes, size_t from, size_t size, struct entry *entry)
{
	if (entry->length < from || entry->length > size)
		return false;
	entry->name = bytes + from;
	entry->name_size = strnlen(entry->name, entry->length - from);
	return true;
}

static bool unpack_old(const char *bytes, size_t size, unsigned word, struct entry *entry)
{
	size_t name = (size_t)2 * word + 2;

	if (size < name + 1)
		return false;
	entry->inode = 0;
	memcpy(&entry->inode, bytes, word);
	entry->offset = 0;
	memcpy(&entry->offset, bytes + word, word);
	memcpy(&entry->length, bytes + (size_t)2 * word, 2);
	if (!set_name(bytes, name, size, entry))
		return false;
	/* what was padding once is the type, and the last byte (kernel commit 3b1aab3e6b5f) */
	entry->type = entry->length ? (uint8_t)bytes[entry->length - 1] : 0;
	return true;
}

static bool unpack_64(const char *bytes, size_t size, unsigned word, struct entry *entry)
{
	(void)word;
	if (size < 20)
		return false;
	memcpy(&entry->inode, bytes, 8);
	memcpy(&entry->offset, bytes + 8, 8);
	memcpy(&entry->length, bytes + 16, 2);
	entry->type = (uint8_t)bytes[18];
	return set_name(bytes, 19, size, entry);
}

static void print_type(struct decoder *d, const struct entry *entry)
{
	field(d, "d_type");
	print_constant(d, &entry_types, entry->type);
}

static void print_entry(struct decoder *d, const struct entry *entry, bool type_last)
{
	begin_struct(d);
	field(d, "d_ino");
	print_unsigned(d, entry->inode);
	field(d, "d_off");
	print_signed(d, entry->offset);
	field(d, "d_reclen");
	print_unsigned(d, entry->length);
	if (!type_last)
		print_type(d, entry);
	field(d, "d_name");
	print_quoted(d, entry->name, entry->name_size, 0, false);
	if (type_last)
		print_type(d, entry);
	end_struct(d);
}

/* All of them, or how many there are. */
static void print_entries(struct decoder *d, unpack_entry *unpack, bool type_last)
{
	char bytes[ENTRIES_MAX];
	size_t result = d->result < ENTRIES_MAX ? (size_t)d->result : ENTRIES_MAX;
	size_t size = fetch_some(d, d->args[1], bytes, result), at = 0;
	unsigned count = 0;
	struct entry entry;

	if (verbose(d))
		print_text(d, "[");
	while (at < size && unpack(bytes + at, size - at, d->word, &entry) && entry.length) {
		if (verbose(d)) {
			print_text(d, count ? ", " : "");
			print_entry(d, &entry, type_last);
		}
		at += entry.length;
		count++;
	}
	if (verbose(d)) {
		print_text(d, "]");
		return;
	}
	print_address(d, d->args[1]);
	print_comment(d, "%u entries", count);
}

static void print_getdents(struct decoder *d, unpack_entry *unpack, bool type_last)
{
	if (entering(d)) {
		argument_fd(d, 0);
		return;
	}
	argument(d);
	if (failed(d) || d->result < 0)
		print_address(d, d->args[1]);
	else
		print_entries(d, unpack, type_last);
	argument_uint(d, 2);
}

void decode_getdents(struct decoder *d)
{
	print_getdents(d, unpack_old, true);
}

void decode_getdents64(struct decoder *d)
{
	print_getdents(d, unpack_64, false);
}

static void print_one_entry(struct decoder *d, uint64_t address)
{
	size_t head = (size_t)2 * d->word + 2;
	char bytes[18 + NAME_MOST + 1];
	uint64_t inode = 0, offset = 0;
	uint16_t length = 0;

	if (failed(d) || !d->result || fetch_some(d, address, bytes, head + NAME_MOST) < head) {
		print_address(d, address);
		return;
	}
	memcpy(&inode, bytes, d->word);
	memcpy(&offset, bytes + d->word, d->word);
	memcpy(&length, bytes + (size_t)2 * d->word, 2);
	begin_struct(d);
	field(d, "d_ino");
	print_unsigned(d, inode);
	field(d, "d_off");
	print_unsigned(d, offset);
	field(d, "d_reclen");
	print_unsigned(d, length);
	field(d, "d_name");
	print_quoted(d, bytes + head, length < NAME_MOST ? length : NAME_MOST, 0, false);
	end_struct(d);
}

void decode_readdir(struct decoder *d)
{
	if (entering(d)) {
		argument_fd(d, 0);
		return;
	}
	argument(d);
	print_one_entry(d, d->args[1]);
	/* the kernel ignores it, and strace shows it of a call that failed */
	if (failed(d))
		argument_uint(d, 2);
}

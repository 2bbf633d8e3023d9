/* SPDX-License-Identifier: Apache-2.0
 *
 * The ioctls of block devices and of loop(4).
 */
#include <string.h>

#include <linux/blkpg.h>
#include <linux/loop.h>

#include "decode/system.h"

static void field_text(struct decoder *d, const char *name, const void *bytes, size_t size)
{
	bool cut = !memchr(bytes, 0, size);

	field(d, name);
	print_quoted(d, bytes, cut ? size - 1 : size, 0, true);
	if (cut)
		print_text(d, "...");
}

/* ---- partitions ------------------------------------------------------------------------------------------ */

static void print_partition(struct decoder *d, uint64_t address)
{
	struct blkpg_partition partition;
	size_t size = d->word == 8 ? sizeof(partition) : sizeof(partition) - 4;

	memset(&partition, 0, sizeof(partition));
	if (!address || !fetch(d, address, &partition, size)) {
		print_address(d, address);
		return;
	}
	begin_struct(d);
	field(d, "start");
	print_signed(d, partition.start);
	field(d, "length");
	print_signed(d, partition.length);
	field(d, "pno");
	print_signed(d, partition.pno);
	field_text(d, "devname", partition.devname, sizeof(partition.devname));
	field_text(d, "volname", partition.volname, sizeof(partition.volname));
	end_struct(d);
}

/* struct blkpg_ioctl_arg: three ints and a pointer */
bool decode_block_ioctl(struct decoder *d, uint32_t number)
{
	int32_t ints[3];
	uint64_t data;

	if (number != BLKPG)
		return false;
	if (!entering(d))
		return true;
	argument(d);
	if (!d->args[2] || !fetch(d, d->args[2], ints, sizeof(ints)) ||
	    !fetch_word(d, d->args[2] + (d->word == 8 ? 16 : 12), &data)) {
		print_address(d, d->args[2]);
		return true;
	}
	begin_struct(d);
	field_constant(d, "op", &partition_operations, (uint32_t)ints[0]);
	field(d, "flags");
	print_signed(d, ints[1]);
	field(d, "datalen");
	print_signed(d, ints[2]);
	field(d, "data");
	print_partition(d, data);
	end_struct(d);
	return true;
}

/* ---- loop(4) ----------------------------------------------------------------------------------------------- */

static void field_device(struct decoder *d, const char *name, uint64_t device)
{
	field(d, name);
	print_device(d, device);
}

static void print_encryption(struct decoder *d, uint32_t type, uint32_t key_size)
{
	if (!verbose(d) && type == LO_CRYPT_NONE)
		return;
	field_constant(d, "lo_encrypt_type", &loop_encryptions, type);
	field_unsigned(d, "lo_encrypt_key_size", key_size);
}

static void print_info64(struct decoder *d, const struct loop_info64 *info)
{
	uint32_t key_size = info->lo_encrypt_key_size < LO_KEY_SIZE ? info->lo_encrypt_key_size : LO_KEY_SIZE;
	bool encrypted = info->lo_encrypt_type != LO_CRYPT_NONE;

	begin_struct(d);
	if (verbose(d)) {
		field_device(d, "lo_device", info->lo_device);
		field_unsigned(d, "lo_inode", info->lo_inode);
		field_device(d, "lo_rdevice", info->lo_rdevice);
	}
	field_hex(d, "lo_offset", info->lo_offset);
	if (verbose(d) || info->lo_sizelimit)
		field_unsigned(d, "lo_sizelimit", info->lo_sizelimit);
	field_unsigned(d, "lo_number", info->lo_number);
	print_encryption(d, info->lo_encrypt_type, info->lo_encrypt_key_size);
	field_flags(d, "lo_flags", &loop_flags, info->lo_flags);
	field_text(d, "lo_file_name", info->lo_file_name, LO_NAME_SIZE);
	if (verbose(d) || encrypted) {
		field_text(d, "lo_crypt_name", info->lo_crypt_name, LO_NAME_SIZE);
		field(d, "lo_encrypt_key");
		print_quoted(d, info->lo_encrypt_key, key_size, 0, false);
	}
	if (!verbose(d)) {
		end_struct_short(d);
		return;
	}
	field(d, "lo_init");
	print_text(d, "[");
	print_hex(d, info->lo_init[0]);
	print_text(d, ", ");
	print_hex(d, info->lo_init[1]);
	print_text(d, "]");
	end_struct(d);
}

/* Where data is not wanted nothing is captured of what has a key in it, so nothing is shown of what was. */
static bool fetch_keyed(const struct decoder *d, void *into, size_t size)
{
	return d->args[2] && !(d->options->flags & STL_PRINT_NO_DATA) && fetch(d, d->args[2], into, size);
}

static bool decode_info64(struct decoder *d, bool setting)
{
	struct loop_info64 info;

	if (setting == d->exiting)
		return true;
	argument(d);
	if ((!setting && failed(d)) || !fetch_keyed(d, &info, sizeof(info)))
		print_address(d, d->args[2]);
	else
		print_info64(d, &info);
	return true;
}

static bool decode_configuration(struct decoder *d)
{
	struct loop_config config;
	bool reserved = false;

	if (!entering(d))
		return true;
	argument(d);
	if (!fetch_keyed(d, &config, sizeof(config))) {
		print_address(d, d->args[2]);
		return true;
	}
	begin_struct(d);
	field_fd(d, "fd", config.fd);
	field_unsigned(d, "block_size", config.block_size);
	field(d, "info");
	print_info64(d, &config.info);
	for (int i = 0; i < 8; i++)
		reserved |= config.__reserved[i] != 0;
	if (reserved) {
		field(d, "__reserved");
		for (int i = 0; i < 8; i++) {
			print_text(d, i ? ", " : "[");
			print_hex(d, config.__reserved[i]);
		}
		print_text(d, "]");
	}
	end_struct(d);
	return true;
}

/* struct loop_info, whose devices and inode have the ABI's sizes */
static const struct {
	uint8_t device, inode, rdevice, ints, name, key, init, reserved;
} info_at[2] = {{8, 16, 24, 32, 48, 112, 144, 160}, {4, 8, 12, 16, 32, 96, 128, 136}};

static uint64_t device_of(const struct decoder *d, const unsigned char *at)
{
	uint64_t device = 0;

	memcpy(&device, at, d->word == 8 ? 8 : 2);
	return device;
}

static uint64_t long_of(const struct decoder *d, const unsigned char *at)
{
	uint64_t value = 0;

	memcpy(&value, at, d->word);
	return value;
}

static void print_info_rest(struct decoder *d, const unsigned char *bytes, unsigned abi)
{
	print_text(d, ", lo_init=[");
	print_hex(d, long_of(d, bytes + info_at[abi].init));
	print_text(d, ", ");
	print_hex(d, long_of(d, bytes + info_at[abi].init + d->word));
	print_text(d, "]");
	field(d, "reserved");
	for (int i = 0; i < 4; i++) {
		print_text(d, i ? ", " : "[");
		print_hex(d, bytes[info_at[abi].reserved + i]);
	}
	print_text(d, "]");
}

static void print_info(struct decoder *d, const unsigned char *bytes)
{
	unsigned abi = d->word == 8 ? 0 : 1;
	int32_t number, ints[4]; /* offset, encryption, size of the key, flags */

	memcpy(&number, bytes, sizeof(number));
	memcpy(ints, bytes + info_at[abi].ints, sizeof(ints));
	uint32_t key_size = (uint32_t)ints[2] < LO_KEY_SIZE ? (uint32_t)ints[2] : LO_KEY_SIZE;

	begin_struct(d);
	field(d, "lo_number");
	print_signed(d, number);
	if (verbose(d)) {
		field_device(d, "lo_device", device_of(d, bytes + info_at[abi].device));
		field_unsigned(d, "lo_inode", long_of(d, bytes + info_at[abi].inode));
		field_device(d, "lo_rdevice", device_of(d, bytes + info_at[abi].rdevice));
	}
	field_hex(d, "lo_offset", (uint32_t)ints[0]);
	print_encryption(d, (uint32_t)ints[1], (uint32_t)ints[2]);
	field_flags(d, "lo_flags", &loop_flags, (uint32_t)ints[3]);
	field_text(d, "lo_name", bytes + info_at[abi].name, LO_NAME_SIZE);
	if (verbose(d) || ints[1] != LO_CRYPT_NONE) {
		field(d, "lo_encrypt_key");
		print_quoted(d, bytes + info_at[abi].key, key_size, 0, false);
	}
	if (!verbose(d)) {
		end_struct_short(d);
		return;
	}
	print_info_rest(d, bytes, abi);
	end_struct(d);
}

static bool decode_info(struct decoder *d, bool setting)
{
	unsigned char bytes[168];

	if (setting == d->exiting)
		return true;
	argument(d);
	if ((!setting && failed(d)) || !fetch_keyed(d, bytes, d->word == 8 ? 168 : 140))
		print_address(d, d->args[2]);
	else
		print_info(d, bytes);
	return true;
}

bool decode_loop_ioctl(struct decoder *d, uint32_t number)
{
	switch (number) {
	case LOOP_SET_STATUS:
		return decode_info(d, true);
	case LOOP_GET_STATUS:
		return decode_info(d, false);
	case LOOP_SET_STATUS64:
		return decode_info64(d, true);
	case LOOP_GET_STATUS64:
		return decode_info64(d, false);
	case LOOP_CONFIGURE:
		return decode_configuration(d);
	default:
		return false;
	}
}

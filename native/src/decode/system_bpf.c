/* SPDX-License-Identifier: Apache-2.0
 *
 * bpf(2): the attributes of each command, as a table of the fields of union bpf_attr (include/uapi/linux/bpf.h).
 */
#include <inttypes.h>
#include <string.h>

#include <linux/bpf.h>

#include "decode/system.h"
#include "decode/system_bpf.h"

#define ATTRIBUTES_MOST 4096 /* the kernel takes no more than a page */

#define AT(member) (uint16_t) offsetof(union bpf_attr, member)
#define FIELD(name, member, kind)                                                                                      \
	{                                                                                                              \
		name, AT(member), kind, NULL                                                                           \
	}
#define NAMED(name, member, kind, table)                                                                               \
	{                                                                                                              \
		name, AT(member), kind, &(table)                                                                       \
	}

static const struct bpf_field map_create[] = {
	NAMED("map_type", map_type, BPF_CONSTANT, bpf_map_types),
	FIELD("key_size", key_size, BPF_NUMBER),
	FIELD("value_size", value_size, BPF_NUMBER),
	FIELD("max_entries", max_entries, BPF_NUMBER),
	NAMED("map_flags", map_flags, BPF_FLAGS, bpf_map_flags),
	FIELD("inner_map_fd", inner_map_fd, BPF_DESCRIPTOR),
	FIELD("numa_node", numa_node, BPF_NODE),
	FIELD("map_name", map_name, BPF_NAME),
	FIELD("map_ifindex", map_ifindex, BPF_NUMBER),
	FIELD("btf_fd", btf_fd, BPF_DESCRIPTOR),
	FIELD("btf_key_type_id", btf_key_type_id, BPF_NUMBER),
	FIELD("btf_value_type_id", btf_value_type_id, BPF_NUMBER),
	FIELD("btf_vmlinux_value_type_id", btf_vmlinux_value_type_id, BPF_NUMBER),
	FIELD("map_extra", map_extra, BPF_WIDE),
};

static const struct bpf_field element[] = {
	FIELD("map_fd", map_fd, BPF_DESCRIPTOR),
	FIELD("key", key, BPF_ADDRESS),
	FIELD("value", value, BPF_ADDRESS),
	NAMED("flags", flags, BPF_WIDE_CONSTANT, bpf_element_flags),
};

static const struct bpf_field deleted[] = {
	FIELD("map_fd", map_fd, BPF_DESCRIPTOR),
	FIELD("key", key, BPF_ADDRESS),
};

static const struct bpf_field next_key[] = {
	FIELD("map_fd", map_fd, BPF_DESCRIPTOR),
	FIELD("key", key, BPF_ADDRESS),
	FIELD("next_key", next_key, BPF_ADDRESS),
};

static const struct bpf_field frozen[] = {FIELD("map_fd", map_fd, BPF_DESCRIPTOR)};

static const struct bpf_field batch[] = {
	FIELD("in_batch", batch.in_batch, BPF_ADDRESS),
	FIELD("out_batch", batch.out_batch, BPF_ADDRESS),
	FIELD("keys", batch.keys, BPF_ADDRESS),
	FIELD("values", batch.values, BPF_ADDRESS),
	FIELD("count", batch.count, BPF_NUMBER),
	FIELD("map_fd", batch.map_fd, BPF_DESCRIPTOR),
	NAMED("elem_flags", batch.elem_flags, BPF_WIDE_CONSTANT, bpf_element_flags),
	FIELD("flags", batch.flags, BPF_WIDE_HEX),
};

static const struct bpf_field update_batch[] = {
	FIELD("keys", batch.keys, BPF_ADDRESS),
	FIELD("values", batch.values, BPF_ADDRESS),
	FIELD("count", batch.count, BPF_NUMBER),
	FIELD("map_fd", batch.map_fd, BPF_DESCRIPTOR),
	NAMED("elem_flags", batch.elem_flags, BPF_WIDE_CONSTANT, bpf_element_flags),
	FIELD("flags", batch.flags, BPF_WIDE_HEX),
};

static const struct bpf_field delete_batch[] = {
	FIELD("keys", batch.keys, BPF_ADDRESS),
	FIELD("count", batch.count, BPF_NUMBER),
	FIELD("map_fd", batch.map_fd, BPF_DESCRIPTOR),
	NAMED("elem_flags", batch.elem_flags, BPF_WIDE_CONSTANT, bpf_element_flags),
	FIELD("flags", batch.flags, BPF_WIDE_HEX),
};

static const struct bpf_field program_load[] = {
	NAMED("prog_type", prog_type, BPF_CONSTANT, bpf_program_types),
	FIELD("insn_cnt", insn_cnt, BPF_NUMBER),
	FIELD("insns", insns, BPF_INSTRUCTIONS),
	FIELD("license", license, BPF_STRING),
	FIELD("log_level", log_level, BPF_NUMBER),
	FIELD("log_size", log_size, BPF_NUMBER),
	FIELD("log_buf", log_buf, BPF_STRING),
	FIELD("kern_version", kern_version, BPF_VERSION),
	NAMED("prog_flags", prog_flags, BPF_FLAGS, bpf_program_flags),
	FIELD("prog_name", prog_name, BPF_NAME),
	FIELD("prog_ifindex", prog_ifindex, BPF_NUMBER),
	NAMED("expected_attach_type", expected_attach_type, BPF_CONSTANT, bpf_attach_types),
	FIELD("prog_btf_fd", prog_btf_fd, BPF_DESCRIPTOR),
	FIELD("func_info_rec_size", func_info_rec_size, BPF_NUMBER),
	FIELD("func_info", func_info, BPF_ADDRESS),
	FIELD("func_info_cnt", func_info_cnt, BPF_NUMBER),
	FIELD("line_info_rec_size", line_info_rec_size, BPF_NUMBER),
	FIELD("line_info", line_info, BPF_ADDRESS),
	FIELD("line_info_cnt", line_info_cnt, BPF_NUMBER),
	FIELD("attach_btf_id", attach_btf_id, BPF_NUMBER),
	FIELD("attach_prog_fd", attach_prog_fd, BPF_DESCRIPTOR),
	FIELD("fd_array", fd_array, BPF_ADDRESS),
};

static const struct bpf_field object[] = {
	FIELD("pathname", pathname, BPF_PATH),
	FIELD("bpf_fd", bpf_fd, BPF_DESCRIPTOR),
	NAMED("file_flags", file_flags, BPF_FLAGS, bpf_file_flags),
};

static const struct bpf_field attach[] = {
	FIELD("target_fd", target_fd, BPF_DESCRIPTOR),
	FIELD("attach_bpf_fd", attach_bpf_fd, BPF_DESCRIPTOR),
	NAMED("attach_type", attach_type, BPF_CONSTANT, bpf_attach_types),
	NAMED("attach_flags", attach_flags, BPF_FLAGS, bpf_attach_flags),
	FIELD("replace_bpf_fd", replace_bpf_fd, BPF_DESCRIPTOR),
};

static const struct bpf_field detach[] = {
	FIELD("target_fd", target_fd, BPF_DESCRIPTOR),
	NAMED("attach_type", attach_type, BPF_CONSTANT, bpf_attach_types),
};

static const struct bpf_field test_run[] = {
	FIELD("prog_fd", test.prog_fd, BPF_DESCRIPTOR),
	FIELD("retval", test.retval, BPF_NUMBER),
	FIELD("data_size_in", test.data_size_in, BPF_NUMBER),
	FIELD("data_size_out", test.data_size_out, BPF_NUMBER),
	FIELD("data_in", test.data_in, BPF_ADDRESS),
	FIELD("data_out", test.data_out, BPF_ADDRESS),
	FIELD("repeat", test.repeat, BPF_NUMBER),
	FIELD("duration", test.duration, BPF_NUMBER),
	FIELD("ctx_size_in", test.ctx_size_in, BPF_NUMBER),
	FIELD("ctx_size_out", test.ctx_size_out, BPF_NUMBER),
	FIELD("ctx_in", test.ctx_in, BPF_ADDRESS),
	FIELD("ctx_out", test.ctx_out, BPF_ADDRESS),
	NAMED("flags", test.flags, BPF_FLAGS, bpf_test_flags),
	FIELD("cpu", test.cpu, BPF_NUMBER),
	FIELD("batch_size", test.batch_size, BPF_NUMBER),
};

static const struct bpf_field next_id[] = {
	FIELD("start_id", start_id, BPF_NUMBER),
	FIELD("next_id", next_id, BPF_CHANGED),
	NAMED("open_flags", open_flags, BPF_FLAGS, bpf_file_flags),
};

static const struct bpf_field program_id[] = {
	FIELD("prog_id", prog_id, BPF_NUMBER),
	FIELD("next_id", next_id, BPF_NUMBER),
	NAMED("open_flags", open_flags, BPF_FLAGS, bpf_file_flags),
};

static const struct bpf_field map_id[] = {
	FIELD("map_id", map_id, BPF_NUMBER),
	FIELD("next_id", next_id, BPF_NUMBER),
	NAMED("open_flags", open_flags, BPF_FLAGS, bpf_file_flags),
};

static const struct bpf_field btf_id[] = {FIELD("btf_id", btf_id, BPF_NUMBER)};
static const struct bpf_field link_id[] = {FIELD("link_id", link_id, BPF_NUMBER)};

static const struct bpf_field info[] = {
	FIELD("bpf_fd", info.bpf_fd, BPF_DESCRIPTOR),
	FIELD("info_len", info.info_len, BPF_CHANGED),
	FIELD("info", info.info, BPF_ADDRESS),
};

static const struct bpf_field query[] = {
	FIELD("target_fd", query.target_fd, BPF_DESCRIPTOR),
	NAMED("attach_type", query.attach_type, BPF_CONSTANT, bpf_attach_types),
	NAMED("query_flags", query.query_flags, BPF_FLAGS, bpf_query_flags),
	NAMED("attach_flags", query.attach_flags, BPF_FLAGS, bpf_attach_flags),
	FIELD("prog_ids", query.prog_ids, BPF_ADDRESS),
	FIELD("prog_cnt", query.prog_cnt, BPF_NUMBER),
};

static const struct bpf_field raw_tracepoint[] = {
	FIELD("name", raw_tracepoint.name, BPF_STRING),
	FIELD("prog_fd", raw_tracepoint.prog_fd, BPF_DESCRIPTOR),
};

static const struct bpf_field btf_load[] = {
	FIELD("btf", btf, BPF_DATA),
	FIELD("btf_log_buf", btf_log_buf, BPF_ADDRESS),
	FIELD("btf_size", btf_size, BPF_NUMBER),
	FIELD("btf_log_size", btf_log_size, BPF_NUMBER),
	FIELD("btf_log_level", btf_log_level, BPF_NUMBER),
};

static const struct bpf_field task_query[] = {
	FIELD("pid", task_fd_query.pid, BPF_PID),
	FIELD("fd", task_fd_query.fd, BPF_DESCRIPTOR),
	FIELD("flags", task_fd_query.flags, BPF_HEX),
	FIELD("buf_len", task_fd_query.buf_len, BPF_NUMBER),
	FIELD("buf", task_fd_query.buf, BPF_SIZED_STRING),
	FIELD("prog_id", task_fd_query.prog_id, BPF_NUMBER),
	NAMED("fd_type", task_fd_query.fd_type, BPF_CONSTANT, bpf_task_descriptors),
	FIELD("probe_offset", task_fd_query.probe_offset, BPF_WIDE_HEX),
	FIELD("probe_addr", task_fd_query.probe_addr, BPF_WIDE_HEX),
};

static const struct bpf_field link_create[] = {
	FIELD("prog_fd", link_create.prog_fd, BPF_DESCRIPTOR),
	FIELD("target_fd", link_create.target_fd, BPF_DESCRIPTOR),
	NAMED("attach_type", link_create.attach_type, BPF_CONSTANT, bpf_attach_types),
	FIELD("flags", link_create.flags, BPF_HEX),
};

static const struct bpf_field link_iteration[] = {
	FIELD("iter_info", link_create.iter_info, BPF_ADDRESS),
	FIELD("iter_info_len", link_create.iter_info_len, BPF_NUMBER),
};

static const struct bpf_field link_event[] = {
	FIELD("bpf_cookie", link_create.perf_event.bpf_cookie, BPF_WIDE_HEX),
};

static const struct bpf_field link_probes[] = {
	FIELD("flags", link_create.kprobe_multi.flags, BPF_HEX),
	FIELD("cnt", link_create.kprobe_multi.cnt, BPF_NUMBER),
	FIELD("syms", link_create.kprobe_multi.syms, BPF_ADDRESS),
	FIELD("addrs", link_create.kprobe_multi.addrs, BPF_ADDRESS),
	FIELD("cookies", link_create.kprobe_multi.cookies, BPF_ADDRESS),
};

static const struct bpf_field link_update[] = {
	FIELD("link_fd", link_update.link_fd, BPF_DESCRIPTOR),
	FIELD("new_prog_fd", link_update.new_prog_fd, BPF_DESCRIPTOR),
	NAMED("flags", link_update.flags, BPF_FLAGS, bpf_link_flags),
	FIELD("old_prog_fd", link_update.old_prog_fd, BPF_REPLACED),
};

#define COMMAND(number, group, fields, always, end)                                                                    \
	{                                                                                                              \
		number, group, fields, sizeof(fields) / sizeof(*(fields)), always, end                                 \
	}

/* Each with how many bytes of it are printed whatever the given size, and where what is known of it ends. */
static const struct bpf_command commands[] = {
	COMMAND(BPF_MAP_CREATE, NULL, map_create, 16, 72),
	COMMAND(BPF_MAP_LOOKUP_ELEM, NULL, element, 24, 32),
	COMMAND(BPF_MAP_UPDATE_ELEM, NULL, element, 32, 32),
	COMMAND(BPF_MAP_DELETE_ELEM, NULL, deleted, 16, 16),
	COMMAND(BPF_MAP_GET_NEXT_KEY, NULL, next_key, 24, 24),
	COMMAND(BPF_MAP_LOOKUP_AND_DELETE_ELEM, NULL, element, 24, 32),
	COMMAND(BPF_MAP_FREEZE, NULL, frozen, 4, 4),
	COMMAND(BPF_MAP_LOOKUP_BATCH, "batch", batch, 56, 56),
	COMMAND(BPF_MAP_LOOKUP_AND_DELETE_BATCH, "batch", batch, 56, 56),
	COMMAND(BPF_MAP_UPDATE_BATCH, "batch", update_batch, 56, 56),
	COMMAND(BPF_MAP_DELETE_BATCH, "batch", delete_batch, 56, 56),
	COMMAND(BPF_PROG_LOAD, NULL, program_load, 24, 128),
	COMMAND(BPF_OBJ_PIN, NULL, object, 12, 16),
	COMMAND(BPF_OBJ_GET, NULL, object, 12, 16),
	COMMAND(BPF_PROG_ATTACH, NULL, attach, 16, 20),
	COMMAND(BPF_PROG_DETACH, NULL, detach, 12, 12),
	COMMAND(BPF_PROG_TEST_RUN, "test", test_run, 40, 76),
	COMMAND(BPF_PROG_GET_NEXT_ID, NULL, next_id, 8, 12),
	COMMAND(BPF_MAP_GET_NEXT_ID, NULL, next_id, 8, 12),
	COMMAND(BPF_BTF_GET_NEXT_ID, NULL, next_id, 8, 12),
	COMMAND(BPF_LINK_GET_NEXT_ID, NULL, next_id, 8, 12),
	COMMAND(BPF_PROG_GET_FD_BY_ID, NULL, program_id, 8, 12),
	COMMAND(BPF_MAP_GET_FD_BY_ID, NULL, map_id, 8, 12),
	COMMAND(BPF_BTF_GET_FD_BY_ID, NULL, btf_id, 4, 4),
	COMMAND(BPF_LINK_GET_FD_BY_ID, NULL, link_id, 4, 4),
	COMMAND(BPF_OBJ_GET_INFO_BY_FD, "info", info, 16, 16),
	COMMAND(BPF_PROG_QUERY, "query", query, 28, 28),
	COMMAND(BPF_RAW_TRACEPOINT_OPEN, "raw_tracepoint", raw_tracepoint, 12, 12),
	COMMAND(BPF_BTF_LOAD, NULL, btf_load, 28, 28),
	COMMAND(BPF_TASK_FD_QUERY, "task_fd_query", task_query, 48, 48),
	COMMAND(BPF_LINK_CREATE, "link_create", link_create, 16, 16),
	COMMAND(BPF_LINK_UPDATE, "link_update", link_update, 12, 16),
};

static const struct bpf_command link_kinds[] = {
	COMMAND(BPF_TRACE_ITER, NULL, link_iteration, 28, 28),
	COMMAND(BPF_PERF_EVENT, "perf_event", link_event, 24, 24),
	COMMAND(BPF_TRACE_KPROBE_MULTI, "kprobe_multi", link_probes, 48, 48),
};

static const struct bpf_command *find(const struct bpf_command *among, size_t count, uint32_t number)
{
	for (size_t i = 0; i < count; i++) {
		if (among[i].number == number)
			return &among[i];
	}
	return NULL;
}

/* What stands behind all that is known is told only where there is something. */
static void print_rest(struct decoder *d, const struct bpf_attributes *attributes, uint32_t end)
{
	bool any = false;

	for (uint32_t i = end; i < attributes->size && i < sizeof(attributes->bytes); i++)
		any |= attributes->bytes[i] != 0;
	if (!any)
		return;
	if (!verbose(d)) {
		field(d, NULL);
		print_text(d, "...");
		return;
	}
	field(d, "extra_data");
	print_text(d, "\"");
	for (uint32_t i = end; i < attributes->size && i < sizeof(attributes->bytes); i++)
		print(d, "\\x%02x", attributes->bytes[i]);
	print_text(d, "\"");
	print_comment(d, "bytes %" PRIu32 "..%" PRIu32, end, attributes->size - 1);
}

static void print_fields(struct decoder *d, const struct bpf_command *command, const struct bpf_attributes *attributes)
{
	for (uint8_t i = 0; i < command->count; i++) {
		const struct bpf_field *one = &command->fields[i];

		if (one->at < command->always || attributes->size > one->at)
			print_bpf_field(d, one, attributes);
	}
}

static void print_attributes(struct decoder *d, const struct bpf_command *command,
                             const struct bpf_attributes *attributes)
{
	const struct bpf_command *kind = NULL;
	uint32_t end = command->end;

	if (command->number == BPF_LINK_CREATE)
		kind = find(link_kinds, sizeof(link_kinds) / sizeof(*link_kinds),
		            (uint32_t)bpf_value(attributes, AT(link_create.attach_type), 4));
	begin_struct(d);
	if (command->group) {
		field(d, command->group);
		begin_struct(d);
	}
	print_fields(d, command, attributes);
	if (kind && attributes->size > command->end) {
		end = kind->end;
		if (kind->group) {
			field(d, kind->group);
			begin_struct(d);
		}
		print_fields(d, kind, attributes);
		if (kind->group)
			end_struct(d);
	}
	if (command->group)
		end_struct(d);
	print_rest(d, attributes, end);
	end_struct(d);
}

static bool fetch_attributes(const struct decoder *d, struct bpf_attributes *attributes)
{
	struct decoder before = *d;
	uint32_t size = (uint32_t)d->args[2];

	before.exiting = false;
	memset(attributes, 0, sizeof(*attributes));
	attributes->size = size;
	return d->args[1] && size && size <= ATTRIBUTES_MOST &&
	       fetch_some(&before, d->args[1], attributes->bytes, size) ==
	               (size < sizeof(attributes->bytes) ? size : sizeof(attributes->bytes));
}

static bool makes_descriptor(uint32_t number)
{
	switch (number) {
	case BPF_MAP_CREATE:
	case BPF_PROG_LOAD:
	case BPF_OBJ_GET:
	case BPF_PROG_GET_FD_BY_ID:
	case BPF_MAP_GET_FD_BY_ID:
	case BPF_BTF_GET_FD_BY_ID:
	case BPF_LINK_GET_FD_BY_ID:
	case BPF_RAW_TRACEPOINT_OPEN:
	case BPF_BTF_LOAD:
	case BPF_LINK_CREATE:
	case BPF_ITER_CREATE:
		return true;
	default:
		return false;
	}
}

/* Those of whose fields one is the answer are printed when it is there. */
static bool is_answered(uint32_t number)
{
	return number == BPF_PROG_GET_NEXT_ID || number == BPF_MAP_GET_NEXT_ID || number == BPF_BTF_GET_NEXT_ID ||
	       number == BPF_LINK_GET_NEXT_ID || number == BPF_OBJ_GET_INFO_BY_FD;
}

void decode_bpf(struct decoder *d)
{
	uint32_t number = (uint32_t)d->args[0];
	const struct bpf_command *command = find(commands, sizeof(commands) / sizeof(*commands), number);
	struct bpf_attributes attributes;

	if (entering(d))
		argument_constant(d, &bpf_commands, number);
	else if (makes_descriptor(number))
		result_is(d, RESULT_FD);
	if (is_answered(number) != d->exiting)
		return;
	argument(d);
	if (command && fetch_attributes(d, &attributes))
		print_attributes(d, command, &attributes);
	else
		print_address(d, d->args[1]);
	argument_unsigned(d, (uint32_t)d->args[2]);
}

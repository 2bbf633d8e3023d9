/* SPDX-License-Identifier: Apache-2.0
 * bpf, perf_event_open and io_uring, with good and bad arguments. */
#define _GNU_SOURCE
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BAD ((void *)8)
#define MEMBER(name, ...)                                                                                              \
	do {                                                                                                           \
		union bpf_attr a;                                                                                      \
		memset(&a, 0, sizeof a);                                                                               \
		__VA_ARGS__;                                                                                           \
		syscall(SYS_bpf, name, &a, sizeof a);                                                                  \
	} while (0)
#define P(pointer) ((unsigned long)(pointer))

static void maps(void)
{
	int key = 1, value = 2;
	union bpf_attr attr = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 2};
	int map = syscall(SYS_bpf, BPF_MAP_CREATE, &attr, 48);
	syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr);
	syscall(SYS_bpf, BPF_MAP_CREATE, &attr, 16);
	syscall(SYS_bpf, BPF_MAP_CREATE, &attr, 4);
	syscall(SYS_bpf, BPF_MAP_CREATE, &attr, 0);
	syscall(SYS_bpf, BPF_MAP_CREATE, BAD, 16);
	syscall(SYS_bpf, BPF_MAP_CREATE, NULL, 16);
	syscall(SYS_bpf, BPF_MAP_CREATE, &attr, 5000);
	MEMBER(BPF_MAP_CREATE, a.map_type = 999, a.map_flags = BPF_F_NO_PREALLOC | BPF_F_RDONLY | 0x80000000,
	       memcpy(a.map_name, "name", 4), a.btf_fd = -1, a.map_extra = 5);
	MEMBER(BPF_MAP_UPDATE_ELEM, a.map_fd = map, a.key = P(&key), a.value = P(&value), a.flags = BPF_ANY);
	MEMBER(BPF_MAP_UPDATE_ELEM, a.map_fd = map, a.key = P(&key), a.value = P(&value), a.flags = BPF_EXIST | 8);
	MEMBER(BPF_MAP_LOOKUP_ELEM, a.map_fd = map, a.key = P(&key), a.value = P(&value));
	MEMBER(BPF_MAP_LOOKUP_ELEM, a.map_fd = -1, a.key = 8, a.value = 8, a.flags = BPF_F_LOCK);
	MEMBER(BPF_MAP_DELETE_ELEM, a.map_fd = map, a.key = P(&key));
	MEMBER(BPF_MAP_GET_NEXT_KEY, a.map_fd = map, a.key = P(&key), a.next_key = P(&value));
	MEMBER(BPF_MAP_LOOKUP_AND_DELETE_ELEM, a.map_fd = map, a.key = P(&key), a.value = P(&value));
	MEMBER(BPF_MAP_FREEZE, a.map_fd = -1);
	MEMBER(BPF_MAP_LOOKUP_BATCH, a.batch.map_fd = -1, a.batch.count = 5, a.batch.keys = 8);
	MEMBER(BPF_MAP_UPDATE_BATCH, a.batch.map_fd = -1, a.batch.elem_flags = BPF_F_LOCK);
	syscall(SYS_bpf, BPF_MAP_DELETE_ELEM, BAD, 16);
}

static void programs(void)
{
	struct bpf_insn insns[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 1},
	                           {.code = BPF_JMP | BPF_EXIT}};
	char log[256] = "", data[16] = "data";
	MEMBER(BPF_PROG_LOAD, a.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, a.insn_cnt = 2, a.insns = P(insns),
	       a.license = P("GPL"));
	MEMBER(BPF_PROG_LOAD, a.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, a.insn_cnt = 2, a.insns = P(insns),
	       a.license = P("GPL"), a.log_level = 1, a.log_size = 256, a.log_buf = P(log), a.kern_version = 0x60102,
	       memcpy(a.prog_name, "program", 7));
	MEMBER(BPF_PROG_LOAD, a.prog_type = 999, a.insn_cnt = 3, a.insns = 8, a.license = 8, a.log_level = 9,
	       a.prog_flags = BPF_F_STRICT_ALIGNMENT | BPF_F_TEST_RND_HI32 | 0x8000,
	       a.expected_attach_type = BPF_CGROUP_INET4_BIND, a.attach_btf_id = 3);
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_KPROBE, .insn_cnt = 1, .insns = P(insns), .license = P("GPL")};
	syscall(SYS_bpf, BPF_PROG_LOAD, &attr, 48);
	syscall(SYS_bpf, BPF_PROG_LOAD, &attr, 40);
	syscall(SYS_bpf, BPF_PROG_LOAD, &attr, 24);
	syscall(SYS_bpf, BPF_PROG_LOAD, BAD, 24);
	MEMBER(BPF_OBJ_PIN, a.pathname = P("/sys/fs/bpf/none/x"), a.bpf_fd = -1);
	MEMBER(BPF_OBJ_GET, a.pathname = P("/sys/fs/bpf/none/x"), a.file_flags = BPF_F_RDONLY);
	MEMBER(BPF_OBJ_GET, a.pathname = 8);
	MEMBER(BPF_PROG_ATTACH, a.target_fd = -1, a.attach_bpf_fd = -1, a.attach_type = BPF_CGROUP_INET_INGRESS,
	       a.attach_flags = BPF_F_ALLOW_OVERRIDE);
	MEMBER(BPF_PROG_DETACH, a.target_fd = -1, a.attach_bpf_fd = -1, a.attach_type = 999);
	MEMBER(BPF_PROG_TEST_RUN, a.test.prog_fd = -1, a.test.data_size_in = 4, a.test.data_in = P(data),
	       a.test.repeat = 3);
	MEMBER(BPF_PROG_GET_NEXT_ID, a.start_id = 0x7fffffff);
	MEMBER(BPF_MAP_GET_NEXT_ID, a.start_id = 0x7fffffff);
	MEMBER(BPF_BTF_GET_NEXT_ID, a.start_id = 0x7fffffff);
	MEMBER(BPF_LINK_GET_NEXT_ID, a.start_id = 0x7fffffff);
	MEMBER(BPF_PROG_GET_FD_BY_ID, a.prog_id = 0x7fffffff);
	MEMBER(BPF_MAP_GET_FD_BY_ID, a.map_id = 0x7fffffff, a.open_flags = BPF_F_RDONLY);
	MEMBER(BPF_BTF_GET_FD_BY_ID, a.btf_id = 0x7fffffff);
	MEMBER(BPF_LINK_GET_FD_BY_ID, a.link_id = 0x7fffffff);
	MEMBER(BPF_OBJ_GET_INFO_BY_FD, a.info.bpf_fd = -1, a.info.info_len = 16, a.info.info = P(data));
	MEMBER(BPF_PROG_QUERY, a.query.target_fd = -1, a.query.attach_type = BPF_CGROUP_DEVICE, a.query.prog_cnt = 2,
	       a.query.prog_ids = P(data));
	MEMBER(BPF_RAW_TRACEPOINT_OPEN, a.raw_tracepoint.name = P("sys_enter"), a.raw_tracepoint.prog_fd = -1);
	MEMBER(BPF_BTF_LOAD, a.btf = P(data), a.btf_size = 4, a.btf_log_level = 1);
	MEMBER(BPF_TASK_FD_QUERY, a.task_fd_query.pid = 1, a.task_fd_query.fd = -1, a.task_fd_query.buf = P(log),
	       a.task_fd_query.buf_len = 8);
	MEMBER(BPF_LINK_CREATE, a.link_create.prog_fd = -1, a.link_create.target_fd = -1,
	       a.link_create.attach_type = BPF_XDP);
	MEMBER(BPF_LINK_CREATE, a.link_create.prog_fd = -1, a.link_create.target_fd = -1,
	       a.link_create.attach_type = BPF_PERF_EVENT);
	MEMBER(BPF_LINK_UPDATE, a.link_update.link_fd = -1, a.link_update.new_prog_fd = -1);
	MEMBER(BPF_LINK_DETACH, a.link_detach.link_fd = -1);
	MEMBER(BPF_ENABLE_STATS, a.enable_stats.type = 77);
	MEMBER(BPF_ITER_CREATE, a.iter_create.link_fd = -1);
	MEMBER(BPF_PROG_BIND_MAP, a.prog_bind_map.prog_fd = -1, a.prog_bind_map.map_fd = -1);
	syscall(SYS_bpf, 99, &attr, 16);
	syscall(SYS_bpf, -1, BAD, 16);
}

static void counters(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE, .size = sizeof attr, .config = PERF_COUNT_HW_INSTRUCTIONS};
	attr.disabled = 1, attr.exclude_kernel = 1, attr.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_TID;
	attr.read_format = PERF_FORMAT_ID | PERF_FORMAT_GROUP;
	syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	attr.type = PERF_TYPE_SOFTWARE, attr.config = PERF_COUNT_SW_CPU_CLOCK;
	syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	attr.freq = 1, attr.sample_freq = 99, attr.precise_ip = 2, attr.watermark = 1, attr.wakeup_watermark = 5,
	attr.inherit = 1, attr.mmap = 1, attr.comm = 1;
	syscall(SYS_perf_event_open, &attr, -1, 99, -1, PERF_FLAG_FD_CLOEXEC | 0x100);
	attr.type = PERF_TYPE_TRACEPOINT, attr.config = 77, attr.size = 64;
	syscall(SYS_perf_event_open, &attr, -1, 99, -1, 0);
	attr.type = PERF_TYPE_HW_CACHE, attr.config = 0x10001, attr.size = 112;
	syscall(SYS_perf_event_open, &attr, -1, 99, -1, 0);
	attr.type = PERF_TYPE_RAW, attr.config = 0x1234, attr.size = 200;
	syscall(SYS_perf_event_open, &attr, -1, 99, -1, 0);
	attr.type = PERF_TYPE_BREAKPOINT, attr.config = 0, attr.bp_type = 1, attr.bp_addr = 0x1000, attr.bp_len = 4,
	attr.size = 0;
	syscall(SYS_perf_event_open, &attr, -1, 99, -1, 0);
	attr.type = 99, attr.size = 8;
	syscall(SYS_perf_event_open, &attr, -1, 99, -1, 0);
	syscall(SYS_perf_event_open, BAD, -1, 99, -1, 0);
	syscall(SYS_perf_event_open, NULL, -1, 99, -1, 0);
}

static void rings(void)
{
	struct io_uring_params params = {0};
	long ts[2] = {0, 1};
	int fds[2] = {0, -1};
	struct {
		void *base;
		size_t length;
	} iov[1] = {{BAD, 3}};
	struct io_uring_getevents_arg arg = {.sigmask_sz = 8};
	unsigned char probe[sizeof(struct io_uring_probe) + 4 * sizeof(struct io_uring_probe_op)] = "";
	int ring = syscall(SYS_io_uring_setup, 4, &params);
	params.flags = IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF | 0x80000000, params.sq_thread_cpu = 77,
	params.sq_thread_idle = 5;
	syscall(SYS_io_uring_setup, 4, &params);
	syscall(SYS_io_uring_setup, 0, NULL);
	syscall(SYS_io_uring_setup, -1, BAD);
	syscall(SYS_io_uring_enter, ring, 0, 0, 0, NULL, 8);
	syscall(SYS_io_uring_enter, ring, 0, 0, IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP, NULL, 0);
	syscall(SYS_io_uring_enter, -1, 1, 2, 0x7000 | IORING_ENTER_EXT_ARG, &arg, sizeof arg);
	syscall(SYS_io_uring_enter, -1, 1, 2, 0, BAD, 8);
	syscall(SYS_io_uring_register, ring, IORING_REGISTER_PROBE, probe, 4);
	syscall(SYS_io_uring_register, -1, IORING_REGISTER_PROBE, probe, 4);
	syscall(SYS_io_uring_register, -1, IORING_REGISTER_BUFFERS, iov, 1);
	syscall(SYS_io_uring_register, -1, IORING_UNREGISTER_BUFFERS, NULL, 0);
	syscall(SYS_io_uring_register, -1, IORING_REGISTER_FILES, fds, 2);
	syscall(SYS_io_uring_register, -1, IORING_UNREGISTER_FILES, NULL, 0);
	syscall(SYS_io_uring_register, -1, IORING_REGISTER_EVENTFD, fds, 1);
	syscall(SYS_io_uring_register, -1, IORING_REGISTER_EVENTFD_ASYNC, fds, 1);
	syscall(SYS_io_uring_register, -1, IORING_UNREGISTER_EVENTFD, NULL, 0);
	struct io_uring_rsrc_update update = {.offset = 1, .data = P(fds)};
	syscall(SYS_io_uring_register, -1, IORING_REGISTER_FILES_UPDATE, &update, 2);
	syscall(SYS_io_uring_register, -1, IORING_REGISTER_PERSONALITY, NULL, 0);
	syscall(SYS_io_uring_register, -1, IORING_UNREGISTER_PERSONALITY, NULL, 5);
	syscall(SYS_io_uring_register, -1, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
	struct io_uring_restriction limits[2] = {{.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = 3},
	                                         {.opcode = IORING_RESTRICTION_REGISTER_OP, .register_op = 2}};
	syscall(SYS_io_uring_register, -1, IORING_REGISTER_RESTRICTIONS, limits, 2);
	unsigned workers[2] = {3, 4};
	syscall(SYS_io_uring_register, -1, IORING_REGISTER_IOWQ_MAX_WORKERS, workers, 2);
	syscall(SYS_io_uring_register, -1, IORING_REGISTER_IOWQ_AFF, workers, 8);
	struct io_uring_rsrc_register resource = {.nr = 2, .data = P(fds), .tags = 8};
	syscall(SYS_io_uring_register, -1, IORING_REGISTER_FILES2, &resource, sizeof resource);
	syscall(SYS_io_uring_register, -1, IORING_REGISTER_PBUF_RING, BAD, 1);
	syscall(SYS_io_uring_register, -1, 99, BAD, 1);
}

int main(void)
{
	maps();
	programs();
	counters();
	rings();
	return 0;
}

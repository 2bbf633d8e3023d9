/* SPDX-License-Identifier: Apache-2.0
 *
 * The fields of union bpf_attr, and how each is printed.
 */
#ifndef STL_SYSTEM_BPF_H
#define STL_SYSTEM_BPF_H

#include <stddef.h>
#include <stdint.h>

#include "decode/decode.h"

enum bpf_kind {
	BPF_NUMBER,
	BPF_HEX,
	BPF_WIDE,
	BPF_WIDE_HEX,
	BPF_DESCRIPTOR,
	BPF_PID,
	BPF_ADDRESS,
	BPF_CONSTANT,
	BPF_WIDE_CONSTANT,
	BPF_FLAGS,
	BPF_NAME,         /* sixteen bytes */
	BPF_STRING,       /* a pointer to it */
	BPF_SIZED_STRING, /* likewise, in a buffer of buf_len bytes */
	BPF_PATH,         /* likewise */
	BPF_DATA,         /* likewise, btf_size bytes */
	BPF_INSTRUCTIONS, /* likewise, insn_cnt of them */
	BPF_VERSION,
	BPF_CHANGED,  /* a number that the kernel may change */
	BPF_NODE,     /* is there where BPF_F_NUMA_NODE is */
	BPF_REPLACED, /* likewise, BPF_F_REPLACE */
};

struct bpf_field {
	const char *name;
	uint16_t at;
	uint8_t kind;
	const struct constants *table;
};

struct bpf_command {
	uint32_t number;
	const char *group; /* NULL: fields of the union itself */
	const struct bpf_field *fields;
	uint8_t count;
	uint16_t always, end;
};

/* As many bytes of them as decoders know; what the tracee did not give is 0. */
struct bpf_attributes {
	uint32_t size;
	unsigned char bytes[256];
};

uint64_t bpf_value(const struct bpf_attributes *attributes, uint16_t at, unsigned size);
void print_bpf_field(struct decoder *d, const struct bpf_field *one, const struct bpf_attributes *attributes);

#endif

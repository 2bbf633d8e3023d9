/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/decode.h"

void print_sockaddr(struct decoder *d, uint64_t address, uint64_t length)
{
	(void)length;
	print_address(d, address);
}

const struct decoder_entry network_decoders[] = {{CALL_UNKNOWN, NULL}};

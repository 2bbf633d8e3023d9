/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/decode.h"

const struct decoder_entry system_decoders[] = {{CALL_UNKNOWN, NULL}};

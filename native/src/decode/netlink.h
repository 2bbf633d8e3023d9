/* SPDX-License-Identifier: Apache-2.0
 *
 * Netlink's messages are bytes that have been fetched as a whole: what decodes a part of one is given the part.
 */
#ifndef STL_NETLINK_H
#define STL_NETLINK_H

#include "decode/network.h"

struct part {
	const unsigned char *bytes;
	size_t size;
};

/* Prints what is in an attribute; `family`: of the addresses in its message. False: it is not of that form. */
typedef bool print_attribute_data(struct decoder *d, struct part data, unsigned family);

struct attribute_form {
	uint16_t type;
	print_attribute_data *print;
};

/* What the attributes of one kind of message are; forms end with one without print. */
struct attribute_kind {
	const struct constants *names;
	const struct attribute_form *forms;
};

/* Bytes in hex, at most the string limit. */
void print_hex_part(struct decoder *d, struct part part);
/* [{nla_len=8, nla_type=...}, data], one or several. */
void print_attributes(struct decoder *d, struct part part, const struct attribute_kind *kind, unsigned family);
/* What follows a header of NETLINK_ROUTE's: a struct, attributes. */
void print_route_payload(struct decoder *d, unsigned type, struct part part);

#endif

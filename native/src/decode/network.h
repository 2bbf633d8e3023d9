/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the network's calls have in common.
 */
#ifndef STL_NETWORK_H
#define STL_NETWORK_H

#include "decode/decode.h"

/* struct sockaddr_storage: no address is longer to the kernel. */
#define ADDRESS_MOST 128

/* As it was at the entry, also at the exit. */
bool fetch_entry(const struct decoder *d, uint64_t address, void *into, size_t size);

/* ---- addresses (network_address.c) ---------------------------------------------------------------------- */

/* sa_family=...: the fields of an address that has been fetched, in braces. */
void print_sockaddr_bytes(struct decoder *d, const void *bytes, size_t size);
/* inet_addr("127.0.0.1"), of 4 bytes as the network has them. */
void print_inet_address(struct decoder *d, const void *bytes);
/* inet_pton(AF_INET6, "::1"), of 16 bytes; with a name: inet_pton(AF_INET6, "::1", &name). */
void print_inet6_address(struct decoder *d, const void *bytes, const char *name);
void print_inet6_field(struct decoder *d, const char *name, const void *bytes);
/* if_nametoindex("lo"), where the name is known: of the first in every network namespace, of others by a capture. */
void print_interface(struct decoder *d, uint32_t index);
void print_hardware_address(struct decoder *d, const unsigned char *bytes, size_t size);
/* htons(ETH_P_IP): of two bytes as the network has them. */
void print_ethernet_protocol(struct decoder *d, uint16_t protocol);
/* "\x01\x02", whatever the bytes are. */
void print_hex_string(struct decoder *d, const void *bytes, size_t size);

/* ---- messages (network_message.c) ------------------------------------------------------------------------ */

/* `size` bytes sent or received on the descriptor: a netlink socket's are decoded. */
void print_payload(struct decoder *d, uint64_t fd, uint64_t address, uint64_t size);

/* msg_control=..., of that many bytes (network_control.c). */
void print_control(struct decoder *d, uint64_t address, uint64_t length);
/* Of bytes that have been fetched: a word of the ABI's; a time of two words of `word` bytes, "tv_usec" or "tv_nsec". */
uint64_t fetched_word(const struct decoder *d, const unsigned char *bytes);
void print_fetched_time(struct decoder *d, const unsigned char *bytes, size_t word, const char *fraction);

call_decoder decode_sendmsg, decode_recvmsg, decode_sendmmsg, decode_recvmmsg, decode_recvmmsg_time64;

/* ---- netlink (network_netlink.c, network_route.c) --------------------------------------------------------- */

/* Whether the descriptor is a netlink socket; its protocol (NETLINK_ROUTE...), -1: not known, as before it is bound. */
bool is_netlink(const struct decoder *d, uint64_t fd, int *protocol);
/* Messages of which `size` bytes were captured. */
void print_netlink(struct decoder *d, int protocol, const unsigned char *bytes, size_t size);

/* ---- options (network_options.c), waiting (network_poll.c) -------------------------------------------------- */

call_decoder decode_setsockopt, decode_getsockopt;
call_decoder decode_poll, decode_ppoll, decode_ppoll_time64;
call_decoder decode_select, decode_pselect6, decode_pselect6_time64;
call_decoder decode_epoll_ctl, decode_epoll_wait, decode_epoll_pwait, decode_epoll_pwait2;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls about sockets and waiting.
 */
#include "records/rows.h"

#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define ADDRESS_MOST 128 /* struct sockaddr_storage */
#define OPTION_MOST 512
#define ICMP_FILTER 1 /* linux/icmp.h: the one option of SOL_RAW */
#define NAME_MOST 65  /* __NEW_UTS_LEN and one */
#define EVENT_SIZE 12

#define ENTRY_OBJECT(argument, bytes, bytes32)                                                                         \
	{                                                                                                              \
		.take = TAKE_OBJECT, .when = WHEN_ENTRY, .arg = (argument), .size = (bytes), .size32 = (bytes32)       \
	}
#define EXIT_OBJECT(argument, bytes, bytes32)                                                                          \
	{                                                                                                              \
		.take = TAKE_OBJECT, .when = WHEN_EXIT, .arg = (argument), .size = (bytes), .size32 = (bytes32)        \
	}
#define BOTH_OBJECT(argument, bytes, bytes32)                                                                          \
	{                                                                                                              \
		.take = TAKE_OBJECT, .when = WHEN_BOTH, .arg = (argument), .size = (bytes), .size32 = (bytes32)        \
	}
#define SIZED(argument, length_argument, most)                                                                         \
	{                                                                                                              \
		.take = TAKE_SIZED, .when = WHEN_ENTRY, .arg = (argument), .length = LENGTH_ARG,                       \
		.length_arg = (length_argument), .size = (most)                                                        \
	}
#define POINTED(argument, length_argument, most)                                                                       \
	{                                                                                                              \
		.take = TAKE_SIZED, .when = WHEN_EXIT, .arg = (argument), .length = LENGTH_POINTED,                    \
		.length_arg = (length_argument), .size = (most)                                                        \
	}
/* A socket's option: of many it is a key (ALG_SET_KEY, TLS_TX, TCP_MD5SIG), so all are opaque. */
#define OPTION_SET                                                                                                     \
	{                                                                                                              \
		.take = TAKE_SIZED, .when = WHEN_ENTRY, .arg = 3, .length = LENGTH_ARG, .length_arg = 4,               \
		.size = OPTION_MOST, .opaque = true                                                                    \
	}
#define OPTION_GOT                                                                                                     \
	{                                                                                                              \
		.take = TAKE_SIZED, .when = WHEN_EXIT, .arg = 3, .length = LENGTH_POINTED, .length_arg = 4,            \
		.size = OPTION_MOST, .opaque = true                                                                    \
	}
/* A socklen_t: what it is before, also of a call that fails, and after. */
#define LENGTH_AT(argument) BOTH_OBJECT(argument, 4, 4)
#define SET(argument)                                                                                                  \
	{                                                                                                              \
		.take = TAKE_FDSETS, .when = WHEN_BOTH, .arg = (argument), .length = LENGTH_ARG, .length_arg = 0       \
	}
#define POLLFDS                                                                                                        \
	{                                                                                                              \
		.take = TAKE_POLLFDS, .when = WHEN_BOTH, .arg = 0, .length = LENGTH_ARG, .length_arg = 1               \
	}
#define EVENTS                                                                                                         \
	{                                                                                                              \
		.take = TAKE_ARRAY, .when = WHEN_EXIT, .arg = 1, .length = LENGTH_RESULT, .size = EVENT_SIZE           \
	}
#define MASK(argument) SIZED(argument, (argument) + 1, 128) /* sigset_t of the libc */
#define TIMESPEC_OLD(argument) BOTH_OBJECT(argument, 16, 8)
#define TIMESPEC(argument) BOTH_OBJECT(argument, 16, 16)
/* pselect6(2): a pointer to the mask, and its size; then the mask. */
#define INDIRECT_MASK                                                                                                  \
	ENTRY_OBJECT(5, 16, 8),                                                                                        \
	{                                                                                                              \
		.take = TAKE_OBJECT, .when = WHEN_ENTRY, .arg = 5, .at = 1, .size = 8                                  \
	}
#define RETURNS_FD                                                                                                     \
	{                                                                                                              \
		.take = TAKE_RESULT_FD, .when = WHEN_EXIT                                                              \
	}
#define SENT                                                                                                           \
	{                                                                                                              \
		.take = TAKE_BYTES, .when = WHEN_ENTRY, .arg = 1, .length = LENGTH_ARG, .length_arg = 2                \
	}
#define RECEIVED                                                                                                       \
	{                                                                                                              \
		.take = TAKE_BYTES, .when = WHEN_EXIT, .arg = 1, .length = LENGTH_LESSER, .length_arg = 2              \
	}
/* struct msghdr: 7 words; struct mmsghdr: a word more. */
#define HEADER_BEFORE ENTRY_OBJECT(1, 56, 28)
#define MESSAGE(moment)                                                                                                \
	{                                                                                                              \
		.take = TAKE_MSGHDR, .when = (moment), .arg = 1                                                        \
	}
#define HEADERS(moment, from)                                                                                          \
	{                                                                                                              \
		.take = TAKE_ARRAY, .when = (moment), .arg = 1, .length = (from), .length_arg = 2, .size = 64,         \
		.size32 = 32                                                                                           \
	}
#define MESSAGES(moment, from)                                                                                         \
	{                                                                                                              \
		.take = TAKE_MMSGHDR, .when = (moment), .arg = 1, .length = (from), .length_arg = 2                    \
	}

#define ROW(name, ...)                                                                                                 \
	{                                                                                                              \
		.call = CALL_##name, .captures = { __VA_ARGS__ }                                                       \
	}
#define BY(argument, of) .by = (argument) + 1, .value = (of), .mask = UINT32_MAX

/* struct sock_fprog: a count and a pointer to instructions of 8 bytes. Of another level's option of that number more is
 * captured than is needed. */
#define FILTER(option)                                                                                                 \
	{                                                                                                              \
		.call = CALL_setsockopt, BY(2, option), .captures = {                                                  \
			OPTION_SET,                                                                                    \
			{.take = TAKE_ARRAY,                                                                           \
			 .when = WHEN_ENTRY,                                                                           \
			 .arg = 3,                                                                                     \
			 .at = 9,                                                                                      \
			 .at32 = 5,                                                                                    \
			 .length = LENGTH_FIELD16,                                                                     \
			 .size = 8,                                                                                    \
			 .opaque = true}                                                                               \
		}                                                                                                      \
	}

const struct capture_row network_rows[] = {
	ROW(socket, RETURNS_FD),
	ROW(socketpair, {.take = TAKE_FDS, .when = WHEN_EXIT, .arg = 3, .size = 8}),
	ROW(bind, SIZED(1, 2, ADDRESS_MOST)),
	ROW(connect, SIZED(1, 2, ADDRESS_MOST)),
	ROW(accept, POINTED(1, 2, ADDRESS_MOST), LENGTH_AT(2), RETURNS_FD),
	ROW(accept4, POINTED(1, 2, ADDRESS_MOST), LENGTH_AT(2), RETURNS_FD),
	ROW(getsockname, POINTED(1, 2, ADDRESS_MOST), LENGTH_AT(2)),
	ROW(getpeername, POINTED(1, 2, ADDRESS_MOST), LENGTH_AT(2)),
	ROW(send, SENT),
	ROW(sendto, SENT, SIZED(4, 5, ADDRESS_MOST)),
	ROW(recv, RECEIVED),
	ROW(recvfrom, RECEIVED, POINTED(4, 5, ADDRESS_MOST), LENGTH_AT(5)),
	ROW(sendmsg, MESSAGE(WHEN_ENTRY)),
	ROW(recvmsg, HEADER_BEFORE, MESSAGE(WHEN_EXIT)),
	ROW(sendmmsg, MESSAGES(WHEN_ENTRY, LENGTH_ARG), HEADERS(WHEN_EXIT, LENGTH_RESULT)),
	ROW(recvmmsg, HEADERS(WHEN_ENTRY, LENGTH_ARG), MESSAGES(WHEN_EXIT, LENGTH_RESULT), TIMESPEC_OLD(4)),
	ROW(recvmmsg_time64, HEADERS(WHEN_ENTRY, LENGTH_ARG), MESSAGES(WHEN_EXIT, LENGTH_RESULT), TIMESPEC(4)),
	ROW(getsockopt, OPTION_GOT, LENGTH_AT(4)),
	ROW(setsockopt, OPTION_SET),
	FILTER(SO_ATTACH_FILTER),
	FILTER(SO_ATTACH_REUSEPORT_CBPF),
	/* SO_GET_FILTER: its length counts instructions */
	{.call = CALL_getsockopt,
         BY(2, SO_ATTACH_FILTER),
         .captures = {{.take = TAKE_ARRAY,
                       .when = WHEN_EXIT,
                       .arg = 3,
                       .length = LENGTH_POINTED,
                       .length_arg = 4,
                       .size = 8,
                       .opaque = true},
                      LENGTH_AT(4)}},

	ROW(poll, POLLFDS),
	ROW(ppoll, POLLFDS, TIMESPEC_OLD(2), MASK(3)),
	ROW(ppoll_time64, POLLFDS, TIMESPEC(2), MASK(3)),
	ROW(select, SET(1), SET(2), SET(3), BOTH_OBJECT(4, 16, 8)),
	ROW(_newselect, SET(1), SET(2), SET(3), BOTH_OBJECT(4, 16, 8)),
	ROW(pselect6, SET(1), SET(2), SET(3), TIMESPEC_OLD(4), INDIRECT_MASK),
	ROW(pselect6_time64, SET(1), SET(2), SET(3), TIMESPEC(4), INDIRECT_MASK),
	{.call = CALL_epoll_ctl, BY(1, EPOLL_CTL_DEL)},
	ROW(epoll_ctl, ENTRY_OBJECT(3, EVENT_SIZE, EVENT_SIZE)),
	ROW(epoll_wait, EVENTS),
	ROW(epoll_pwait, EVENTS, MASK(4)),
	ROW(epoll_pwait2, EVENTS, ENTRY_OBJECT(3, 16, 16), MASK(4)),
	ROW(sethostname, {.take = TAKE_SIZED,
                          .when = WHEN_EXIT,
                          .arg = 0,
                          .length = LENGTH_ARG,
                          .length_arg = 1,
                          .size = NAME_MOST}),
	ROW(setdomainname, {.take = TAKE_SIZED,
                            .when = WHEN_EXIT,
                            .arg = 0,
                            .length = LENGTH_ARG,
                            .length_arg = 1,
                            .size = NAME_MOST}),
	{.call = CALL_UNKNOWN},
};

static const struct {
	uint16_t level, name;
} formed[] = {
	{SOL_SOCKET, SO_LINGER},
	{SOL_SOCKET, SO_PEERCRED},
	{SOL_SOCKET, SO_ATTACH_FILTER},
	{SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF},
	{SOL_IP, IP_ADD_MEMBERSHIP},
	{SOL_IP, IP_DROP_MEMBERSHIP},
	{SOL_IP, MCAST_JOIN_GROUP},
	{SOL_IP, MCAST_LEAVE_GROUP},
	{SOL_IPV6, IPV6_ADD_MEMBERSHIP},
	{SOL_IPV6, IPV6_DROP_MEMBERSHIP},
	{SOL_IPV6, IPV6_JOIN_ANYCAST},
	{SOL_IPV6, IPV6_LEAVE_ANYCAST},
	{SOL_IPV6, MCAST_JOIN_GROUP},
	{SOL_IPV6, MCAST_LEAVE_GROUP},
	{SOL_RAW, ICMP_FILTER},
	{SOL_PACKET, PACKET_STATISTICS},
	{SOL_PACKET, PACKET_RX_RING},
	{SOL_PACKET, PACKET_TX_RING},
	{SOL_PACKET, PACKET_ADD_MEMBERSHIP},
	{SOL_PACKET, PACKET_DROP_MEMBERSHIP},
	{SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS},
};

bool option_has_form(uint32_t level, uint32_t name)
{
	for (size_t i = 0; i < sizeof(formed) / sizeof(*formed); i++) {
		if (formed[i].level == level && formed[i].name == name)
			return true;
	}
	return false;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Sockets by their inode, from /proc/TID/net: protocol and addresses. Nothing is asked of the socket itself, of which
 * only a copy of the tracee's descriptor could tell, but for its protocol's name.
 */
#ifndef STL_SOCKETS_H
#define STL_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct look_budget; /* describe.h */

struct socket_of {
	pid_t tid;
	int32_t fd;
	uint64_t inode;
	_Atomic uint64_t *hung_until_ns; /* probes.h */
};

/* Adds to the text of `size` bytes what -yy shows instead; the new size. *stays: it cannot change by itself any more. */
size_t describe_socket(const struct socket_of *of, struct look_budget *budget, char *text, size_t size, size_t room,
                       bool *stays);
/* The inode of the socket that it is; 0: it is none. */
uint64_t socket_inode(pid_t tid, int32_t fd);
/* Its addresses change; 0: those of any may. */
void socket_changed(uint64_t inode);
/* A number that is another since, of the socket, and of any; of 0 always the same. */
uint64_t socket_changes(uint64_t inode);
uint64_t sockets_changes(void);
/* Whether it is a netlink socket; *protocol: NETLINK_ROUTE or another, -1: not known, as before it is bound. What was
 * found is kept for a second, and that nothing was. */
bool netlink_socket(pid_t tid, int32_t fd, _Atomic uint64_t *hung_until_ns, int32_t *protocol);

#endif

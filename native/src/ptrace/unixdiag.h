/* SPDX-License-Identifier: Apache-2.0
 *
 * Unix sockets by their inode, asked of the kernel (sock_diag(7)): their names and, what no file of /proc has, their
 * peers. The socket for that is made before the tracer confines itself, so that it knows of the tracer's own network
 * namespace alone.
 */
#ifndef STL_UNIXDIAG_H
#define STL_UNIXDIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void unix_diag_open(int fd); /* -1: there is none */
/* Its peer's inode, 0: none; its name, '@' in the place of an abstract one's NUL. False: it is not known there. */
bool unix_diag(uint64_t inode, uint64_t *peer, char *name, size_t size);

#endif

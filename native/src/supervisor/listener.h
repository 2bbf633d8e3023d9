/* SPDX-License-Identifier: Apache-2.0
 *
 * The socket at which a supervisor is found by an agent that did not start it.
 */
#ifndef STL_LISTENER_H
#define STL_LISTENER_H

#include <sys/types.h>

/* Listens at a path, SOCK_SEQPACKET; what an earlier run left there is replaced. The descriptor or -errno, -EEXIST: there
 * is something that is no socket. */
int listener_open(const char *path, uid_t uid);
/* A connection of that user's, or -1: there is none; others' are refused. */
int listener_accept(int listener, uid_t uid);
/* Says why, and hangs up. */
void listener_refuse(int fd, int error, const char *why);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STL_SANDBOX_H
#define STL_SANDBOX_H

/* Leaves the calling process, for good, what an engine needs: reading files, threads, ptrace, the sockets that it has.
 * No new socket, no file opened for writing, no program or child, no new code: EPERM. A call of another ABI kills.
 * Needs no_new_privs. 0 or -errno. */
int sandbox_enter(void);

/* Leaves the calling process, and whatever it forks, no network but Unix sockets, and no way to start a program: EPERM.
 * The rest as above. */
int sandbox_leave_network(void);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * What a supervisor does first, however it was started.
 */
#ifndef STL_STARTUP_H
#define STL_STARTUP_H

/* One line on stderr for a -errno; the exit status. */
int complain(const char *what, int error);
int complain_of_memory(int error);
/* A signalfd of SIGCHLD and of what ends a program, or -errno; the terminal's other signals are ignored. */
int take_over_signals(void);
void let_go_of_terminal(void);

#endif

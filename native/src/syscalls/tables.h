/* SPDX-License-Identifier: Apache-2.0
 *
 * Names by number; a hole is NULL. The table_*.c files are generated.
 */
#ifndef STRACELET_TABLES_H
#define STRACELET_TABLES_H

extern const char *const x86_64_names[];
extern const int x86_64_count;
extern const char *const i386_names[];
extern const int i386_count;
extern const char *const aarch64_names[];
extern const int aarch64_count;
extern const char *const errno_names[];
extern const int errno_count;
extern const char *const signal_names[];
extern const int signal_count;

#endif

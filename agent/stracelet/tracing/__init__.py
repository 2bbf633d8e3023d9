# SPDX-License-Identifier: Apache-2.0
"""What Python knows of the native program: its processes, its messages, its arena, and the rights that are left here.

No syscall is formatted here, no container is named, and nothing here calls ptrace(2).
"""

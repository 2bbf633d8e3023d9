# SPDX-License-Identifier: Apache-2.0
"""What becomes of records: which are wanted, how they are shown, where they go, and the file that keeps them.

What a record says is decoded in the native library; nothing here knows a syscall, and nothing here traces.
"""

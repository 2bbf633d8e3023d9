# SPDX-License-Identifier: Apache-2.0
"""How far our lines are strace's: programs are run under both, with the same flags, and the lines compared."""

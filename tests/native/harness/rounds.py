# SPDX-License-Identifier: Apache-2.0
"""How often a test that needs many rounds repeats itself."""

import os


def rounds(full: int) -> int:
    """`full` rounds, or as many per cent of it as STRACELET_ROUNDS says (100 by default), at least one."""
    return max(1, full * int(os.environ.get("STRACELET_ROUNDS", "100")) // 100)

# SPDX-License-Identifier: Apache-2.0
"""How often a test that needs many rounds repeats itself."""

import os

from tests.native.harness.recording import MODES, VARIABLE

# Of the rounds that the counting engine is tested with, where records are taken besides.
RECORDED = 0.3


def rounds(full: int) -> int:
    """`full` rounds, or as many per cent of it as STRACELET_ROUNDS says (100 by default), at least one."""
    share = int(os.environ.get("STRACELET_ROUNDS", "100")) / 100
    if os.environ.get(VARIABLE, MODES[0]) != MODES[0]:
        share *= RECORDED
    return max(1, int(full * share))

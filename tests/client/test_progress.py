# SPDX-License-Identifier: Apache-2.0
"""What is said beside the lines."""

from __future__ import annotations

import pytest

from kubectl_strace.progress import Progress


def test_lines_that_are_missing_are_said_once_a_second_and_node(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 5.0
    monkeypatch.setattr("kubectl_strace.progress.time.monotonic", lambda: now)
    progress = Progress([].append, quiet=False)
    assert progress.missing(3, "node-1") == "node-1: 3 lines are missing here (they were not taken in time)"
    assert progress.missing(4, "node-1") == ""
    assert progress.missing(5, "node-2").startswith("node-2: 5 lines")
    now = 6.5
    assert progress.missing(2, "node-1").startswith("node-1: 6 lines"), "since the last time"
    assert progress.dropped == 14

# SPDX-License-Identifier: Apache-2.0
"""The first signal ends in order, a later one at once."""

from __future__ import annotations

import signal

import pytest

from kubectl_strace import signals


class Left(Exception):
    """In the place of the process's end."""


def test_two_at_once_are_one_and_a_later_one_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(status: int) -> None:
        raise Left(status)

    monkeypatch.setattr(signals.os, "_exit", leave)
    left: list[bool] = []
    made = signals.Signals(lambda: left.append(True))
    made.in_order()
    made._handle(signal.SIGTERM, None)
    made._handle(signal.SIGTERM, None)
    assert (made.asked, made.exit_code, left) == (True, 143, [])
    monkeypatch.setattr(signals, "ONE_SIGNAL_SECONDS", 0.0)
    with pytest.raises(Left, match="130"):
        made._handle(signal.SIGINT, None)
    assert left == [True]

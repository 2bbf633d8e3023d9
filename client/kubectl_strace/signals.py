# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C, SIGTERM and SIGHUP: the first ends in order, the second at once."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # those that this system has


ONE_SIGNAL_SECONDS = 0.5


class Interrupted(BaseException):
    """Somebody wants us to end, and nothing runs yet that could be ended in order."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


class Signals:
    """`asked`: one has come; who has not begun anything ends with `exit_code`. Until `in_order()` it is raised as
    Interrupted, wherever the main thread is.

    `at_once` is called by the second, before the process ends without another word.
    """

    def __init__(self, at_once: Callable[[], None]) -> None:
        self.asked = False
        self.exit_code = 0
        self._first = 0.0
        self._ordered = False
        self._at_once = at_once

    def install(self) -> None:
        for name in NAMES:
            number = getattr(signal, name, None)
            # nohup(1): what is ignored stays so.
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._handle)

    def in_order(self) -> None:
        """From now on `asked` is looked at."""
        self._ordered = True

    def _handle(self, number: int, _: object) -> None:
        if self.asked:
            if time.monotonic() - self._first < ONE_SIGNAL_SECONDS:
                return  # who signals a process and then its group, as timeout(1) does, means one
            self._at_once()
            os._exit(128 + number)
        self._first = time.monotonic()
        self.asked, self.exit_code = True, 128 + number
        if not self._ordered:
            raise Interrupted(number)

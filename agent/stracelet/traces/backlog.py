# SPDX-License-Identifier: Apache-2.0
"""Lines on their way from the thread that makes them to a client that may be slow: bounded in age, rate and number."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_WAIT_NS = 2_000_000_000
MOST_LINES = 200_000
MOST_BYTES = 32 << 20
STAMP = 20  # STL_PRINT_STAMPS: digits, and a blank


class Line(NamedTuple):
    """`time_ns` CLOCK_REALTIME, never less than the line before has."""

    time_ns: int
    text: str


class Backlog:
    """Written by one thread, read by another. What waits for longer than 2 s is dropped, and counted."""

    def __init__(self, *, rate: int, news: Callable[[], None], clock: Callable[[], int] = time.monotonic_ns) -> None:
        """`rate`: lines a second; `news` is called, in the writer's thread, when there is something to read."""
        self._rate, self._news, self._clock = rate, news, clock
        self._lock = threading.Lock()
        self._lines: deque[tuple[int, Line]] = deque()
        self._bytes = 0
        self._rest = b""
        self._last_ns = 0
        self._budget, self._filled_ns = float(rate), clock()
        self._dropped: dict[str, int] = {}

    def write(self, output: bytes) -> None:
        """A printer's, of whole lines and a part of one; each line begins with its stamp, but for a dump's."""
        data = self._rest + output
        *whole, self._rest = data.split(b"\n")
        if not whole:
            return
        now = self._clock()
        with self._lock:
            self._refill(now)
            for line in whole:
                self._add(now, self._parsed(line))
        self._news()

    def end(self) -> None:
        """What is left of a line is one."""
        if self._rest:
            self.write(b"\n")

    def take(self, most: int) -> tuple[list[Line], dict[str, int]]:
        """At most so many lines, and how many were dropped since the last time, by reason."""
        oldest = self._clock() - LONGEST_WAIT_NS
        taken: list[Line] = []
        with self._lock:
            while self._lines and len(taken) < most:
                queued_ns, line = self._lines.popleft()
                self._bytes -= len(line.text)
                if queued_ns < oldest:
                    self._drop("slow")
                else:
                    taken.append(line)
            dropped, self._dropped = self._dropped, {}
        return taken, dropped

    def _refill(self, now: int) -> None:
        self._budget = min(self._budget + (now - self._filled_ns) * self._rate / 1e9, self._rate)
        self._filled_ns = now

    def _add(self, now: int, line: Line) -> None:
        if self._budget < 1:
            self._drop("rate")
            return
        self._budget -= 1
        self._lines.append((now, line))
        self._bytes += len(line.text)
        while len(self._lines) > MOST_LINES or self._bytes > MOST_BYTES:
            _, oldest = self._lines.popleft()
            self._bytes -= len(oldest.text)
            self._drop("slow")

    def _drop(self, reason: str) -> None:
        self._dropped[reason] = self._dropped.get(reason, 0) + 1

    def _parsed(self, line: bytes) -> Line:
        stamp = line[:STAMP]
        if stamp.isdigit() and line[STAMP : STAMP + 1] == b" ":
            self._last_ns = max(self._last_ns, int(stamp))
            line = line[STAMP + 1 :]
        return Line(self._last_ns, line.decode("utf-8", "backslashreplace"))

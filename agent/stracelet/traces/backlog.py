# SPDX-License-Identifier: Apache-2.0
"""Lines on their way from the thread that makes them to a client that may be slow: bounded in age, rate and size."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_WAIT_NS = 2_000_000_000
MOST_BYTES = 4 << 20
AT_ONCE_BYTES = 256 << 10
LINE_BYTES = 256
"""What one takes beside its characters, which take up to 4 each: about so much."""
STAMP = 20  # STL_PRINT_STAMPS: digits, and a blank


class Line(NamedTuple):
    """`time_ns` CLOCK_REALTIME, never less than the line before has."""

    time_ns: int
    text: str


class Backlog:
    """A sink. Written by one thread, read by another. What waits for longer than 2 s is dropped, and counted."""

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

    @property
    def watched(self) -> None:
        """No descriptor tells that the client has gone."""

    def write(self, data: bytes | memoryview, tid: int = 0) -> None:  # noqa: ARG002 - all in one
        """A printer's, of whole lines and a part of one; each line begins with its stamp, but for a dump's."""
        data = self._rest + bytes(data)
        *whole, self._rest = data.split(b"\n")
        if not whole:
            return
        now = self._clock()
        with self._lock:
            self._refill(now)
            for line in whole:
                self._add(now, self._parsed(line))
            self._drop_old(now)
        self._news()

    def close(self) -> None:
        """What is left of a line is one."""
        if self._rest:
            self.write(b"\n")

    def take(self) -> tuple[list[Line], dict[str, int]]:
        """Some lines, as many as are sent at once, and how many were dropped since the last time, by reason."""
        taken: list[Line] = []
        size = 0
        with self._lock:
            self._drop_old(self._clock())
            while self._lines and size < AT_ONCE_BYTES:
                _, line = self._lines.popleft()
                size += _size(line)
                taken.append(line)
            self._bytes -= size
            dropped, self._dropped = self._dropped, {}
        return taken, dropped

    def _drop_old(self, now: int) -> None:
        while self._lines and (self._lines[0][0] < now - LONGEST_WAIT_NS or self._bytes > MOST_BYTES):
            _, line = self._lines.popleft()
            self._bytes -= _size(line)
            self._drop("slow")

    def _refill(self, now: int) -> None:
        self._budget = min(self._budget + (now - self._filled_ns) * self._rate / 1e9, self._rate)
        self._filled_ns = now

    def _add(self, now: int, line: Line) -> None:
        if self._budget < 1:
            self._drop("rate")
            return
        self._budget -= 1
        self._lines.append((now, line))
        self._bytes += _size(line)

    def _drop(self, reason: str) -> None:
        self._dropped[reason] = self._dropped.get(reason, 0) + 1

    def _parsed(self, line: bytes) -> Line:
        stamp = line[:STAMP]
        if stamp.isdigit() and line[STAMP : STAMP + 1] == b" ":
            self._last_ns = max(self._last_ns, int(stamp))
            line = line[STAMP + 1 :]
        return Line(self._last_ns, line.decode("utf-8", "backslashreplace"))


def _size(line: Line) -> int:
    return LINE_BYTES + len(line.text)

# SPDX-License-Identifier: Apache-2.0
"""Lines that have come from an agent, on their way to the output; what does not fit is dropped, and told."""

from __future__ import annotations

import re
import threading
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from stracelet.native import StreamInfo
from stracelet.text import json_text, printable

if TYPE_CHECKING:
    from stracelet.native import Named
    from stracelet.records.sinks import Sink

MOST_BYTES = 4 << 20
"""As much as a tracer thread's ring holds."""
_COLOUR = re.compile(r"(\x1b\[(?:3[1-6])?m)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Arriving:
    """What a Pump reads. Lines are put by one thread, and read by another."""

    def __init__(self, *, data: bool, node: str = "") -> None:
        """`data`: the lines are JSON."""
        self._data, self.node = data, node
        self._lock = threading.Lock()
        self._pieces: deque[bytes] = deque()
        self._bytes = self._lost = 0
        self._since = 0
        self.dropped = 0

    def put(self, time_ns: int, text: str) -> None:
        """A line; `time_ns` CLOCK_REALTIME."""
        line = _clean_data(text) if self._data else _clean(text)
        with self._lock:
            if self._bytes + len(line) > MOST_BYTES:
                self._lose(1, time_ns)
                return
            self._tell_lost(time_ns)
            self._add(line)

    def lost(self, count: int, time_ns: int) -> None:
        """So many lines are missing at this place."""
        with self._lock:
            self._lose(count, time_ns)

    def _lose(self, count: int, time_ns: int) -> None:
        self._since = self._since if self._lost else time_ns
        self._lost += count
        self.dropped += count

    def _tell_lost(self, time_ns: int) -> None:
        if self._lost:
            self._add(_note(self._lost, self._since, time_ns, self.node) if self._data else _said(self._lost))
            self._lost = 0

    def _add(self, line: bytes) -> None:
        self._pieces.append(line)
        self._bytes += len(line)

    def read(self, buffer: bytearray, *, all_: bool = False) -> int:
        """As much as there is and fits; `all_`: what is missing at the end is told too."""
        size = 0
        with self._lock:
            if all_ and not self._pieces:
                self._tell_lost(self._since)
            while self._pieces and size < len(buffer):
                piece = self._pieces.popleft()
                taken, rest = piece[: len(buffer) - size], piece[len(buffer) - size :]
                buffer[size : size + len(taken)] = taken
                size += len(taken)
                if rest:
                    self._pieces.appendleft(rest)
            self._bytes -= size
        return size

    def info(self) -> StreamInfo:
        return StreamInfo(0, self.dropped, 0)

    def close(self) -> None:
        """It holds nothing that has to be given back."""


class Written:
    """Takes what Arriving brings, for a sink."""

    done = False

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def name(self, named: Named) -> None:
        """The lines name whose they are."""

    def take(self, records: memoryview) -> None:
        self._sink.write(records)

    def flush(self) -> None:
        """It is written at once."""

    def end(self, dropped: int) -> None:
        """Said elsewhere."""


def _clean(text: str) -> bytes:
    """Colours alone may steer a terminal."""
    if not text.isprintable():
        text = "".join(part if _COLOUR.fullmatch(part) else printable(part) for part in _COLOUR.split(text))
    return f"{text}\n".encode("utf-8", "backslashreplace")


def _clean_data(text: str) -> bytes:
    """JSON has no control character but in an escape."""
    text = _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return f"{text}\n".encode("utf-8", "backslashreplace")


def _said(count: int) -> bytes:
    """As native/src/decode/text.c has it."""
    return f"!!! {count} record{'' if count == 1 else 's'} lost here !!!\n".encode()


def _note(count: int, since_ns: int, time_ns: int, node: str) -> bytes:
    """As docs/record.schema.json has it."""
    nobody = dict.fromkeys(("namespace", "pod", "container", "container_id"), "")
    note = {"time": _rfc3339(time_ns), "node": node, **nobody, "type": "dropped", "count": count}
    return f"{json_text({**note, 'since': _rfc3339(since_ns)}, separators=(',', ':'))}\n".encode()


def _rfc3339(time_ns: int) -> str:
    seconds, rest = divmod(time_ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"

# SPDX-License-Identifier: Apache-2.0
"""Who takes records: lines on a sink, counts for a table, a file that keeps them."""

from __future__ import annotations

import struct
import time
from collections import Counter
from typing import TYPE_CHECKING, Protocol

from stracelet.native import NAMED_DROPPED, NAMED_KEPT, NAMED_UNKNOWN, Named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stracelet.native import Printer
    from stracelet.records.files import Writer
    from stracelet.records.openers import Opener
    from stracelet.records.sinks import Sink

FLUSH_SECONDS = 0.1
BLOCK = 256 << 10
LARGE_BLOCK = 2 << 20  # a file may have twice as much in one
MAX_HELD = 16 << 20

# struct stl_record, as far as it is of interest here: size, type, serial, slot
_RECORD = struct.Struct("<IH26xQI")


class Consumer(Protocol):
    """Takes whole records in order of time. One thread at a time."""

    def name(self, named: Named) -> None: ...
    def take(self, records: memoryview) -> None: ...

    def flush(self) -> None:
        """Nothing more comes at the moment."""

    def end(self, dropped: int) -> None:
        """Nothing more comes; how many records were lost on the way here."""

    @property
    def done(self) -> bool:
        """Whether it wants no more."""


class Lines:
    """A printer's output, on a sink."""

    def __init__(self, printer: Printer, sink: Sink) -> None:
        self.printer, self._sink = printer, sink

    def name(self, named: Named) -> None:
        self.printer.name(named)
        self._pass_on()

    def take(self, records: memoryview) -> None:
        self.printer.feed(records)
        self._pass_on()

    def _pass_on(self) -> None:
        while True:
            output, tid = self.printer.take()
            if not output:
                return
            self._sink.write(output, tid)

    def flush(self) -> None:
        """It is written at once."""

    def end(self, dropped: int) -> None:  # noqa: ARG002 - said elsewhere
        self.printer.end()
        self._pass_on()

    @property
    def done(self) -> bool:
        return self.printer.done


class Counts:
    """Sums, that the printer keeps."""

    def __init__(self, printer: Printer) -> None:
        self.printer = printer

    def name(self, named: Named) -> None:
        self.printer.name(named)

    def take(self, records: memoryview) -> None:
        self.printer.feed(records)

    def flush(self) -> None:
        """There is nothing to write."""

    def end(self, dropped: int) -> None:  # noqa: ARG002 - said elsewhere
        self.printer.end()

    @property
    def done(self) -> bool:
        return False


class Recording:
    """Keeps them in files: PATH, or after a rotation PATH and PATH.1 to PATH.`keep`."""

    def __init__(
        self,
        *,
        open_: Callable[[Opener | None], Writer],
        opener: Opener | None = None,
        rotate_size: int = 0,
        keep: int = 0,
        sieve: Sieve | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`open_` makes the writer of the first file, and of each next one; `rotate_size` 0: there is no next one."""
        self._open, self._opener, self._rotate_size, self._keep = open_, opener, rotate_size, keep
        self._sieve, self._clock = sieve, clock
        self._writer = open_(opener)
        self._names: dict[tuple[int, int], Named] = {}
        self._waiting = bytearray()
        self._flushed = clock()

    def name(self, named: Named) -> None:
        """What came before is written before: its lines were printed so."""
        self._write()
        self._names[named.slot, named.serial] = named
        self._writer.names([named])
        if self._sieve:
            self._keep_bytes(self._sieve.name(named))

    def take(self, records: memoryview) -> None:
        self._keep_bytes(self._sieve.sift(records) if self._sieve else records)

    def _keep_bytes(self, records: bytes | bytearray | memoryview) -> None:
        self._waiting += records
        if len(self._waiting) >= BLOCK or self._clock() - self._flushed >= FLUSH_SECONDS:
            self._write()

    def flush(self) -> None:
        if self._clock() - self._flushed >= FLUSH_SECONDS:
            self._write()

    def _write(self) -> None:
        self._flushed = self._clock()
        if not self._waiting:
            return
        for block in _blocks(self._waiting):
            self._writer.records(block)
        self._waiting.clear()
        if self._rotate_size and self._writer.size >= self._rotate_size and self._opener:
            self._writer.close()
            self._opener.rotate(self._keep)
            self._writer = self._open(self._opener)
            self._writer.names(self._names.values())

    def end(self, dropped: int) -> None:
        self._write()
        self._writer.end(dropped=dropped + (self._sieve.dropped if self._sieve else 0))
        self._writer.close()

    @property
    def done(self) -> bool:
        return False


def _blocks(records: bytearray) -> Iterator[bytearray]:
    """Whole records, as many as a block of a file may have. What was held back comes all at once."""
    begin = end = 0
    while len(records) - begin > LARGE_BLOCK:
        while (size := _RECORD.unpack_from(records, end)[0]) and end + size - begin <= LARGE_BLOCK:
            end += size
        yield records[begin:end]
        begin = end
    yield records[begin:]


class Sieve:
    """Holds back records of containers whose name nobody knows yet, and drops those of containers nobody asked for.

    `dropped`: of containers that are kept, those that there was no room to hold back.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._lost: Counter[tuple[int, int]] = Counter()
        self._states: dict[tuple[int, int], int] = {}
        self._held: dict[tuple[int, int], bytearray] = {}
        self._size = 0

    def name(self, named: Named) -> bytes:
        """What of it was held back, if it is kept."""
        key = named.slot, named.serial
        self._states[key] = named.state
        if named.state == NAMED_UNKNOWN:
            return b""
        held = self._held.pop(key, bytearray())
        self._size -= len(held)
        lost = self._lost.pop(key, 0)
        if named.state == NAMED_KEPT:
            self.dropped += lost
        return bytes(held) if named.state == NAMED_KEPT else b""

    def sift(self, records: memoryview) -> bytearray:
        """Those to be kept now."""
        kept = bytearray()
        at = 0
        while at + _RECORD.size <= len(records):
            size, _, serial, slot = _RECORD.unpack_from(records, at)
            if size < _RECORD.size:
                break
            self._sort((slot, serial), records[at : at + size], kept)
            at += size
        return kept

    def _sort(self, key: tuple[int, int], record: memoryview, kept: bytearray) -> None:
        state = self._states.get(key, NAMED_UNKNOWN)
        if state == NAMED_KEPT:
            kept += record
        elif state != NAMED_DROPPED and self._size + len(record) <= MAX_HELD:
            self._held.setdefault(key, bytearray()).extend(record)
            self._size += len(record)
        elif state != NAMED_DROPPED:
            self._lost[key] += 1

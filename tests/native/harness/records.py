# SPDX-License-Identifier: Apache-2.0
"""Records as the tests look at them: the layout of native/src/records/record.h once more, in Python."""

import asyncio
import struct
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from stracelet.native import STREAM_BUFFER, Stream, syscall_name

SYSCALL, ENTRY, SIGNAL, STOPPED, FORK, EXEC, EXIT, ATTACHED, DETACHED, DROPPED = range(1, 11)
RESUMED, UNFINISHED = 1, 2
MEMORY, DESCRIPTOR, SIGINFO, PID, STRINGS = range(5)
WHOLE, LIMITED, FAULT, UNSERVED = range(4)
_RECORD = struct.Struct("<IHHQQQQIiiiiIiI6QqQ16s")
_CAPTURE = struct.Struct("<QIBBBB")


class Capture(NamedTuple):
    """struct stl_capture. `data`: its bytes."""

    address: int
    kind: int
    phase: int
    status: int
    data: bytes


class Record(NamedTuple):
    """struct stl_record, as far as a test wants it."""

    type: int
    flags: int
    duration_ns: int
    order_ns: int
    tid: int
    vtid: int
    name: str
    args: tuple[int, ...]
    result: int
    comm: str
    captures: tuple[Capture, ...]

    def of_kind(self, kind: int) -> list[Capture]:
        """Its captures of one kind."""
        return [capture for capture in self.captures if capture.kind == kind]


def _captures(data: memoryview, count: int) -> Iterator[Capture]:
    at = _RECORD.size
    for _ in range(count):
        address, size, kind, phase, status, _reserved = _CAPTURE.unpack_from(data, at)
        at += _CAPTURE.size
        yield Capture(address, kind, phase, status, bytes(data[at : at + size]))
        at += size + 7 & ~7


def parse(data: memoryview) -> Iterator[Record]:
    """Whole records."""
    at = 0
    while at < len(data):
        fields = _RECORD.unpack_from(data, at)
        size, kind, flags, _time, duration, order = fields[:6]
        tid, _pid, vtid, _vpid, abi, number, count = fields[8:15]
        name = syscall_name(abi, number) if kind in (SYSCALL, ENTRY) else None
        comm = fields[23].partition(b"\0")[0].decode("ascii", "replace")
        captures = tuple(_captures(data[at : at + size], count))
        yield Record(
            kind, flags, duration, order, tid, vtid, name or str(number), fields[15:21], fields[21], comm, captures
        )
        at += size


class Records:
    """Reads a stream when it is told to, and keeps what came."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.all: list[Record] = []
        self._buffer = bytearray(STREAM_BUFFER)

    def read(self, *, everything: bool = True) -> int:
        """What there is now; how many records."""
        before = len(self.all)
        while size := self.stream.read(self._buffer, all_=everything):
            self.all += parse(memoryview(self._buffer)[:size])
        return len(self.all) - before

    async def until(self, found: Callable[[Record], bool], deadline: float = 5.0) -> Record:
        """The first record that is looked for, as soon as it comes."""
        end, seen = time.monotonic() + deadline, 0
        while time.monotonic() < end:
            self.read()
            for record in self.all[seen:]:
                if found(record):
                    return record
            seen = len(self.all)
            await asyncio.sleep(0.005)
        raise AssertionError(f"not within {deadline} s; last came {self.all[-5:]}")

    def calls(self, name: str) -> list[Record]:
        """The ended calls of that name."""
        return [record for record in self.all if record.type == SYSCALL and record.name == name]

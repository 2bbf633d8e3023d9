# SPDX-License-Identifier: Apache-2.0
"""The thread that carries records: to its end, past a slow sink, and no further than it has to."""

from __future__ import annotations

import asyncio
import io
import os
import threading
from dataclasses import dataclass, field

import pytest

from stracelet.errors import OutputError
from stracelet.native import NAMED_DROPPED, NAMED_KEPT, Named, StreamInfo
from stracelet.records.consumers import MAX_HELD, Lines, Recording, Sieve
from stracelet.records.files import Header, RecordReader, Writer
from stracelet.records.filters import Filter
from stracelet.records.printing import Capture, Flags, PrintOptions
from stracelet.records.pump import Pump
from stracelet.records.sinks import DescriptorSink
from tests.unit.records.made import SECOND, opened, record

KEPT = Named(0, 1, NAMED_KEPT, "a" * 64, "web")
HEADER = Header(node="", machine="x86_64", started_ns=0, capture=Capture())


@dataclass
class Fed:
    """A source that has what it is given."""

    waiting: list[bytes] = field(default_factory=list)
    dropped: int = 0
    closed: bool = False

    def read(self, buffer: bytearray, *, all_: bool = False) -> int:
        if not self.waiting:
            return 0
        chunk = self.waiting.pop(0)
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def info(self) -> StreamInfo:
        return StreamInfo(0, self.dropped, 0)

    def close(self) -> None:
        self.closed = True


class Kept:
    """A sink in memory."""

    watched = None

    def __init__(self) -> None:
        self.content = b""
        self.arrived = threading.Event()
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def write(self, data: bytes | memoryview, tid: int = 0) -> None:
        self.arrived.set()
        self.may_go_on.wait(30)
        self.content += bytes(data)

    def close(self) -> None: ...


def lines(sink: object, limit: int = 0) -> Lines:
    return Lines(PrintOptions(limit=limit).printer(Filter()), sink)  # type: ignore[arg-type]


async def until(sink: Kept) -> None:
    assert await asyncio.to_thread(sink.arrived.wait, 10)


async def test_it_carries_all_there_is_to_the_end() -> None:
    source, sink = Fed([opened(b"/a"), opened(b"/b", at=1000)]), Kept()
    pump = Pump(source, [lines(sink)])
    pump.name(KEPT)
    pump.start()

    assert await pump.stop(10)
    pump.close()
    assert sink.content.decode().count("openat(AT_FDCWD") == 2
    assert source.closed
    assert pump.error is None


async def test_records_wait_for_the_name_of_their_container() -> None:
    sink = Kept()
    source = Fed([opened(b"/a"), opened(b"/of-another", slot=1, serial=2, at=1000)])
    pump = Pump(source, [lines(sink)])
    pump.start()
    pump.name(Named(1, 2, NAMED_DROPPED, "b" * 64))
    pump.name(KEPT)
    await until(sink)
    assert await pump.stop(10)
    pump.close()

    assert b"/a" in sink.content
    assert b"/of-another" not in sink.content


async def test_it_ends_when_all_lines_that_were_wanted_are_there() -> None:
    source, sink = Fed([opened(b"/a"), opened(b"/b", at=1000), opened(b"/c", at=2000)]), Kept()
    pump = Pump(source, [lines(sink, limit=2)])
    pump.name(KEPT)
    pump.start()

    async with asyncio.timeout(10):
        await pump.ended.wait()
    pump.close()
    assert sink.content.count(b"\n") == 2


async def test_a_sink_that_takes_nothing_is_left() -> None:
    source, sink = Fed([opened(b"/a")]), Kept()
    sink.may_go_on.clear()
    pump = Pump(source, [lines(sink)])
    pump.name(KEPT)
    pump.start()
    await until(sink)

    assert not await pump.stop(0.1)
    sink.may_go_on.set()
    async with asyncio.timeout(10):
        await pump.ended.wait()
    pump.close()


async def test_what_a_sink_fails_with_is_kept() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    pump = Pump(Fed([opened(b"/a")]), [lines(DescriptorSink(full, "out"))])
    pump.name(KEPT)
    pump.start()
    async with asyncio.timeout(10):
        await pump.ended.wait()
    pump.close()
    os.close(full)

    assert isinstance(pump.error, OutputError)


async def test_a_reader_that_goes_ends_it_though_nothing_is_written() -> None:
    reading, writing = os.pipe()
    pump = Pump(Fed(), [lines(DescriptorSink(writing))], watched=writing)
    pump.start()
    os.close(reading)
    async with asyncio.timeout(10):
        await pump.ended.wait()
    pump.close()
    os.close(writing)

    assert isinstance(pump.error, BrokenPipeError)


def recording(file: io.BytesIO, clock: list[float], sieve: Sieve | None = None) -> Recording:
    return Recording(open_=lambda _: Writer(file.write, lambda: None, HEADER), sieve=sieve, clock=lambda: clock[0])


def test_what_is_recorded_is_in_the_file_after_a_tenth_of_a_second() -> None:
    file, clock = io.BytesIO(), [0.0]
    recorded = recording(file, clock)
    before = len(file.getvalue())
    recorded.take(memoryview(opened(b"/a")))
    assert len(file.getvalue()) == before
    clock[0] = 0.1
    recorded.flush()

    file.seek(0)
    assert [block.content for block in RecordReader(file.read, "f").blocks()] == [opened(b"/a")]


def test_a_file_has_no_records_of_containers_that_nobody_asked_for() -> None:
    file = io.BytesIO()
    recorded = recording(file, [0.0], Sieve())
    theirs = opened(b"/theirs", slot=1, serial=2)
    recorded.take(memoryview(opened(b"/a") + theirs + record(kind=7)))
    recorded.name(Named(1, 2, NAMED_DROPPED, "b" * 64))
    recorded.take(memoryview(theirs))
    recorded.name(KEPT)
    recorded.take(memoryview(theirs + opened(b"/b", at=SECOND)))
    recorded.end(0)

    file.seek(0)
    blocks = [block.content for block in RecordReader(file.read, "f").blocks() if block.is_records]
    assert b"".join(blocks) == opened(b"/a") + record(kind=7) + opened(b"/b", at=SECOND)


def test_what_could_not_be_held_back_for_a_container_is_told_at_the_end() -> None:
    file = io.BytesIO()
    recorded = recording(file, [0.0], Sieve())
    much = opened(b"/much") * 1000
    for slot, serial in ((KEPT.slot, KEPT.serial), (1, 2)):
        each = opened(b"/much", slot=slot, serial=serial) * 1000
        for _ in range(2 * MAX_HELD // len(each)):
            recorded.take(memoryview(each))
    recorded.name(Named(1, 2, NAMED_DROPPED, "b" * 64))
    recorded.name(KEPT)
    recorded.end(5)

    file.seek(0)
    blocks = list(RecordReader(file.read, "f").blocks())
    kept = sum(len(block.content) for block in blocks if block.is_records)
    made = 2 * MAX_HELD // len(much) * 1000
    assert 0 < kept <= MAX_HELD
    assert sum(block.dropped() for block in blocks) == 5 + made - kept // (len(much) // 1000)


def test_a_replay_says_what_the_lines_said() -> None:
    file, direct, replayed = io.BytesIO(), Kept(), Kept()
    recorded, printed = recording(file, [0.0]), lines(direct)
    for consumer in (recorded, printed):
        consumer.name(KEPT)
        for at in range(100):
            consumer.take(memoryview(opened(f"/{at}".encode(), at=at * 1000)))
        consumer.end(0)
    again = lines(replayed)
    file.seek(0)
    for block in RecordReader(file.read, "f").blocks():
        for named in block.names():
            again.name(named)
        if block.is_records:
            again.take(memoryview(block.content))
    again.end(0)

    assert direct.content.count(b"\n") == 100
    assert replayed.content == direct.content


@pytest.mark.parametrize("flag", list(Flags.__dataclass_fields__))
def test_flags_have_the_printers_bits(flag: str) -> None:
    bits = Flags(**{flag: True}).bits()

    assert bits
    assert not bits & (bits - 1)

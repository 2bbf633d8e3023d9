# SPDX-License-Identifier: Apache-2.0
"""Files of records: what is written is read, what was cut or damaged is known as such."""

from __future__ import annotations

import contextlib
import io
import json
import struct
import zlib
from typing import TYPE_CHECKING

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from stracelet.errors import RecordFileError
from stracelet.native import NAMED_KEPT, Named
from stracelet.records.files import MAX_BLOCK, Header, RecordReader, Writer
from stracelet.records.filters import Filter
from stracelet.records.printing import FORMATS, Capture, Flags, PrintOptions
from tests.unit.records.made import opened, record

if TYPE_CHECKING:
    from collections.abc import Callable

HEADER = Header(node="node-1", machine="x86_64", started_ns=5, capture=Capture(descriptors=True, string_limit=64))
NAMED = Named(3, 2**40, NAMED_KEPT, "a" * 64, "web\udc80", "web-0", "shop")


def written(fill: Callable[[Writer], None]) -> bytes:
    file = io.BytesIO()
    fill(Writer(file.write, file.close, HEADER))
    return file.getvalue()


def whole(writer: Writer) -> None:
    writer.names([NAMED])
    writer.records(opened(b"/a") + record())
    writer.records(opened(b"/b"))
    writer.end(dropped=7)


def read(content: bytes) -> RecordReader:
    return RecordReader(io.BytesIO(content).read, "test.rec")


def test_what_is_written_is_read() -> None:
    reader = read(written(whole))
    blocks = list(reader.blocks())

    assert reader.header == HEADER
    assert reader.cut == 0
    assert blocks[0].names() == [NAMED]
    assert [block.content for block in blocks if block.is_records] == [opened(b"/a") + record(), opened(b"/b")]
    assert blocks[-1].dropped() == 7


def test_a_file_may_come_in_small_pieces() -> None:
    file = io.BytesIO(written(whole))
    blocks = list(RecordReader(lambda size: file.read(min(size, 3)), "pipe").blocks())

    assert len(blocks) == 4


def test_a_block_that_is_cut_is_known_and_those_before_it_are_read() -> None:
    content = written(whole)
    ends = [len(written(lambda _: None))]
    for _ in range(4):
        ends.append(ends[-1] + 16 + struct.unpack_from("<I", content, ends[-1] + 4)[0])
    assert ends[-1] == len(content)

    for size in range(ends[0], len(content) + 1):
        reader = read(content[:size])
        blocks = list(reader.blocks())
        count = sum(end <= size for end in ends) - 1
        assert (len(blocks), reader.cut) == (count, size - ends[count])


def test_a_damaged_block_ends_the_reading() -> None:
    content = bytearray(written(whole))
    content[-3] ^= 1
    reader = read(bytes(content))

    with pytest.raises(RecordFileError, match=r"test.rec: damaged at byte \d+: what follows is not read"):
        list(reader.blocks())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a file of records"),
        (b"hello, world, this is text\n", "test.rec: not a file of records"),
        (
            b'{"time": "2026-11-26T12:00:00Z"}\n',
            "test.rec: JSON, as `kubectl strace record` and --format json write it",
        ),
        (written(whole)[:20], "not a file of records"),
        (written(whole)[:30], "its header is damaged"),
        (b"\x89STLREC\n" + b"\xff\xff" + written(whole)[10:], "its format is 65535.1, this version reads 1.1"),
        (written(whole)[:12] + b"\2" + written(whole)[13:], "byte order 2"),
        (written(whole)[:16] + b"\xff\xff\xff\xff" + written(whole)[20:], "its header is damaged"),
    ],
)
def test_what_is_no_file_of_records(content: bytes, message: str) -> None:
    with pytest.raises(RecordFileError, match=message):
        read(content)


def block(kind: int, packed: bytes, unpacked: int) -> bytes:
    fields = struct.pack("<III", kind, len(packed), unpacked)
    return fields + struct.pack("<I", zlib.crc32(packed, zlib.crc32(fields))) + packed


@pytest.mark.parametrize(
    "hostile",
    [
        block(1, b"no zstd", 10),
        block(1, zstandard.compress(bytes(1 << 28)), 1 << 20),
        block(1, zstandard.compress(b"abc"), 5),
        block(1, b"", MAX_BLOCK + 1),
        struct.pack("<IIII", 1, 0xFFFFFFFF, 5, 0),
    ],
)
def test_hostile_blocks(hostile: bytes) -> None:
    with pytest.raises(RecordFileError, match="damaged at byte"):
        list(read(written(lambda _: None) + hostile).blocks())


NAME: dict[str, object] = {"slot": 0, "serial": 1, "state": NAMED_KEPT, "id": "a", "name": "b"}
NO_NAMES = [
    json.dumps([{**NAME, **wrong}]).encode()
    for wrong in (
        {"name": 5},
        {"pod": None},
        {"id": "\ud800"},
        {"slot": -1},
        {"serial": 2**64},
        {"state": "x"},
        {"state": 2**32},
    )
]


@pytest.mark.parametrize("text", [b"", b"[]]", b"{}", b"[1]", b'[{"slot": "x"}]', b'[{"id": 3}]', b"null", *NO_NAMES])
def test_names_that_are_none(text: bytes) -> None:
    packed = zstandard.compress(text)
    named, ended = read(written(lambda _: None) + block(2, packed, len(text)) + block(3, packed, len(text))).blocks()

    if text != b"[]":
        with pytest.raises(RecordFileError):
            named.names()
    with pytest.raises(RecordFileError):
        ended.dropped()


def shown(name: str, form: str) -> str:
    """A line, of a container that a file calls so."""
    named = Named(0, 1, NAMED_KEPT, "a" * 64, name)
    blocks = read(written(lambda writer: writer.names([named]))).blocks()
    printer = PrintOptions(format=FORMATS[form], flags=Flags(container=True)).printer(Filter())
    for each in next(blocks).names():
        printer.name(each)
    printer.feed(record())
    return bytes(printer.take()[0]).decode()


def test_a_name_steers_no_terminal() -> None:
    name = "web\x1b[31m\n\x9b\u202e\udc80é"

    assert shown(name, "strace").startswith("web\\x1b[31m\\x0a\\x9b\\u202e\\x80é | getpid(")
    assert json.loads(shown(name, "json"))["container"] == "web\x1b[31m\n\x9b\u202e\\x80é"
    assert shown(name, "json").rstrip("\n").isprintable()


@given(st.binary(max_size=200), st.integers(0, 400))
def test_any_bytes_end_in_an_error_or_in_blocks(noise: bytes, at: int) -> None:
    content = bytearray(written(whole))
    at = min(at, len(content))
    content[at : at + len(noise)] = noise
    with contextlib.suppress(RecordFileError):
        for each in read(bytes(content)).blocks():
            each.names()
            each.dropped()

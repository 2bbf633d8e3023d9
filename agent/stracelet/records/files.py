# SPDX-License-Identifier: Apache-2.0
"""A file of records: docs/record-format.md says it byte by byte.

    header: magic, versions, byte order, what was captured and where
    blocks: kind, sizes, CRC; then records or names, compressed by zstd

A block is written at once and never changed, so what was flushed before a kill is whole, and a last block that is cut
is known as such by its length. Nothing in a file is trusted: sizes are bounded before anything is allocated, and the
printer checks each record.
"""

from __future__ import annotations

import json
import struct
import sys
import zlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import zstandard

from stracelet import __version__
from stracelet.errors import RecordFileError
from stracelet.native import NAMED_DROPPED, NAMED_KEPT, NAMED_UNKNOWN, SLOTS, Named
from stracelet.records.printing import Capture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

MAGIC = b"\x89STLREC\n"
FILE_VERSION = 1
RECORD_VERSION = 1  # RECORD_VERSION of native/src/records/record.h
LITTLE_ENDIAN = 1
RECORDS, NAMES, END = 1, 2, 3
# A block holds at most so much, unpacked: what its reader has to allocate before it knows anything of it.
MAX_BLOCK = 4 << 20
MAX_HEADER = 64 << 10
LEVEL = 3
STATES = (NAMED_UNKNOWN, NAMED_KEPT, NAMED_DROPPED)

_HEADER = struct.Struct("<8sHHBxxxII")  # magic, file version, record version, byte order, size of the text, its CRC
_BLOCK = struct.Struct("<IIII")  # kind, size in the file, size unpacked, CRC of these three and of what follows


@dataclass(frozen=True)
class Header:
    """Where and how the records were made.

    `several`: of more than one container, so that lines name it; `command`: of `-- COMMAND`, which is none.
    """

    node: str
    machine: str
    started_ns: int
    capture: Capture
    several: bool = False
    command: bool = False
    written_by: str = f"stracelet {__version__}"

    def encode(self) -> bytes:
        text = json.dumps(asdict(self)).encode()
        return _HEADER.pack(MAGIC, FILE_VERSION, RECORD_VERSION, LITTLE_ENDIAN, len(text), zlib.crc32(text)) + text


class Block(NamedTuple):
    """Records as the printer takes them, names, or what was counted at the end: `kind` says which."""

    kind: int
    content: bytes

    @property
    def is_records(self) -> bool:
        return self.kind == RECORDS

    def names(self) -> list[Named]:
        """Of NAMES; else none. RecordFileError: they are no names."""
        if self.kind != NAMES:
            return []
        try:
            return [_named(each) for each in self._list()]
        except (TypeError, KeyError, ValueError) as error:
            raise RecordFileError(f"names of containers cannot be read: {error}") from error

    def dropped(self) -> int:
        """Of END: how many records were lost on the way to the file; else 0. RecordFileError."""
        if self.kind != END:
            return 0
        try:
            return int(self._json()["dropped"])
        except (TypeError, KeyError, ValueError) as error:
            raise RecordFileError(f"the end of the file cannot be read: {error}") from error

    def _list(self) -> list[Any]:
        items = self._json()
        if not isinstance(items, list):
            raise TypeError("expected a list")
        return items

    def _json(self) -> Any:
        return json.loads(self.content)


def _named(fields: Mapping[str, Any]) -> Named:
    named = Named(**{**fields, "slot": int(fields["slot"]), "serial": int(fields["serial"])})
    if not (0 <= named.slot < SLOTS and 0 <= named.serial < 1 << 64 and named.state in STATES):
        raise ValueError(f"slot {named.slot}, serial {named.serial}, state {named.state}")
    for text in named[3:]:
        if not isinstance(text, str):
            raise TypeError(f"expected a string, not {text!r}")
        text.encode("utf-8", "surrogateescape")  # half of a surrogate pair: ValueError
    return named


class Writer:
    """Makes a file's bytes. `write` takes them as they come, a block at a time; `close` is called at the end."""

    def __init__(self, write: Callable[[bytes], object], close: Callable[[], object], header: Header) -> None:
        self._write, self.close = write, close
        self._compressor = zstandard.ZstdCompressor(level=LEVEL)
        encoded = header.encode()
        self.size = len(encoded)
        write(encoded)

    def records(self, content: bytes | bytearray) -> None:
        """Whole records, MAX_BLOCK of bytes at most."""
        self._block(RECORDS, content)

    def names(self, names: Iterable[Named]) -> None:
        """They hold for the records that follow."""
        self._block(NAMES, json.dumps([each._asdict() for each in names]).encode())

    def end(self, *, dropped: int) -> None:
        """Says that the file is whole, and how many records were lost on the way to it."""
        self._block(END, json.dumps({"dropped": dropped}).encode())

    def _block(self, kind: int, content: bytes | bytearray) -> None:
        packed = self._compressor.compress(content)
        fields = struct.pack("<III", kind, len(packed), len(content))
        block = fields + struct.pack("<I", zlib.crc32(packed, zlib.crc32(fields))) + packed
        self.size += len(block)
        self._write(block)


class RecordReader:
    """Reads a file's blocks, from its start to its end. `cut`: of a last block, so many bytes were there."""

    def __init__(self, read: Callable[[int], bytes], name: str) -> None:
        """`read`: up to so many bytes, none at the end. RecordFileError: it is no file of records of this version."""
        self._read, self._name = read, name
        self._decompressor = zstandard.ZstdDecompressor()
        self._offset = 0
        self.cut = 0
        self.header = self._read_header()

    @classmethod
    def of(cls, path: str) -> Self:
        """Of a path, or `-` for standard input. RecordFileError."""
        try:
            file = sys.stdin.buffer if path == "-" else open(path, "rb")  # noqa: PTH123, SIM115 - open to the end
        except OSError as error:
            raise RecordFileError(f"{path}: cannot be read: {error.strerror}") from error
        return cls(file.read, "standard input" if path == "-" else path)

    def _read_header(self) -> Header:
        start = self._take(_HEADER.size)
        if len(start) < _HEADER.size or not start.startswith(MAGIC):
            lines = "JSON, as `kubectl strace record` and --format json write it, and " if start[:1] == b"{" else ""
            raise RecordFileError(f"{self._name}: {lines}not a file of records, as `stracelet record` writes them")
        _, version, records, order, size, crc = _HEADER.unpack(start)
        if (version, records) != (FILE_VERSION, RECORD_VERSION):
            raise RecordFileError(
                f"{self._name}: its format is {version}.{records}, this version reads {FILE_VERSION}.{RECORD_VERSION}"
            )
        if order != LITTLE_ENDIAN:
            raise RecordFileError(f"{self._name}: byte order {order}: this version knows little-endian records alone")
        text = self._take(min(size, MAX_HEADER))
        if size > MAX_HEADER or len(text) < size or zlib.crc32(text) != crc:
            raise RecordFileError(f"{self._name}: its header is damaged")
        try:
            fields = json.loads(text)
            return Header(**{**fields, "capture": Capture(**fields["capture"])})
        except (TypeError, KeyError, ValueError) as error:
            raise RecordFileError(f"{self._name}: its header cannot be read: {error}") from error

    def _take(self, size: int) -> bytes:
        """So many bytes, or those that there are: a pipe gives them by and by."""
        parts = []
        while size and (part := self._some(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _some(self, size: int) -> bytes:
        try:
            part = self._read(size)
        except OSError as error:
            raise RecordFileError(f"{self._name}: cannot be read: {error.strerror}") from error
        self._offset += len(part)
        return part

    def blocks(self) -> Iterator[Block]:
        """All whole blocks. RecordFileError at one that is damaged: what follows it cannot be told."""
        while fields := self._take(_BLOCK.size):
            at = self._offset - len(fields)
            if len(fields) < _BLOCK.size:
                self.cut = len(fields)
                return
            kind, size, unpacked, crc = _BLOCK.unpack(fields)
            if unpacked > MAX_BLOCK or size > MAX_BLOCK + MAX_HEADER:
                raise RecordFileError(f"{self._name}: damaged at byte {at}: a block of {max(size, unpacked)} bytes")
            packed = self._take(size)
            if len(packed) < size:
                self.cut = self._offset - at
                return
            if zlib.crc32(packed, zlib.crc32(fields[:12])) != crc:
                raise RecordFileError(f"{self._name}: damaged at byte {at}: what follows is not read")
            yield Block(kind, self._unpack(packed, unpacked, at))

    def _unpack(self, packed: bytes, size: int, at: int) -> bytes:
        try:
            # a frame that unpacks to more than its block says is read no further
            with self._decompressor.stream_reader(packed) as stream:
                content = stream.read(size + 1)
        except zstandard.ZstdError as error:
            raise RecordFileError(f"{self._name}: damaged at byte {at}: {error}") from error
        if len(content) != size:
            raise RecordFileError(f"{self._name}: damaged at byte {at}: {len(content)} bytes instead of {size}")
        return content

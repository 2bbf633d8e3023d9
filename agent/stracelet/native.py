# SPDX-License-Identifier: Apache-2.0
"""The native library: the arena's reader, its records, the printer, names of numbers, the constants of stracelet.h.

The only module that knows cffi, and the one that turns the library's codes into exceptions.
"""

from __future__ import annotations

import errno
import os
import struct
import threading
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from stracelet._native import ffi, lib
from stracelet.errors import ArenaError, PatternError
from stracelet.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

constants: Final[Any] = lib
"""All the header's STL_*, as ints."""
ABI_X86_64: Final[int] = lib.STL_ABI_X86_64
ABI_I386: Final[int] = lib.STL_ABI_I386
ABI_AARCH64: Final[int] = lib.STL_ABI_AARCH64
ABI_UNKNOWN: Final[int] = lib.STL_ABI_UNKNOWN
ABI_SIGNAL: Final[int] = lib.STL_ABI_SIGNAL
MAX_NUMBER: Final[int] = lib.STL_MAX_NUMBER
NUMBER_UNKNOWN: Final[int] = lib.STL_NUMBER_UNKNOWN
NUMBER_OTHER: Final[int] = lib.STL_NUMBER_OTHER
ERROR_OTHER: Final[int] = lib.STL_ERROR_OTHER
OTHER: Final = "other"
SLOT_PROVISIONAL: Final[int] = lib.STL_SLOT_PROVISIONAL
SLOT_TRACED: Final[int] = lib.STL_SLOT_TRACED
SLOT_LEAVING: Final[int] = lib.STL_SLOT_LEAVING
SLOT_ENDED: Final[int] = lib.STL_SLOT_ENDED
SLOT_LEFT: Final[int] = lib.STL_SLOT_LEFT
SLOTS: Final[int] = lib.STL_SLOTS
NAMED_UNKNOWN: Final[int] = lib.STL_NAMED_UNKNOWN
NAMED_KEPT: Final[int] = lib.STL_NAMED_KEPT
NAMED_DROPPED: Final[int] = lib.STL_NAMED_DROPPED
STREAM_BUFFER: Final = 1 << 20
OUTPUT_AT_ONCE: Final = 1 << 18
BUCKETS: Final[int] = lib.STL_BUCKETS
MAX_EDGES: Final[int] = lib.STL_MAX_EDGES

_CELL: Final = struct.Struct("=IIiIQQQQQQ32Q")
_ERROR_CELL: Final = struct.Struct("=IIiIQQ")
_CONTAINER: Final = struct.Struct("=IIQQQQQQQQ6QII80s")


class Info(NamedTuple):
    """struct stl_info. `created_ns`: CLOCK_REALTIME; `rows_refused`: calls that found no free row.

    `calls_folded`: calls booked as NUMBER_OTHER or ERROR_OTHER.
    """

    generation: int
    tracer_pid: int
    created_ns: int
    rows_used: int
    rows_refused: int
    calls_folded: int
    threads: int
    slots_used: int


class Container(NamedTuple):
    """struct stl_container. Times in ns; `first_ns` and `end_ns` (0: not ended) are CLOCK_REALTIME."""

    slot: int
    state: int
    serial: int
    first_ns: int
    end_ns: int
    traced_ns: int
    held_ns: int
    cpu_ns: int
    delayed: int
    eintr_passed: int
    failures: tuple[int, ...]
    tracees: int
    pending: int
    id: str


class Cell(NamedTuple):
    """struct stl_cell. `buckets` has one more item than the snapshot had edges, and is not cumulative."""

    slot: int
    abi: int
    number: int
    serial: int
    calls: int
    errors: int
    sum_ns: int
    min_ns: int
    max_ns: int
    buckets: tuple[int, ...]


class ErrorCell(NamedTuple):
    """struct stl_error_cell. `error` is a positive errno, or ERROR_OTHER."""

    slot: int
    abi: int
    number: int
    error: int
    serial: int
    calls: int


class Snapshot(NamedTuple):
    """All cells of one moment: `cells` sorted by slot, ABI and number; `errors` likewise, then by errno."""

    cells: list[Cell]
    errors: list[ErrorCell]


def _check(code: int, what: str) -> int:
    if code >= 0:
        return code
    raise ArenaError(f"{what}: {os.strerror(-code)}")


def _unpack(layout: struct.Struct, items: Any) -> Iterator[tuple[Any, ...]]:
    if layout.size != ffi.sizeof(ffi.typeof(items).item):
        raise ArenaError(f"{ffi.typeof(items).item.cname} is not laid out as this module expects")
    return layout.iter_unpack(ffi.buffer(items))


def _container(fields: tuple[Any, ...]) -> Container:
    text = fields[18].partition(b"\0")[0].decode("ascii", "replace")
    return Container._make((*fields[:10], fields[10:16], *fields[16:18], text))


class Reader:
    """Reads an arena; never writes to it. Any thread may call it, one at a time gets in."""

    def __init__(self, arena_fd: int) -> None:
        """Maps the arena; the descriptor may be closed afterwards. ArenaError: it is no arena of this version."""
        out = ffi.new("stl_reader **")
        code = lib.stl_reader_open(arena_fd, out)
        if code == -errno.EINVAL:
            raise ArenaError("the statistics' shared memory is not of this version", help_text="Reinstall stracelet.")
        _check(code, "the statistics' shared memory cannot be mapped")
        self._reader = ffi.gc(out[0], lib.stl_reader_close)
        self._lock = threading.Lock()

    def close(self) -> None:
        """Unmaps it. What is read afterwards is an ArenaError; closing twice is not."""
        with self._lock:
            reader, self._reader = self._reader, None
        if reader is not None:
            ffi.release(reader)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self) -> Any:
        if self._reader is None:
            raise ArenaError("the statistics' shared memory has been closed")
        return self._reader

    def info(self) -> Info:
        """What the arena says of itself and of its tracer."""
        out = ffi.new("struct stl_info *")
        with self._lock:
            _check(lib.stl_reader_info(self._open(), out), "the arena cannot be read")
        return Info(*(getattr(out, name) for name in Info._fields))

    def containers(self) -> list[Container]:
        """All slots in use, by slot."""
        out = ffi.new("struct stl_container[]", SLOTS)
        with self._lock:
            count = _check(lib.stl_reader_containers(self._open(), out, SLOTS), "the containers cannot be read")
        return [_container(fields) for fields in islice(_unpack(_CONTAINER, out), count)]

    def snapshot(self, edges: Sequence[int]) -> Snapshot:
        """All counters. `edges`: at most MAX_EDGES upper bounds in ns, ascending, each a bucket_edge(). ArenaError."""
        bounds = ffi.new("uint64_t[]", list(edges))
        with self._lock:
            reader = self._open()
            code = lib.stl_reader_snapshot(reader, bounds, len(edges))
            if code == -errno.EINVAL:
                raise ArenaError(f"no such bucket bounds: {list(edges)}")
            _check(code, "the counters cannot be read")
            cells = ffi.new("struct stl_cell[]", lib.stl_reader_cells(reader, ffi.NULL, 0))
            errors = ffi.new("struct stl_error_cell[]", lib.stl_reader_errors(reader, ffi.NULL, 0))
            lib.stl_reader_cells(reader, cells, len(cells))
            lib.stl_reader_errors(reader, errors, len(errors))
        end = 10 + len(edges) + 1
        return Snapshot(
            [Cell._make((*fields[:3], *fields[4:10], fields[10:end])) for fields in _unpack(_CELL, cells)],
            [ErrorCell._make(fields) for fields in _unpack(_ERROR_CELL, errors)],
        )


class StreamInfo(NamedTuple):
    """struct stl_stream_info. `produced`: records that passed the filter, those dropped included."""

    produced: int
    dropped: int
    read: int


class Stream:
    """The records of an arena's rings, in order of time. One thread at a time."""

    def __init__(self, arena_fd: int, positions_fd: int) -> None:
        """Maps both; the descriptors may be closed afterwards. ArenaError: they are not of this version."""
        out = ffi.new("stl_stream **")
        _check(lib.stl_stream_open(arena_fd, positions_fd, out), "the records' shared memory cannot be mapped")
        self._stream = ffi.gc(out[0], lib.stl_stream_close)

    def close(self) -> None:
        """Unmaps it; closing twice is nothing."""
        stream, self._stream = self._stream, None
        if stream is not None:
            ffi.release(stream)

    def read(self, buffer: bytearray, *, all_: bool = False) -> int:
        """Puts whole records into `buffer`, of STREAM_BUFFER bytes or more; how many. `all_`: the youngest too."""
        with ffi.from_buffer(buffer, require_writable=True) as place:
            return _check(lib.stl_stream_read(self._stream, place, len(buffer), all_), "records cannot be read")

    def info(self) -> StreamInfo:
        """Counts since the stream was opened."""
        out = ffi.new("struct stl_stream_info *")
        _check(lib.stl_stream_info(self._stream, out), "records cannot be counted")
        return StreamInfo(out.produced, out.dropped, out.read)


class Named(NamedTuple):
    """struct stl_named: whose records those of a slot are. `state`: NAMED_*."""

    slot: int
    serial: int
    state: int
    id: str
    name: str = ""
    pod: str = ""
    namespace: str = ""


class Printer:
    """Records to text, JSON or counts. One thread at a time."""

    def __init__(self, *, filter_: bytes, node: str, **options: int) -> None:
        """`filter_`: struct stl_filter; `options`: fields of struct stl_print_options."""
        wanted = ffi.new("struct stl_print_options *", options)
        wanted.node = node.encode("utf-8", "replace")[: len(wanted.node) - 1]
        out = ffi.new("stl_printer **")
        with ffi.from_buffer("struct stl_filter *", filter_, require_writable=False) as chosen:
            _check(lib.stl_printer_new(wanted, chosen, out), "the printer cannot be made")
        self._printer = ffi.gc(out[0], lib.stl_printer_free)
        self._out = bytearray(OUTPUT_AT_ONCE)
        self._tid = ffi.new("int32_t *")
        # JSON has escapes of its own, from which its reader gets the name as it is
        self._shown: Callable[[str], str] = str if options.get("format") == lib.STL_FORMAT_JSON else printable

    def path(self, path: str) -> None:
        """Prints what is about this path alone, or about others that were given."""
        _check(lib.stl_printer_path(self._printer, os.fsencode(path)), f"-P {path}")

    def mask(self, pattern: str) -> None:
        """Hides what matches this regular expression, of regex(7). PatternError: it is none."""
        if lib.stl_printer_mask(self._printer, pattern.encode("utf-8", "surrogateescape")) < 0:
            raise PatternError(f"--mask: not a regular expression: {pattern}")

    def name(self, named: Named) -> None:
        """Whose records come from a slot, or that they are nobody's. A name may be a file's, so anybody's."""
        out = ffi.new("struct stl_named *", {"slot": named.slot, "serial": named.serial, "state": named.state})
        for field in ("id", "name", "pod", "namespace"):
            place = getattr(out, field)
            text = self._shown(getattr(named, field))
            setattr(out, field, text.encode("utf-8", "surrogateescape")[: len(place) - 1])
        _check(lib.stl_printer_container(self._printer, out), "a container cannot be named")

    def feed(self, records: memoryview | bytes) -> None:
        """Whole records, as Stream.read() gives them. ArenaError: what is no record was among them."""
        with ffi.from_buffer(records, require_writable=False) as place:
            _check(lib.stl_printer_feed(self._printer, place, len(records)), "what was recorded is no record")

    def end(self) -> None:
        """Nothing more will come: ends lines that are begun."""
        _check(lib.stl_printer_end(self._printer), "the printer cannot end")

    def take(self) -> tuple[memoryview, int]:
        """Output, all of it of one task, whose ID is the second (0: of several); empty: there is none. Valid until the
        next call."""
        with ffi.from_buffer(self._out, require_writable=True) as place:
            taken = lib.stl_printer_take(self._printer, place, len(self._out), self._tid)
        return memoryview(self._out)[: _check(taken, "the printer gives nothing")], self._tid[0]

    @property
    def done(self) -> bool:
        """Whether as many lines are printed as there may be."""
        return bool(lib.stl_printer_done(self._printer))

    @property
    def lines(self) -> int:
        return int(lib.stl_printer_lines(self._printer))

    def cells(self) -> list[Cell]:
        """What was counted (FORMAT_COUNTS); without buckets."""
        count = _check(lib.stl_printer_cells(self._printer, ffi.NULL, 0), "nothing was counted")
        cells = ffi.new("struct stl_cell[]", count)
        lib.stl_printer_cells(self._printer, cells, count)
        return [Cell._make((*fields[:3], *fields[4:10], ())) for fields in islice(_unpack(_CELL, cells), count)]


@cache
def call_classes() -> dict[str, int]:
    """All calls of all ABIs by name, each with the classes that it is in (STL_CLASS_*)."""
    names = (_text(lib.stl_call_name(call)) for call in range(lib.stl_call_count()))
    return {name: int(lib.stl_call_classes(call)) for call, name in enumerate(names) if name}


@cache
def call_numbers() -> dict[str, list[tuple[int, int]]]:
    """The same calls by name, each with its numbers: pairs of an ABI and what it is there."""
    numbers: dict[str, list[tuple[int, int]]] = {}
    for abi in (ABI_X86_64, ABI_I386, ABI_AARCH64):
        for number in range(MAX_NUMBER):
            if name := _text(lib.stl_syscall_name(abi, number)):
                numbers.setdefault(name, []).append((abi, number))
    return numbers


def bucket_edge(bucket: int) -> int:
    """The upper edge of a bucket in ns; 2**64 - 1 for the last one."""
    return int(lib.stl_bucket_edge(bucket))


def bucket_index(duration_ns: int) -> int:
    """The bucket in which a duration is counted."""
    return int(lib.stl_bucket_index(duration_ns))


def _text(pointer: Any) -> str | None:
    return None if pointer == ffi.NULL else ffi.string(pointer).decode("ascii")


def syscall_name(abi: int, number: int) -> str | None:
    """The name of a syscall, OTHER for NUMBER_OTHER, or None where the ABI has no such number."""
    if number == NUMBER_OTHER:
        return OTHER
    known = 0 <= abi < ABI_SIGNAL and 0 <= number < MAX_NUMBER
    return _text(lib.stl_syscall_name(abi, number)) if known else None


def syscall_number(abi: int, name: str) -> int | None:
    """The number of a syscall, or None where the ABI has no such name."""
    number = int(lib.stl_syscall_number(abi, name.encode("utf-8", "replace")))
    return None if number == -errno.ENOENT else number


def errno_name(error: int) -> str | None:
    """`ENOENT` for 2; OTHER for ERROR_OTHER; None where there is none, however large the number."""
    if error == ERROR_OTHER:
        return OTHER
    return _text(lib.stl_errno_name(error)) if 0 < error <= constants.STL_MAX_ERRNO else None


def signal_name(signal: int) -> str | None:
    """`SIGHUP` for 1; real-time signals as strace names them; OTHER for NUMBER_OTHER; None where there is none."""
    if signal == NUMBER_OTHER:
        return OTHER
    return _text(lib.stl_signal_name(signal)) if 0 < signal < MAX_NUMBER else None


class Names:
    """The names of numbers as one object, for those that take them as a parameter."""

    syscall_name = staticmethod(syscall_name)
    errno_name = staticmethod(errno_name)
    signal_name = staticmethod(signal_name)

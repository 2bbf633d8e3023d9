# SPDX-License-Identifier: Apache-2.0
"""The native library: the arena's reader, the names of numbers, and the constants of native/include/stracelet.h.

The only module that knows cffi, and the one that turns the library's codes into exceptions.
"""

from __future__ import annotations

import errno
import os
import struct
import threading
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from stracelet._native import ffi, lib
from stracelet.errors import ArenaError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
SLOTS: Final[int] = lib.STL_SLOTS
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

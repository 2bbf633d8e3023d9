# SPDX-License-Identifier: Apache-2.0
"""Records as an engine writes them (native/src/records/record.h), made by hand."""

from __future__ import annotations

import struct

from stracelet import native

RECORD = struct.Struct("<IHHQQQQIiiiiIiI6QqQ16s")
CAPTURE = struct.Struct("<QIBBBB")
SYSCALL, EXIT, DROPPED = 1, 7, 10
SECOND = 10**9
START = 1_700_000_000 * SECOND


def capture(address: int, content: bytes, *, kind: int = 0, phase: int = 0, status: int = 0) -> bytes:
    return CAPTURE.pack(address, len(content), kind, phase, status, 0) + content + bytes(-len(content) % 8)


def record(
    name: str = "getpid",
    *args: int,
    result: int = 0,
    kind: int = SYSCALL,
    slot: int = 0,
    serial: int = 1,
    tid: int = 100,
    at: int = 0,
    duration: int = 1000,
    captures: tuple[bytes, ...] = (),
) -> bytes:
    """A call that has ended, or a record of another type without a call. `at`: ns after START."""
    number = native.syscall_number(native.ABI_X86_64, name) if kind == SYSCALL else 0
    words = [*args, 0, 0, 0, 0, 0, 0][:6]
    size = RECORD.size + sum(map(len, captures))
    fields = (size, kind, 0, START + at, duration, at + duration, serial, slot, tid, tid, 1, 1, native.ABI_X86_64)
    return RECORD.pack(*fields, number, len(captures), *words, result, 0, b"made") + b"".join(captures)


def opened(path: bytes, result: int = 3, **rest: int) -> bytes:
    """openat(AT_FDCWD, path, O_RDONLY)."""
    return record("openat", 2**64 - 100, 0x1000, 0, result=result, captures=(capture(0x1000, path + b"\0"),), **rest)  # type: ignore[arg-type]

# SPDX-License-Identifier: Apache-2.0
"""The only reader of /proc: a file is fetched here and parsed by a function of its text alone.

Another program writes part of these texts (comm, a cgroup's name), so a parser takes any text and gives a value or
None. A process can vanish between two reads, and its PID can come back as another's: what was read of it counts only
if its start time is the same afterwards.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PF_FORKNOEXEC = 0x40  # linux/sched.h
LONGEST = 1 << 20
"""Bytes of a file that are read; none of those that are read here comes near."""


class Stat(NamedTuple):
    """Of /proc/PID/stat; `start` in clock ticks after boot. `has_execed`: since its fork."""

    pid: int
    comm: str
    state: str
    parent: int
    start: int
    has_execed: bool


class Process(NamedTuple):
    """A process; `namespaced`: its PID in each PID namespace from the reader's to its own (proc(5), NSpid)."""

    pid: int
    start: int
    comm: str
    state: str
    namespaced: tuple[int, ...]
    uid: int
    tracer: int
    """The thread that traces it, 0 for none."""

    @property
    def inside(self) -> int:
        return self.namespaced[-1] if self.namespaced else self.pid


def _decimal(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 19 else None


def parse_stat(text: str) -> Stat | None:
    """comm is between the first `(` and the last `)`: it may itself hold blanks and parentheses."""
    opening, closing = text.find("("), text.rfind(")")
    if not 0 < opening < closing:
        return None
    pid, fields = _decimal(text[:opening].strip()), text[closing + 1 :].split()
    if pid is None or len(fields) < 20:  # starttime: field 22 of proc(5), the 20th after comm
        return None
    parent, flags, start = _decimal(fields[1]), _decimal(fields[6]), _decimal(fields[19])
    if parent is None or flags is None or start is None or len(fields[0]) != 1:
        return None
    return Stat(pid, text[opening + 1 : closing], fields[0], parent, start, not flags & PF_FORKNOEXEC)


def parse_status(text: str) -> dict[str, str]:
    """The fields by name. The kernel escapes a newline in `Name`, so a process cannot forge one (proc(5))."""
    pairs = (line.partition(":") for line in text.split("\n"))
    fields: dict[str, str] = {}
    for name, colon, value in pairs:
        if colon and name:
            fields.setdefault(name, value.strip())
    return fields


def parse_numbers(text: str) -> tuple[int, ...]:
    """Decimal numbers between white space; empty if anything else is among them."""
    numbers = [_decimal(word) for word in text.split()]
    return tuple(number for number in numbers if number is not None) if None not in numbers else ()


def parse_cgroup(text: str) -> dict[str, str]:
    """/proc/PID/cgroup: paths by controllers (`cpu,cpuacct`, `name=systemd`), v2's by the empty string."""
    paths: dict[str, str] = {}
    for line in text.split("\n"):
        parts = line.split(":", 2)
        if len(parts) == 3 and _decimal(parts[0]) is not None and parts[2].startswith("/"):
            paths.setdefault(parts[1], parts[2].removesuffix(" (deleted)"))
    return paths


class Procfs:
    """A procfs, at `root`. What has vanished, or may not be read, is None or empty."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, pid: int | str, name: str) -> str | None:
        """Text of a file of a process; bytes that are no UTF-8 come as lone surrogates."""
        try:
            with (self.root / str(pid) / name).open("rb") as file:
                return file.read(LONGEST).decode(errors="surrogateescape")
        except OSError:
            return None

    def stat(self, pid: int | str) -> Stat | None:
        text = self.read(pid, "stat")
        return parse_stat(text) if text is not None else None

    def start(self, pid: int) -> int | None:
        """Start time, in clock ticks after boot: with the PID it names one process for ever."""
        stat = self.stat(pid)
        return stat.start if stat else None

    def process(self, pid: int) -> Process | None:
        """None when it has gone, or its PID became another's while it was read."""
        before = self.stat(pid)
        text = self.read(pid, "status")
        after = self.stat(pid)
        if before is None or text is None or after is None or before.start != after.start:
            return None
        fields = parse_status(text)
        uids = parse_numbers(fields.get("Uid", ""))
        return Process(
            pid=pid,
            start=after.start,
            comm=after.comm,
            state=after.state,
            namespaced=parse_numbers(fields.get("NSpid", "")),
            uid=uids[0] if uids else -1,
            tracer=_decimal(fields.get("TracerPid", "")) or 0,
        )

    def cgroup(self, pid: int | str) -> Mapping[str, str]:
        """Its cgroup's path in each hierarchy, relative to the reader's own cgroup namespace (`/../ID` there)."""
        return parse_cgroup(self.read(pid, "cgroup") or "")

    def tasks(self, pid: int) -> list[int]:
        """Its thread IDs."""
        try:
            names = os.listdir(self.root / str(pid) / "task")
        except OSError:
            return []
        return [int(name) for name in names if _decimal(name) is not None]

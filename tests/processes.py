# SPDX-License-Identifier: Apache-2.0
"""Looking at processes from outside, independently of the code under test."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """A process of the machine, known by its PID and start time (clock ticks after boot)."""

    pid: int
    parent: int
    start: int
    state: str
    name: str

    @property
    def key(self) -> tuple[int, int]:
        return self.pid, self.start

    def is_same(self) -> bool:
        now = read_process(self.pid)
        return now is not None and now.start == self.start


def read_process(pid: int) -> Process | None:
    """The process of that PID now, or None."""
    try:
        text = (PROC / str(pid) / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    name, rest = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()
    return Process(pid=pid, parent=int(rest[1]), start=int(rest[19]), state=rest[0], name=name)


def descendants(ancestor: int) -> list[Process]:
    """All living descendants of a process, zombies left out."""
    children: dict[int, list[Process]] = {}
    for entry in os.listdir(PROC):
        process = read_process(int(entry)) if entry.isdigit() else None
        if process is not None:
            children.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    waiting = [ancestor]
    while waiting:
        below = children.get(waiting.pop(), [])
        waiting += [process.pid for process in below]
        found += [process for process in below if process.state not in "ZX"]
    return found


def task_status(pid: int) -> dict[int, dict[str, str]]:
    """`status` of each task of a process, by thread ID; empty when it has gone."""
    result: dict[int, dict[str, str]] = {}
    try:
        tasks = [int(name) for name in os.listdir(PROC / str(pid) / "task")]
    except (FileNotFoundError, ProcessLookupError):
        return result
    for tid in tasks:
        try:
            text = (PROC / str(pid) / "task" / str(tid) / "status").read_text(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        result[tid] = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    return result


def traced_or_stopped(pids: Iterable[int], *, by: int | None = None) -> list[str]:
    """A line for each task of these processes that has a tracer, or is in state T or t.

    `by`: only what a descendant of that process traces, and what is stopped with no tracer: others may be tracing on
    this machine too.
    """
    found: list[str] = []
    ours = {process.pid for process in descendants(by)} if by is not None else set()
    for pid in pids:
        for tid, status in task_status(pid).items():
            state, tracer = status.get("State", "?"), int(status.get("TracerPid", "0"))
            if by is not None and tracer and _process_of(tracer) not in ours:
                continue
            if state[0] in "Tt" or tracer:
                found.append(f"{status.get('Name')} {pid}/{tid}: state {state}, TracerPid {tracer}")
    return found


def _process_of(tid: int) -> int | None:
    """The process of a thread; TracerPid names a thread."""
    try:
        text = (PROC / str(tid) / "status").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Tgid:")), None)

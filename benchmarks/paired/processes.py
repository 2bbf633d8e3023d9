# SPDX-License-Identifier: Apache-2.0
"""Processes that a benchmark starts: each ended by its PID, waited for with a deadline."""

from __future__ import annotations

import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

DEADLINE = 30.0


def until(condition: Callable[[], Any], what: str, seconds: float = DEADLINE, every: float = 0.005) -> Any:
    """Polls until `condition` is truthy, and returns what it gave. TimeoutError: it never was."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(every)
    return found


@contextmanager
def running(
    command: Sequence[str | Path], *, stop: signal.Signals = signal.SIGTERM, **options: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """A process from here to the end of the block, which ends it: by `stop`, and SIGKILL if that is not obeyed."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
    try:
        yield process
    finally:
        process.send_signal(stop)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(DEADLINE)
        if process.stdout is not None:
            process.stdout.close()


def children(pid: int) -> list[int]:
    """The PIDs of its children, of all its threads."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += map(int, (task / "children").read_text().split())
    return sorted(found)


def all_traced(pids: Sequence[int]) -> bool:
    """Whether some tracer holds every task of these processes. Raises ProcessLookupError if one of them has gone."""
    return all(_tracer(task) for pid in pids for task in _tasks(pid))


def none_traced(pids: Sequence[int]) -> bool:
    """The opposite of any of them being held."""
    return not any(_tracer(task) for pid in pids for task in _tasks(pid))


def states(pid: int) -> list[str]:
    """For whoever has to find out why a target stands still: each task's name, state, tracer and kernel function."""
    wanted = ("Name:", "State:", "TracerPid:")
    return [
        " ".join(
            [task.name, (task / "wchan").read_text()]
            + [line for line in (task / "status").read_text().split("\n") if line.startswith(wanted)]
        )
        for task in _tasks(pid)
    ]


def _tasks(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except FileNotFoundError:
        raise ProcessLookupError(f"the target {pid} has ended") from None


def _tracer(task: Path) -> int:
    """0: none."""
    for line in (task / "status").read_text().splitlines():
        if line.startswith("TracerPid:"):
            return int(line.split()[1])
    raise ValueError(f"{task}/status has no TracerPid")

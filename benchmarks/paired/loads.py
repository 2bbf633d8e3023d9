# SPDX-License-Identifier: Apache-2.0
"""The loads that are compiled on the fly: busy and idle threads, sleeping processes, CPUs busy with other work."""

from __future__ import annotations

import mmap
import os
import signal
import struct
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

from benchmarks.paired.processes import DEADLINE, running, states, until
from benchmarks.paired.tracers import on_cpus

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

SOURCE = Path(__file__).with_name("load.c")
LINE = 64
PAGE = 4096


@cache
def _directory() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="stracelet-bench-")


@cache
def program() -> Path:
    """The compiled load.c; it goes when we end."""
    path = Path(_directory().name, "load")
    subprocess.run(
        ["cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", path, SOURCE],
        check=True,
        timeout=60,
    )
    return path


class Loop:
    """Threads that make calls in a tight loop, and idle ones beside them. A context manager.

    `calls`: "busy" is getppid alone, "mixed" what servers make; `under`: a tracer's command line to start it with.
    """

    def __init__(
        self,
        threads: int = 1,
        *,
        calls: str = "busy",
        idle: int = 0,
        cpus: Collection[int] = (),
        under: Sequence[str | Path] = (),
    ) -> None:
        self._threads, self._kind, self._idle = threads, calls, idle
        self._before = [*on_cpus(cpus), *map(str, under)]

    def __enter__(self) -> Self:
        self._file = tempfile.NamedTemporaryFile(prefix="stracelet-bench-")
        self._file.truncate(PAGE)
        self._page = mmap.mmap(self._file.fileno(), PAGE)
        words = [program(), self._kind, self._file.name, str(self._threads), str(self._idle)]
        self.process = subprocess.Popen([*self._before, *words], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self.pid = until(self._started, "the loop started", DEADLINE)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            # Its own death ends a tracer that it was started by.
            os.kill(self._word(PAGE // LINE - 1) or self.process.pid, signal.SIGKILL)
        try:
            self.process.wait(DEADLINE)
        finally:
            self.process.kill()
            self.process.wait(DEADLINE)
            self._page.close()
            self._file.close()

    def seconds_per_call(self, window: float) -> float:
        """Wall time over the calls of all threads, during a window of so many seconds. RuntimeError: not one."""
        calls, began = self._calls(), time.monotonic()
        time.sleep(window)
        after, ended = self._calls(), time.monotonic()
        if self.process.poll() is not None:
            raise RuntimeError("the loop has ended")
        if after == calls:
            raise RuntimeError(f"the loop made no call in {window:g} s: {', '.join(states(self.pid))}")
        return (ended - began) / (after - calls)

    def _word(self, line: int) -> int:
        return int(struct.unpack_from("<Q", self._page, LINE * line)[0])

    def _calls(self) -> int:
        return sum(self._word(line) for line in range(self._threads))

    def _started(self) -> int:
        if self.process.poll() is not None:
            raise RuntimeError(f"{self._before} ended with status {self.process.returncode}")
        return self._word(PAGE // LINE - 1)


@contextmanager
def sleepers(count: int) -> Iterator[int]:
    """So many processes that wait for ever, children of the one whose PID it is."""
    with running([program(), "sleepers", str(count)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        if process.stdout.readline() != b"ready\n":
            raise RuntimeError(f"{count} processes could not be started")
        yield process.pid


@contextmanager
def every_cpu_busy() -> Iterator[None]:
    """A process of ordinary priority on each CPU that never sleeps."""
    with ExitStack() as stack:
        for cpu in sorted(os.sched_getaffinity(0)):
            stack.enter_context(running([*on_cpus({cpu}), program(), "spin"]))
        yield


@contextmanager
def nothing_else() -> Iterator[None]:
    """The machine as it is."""
    yield


SURROUNDINGS = (("", nothing_else), (", every CPU busy", every_cpu_busy))

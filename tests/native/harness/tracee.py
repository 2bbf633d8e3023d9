# SPDX-License-Identifier: Apache-2.0
"""The small programs in tracees/: compiled once, started in a container, spoken to over pipes."""

import asyncio
import mmap
import os
import select
import signal
import struct
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.native.harness.cgroup import Container
from tests.native.harness.proc import PATIENCE
from tests.processes import descendants, task_status

SOURCES = Path(__file__).parent.parent / "tracees"
FLAGS = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-pthread"]


class Programs:
    """Compiles a tracee when it is first asked for; the directory is the caller's to remove."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def path(self, name: str, *, bits: int = 64, static: bool = False) -> Path:
        """The program of tracees/NAME.c, for 64 or 32 bits."""
        program = self._directory / (f"{name}-static" if static else f"{name}-{bits}")
        if not program.exists():
            command = [
                "gcc",
                *FLAGS,
                f"-m{bits}",
                *(["-static"] if static else []),
                "-o",
                str(program),
                str(SOURCES / f"{name}.c"),
            ]
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
        return program


@dataclass
class Claims:
    """What a tracee says that it did: calls by name, errors by (name, errno), and other numbers by their key."""

    calls: Counter[str] = field(default_factory=Counter)
    errors: Counter[tuple[str, str]] = field(default_factory=Counter)
    signals: Counter[str] = field(default_factory=Counter)
    numbers: dict[str, int] = field(default_factory=dict)

    @classmethod
    def parse(cls, lines: Sequence[str]) -> "Claims":
        """From lines "calls NAME N", "errors NAME ERRNO N", "signals NAME N" and "KEY N"."""
        claims = cls()
        for line in lines:
            words = line.split()
            match words:
                case ["calls", name, number]:
                    claims.calls[name] = int(number)
                case ["errors", name, errno, number]:
                    claims.errors[name, errno] = int(number)
                case ["signals", name, number]:
                    claims.signals[name] = int(number)
                case [key, number]:
                    claims.numbers[key] = int(number)
        return claims


class Tracee:
    """A running tracee. Lines from it are read with a deadline; kill() ends it and what it started."""

    def __init__(self, process: subprocess.Popen[bytes], container: Container | None) -> None:
        self.process = process
        self.container = container
        self._pending = b""

    @property
    def pid(self) -> int:
        return self.process.pid

    def line(self, deadline: float = PATIENCE) -> str:
        """The next line that it prints; AssertionError when it prints none in time or has ended."""
        assert self.process.stdout is not None
        end = time.monotonic() + deadline
        while b"\n" not in self._pending:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise AssertionError(f"{self.process.args!r} printed no line in {deadline:g} s: {self.tasks()}")
            got = os.read(self.process.stdout.fileno(), 65536)
            if not got:
                raise AssertionError(f"{self.process.args!r} ended, status {self.process.wait(5)}")
            self._pending += got
        text, _, self._pending = self._pending.partition(b"\n")
        return text.decode()

    def tasks(self) -> str:
        """What each of its tasks and its descendants' is at, and the stops and turns that it has had."""
        return "; ".join(
            f"{pid}/{tid} {status['State']}, TracerPid {status['TracerPid']}, "
            f"{status['voluntary_ctxt_switches']} + {status['nonvoluntary_ctxt_switches']} switches"
            for pid in (self.pid, *(process.pid for process in descendants(self.pid)))
            for tid, status in task_status(pid).items()
        )

    def expect(self, wanted: str, deadline: float = PATIENCE) -> None:
        """Reads one line, which has to be this one."""
        got = self.line(deadline)
        assert got == wanted, f"expected {wanted!r}, got {got!r}"

    def tell(self, text: str = "go") -> None:
        """Writes a line to it; "go" by default."""
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def has_said(self) -> bool:
        """Whether a line, or its end, can be read."""
        assert self.process.stdout is not None
        return bool(self._pending or select.select([self.process.stdout], [], [], 0)[0])

    def report(self, deadline: float = PATIENCE) -> list[str]:
        """The lines up to "end"."""
        end = time.monotonic() + deadline
        lines: list[str] = []
        while (line := self.line(end - time.monotonic())) != "end":
            lines.append(line)
        return lines

    def claims(self, deadline: float = PATIENCE) -> Claims:
        return Claims.parse(self.report(deadline))

    def ask(self, text: str = "status", deadline: float = PATIENCE) -> list[str]:
        """Tells it this and returns its report."""
        self.tell(text)
        return self.report(deadline)

    def wait(self, deadline: float = PATIENCE) -> int:
        """Its exit status, as Popen's; the end of its stdin is what most of them end at."""
        assert self.process.stdin is not None
        if not self.process.stdin.closed:
            self.process.stdin.close()
        return self.process.wait(deadline)

    def kill(self) -> None:
        """Ends it: by the end of its stdin, so that it can clean up (semaphores outlive a process), or by SIGKILL.

        Its children die with it (PDEATHSIG).
        """
        assert self.process.stdin is not None
        if not self.process.stdin.closed:
            self.process.stdin.close()
        try:
            self.process.wait(1)
        except subprocess.TimeoutExpired:  # stopped, or in a loop that nothing ends
            os.kill(self.pid, signal.SIGKILL)
            self.process.wait(20)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


def start(
    command: Sequence[str | os.PathLike[str]], container: Container | None = None, *, pass_fds: Sequence[int] = ()
) -> Tracee:
    """Starts a tracee; the container, when there is one, is joined before its "ready" is answered."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, pass_fds=pass_fds)
    return Tracee(process, container)


Start = Callable[..., Tracee]


class Progress:
    """A shared page in which `spin` counts: progress is seen without asking the tracee. A context manager."""

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads
        self._file = tempfile.NamedTemporaryFile(prefix="stracelet-progress-")  # noqa: SIM115 - closed in __exit__
        self._file.truncate(4096)
        self._page = mmap.mmap(self._file.fileno(), 4096)
        self.path = self._file.name

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._page.close()
        self._file.close()

    def counts(self) -> list[int]:
        """The calls of each thread so far."""
        return [struct.unpack_from("<Q", self._page, 64 * thread)[0] for thread in range(self._threads)]

    def total(self) -> int:
        return sum(self.counts())

    async def moves_within(self, seconds: float) -> bool:
        """Whether every thread makes a call before this time is over."""
        before, end = self.counts(), time.monotonic() + seconds
        while not all(now > then + 1 for now, then in zip(self.counts(), before, strict=True)):
            if time.monotonic() > end:
                return False
            await asyncio.sleep(0.002)
        return True

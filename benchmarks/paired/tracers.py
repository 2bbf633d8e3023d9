# SPDX-License-Identifier: Apache-2.0
"""The two that are compared: `strace -f -p` and `stracelet trace`, each from attached to detached, with equal flags."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Self

from benchmarks.paired.processes import DEADLINE, all_traced, until

STRACELET = Path(sys.executable).with_name("stracelet")
LINES = ["-f", "-o", "/dev/null"]  # of both, with the same meaning
OPTIONS = ["-c", *LINES]


def on_cpus(cpus: Collection[int]) -> list[str]:
    """What to put before a command so that it keeps to these CPUs; nothing, if there are none."""
    return ["taskset", "-c", ",".join(map(str, sorted(cpus)))] if cpus else []


class Tracer:
    """A tracer's process. A context manager: attached to every task of `pids` when it is entered, gone at its end.

    It raises RuntimeError with what the tracer said if that ends by itself, before the block or in it: a rate taken
    without a tracer would be published as one with it.
    """

    def __init__(self, command: Sequence[str | Path], pids: Sequence[int]) -> None:
        self._command = [str(word) for word in command]
        self._pids = pids

    def __enter__(self) -> Self:
        self._said = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._said
        )
        try:
            until(self._attached, f"{self._command[:6]} attached", DEADLINE)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        ended = self.process.poll() is not None
        said = self._end()
        if ended and kind is None:
            raise RuntimeError(f"{self._command[:6]} ended by itself: {said}")

    def _attached(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"{self._command[:6]} ended: {self._what_it_said()}")
        return all_traced(self._pids)

    def _end(self) -> str:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            print(f"{self._command[:6]} does not end on SIGINT: killed", file=sys.stderr)
        finally:
            self.process.kill()
            self.process.wait(DEADLINE)
            said = self._what_it_said()
            self._said.close()
        return said

    def _what_it_said(self) -> str:
        self._said.seek(0)
        return self._said.read().decode(errors="replace").strip()


def strace(pids: Sequence[int], cpus: Collection[int] = (), flags: Sequence[str] = OPTIONS) -> Tracer:
    """strace on these processes, on these CPUs (none: wherever the scheduler puts it)."""
    attach = [word for pid in pids for word in ("-p", str(pid))]
    return Tracer([*on_cpus(cpus), "strace", "-q", *flags, *attach], pids)


def stracelet(pids: Sequence[int], cpus: Collection[int] = (), flags: Sequence[str] = OPTIONS) -> Tracer:
    """stracelet on the same."""
    return Tracer([*on_cpus(cpus), STRACELET, "trace", *flags, *(f"pid/{pid}" for pid in pids)], pids)


Attach = Callable[..., Tracer]

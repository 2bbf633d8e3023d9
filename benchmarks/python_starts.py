# SPDX-License-Identifier: Apache-2.0
"""python3 started with imports, again and again, by a shell: what tracing all of it adds to a start."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.paired.against_strace import against_strace
from benchmarks.paired.loads import SURROUNDINGS
from benchmarks.paired.processes import running
from benchmarks.paired.results import Options, Row, options

BOUNDS = {"": 0.50, ", every CPU busy": 1.05}
# Not by the name that PATH finds, which may be a script of a version manager that starts ten processes of its own.
PYTHON = Path(sys.executable).resolve()
SCRIPT = f"while :; do {PYTHON} -c 'import json, asyncio, http.client' || exit; echo; done"
DEADLINE = 60


class Starts:
    """The shell's empty lines, one for each start that is over."""

    def __init__(self, shell: subprocess.Popen[bytes]) -> None:
        assert shell.stdout is not None
        self._lines = shell.stdout.fileno()

    def seconds_per_start(self, window: float) -> float:
        """From the end of one start to the end of another, at least so many seconds later."""
        while select.select([self._lines], [], [], 0)[0]:
            self._take()
        self._take()
        starts, began, now = 0, time.monotonic(), 0.0
        while now < window:
            starts += self._take()
            now = time.monotonic() - began
        return now / starts

    def _take(self) -> int:
        if not select.select([self._lines], [], [], DEADLINE)[0]:
            raise TimeoutError("no python3 has ended")
        lines = os.read(self._lines, 4096)
        if not lines:
            raise RuntimeError("the shell has ended")
        return len(lines)


def compare(starts: Starts, pid: int, wanted: Options, surroundings: str) -> Row:
    pairs = against_strace(starts.seconds_per_start, [pid], wanted)
    return Row(f"python3 starts{surroundings}", "start", pairs, bound=BOUNDS[surroundings])


def main() -> None:
    wanted = options(__doc__ or "", window=3.0)
    with running(["sh", "-c", SCRIPT], stdout=subprocess.PIPE) as shell:
        starts = Starts(shell)
        for name, surroundings in SURROUNDINGS:
            with surroundings():
                wanted.add(f"python3 starts{name}", lambda name=name: compare(starts, shell.pid, wanted, name))
    wanted.publish("python_starts")


if __name__ == "__main__":
    main()

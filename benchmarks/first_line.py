# SPDX-License-Identifier: Apache-2.0
"""How long somebody waits: from the start of `trace` to the first line, and from Ctrl-C to all let go."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.paired.containers import container
from benchmarks.paired.loads import sleepers
from benchmarks.paired.processes import DEADLINE, all_traced, children, none_traced, running, until
from benchmarks.paired.ratios import median
from benchmarks.paired.results import Figure, options
from benchmarks.paired.tracers import STRACELET

if TYPE_CHECKING:
    from collections.abc import Sequence

COUNT = 200
# A call a millisecond: the host is as good as idle, and the first line does not wait for a call.
CALLS = "import os, time\nwhile True: os.getppid(); time.sleep(0.001)"


def first_line(target: str) -> float:
    """Seconds until the first line of a call, of a target that makes calls all the time."""
    command = [str(STRACELET), "trace", "-q", target]
    began = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        while b" = " not in (line := process.stdout.readline()):
            if not line:
                raise RuntimeError(f"{command} has ended with status {process.wait(DEADLINE)}")
        return time.monotonic() - began
    finally:
        process.kill()
        process.communicate(timeout=DEADLINE)


def let_go(target: str, pids: Sequence[int]) -> float:
    """Seconds from Ctrl-C until no task is traced."""
    command = [str(STRACELET), "trace", "-q", "-o", "/dev/null", target]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: all_traced(pids), "all are traced")
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        until(lambda: none_traced(pids), "all are let go", every=0.001)
        return time.monotonic() - began
    finally:
        process.kill()
        process.wait(DEADLINE)


def main() -> None:
    wanted = options(__doc__ or "")
    with running([sys.executable, "-S", "-c", CALLS]) as process, container(process.pid) as target:
        for what, name in ("a process", f"pid/{process.pid}"), ("a container", target):
            waited = median([first_line(name) for _ in range(wanted.pairs)]) * 1e3
            wanted.add_figure(Figure(f"from the start to the first line, {what}", waited, "ms", 150.0))
    with sleepers(COUNT) as parent:
        pids = children(parent)
        with container(*pids) as target:
            waited = median([let_go(target, pids) for _ in range(wanted.pairs)]) * 1e3
            wanted.add_figure(Figure(f"from Ctrl-C to let go, {COUNT} processes", waited, "ms", 100.0))
    wanted.publish("first_line")


if __name__ == "__main__":
    main()

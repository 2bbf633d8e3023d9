# SPDX-License-Identifier: Apache-2.0
"""How long somebody waits: from the start of `trace` to the first line, and from Ctrl-C to all let go."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.paired.containers import container
from benchmarks.paired.loads import sleepers
from benchmarks.paired.processes import DEADLINE, all_traced, children, none_traced, running, until
from benchmarks.paired.ratios import median
from benchmarks.paired.results import Figure, options
from benchmarks.paired.tracers import STRACELET
from tests.images import Engine

if TYPE_CHECKING:
    from collections.abc import Sequence

COUNT = 200
# A call a millisecond: the host is as good as idle, and the first line does not wait for a call.
CALLS = "import os, time\nwhile True: os.getppid(); time.sleep(0.001)"

SHELL_CALLS = "while :; do usleep 1000; done"
DOCKER = "/var/run/docker.sock"


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
    with ExitStack() as stack:
        process = stack.enter_context(running([sys.executable, "-S", "-c", CALLS]))
        container_id = stack.enter_context(container(process.pid))
        targets: list[tuple[str, str, float | None]] = [
            ("a process", f"pid/{process.pid}", 150.0),
            ("a container by its ID, whose runtime has to be found", container_id, None),
        ]
        if Path(DOCKER).exists():
            engine = stack.enter_context(closing(Engine("docker", DOCKER)))
            engine.make_image()
            name = engine.call("inspect", "-f", "{{.Name}}", engine.run("sh", "-c", SHELL_CALLS)).strip("/")
            targets.append(("a container of Docker", f"docker/{name}", 150.0))
        for what, target, bound in targets:
            waited = median([first_line(target) for _ in range(wanted.pairs)]) * 1e3
            wanted.add_figure(Figure(f"from the start to the first line, {what}", waited, "ms", bound))
    with sleepers(COUNT) as parent:
        pids = children(parent)
        with container(*pids) as target:
            waited = median([let_go(target, pids) for _ in range(wanted.pairs)]) * 1e3
            wanted.add_figure(Figure(f"from Ctrl-C to let go, {COUNT} processes", waited, "ms", 100.0))
    wanted.publish("first_line")


if __name__ == "__main__":
    main()

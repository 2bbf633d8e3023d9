# SPDX-License-Identifier: Apache-2.0
"""The agent with nothing to trace and 100 containers in sight: memory and CPU of all its processes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.paired.containers import container
from benchmarks.paired.loads import sleepers
from benchmarks.paired.processes import children, running
from benchmarks.paired.results import Figure, options
from benchmarks.paired.tracers import STRACELET

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTAINERS = 100
SECONDS = 30.0
SETTLE = 5.0
CONFIG = "metrics: {listen: '127.0.0.1:0'}\nlog: {format: json}\n"
TICK = 1 / os.sysconf("SC_CLK_TCK")


@contextmanager
def agent() -> Iterator[list[list[int]]]:
    """The PIDs of agent, supervisor, tracer and probes (with their keepers), once it has counted the containers."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(CONFIG)
        file.flush()
        command = [STRACELET, "agent", "--config", file.name]
        with running(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            assert process.stderr is not None
            for line in process.stderr:
                seen = json.loads(line).get("containers") if line.startswith(b"{") else None
                if seen is not None:
                    break
            else:
                raise RuntimeError("the agent has ended")
            if seen < CONTAINERS:
                raise RuntimeError(f"the agent sees {seen} containers")
            supervisors = children(process.pid)
            tracers = [pid for supervisor in supervisors for pid in children(supervisor)]
            if (len(supervisors), len(tracers)) != (1, 1):
                raise RuntimeError(f"the agent's processes are {supervisors} and {tracers}")
            keepers = children(tracers[0])
            yield [
                [process.pid],
                supervisors,
                tracers,
                keepers + [pid for keeper in keepers for pid in children(keeper)],
            ]


def pss_mb(pid: int) -> float:
    found = re.search(r"^Pss:\s+(\d+) kB$", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    if found is None:
        raise ValueError(f"/proc/{pid}/smaps_rollup has no Pss")
    return int(found[1]) * 1024 / 1e6


def cpu_seconds(pid: int) -> float:
    """Of all its threads, in user and kernel mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK


def main() -> None:
    wanted = options(__doc__ or "", window=SECONDS, settle=SETTLE)
    with sleepers(CONTAINERS) as parent, ExitStack() as stack:
        for pid in children(parent):
            stack.enter_context(container(pid))
        parts = stack.enter_context(agent())
        time.sleep(wanted.settle)
        before, began = [sum(map(cpu_seconds, pids)) for pids in parts], time.monotonic()
        time.sleep(wanted.window)
        elapsed = time.monotonic() - began
        cpu = [(sum(map(cpu_seconds, pids)) - then) / elapsed * 100 for pids, then in zip(parts, before, strict=True)]
        memory = [sum(map(pss_mb, pids)) for pids in parts]
    for name, mb, percent in zip(("agent", "supervisor", "tracer", "probes"), memory, cpu, strict=True):
        wanted.add_figure(Figure(f"idle, {CONTAINERS} containers: {name}, memory", mb, "MB PSS"))
        wanted.add_figure(Figure(f"idle, {CONTAINERS} containers: {name}, CPU", percent, "%"))
    wanted.add_figure(Figure(f"idle, {CONTAINERS} containers: all, memory", sum(memory), "MB PSS", bound=90))
    wanted.add_figure(Figure(f"idle, {CONTAINERS} containers: all, CPU", sum(cpu), "% of one", bound=0.5))
    wanted.publish("idle_agent")


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""Four threads in tight loops of getppid on two CPUs: attached to while they run, and traced from their start."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from benchmarks.paired.against_strace import against_strace
from benchmarks.paired.loads import SURROUNDINGS, Loop
from benchmarks.paired.ratios import added
from benchmarks.paired.results import Options, Row, options
from benchmarks.paired.tracers import OPTIONS, STRACELET

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

THREADS = 4


def attached(name: str, cpus: Collection[int], wanted: Options, bound: float) -> Row:
    with Loop(THREADS, cpus=cpus) as loop:
        pairs = against_strace(loop.seconds_per_call, [loop.pid], wanted, cpus=cpus)
    return Row(name, "call", pairs, bound=bound)


def from_the_start(name: str, cpus: Collection[int], wanted: Options, bound: float | None) -> Row:
    def started(under: Sequence[str | Path]) -> float:
        with Loop(THREADS, cpus=cpus, under=under) as loop:
            time.sleep(wanted.settle)
            return loop.seconds_per_call(wanted.window)

    pairs = added(
        wanted.pairs,
        bare=lambda: started([]),
        first=lambda: started(["strace", *OPTIONS]),
        second=lambda: started([STRACELET, "trace", *OPTIONS, "--"]),
    )
    return Row(name, "call", pairs, bound=bound)


def main() -> None:
    wanted = options(__doc__ or "", window=1.0)
    cpus = set(sorted(os.sched_getaffinity(0))[:2])
    for name, surroundings in SURROUNDINGS:
        for how, measure, bound in ("attached", attached, 0.55), ("from the start", from_the_start, 1.05):
            workload = f"four busy threads, two CPUs, {how}{name}"
            limit = 1.05 if name else bound
            with surroundings():
                wanted.add(workload, lambda do=measure, args=(workload, cpus, wanted, limit): do(*args))
    wanted.publish("four_threads")


if __name__ == "__main__":
    main()

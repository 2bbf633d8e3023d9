# SPDX-License-Identifier: Apache-2.0
"""One thread in a tight loop of getppid: what a call costs, with the tracer on the target's CPU, and anywhere."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from benchmarks.paired.against_strace import against_strace
from benchmarks.paired.loads import SURROUNDINGS, Loop
from benchmarks.paired.ratios import Pair, median
from benchmarks.paired.results import Options, Row, options

if TYPE_CHECKING:
    from collections.abc import Collection

# Where the scheduler keeps strace on its target's CPU by itself, which it does in some runs, there is little to win.
FAR_APART = 50e-6


def bound(pairs: list[Pair], cpus: Collection[int], surroundings: str) -> float:
    if surroundings:
        return 1.05
    if cpus:
        return 0.75
    return 0.35 if median([pair.first for pair in pairs]) >= FAR_APART else 1.05


def compare(name: str, cpus: Collection[int], wanted: Options, surroundings: str) -> Row:
    with Loop(cpus=cpus) as loop:
        pairs = against_strace(loop.seconds_per_call, [loop.pid], wanted, cpus=cpus)
    return Row(name, "call", pairs, bound=bound(pairs, cpus, surroundings))


def main() -> None:
    wanted = options(__doc__ or "", window=1.0)
    first_cpu = {min(os.sched_getaffinity(0))}
    for name, surroundings in SURROUNDINGS:
        for where, cpus in ("on one CPU", first_cpu), ("placed freely", set[int]()):
            workload = f"one busy thread, {where}{name}"
            with surroundings():
                wanted.add(workload, lambda args=(workload, cpus, wanted, name): compare(*args))
    wanted.publish("one_thread")


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""A busy thread beside 1,000 idle ones: what a call costs relative to the thread alone, and relative to strace."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from benchmarks.paired.against_strace import against_strace, attached
from benchmarks.paired.loads import Loop
from benchmarks.paired.ratios import added
from benchmarks.paired.results import Options, Row, options
from benchmarks.paired.tracers import stracelet

if TYPE_CHECKING:
    from collections.abc import Collection

IDLE = 1000


def against_alone(name: str, cpus: Collection[int], wanted: Options) -> Row:
    """Each figure of a process of its own, so that the two never share the CPUs."""

    def bare() -> float:
        with Loop(cpus=cpus) as loop:
            return loop.seconds_per_call(wanted.window)

    def traced(idle: int) -> float:
        with Loop(cpus=cpus, idle=idle) as loop:
            return attached(loop.seconds_per_call, stracelet, [loop.pid], cpus, wanted)

    pairs = added(wanted.pairs, bare=bare, first=lambda: traced(0), second=lambda: traced(IDLE))
    return Row(name, "call", pairs, first="alone", second="beside them", bound=1.2)


def against_peer(name: str, cpus: Collection[int], wanted: Options) -> Row:
    with Loop(cpus=cpus, idle=IDLE) as loop:
        pairs = against_strace(loop.seconds_per_call, [loop.pid], wanted, cpus=cpus)
    return Row(name, "call", pairs, bound=1.05)


def main() -> None:
    wanted = options(__doc__ or "", window=1.0)
    first_cpu = {min(os.sched_getaffinity(0))}
    for where, cpus in ("on one CPU", first_cpu), ("placed freely", set[int]()):
        for what, measure in ("against alone", against_alone), ("against strace", against_peer):
            name = f"beside {IDLE:,} idle threads, {where}, {what}"
            wanted.add(name, lambda do=measure, args=(name, cpus, wanted): do(*args))
    wanted.publish("idle_threads")


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""The comparison that most benchmarks make: what a running workload pays for each tracer, taken from its own rate."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.paired.ratios import Pair, added
from benchmarks.paired.tracers import OPTIONS, Attach, strace, stracelet

if TYPE_CHECKING:
    from benchmarks.paired.results import Options

Rate = Callable[[float], float]


def attached(
    seconds_per_unit: Rate, attach: Attach, pids: Sequence[int], cpus: Collection[int], wanted: Options
) -> float:
    """Seconds per unit while a tracer is attached and steady; its attach is not in it."""
    with attach(pids, cpus):
        time.sleep(wanted.settle)
        return seconds_per_unit(wanted.window)


def against_strace(
    seconds_per_unit: Rate,
    pids: Sequence[int],
    wanted: Options,
    *,
    cpus: Collection[int] = (),
    flags: Sequence[str] = OPTIONS,
) -> list[Pair]:
    """`seconds_per_unit` takes a rate over so many seconds; `cpus`: where the tracers are kept, if anywhere.

    `flags`: of both tracers.
    """
    return added(
        wanted.pairs,
        bare=lambda: seconds_per_unit(wanted.window),
        first=lambda: attached(seconds_per_unit, partial(strace, flags=flags), pids, cpus, wanted),
        second=lambda: attached(seconds_per_unit, partial(stracelet, flags=flags), pids, cpus, wanted),
    )

# SPDX-License-Identifier: Apache-2.0
"""A scrape of 100 containers x 40 syscalls x 14 buckets, without a kernel: milliseconds, lines and memory.

Every counter moves between two scrapes, which is the worst case; the
arena's own snapshot, in C, is not in it.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import time
import zlib
from pathlib import Path
from typing import NamedTuple

from benchmarks.paired.results import Figure, Options, options
from stracelet.config import Metrics
from stracelet.metrics.collector import Collector
from stracelet.metrics.self_metrics import SelfMetrics
from stracelet.metrics.series import Identity, Labels, Series

SYSCALLS, ROUNDS = 40, 15
CONTAINERS = (25, 50, 100)
BOUND_MS = 150  # of the largest


class Cell(NamedTuple):
    slot: int
    serial: int
    abi: int
    number: int
    calls: int
    sum_ns: int
    buckets: tuple[int, ...]


class Slot(NamedTuple):
    slot: int
    serial: int
    id: str
    state: int = 2
    first_ns: int = 1
    end_ns: int = 0
    traced_ns: int = 1
    held_ns: int = 1
    cpu_ns: int = 1
    delayed: int = 0
    eintr_passed: int = 0
    failures: tuple[int, ...] = (0,) * 6
    tracees: int = 1


class Snapshot(NamedTuple):
    cells: list[Cell]
    errors: list[Cell]


class Names:
    def syscall_name(self, _abi: int, number: int) -> str:
        return f"syscall_{number}"

    def errno_name(self, error: int) -> None: ...
    def signal_name(self, signal: int) -> None: ...


class Moving:
    """An arena in which every bucket grows by one for each snapshot."""

    def __init__(self, containers: int) -> None:
        self._slots = [Slot(i, i, f"{i:064x}") for i in range(containers)]
        self._round = 0

    def containers(self) -> list[Slot]:
        return self._slots

    def prepare(self) -> None:
        self._round += 1
        n = self._round
        self._cells = [
            Cell(slot.slot, slot.serial, 0, number, 15 * n, 12345 * n, (n,) * 15 + (0,) * 17)
            for slot in self._slots
            for number in range(SYSCALLS)
        ]

    def snapshot(self, _edges: object) -> Snapshot:
        return Snapshot(self._cells, [])


class Facts:
    def sources_up(self) -> dict[str, bool]:
        return {"docker": True}

    def cgroups_cut(self) -> int:
        return 0

    def cgroups_unwatched(self) -> bool:
        return False

    def tracer_restarts(self) -> dict[str, int]:
        return {}

    def calls_uncounted(self) -> int:
        return 0

    def calls_folded(self) -> int:
        return 0

    def scrape_seconds(self) -> float:
        return 0.0


def pss_kib() -> int:
    found = re.search(r"^Pss:\s+(\d+)", Path("/proc/self/smaps_rollup").read_text(), re.MULTILINE)
    return int(found[1]) if found else 0


async def measure(containers: int, wanted: Options) -> None:
    edges = Metrics().buckets
    arena = Moving(containers)
    names = {slot.id: Identity(Labels("shop", f"web-{slot.slot}", "app"), "", "", 1) for slot in arena.containers()}
    own = SelfMetrics(Facts(), version="0", commit="", clock=time.time)
    series = Series(n_edges=len(edges), max_series=10**7, max_series_per_container=10**4, linger_ns=1, names=Names())
    collector = Collector(reader=arena, series=series, self_metrics=own, identities=lambda _: names, edges_ns=edges)
    before = pss_kib()
    page = b""
    for accept in ("text/plain", "application/openmetrics-text"):
        taken = []
        for _ in range(ROUNDS):
            arena.prepare()
            began = time.perf_counter()
            page, _kind = await collector.scrape(accept)
            taken.append((time.perf_counter() - began) * 1000)
        began = time.perf_counter()
        packed = zlib.compress(page, 1, 31)
        gzip = (time.perf_counter() - began) * 1000
        print(
            f"{len(page) / 1e6:.1f} MB, first {taken[0]:.0f} ms, worst {max(taken):.0f}; "
            f"gzip {gzip:.0f} ms to {len(packed) / 1e6:.2f} MB"
        )
        bound = BOUND_MS if containers == max(CONTAINERS) else None
        what = f"scrape of {containers} containers, {page.count(10):,} lines, {accept}"
        wanted.add_figure(Figure(what, statistics.median(taken), "ms", bound))
    del page
    print(f"memory: {before / 1024:.1f} MiB PSS before, {pss_kib() / 1024:.1f} after")


def main() -> None:
    wanted = options(__doc__ or "", root=False)
    for containers in CONTAINERS:
        asyncio.run(measure(containers, wanted))
    wanted.publish("scrape")


if __name__ == "__main__":
    main()

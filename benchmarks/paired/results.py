# SPDX-License-Identifier: Apache-2.0
"""What a benchmark is asked for, and what it publishes: a table on stdout, and JSON for docs/performance.py."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.paired.ratios import Pair, TooNoisy, median, median_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MICRO = 1e6


@dataclass(frozen=True)
class Row:
    """One comparison. `unit`: what a figure is per; `bound`: the highest ratio that we want to see."""

    workload: str
    unit: str
    pairs: Sequence[Pair]
    first: str = "strace"
    second: str = "stracelet"
    bound: float | None = None
    interval: bool = False

    @property
    def ratios(self) -> list[float]:
        return [pair.ratio for pair in self.pairs]

    @property
    def missed(self) -> bool:
        """Whether the ratio is over its bound, or an interval that was asked for does not hold 1."""
        low, high = median_interval(self.ratios) if self.interval else (1.0, 1.0)
        over = self.bound is not None and median(self.ratios) > self.bound
        return over or not low <= 1 <= high

    def as_json(self) -> dict[str, Any]:
        """With the figures in µs, each median and each pair."""
        ratios = self.ratios
        bare = [pair.bare for pair in self.pairs if pair.bare is not None]
        return {
            "workload": self.workload,
            "unit": self.unit,
            "first": self.first,
            "second": self.second,
            "added": bool(bare),
            "bare_us": median(bare) * MICRO if bare else None,
            "first_us": median([pair.first for pair in self.pairs]) * MICRO,
            "second_us": median([pair.second for pair in self.pairs]) * MICRO,
            "ratio": {"median": median(ratios), "min": min(ratios), "max": max(ratios)},
            "interval": median_interval(ratios) if self.interval else None,
            "bound": self.bound,
            "pairs_us": [
                [pair.bare and pair.bare * MICRO, pair.first * MICRO, pair.second * MICRO] for pair in self.pairs
            ],
        }

    def __str__(self) -> str:
        data = self.as_json()
        ratio, sign = data["ratio"], "+" if data["added"] else ""
        text = (
            f"{self.workload:<48} {self.first} {sign}{data['first_us']:.2f} us, {self.second} "
            f"{sign}{data['second_us']:.2f} us a {self.unit}"
        )
        if data["bare_us"] is not None:
            text += f" (bare {data['bare_us']:.2f})"
        text += f": ratio {ratio['median']:.3f} ({ratio['min']:.3f} to {ratio['max']:.3f}, {len(self.pairs)} pairs)"
        if data["interval"]:
            text += ", 95 %: {:.4f} to {:.4f}".format(*data["interval"])
        if self.bound is not None:
            text += f", bound {self.bound:g}"
        return text


@dataclass(frozen=True)
class Figure:
    """One that stands for itself."""

    what: str
    value: float
    unit: str
    bound: float | None = None

    def __str__(self) -> str:
        return f"{self.what:<44} {self.value:.4g} {self.unit}" + (
            "" if self.bound is None else f", bound {self.bound:g}"
        )


@dataclass
class Options:
    """`pairs`: how many; `window`, `settle`: seconds; `only`: rows whose name holds this."""

    pairs: int
    window: float
    settle: float
    only: str
    output: Path | None
    rows: list[Row] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    unmeasured: list[str] = field(default_factory=list)

    def add(self, workload: str, make: Callable[[], Row]) -> None:
        """Measures this row if it is wanted, and prints it. One that is too noisy makes publish() fail in the end."""
        if self.only not in workload:
            return
        try:
            row = make()
        except TooNoisy as error:
            self.unmeasured.append(workload)
            print(f"{workload:<48} {error}", file=sys.stderr, flush=True)
            return
        self.rows.append(row)
        print(row, flush=True)

    def add_figure(self, figure: Figure) -> None:
        self.figures.append(figure)
        print(figure, flush=True)

    def publish(self, benchmark: str) -> None:
        """Writes what was measured to the file of -o, if there is one.

        SystemExit if a row could not be measured, or a bound was missed.
        """
        if self.output is not None:
            self._write(self.output, benchmark)
        if self.unmeasured:
            raise SystemExit(f"{benchmark}: not measured: {', '.join(self.unmeasured)}")
        missed = [row.workload for row in self.rows if row.missed]
        missed += [figure.what for figure in self.figures if figure.bound is not None and figure.value > figure.bound]
        if missed:
            raise SystemExit(f"{benchmark}: bound missed: {', '.join(missed)}")

    def _write(self, output: Path, benchmark: str) -> None:
        output.parent.mkdir(parents=True, exist_ok=True)
        data = {
            "benchmark": benchmark,
            "machine": machine(),
            "rows": [row.as_json() for row in self.rows],
            "figures": [{"what": f.what, "value": f.value, "unit": f.unit, "bound": f.bound} for f in self.figures],
        }
        output.write_text(json.dumps(data, indent=1) + "\n")


def options(
    description: str, *, pairs: int = 7, window: float = 2.0, settle: float = 0.5, root: bool = True
) -> Options:
    """From the command line; the parameters are the defaults. `root`: it ends us if we are not.

    SIGTERM then raises SystemExit, so that whatever was started is ended.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--pairs", type=int, default=pairs, help=f"how many pairs ({pairs})")
    parser.add_argument("--window", type=float, default=window, help=f"seconds in which a rate is taken ({window:g})")
    parser.add_argument("--settle", type=float, default=settle, help=f"seconds between attach and window ({settle:g})")
    parser.add_argument("--only", default="", metavar="TEXT", help="only rows whose name holds this")
    parser.add_argument("-o", "--output", type=Path, help="write JSON to this file")
    given = parser.parse_args()
    if root and os.geteuid() != 0:
        parser.error("tracing others takes root")
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    return Options(given.pairs, given.window, given.settle, given.only, given.output)


def machine() -> dict[str, Any]:
    """What the figures were taken on, and how busy it was."""
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    strace = subprocess.run(["strace", "--version"], check=True, capture_output=True, text=True).stdout
    return {
        "cpu": model[1] if model else platform.machine(),
        "cpus": len(os.sched_getaffinity(0)),
        "kernel": platform.release().partition("-")[0],
        "strace": strace.split("\n")[0].rpartition(" ")[2],
        "load": os.getloadavg()[0],
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }

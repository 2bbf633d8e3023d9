# SPDX-License-Identifier: Apache-2.0
"""The agent's own /metrics as a table: what anybody could read there, once a second."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families
from rich.markup import escape
from rich.table import Table

from stracelet.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

HEADINGS = ("container", "syscall", "calls", "calls/s", "errors", "errno", "mean", "99 % within")
UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"))
Key = tuple[str, str]


@dataclass
class Syscall:
    """One system call of one container, as the metrics have it; times in seconds."""

    calls: int = 0
    total: float = 0.0
    errors: Counter[str] = field(default_factory=Counter)
    buckets: dict[float, int] = field(default_factory=dict)

    def within(self, share: float) -> float:
        """The smallest bucket bound that holds this share of the calls."""
        return next((bound for bound, count in sorted(self.buckets.items()) if count >= share * self.calls), 0.0)


def parse(text: str) -> dict[Key, Syscall]:
    """The per-syscall families of an exposition, by (container, system call)."""
    found: dict[Key, Syscall] = {}
    for family in text_string_to_metric_families(text):
        if not family.name.startswith("stracelet_syscall"):
            continue
        for sample in family.samples:
            labels = sample.labels
            name = printable("/".join(filter(None, (labels["namespace"], labels["pod"], labels["container"]))))
            each = found.setdefault((name, labels["syscall"]), Syscall())
            match sample.name.removeprefix("stracelet_syscall"):
                case "s_total":
                    each.calls += int(sample.value)
                case "_errors_total":
                    each.errors[labels["errno"]] += int(sample.value)
                case "_duration_seconds_sum":
                    each.total += sample.value
                case "_duration_seconds_bucket":
                    bound = float(labels["le"])
                    each.buckets[bound] = each.buckets.get(bound, 0) + int(sample.value)
    return found


def duration(seconds: float) -> str:
    """Three digits and a unit: `12.3 us`, `5.12 ms`."""
    for scale, unit in UNITS:
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def rows(now: Mapping[Key, Syscall], before: Mapping[Key, Syscall], seconds: float) -> list[tuple[str, ...]]:
    """Cells under HEADINGS, what was called most since `before` first; `seconds` lie between the two."""
    lines = []
    for (container, name), each in now.items():
        since = each.calls - (before[container, name].calls if (container, name) in before else 0)
        rate = since / seconds if seconds else 0.0
        errnos = " ".join(sorted(each.errors, key=lambda errno: -each.errors[errno])[:2])
        mean = duration(each.total / each.calls) if each.calls else ""
        cells = (f"{each.calls}", f"{rate:.1f}", f"{each.errors.total() or ''}", errnos, mean)
        lines.append((rate, each.calls, (container, name, *cells, duration(each.within(0.99)))))
    lines.sort(key=lambda line: (-line[0], -line[1], line[2]))
    return [cells for _, _, cells in lines]


def table(lines: Sequence[tuple[str, ...]], *, title: str, caption: str) -> Table:
    """For a terminal."""
    drawn = Table(title=escape(title), caption=escape(caption), title_justify="left", caption_justify="left")
    for heading in HEADINGS:
        drawn.add_column(heading, justify="left" if heading in ("container", "syscall", "errno") else "right")
    for cells in lines:
        drawn.add_row(*map(escape, cells))
    return drawn


def plain(lines: Iterable[Sequence[str]]) -> str:
    """For everything else: the same cells in columns, without a frame."""
    everything = [HEADINGS, *lines]
    widths = [max(len(cells[i]) for cells in everything) for i in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() for cells in everything
    )

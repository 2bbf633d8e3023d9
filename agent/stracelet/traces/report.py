# SPDX-License-Identifier: Apache-2.0
"""The summaries of a trace as text: a table for each container and ABI, and one of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stracelet.text import printable
from stracelet.traces.summary import Column, Order, Row, summary

if TYPE_CHECKING:
    from stracelet.arena import Cell

# strace's names of its personalities (strace(1), "System call usage summary for ... mode")
MODES = {1: "32 bit"}
UNKNOWN = "unknown"
NOTHING = "no system calls\n"


@dataclass(frozen=True)
class Layout:
    """What -U and -S ask for."""

    columns: Sequence[Column]
    order: Order | None


@dataclass(frozen=True)
class Part:
    """What was counted of one target's container."""

    heading: str
    cells: Sequence[Cell]


Counted = Mapping[tuple[int, int], Row]


def _add(cells: Iterable[Cell], name: Callable[[int, int], str | None]) -> Counted:
    """Rows by (ABI, number), the cells of one key added up."""
    rows: dict[tuple[int, int], Row] = {}
    for cell in cells:
        if not cell.calls:
            continue
        key = (cell.abi, cell.number)
        new = Row(
            name(cell.abi, cell.number) or UNKNOWN,
            cell.number,
            cell.calls,
            cell.errors,
            cell.sum_ns,
            cell.min_ns,
            cell.max_ns,
        )
        rows[key] = _merge(rows[key], new) if key in rows else new
    return rows


def _merge(one: Row, other: Row) -> Row:
    return replace(
        one,
        calls=one.calls + other.calls,
        errors=one.errors + other.errors,
        sum_ns=one.sum_ns + other.sum_ns,
        min_ns=min(one.min_ns, other.min_ns),
        max_ns=max(one.max_ns, other.max_ns),
    )


def _tables(rows: Counted, layout: Layout) -> str:
    """A table for each ABI, as strace prints one for each personality, with its heading for those that are not ours."""
    text = ""
    for abi in sorted({abi for abi, _ in rows}):
        if abi in MODES:
            text += f"System call usage summary for {MODES[abi]} mode:\n"
        text += summary((row for (of, _), row in rows.items() if of == abi), layout.columns, layout.order)
    return text


def report(parts: Sequence[Part], layout: Layout, name: Callable[[int, int], str | None]) -> str:
    """The whole output. One part is shown as strace would; several get a heading each, and the total comes last."""
    if len(parts) == 1:
        return _tables(_add(parts[0].cells, name), layout)
    sections = [f"{printable(part.heading)}:\n{_tables(_add(part.cells, name), layout) or NOTHING}" for part in parts]
    if parts:
        every = _add((cell for part in parts for cell in part.cells), name)
        sections.append(f"total of {len(parts)} containers:\n{_tables(every, layout) or NOTHING}")
    return "\n".join(sections)

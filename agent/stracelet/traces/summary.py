# SPDX-License-Identifier: Apache-2.0
"""The summary table of `trace -c`, laid out as strace 6.1 lays out the one of its `-c -w`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from stracelet.errors import UsageError


@dataclass(frozen=True)
class Row:
    """What one system call did: times in nanoseconds, `number` as the kernel has it in that ABI."""

    name: str
    number: int
    calls: int
    errors: int
    sum_ns: int
    min_ns: int
    max_ns: int

    @property
    def avg_ns(self) -> int:
        return self.sum_ns // self.calls


@dataclass(frozen=True)
class Column:
    """A column of the table; `names` are what -U and -S call it, the first one being the name in our own help."""

    names: tuple[str, ...]
    heading: str
    width: int
    cell: Callable[[Row, Row], str]
    key: Callable[[Row], int]


def _seconds(ns: int) -> str:
    return f"{ns / 1e9:.6f}"


def _percent(row: Row, total: Row) -> str:
    if row is total:
        return "100.00"
    return f"{100.0 * row.sum_ns / total.sum_ns:.2f}" if row.sum_ns else "0.00"


NAME = Column(("name", "syscall", "syscall-name"), "syscall", 16, lambda row, _: row.name, lambda _: 0)
# Headings, widths and aliases are strace 6.1's (strace(1), -U); a total of 0 errors is shown as blanks, as it does.
COLUMNS: tuple[Column, ...] = (
    Column(("time-percent", "time"), "% time", 6, _percent, lambda row: -row.sum_ns),
    Column(("total-time", "time-total"), "seconds", 11, lambda row, _: _seconds(row.sum_ns), lambda row: -row.sum_ns),
    Column(
        ("min-time", "shortest", "time-min"), "shortest", 8, lambda row, _: _seconds(row.min_ns), lambda r: -r.min_ns
    ),
    Column(("max-time", "longest", "time-max"), "longest", 8, lambda row, _: _seconds(row.max_ns), lambda r: -r.max_ns),
    Column(("avg-time", "time-avg"), "usecs/call", 11, lambda row, _: str(row.avg_ns // 1000), lambda r: -r.avg_ns),
    Column(("calls", "count"), "calls", 9, lambda row, _: str(row.calls), lambda row: -row.calls),
    Column(("errors", "error"), "errors", 9, lambda row, _: str(row.errors or ""), lambda row: -row.errors),
    NAME,
)
_BY_NAME = {alias: column for column in COLUMNS for alias in column.names}
DEFAULT_COLUMNS = tuple(
    _BY_NAME[name] for name in ("time-percent", "total-time", "avg-time", "calls", "errors", "name")
)

Order = Callable[[Row], tuple[int, str]]


def by_time(row: Row) -> tuple[int, str]:
    """The order without -S: the most time first."""
    return -row.sum_ns, ""


def parse_columns(text: str) -> tuple[Column, ...]:
    """The columns that `-U text` asks for; the name's is always there, last unless it was placed.

    Raises UsageError: an unknown column, or the same one twice.
    """
    chosen: list[Column] = []
    for name in text.split(","):
        column = _BY_NAME.get(name.replace("_", "-"))
        if column is None:
            raise UsageError(f"-U: unknown column name: '{name}' (known: {_known()})")
        if column in chosen:
            raise UsageError(f"-U: call summary column has been provided more than once: '{name}'")
        chosen.append(column)
    return tuple(chosen) if NAME in chosen else (*chosen, NAME)


def parse_order(text: str) -> Order | None:
    """The sort key that `-S text` asks for; None: the order of the system calls' numbers. Raises UsageError."""
    name = text.replace("_", "-")
    if name in ("none", "nothing"):
        return None
    column = _BY_NAME.get(name)
    if column is None:
        raise UsageError(f"-S: invalid sortby: '{text}' (known: {_known()}, none)")
    if column is NAME:
        return lambda row: (0, row.name)
    return lambda row: (column.key(row), "")


def _known() -> str:
    return ", ".join(column.names[0] for column in COLUMNS)


def total_of(rows: Sequence[Row]) -> Row:
    """The last line: sums of all, the shortest and the longest of all. `rows` is not empty."""
    return Row(
        name="total",
        number=-1,
        calls=sum(row.calls for row in rows),
        errors=sum(row.errors for row in rows),
        sum_ns=sum(row.sum_ns for row in rows),
        min_ns=min(row.min_ns for row in rows),
        max_ns=max(row.max_ns for row in rows),
    )


def _line(cells: Iterable[str], columns: Sequence[Column], widths: Sequence[int]) -> str:
    parts = []
    for position, (cell, column, width) in enumerate(zip(cells, columns, widths, strict=True)):
        if column is not NAME:
            parts.append(cell.rjust(width))
        elif position == len(columns) - 1:
            parts.append(cell)
        else:
            parts.append(cell.ljust(width))
    return " ".join(parts) + "\n"


def _width(column: Column, cells: Iterable[str]) -> int:
    longest = max(len(cell) for cell in cells)
    # strace keeps a blank after its longest name; "total" is not among the names.
    return max(column.width, longest + 1 if column is NAME else longest)


def summary(rows: Iterable[Row], columns: Sequence[Column] = DEFAULT_COLUMNS, order: Order | None = by_time) -> str:
    """The table of all rows with calls, or "" when there is none (strace prints none either)."""
    counted = sorted((row for row in rows if row.calls), key=lambda row: row.number)
    if not counted:
        return ""
    if order is not None:
        counted.sort(key=order)
    total = total_of(counted)
    table = [[column.cell(row, total) for column in columns] for row in counted]
    last = [column.cell(total, total) for column in columns]
    widths = [_width(column, cells) for column, *cells in zip(columns, *table, last, strict=True)]
    rule = " ".join("-" * width for width in widths) + "\n"
    heading = _line([column.heading for column in columns], columns, widths)
    lines = [_line(cells, columns, widths) for cells in table]
    return "".join([heading, rule, *lines, rule, _line(last, columns, widths)])

# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001 -- a script, not a package
"""Puts what the benchmarks measured into docs/performance.md: `python docs/performance.py RESULT.json...`.

`make bench` does so after the last of them. Only what is between the two marks is replaced.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("performance.md")
BEGIN = "<!-- results: written by `make bench` -->\n"
END = "<!-- end of results -->\n"
Result = dict[str, Any]


def time(microseconds: float) -> str:
    """In the unit that people would use."""
    for limit, divisor, unit in (1, 1e-3, "ns"), (1e3, 1, "µs"), (1e6, 1e3, "ms"):
        if abs(microseconds) < limit:
            return f"{microseconds / divisor:.3g} {unit}"
    return f"{microseconds / 1e6:.3g} s"


def ratio(row: Result) -> str:
    found = row["ratio"]
    return f"{found['median']:.2f} ({found['min']:.2f} to {found['max']:.2f})"


def bound(row: Result) -> str:
    """What we want at most, and whether it is so. Where an interval says it, that has to hold 1."""
    if row["interval"]:
        low, high = row["interval"]
        return f"95 %: {low:.3f} to {high:.3f}, {'holds 1' if low <= 1 <= high else '**without 1**'}"
    if row["bound"] is None:
        return ""
    return f"≤ {row['bound']:g}" + ("" if row["ratio"]["median"] <= row["bound"] else " **missed**")


def added(rows: list[Result]) -> list[str]:
    lines = [
        "| workload | without | strace adds | stracelet adds | ratio: median (least to most) | bound | pairs |",
        "|---|---|---|---|---|---|---|",
    ]
    return lines + [
        f"| {row['workload']}, a {row['unit']} | {time(row['bare_us'])} | {time(row['first_us'])} "
        f"| {time(row['second_us'])} | {ratio(row)} | {bound(row)} | {len(row['pairs_us'])} |"
        for row in rows
    ]


def others(rows: list[Result]) -> list[str]:
    lines = ["| what | one | other | ratio: median (least to most) | bound | pairs |", "|---|---|---|---|---|---|"]
    return lines + [
        f"| {row['workload']} | {row['first']}: {sign(row)}{time(row['first_us'])} "
        f"| {row['second']}: {sign(row)}{time(row['second_us'])} "
        f"| {ratio(row)} | {bound(row)} | {len(row['pairs_us'])} |"
        for row in rows
    ]


def sign(row: Result) -> str:
    return "+" if row["added"] else ""


def figures(found: list[Result]) -> list[str]:
    return ["| what | measured | bound |", "|---|---|---|"] + [
        f"| {each['what']} | {each['value']:.3g} {each['unit']} | {at_most(each)} |" for each in found
    ]


def at_most(figure: Result) -> str:
    if figure["bound"] is None:
        return ""
    return f"≤ {figure['bound']:g}" + ("" if figure["value"] <= figure["bound"] else " **missed**")


def machines(results: list[Result]) -> list[str]:
    """One line a machine: results of several are told apart by it."""
    seen: dict[str, list[str]] = {}
    for result in results:
        m = result["machine"]
        line = f"{m['cpus']} CPUs ({m['cpu']}), Linux {m['kernel']}, strace {m['strace']}, {m['date']}"
        seen.setdefault(line, []).append(f"{result['benchmark']} {m['load']:.1f}")
    return [f"Measured on {line}. Load average at the end of each: {', '.join(loads)}." for line, loads in seen.items()]


def page(results: list[Result]) -> str:
    """The tables, in Markdown."""
    rows = [row for result in results for row in result["rows"]]
    against = [row for row in rows if row["added"] and row["first"] == "strace"]
    rest = [row for row in rows if row not in against]
    alone = [figure for result in results for figure in result["figures"]]
    parts = [machines(results)]
    parts += [table(chosen) for table, chosen in ((added, against), (others, rest), (figures, alone)) if chosen]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def main() -> None:
    results = [json.loads(Path(name).read_text()) for name in sys.argv[1:]]
    if not results:
        raise SystemExit("usage: docs/performance.py RESULT.json...")
    before, begin, rest = PAGE.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{PAGE} has no marks between which results go")
    PAGE.write_text(f"{before}{begin}\n{page(results)}\n{end}{after}")


if __name__ == "__main__":
    main()

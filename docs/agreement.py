# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001 -- a script, not a package
"""Puts the agreement's figures into docs/agreement.md: `python docs/agreement.py OURS.json ITSELF.json`.

Both are what `python -m tests.agreement.run --all-sets -o FILE` writes, the second one with --with-itself. Only what is
between the two marks is replaced; what the differences are is written by hand.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE = Path(__file__).with_name("agreement.md")
BEGIN = "<!-- figures: written by docs/agreement.py -->\n"
END = "<!-- end of figures -->\n"
KINDS = 25


def percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def figures(ours: dict[str, Any], itself: dict[str, Any]) -> str:
    columns = ("flags", "programs", "lines", "equal", "a program's, on average", "strace with itself", "unpaired lines")
    lines = [row(columns), row(["---"] * len(columns))]
    for name, each in ours.items():
        lost, extra = unpaired(each, " lost"), unpaired(each, " extra")
        noise = percent(itself[name]["share"]) if name in itself else ""
        shares = percent(each["share"]), percent(each["mean"]), noise
        lines.append(row((f"`{name}`", len(each["programs"]), each["lines"], *shares, f"{lost} theirs, {extra} ours")))
    lines += ["", "Most frequent differences, in all sets together:", ""]
    lines += [row(("what", "lines", "strace with itself")), row(["---"] * 3)]
    kinds, noise_kinds = counted(ours), counted(itself)
    for kind, count in sorted(kinds.items(), key=lambda item: -item[1])[:KINDS]:
        call, _, how = kind.rpartition(" ")
        lines.append(row((f"`{call}` {how}", count, noise_kinds.get(kind, 0))))
    return "\n".join(lines) + "\n"


def row(cells: Iterable[object]) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def unpaired(result: dict[str, Any], how: str) -> int:
    return sum(count for kind, count in result["kinds"].items() if kind.endswith(how))


def counted(results: dict[str, Any]) -> dict[str, int]:
    kinds: dict[str, int] = {}
    for each in results.values():
        for kind, count in each["kinds"].items():
            kinds[kind] = kinds.get(kind, 0) + count
    return kinds


def main() -> None:
    ours, itself = (json.loads(Path(path).read_text()) for path in sys.argv[1:3])
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(before + BEGIN + figures(ours, itself) + END + after)


if __name__ == "__main__":
    main()

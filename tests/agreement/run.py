# SPDX-License-Identifier: Apache-2.0
"""Compares by hand: `python -m tests.agreement.run NAME... [--flags='-y'] [--all-sets]`; NAME* for several.

Prints the lines that differ, strace's with `-` and ours with `+`, then each program's share of equal lines, and which
calls differ most. Without a NAME, all programs.
"""

from __future__ import annotations

import argparse
import json
import shlex
from collections import Counter
from pathlib import Path

from tests.agreement.comparing import SETS, Outcome, compare_all, share_of
from tests.agreement.programs import PROGRAMS, chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--flags", default="", help="for both tracers, in one word: --flags='-y -s 100'")
    parser.add_argument("--all-sets", action="store_true", help="all sets of flags of the test")
    parser.add_argument("--with-itself", action="store_true", help="strace with strace: what differs anyway")
    parser.add_argument("--quiet", action="store_true", help="no lines, only shares")
    parser.add_argument("--max", type=int, default=40, help="lines of a program that are shown (40)")
    parser.add_argument("-j", "--jobs", type=int, default=1, help="so many programs at once (1)")
    parser.add_argument("--list", action="store_true", help="the names of all programs")
    parser.add_argument("-o", "--output", type=Path, help="write all shares and kinds to this file, as JSON")
    args = parser.parse_args()
    if args.list:
        print("\n".join(each.name for each in PROGRAMS))
        return
    sets = SETS if args.all_sets else {args.flags or "none": tuple(shlex.split(args.flags))}
    results = {}
    for name, flags in sets.items():
        print(f"== flags: {name}")
        outcomes = []
        for outcome in compare_all(chosen(args.names), flags, with_itself=args.with_itself, at_once=args.jobs):
            outcomes.append(outcome)
            show(outcome, 0 if args.quiet else args.max)
        results[name] = total(outcomes)
    if args.output:
        args.output.write_text(json.dumps(results, indent=1) + "\n")


def show(outcome: Outcome, most: int) -> None:
    for difference in outcome.differences[:most]:
        if difference.theirs is not None:
            print(f"- {difference.task:8} {difference.theirs}")
        if difference.ours is not None:
            print(f"+ {difference.task:8} {difference.ours}")
    note = f"  FAILED: {outcome.failure}" if outcome.failure else ""
    print(
        f"{outcome.program:24} {outcome.share:7.2%}  {outcome.theirs} lines, {outcome.ours} of ours{note}", flush=True
    )


def total(outcomes: list[Outcome]) -> dict[str, object]:
    kinds: Counter[str] = Counter()
    for outcome in outcomes:
        kinds += outcome.kinds()
    lines = sum(each.theirs + each.ours for each in outcomes)
    share = share_of(outcomes)
    mean = sum(each.share for each in outcomes) / max(len(outcomes), 1)
    print(f"{'in all':24} {share:7.2%}  of {lines // 2} lines; {mean:.2%} of a program's on average")
    print("  " + ", ".join(f"{kind} {count}" for kind, count in kinds.most_common(40)))
    return {
        "share": share,
        "mean": mean,
        "lines": lines // 2,
        "programs": {each.program: [each.share, each.theirs, each.ours, each.failure] for each in outcomes},
        "kinds": dict(kinds.most_common()),
    }


if __name__ == "__main__":
    main()

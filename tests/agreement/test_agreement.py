# SPDX-License-Identifier: Apache-2.0
"""Our lines are strace's, with several sets of flags. `python -m tests.agreement.run` shows how they differ."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest

from tests.agreement.comparing import SETS, Outcome, compare_all, share_of
from tests.agreement.programs import PROGRAMS, Program
from tests.native.harness.rounds import rounds

# docs/agreement.md says what the rest is. A program whose threads race differs from itself as much.
WANTED = 0.97
LEAST = 0.75
SHARE = 3 if rounds(100) >= 100 else 5


def test_there_are_as_many_programs_as_are_promised() -> None:
    assert len({program.name.partition("@")[0] for program in PROGRAMS}) >= 60


def programs_of(name: str) -> Sequence[Program]:
    """All of them for the first set of flags, and a third for each other one, not always the same, or a fifth where
    less is repeated: `tests.agreement.run --all-sets` takes a quarter of an hour."""
    place = [*SETS].index(name)
    return PROGRAMS if not place else PROGRAMS[place % SHARE :: SHARE]


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", SETS)
def test_lines_are_straces(name: str) -> None:
    outcomes = list(compare_all(programs_of(name), SETS[name], at_once=os.cpu_count() or 1))

    assert [f"{each.program}: {each.failure}" for each in outcomes if each.failure] == []
    steady = {program.name for program in PROGRAMS if program.steady}
    poor = {each.program: described(each) for each in outcomes if each.program in steady and each.share < LEAST}
    assert poor == {}
    assert share_of(outcomes) >= WANTED, worst(outcomes)


def described(outcome: Outcome) -> str:
    kinds = ", ".join(f"{kind} {count}" for kind, count in outcome.kinds().most_common(5))
    return f"{outcome.share:.1%}: {kinds}"


def worst(outcomes: list[Outcome]) -> str:
    ranked = sorted(outcomes, key=lambda each: each.share)[:20]
    return "\n".join(f"{each.program}: {described(each)}" for each in ranked)

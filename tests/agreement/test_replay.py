# SPDX-License-Identifier: Apache-2.0
"""A replay of each program's records prints what its trace printed, byte for byte."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.agreement.comparing import SECONDS, SETS, STRACELET, WRITTEN, run
from tests.agreement.programs import PROGRAMS, Program

if TYPE_CHECKING:
    from collections.abc import Sequence

FLAGS = [*(flags for flags in SETS.values() if "-c" not in flags), ("--format", "json", "-yy")]


def differs(program: Program, flags: Sequence[str]) -> str:
    """Empty, or how."""
    kept, again = (WRITTEN / f"{program.name}.{suffix}" for suffix in ("kept", "again"))
    _, printed = run(program, [str(STRACELET), "trace", "--write", str(kept), *flags], ours=True)
    line = [STRACELET, "replay", kept, *flags, "-o", again]
    done = subprocess.run(line, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode or done.stderr:
        return f"{program.name} {' '.join(flags)}: replay ended with {done.returncode}: {done.stderr.strip()}"
    replayed = again.read_text(errors="backslashreplace")
    return "" if replayed == printed else f"{program.name} {' '.join(flags)}: {first_difference(printed, replayed)}"


def first_difference(one: str, other: str) -> str:
    pairs = zip(one.splitlines(), other.splitlines(), strict=False)
    return next((f"{a!r} became {b!r}" for a, b in pairs if a != b), f"{len(one)} bytes became {len(other)}")


@pytest.mark.timeout(1800)
def test_replays_are_what_was_printed() -> None:
    there = [program for program in PROGRAMS if not program.missing()]
    each = [(program, FLAGS[at % len(FLAGS)]) for at, program in enumerate(there)]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        found = list(pool.map(lambda pair: differs(*pair), each))

    assert [text for text in found if text] == []

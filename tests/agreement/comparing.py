# SPDX-License-Identifier: Apache-2.0
"""Runs a program under strace and under stracelet, aligns what they wrote, and says what differs."""

from __future__ import annotations

import difflib
import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.agreement.normalise import Stream, normalise, streams

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.agreement.programs import Program

ROOT = Path(__file__).resolve().parents[2]
STRACELET = ROOT / ".venv/bin/stracelet"
WRITTEN = ROOT / "build/agreement"  # what both wrote last of each program
SECONDS = 120
CALL = re.compile(r"(?:<\.\.\. )?(\w+)(?:\(| resumed| \d+ \d+$)")
ROOT_TASK = re.compile(r"p[1-9]\d*")
TABLE_ROW = re.compile(r" *[\d.]+ +[\d.]+ +\d+ +(\d+)(?: +(\d+))? +(\w+)")

SETS: dict[str, tuple[str, ...]] = {
    "none": (),
    "-y": ("-y",),
    "-yy -v": ("-yy", "-v"),
    "-T -tt": ("-T", "-tt"),
    "-c": ("-c",),
    "-e trace=%file": ("-e", "trace=%file"),
    "-e trace=!%memory -e status=failed": ("-e", "trace=!%memory", "-e", "status=failed"),
    "-s 100 -x -X verbose": ("-s", "100", "-x", "-X", "verbose"),
}


@dataclass(frozen=True)
class Difference:
    """A line of strace's and ours in its place; one of them None where the other has none there."""

    task: str
    theirs: str | None
    ours: str | None

    @property
    def call(self) -> str:
        found = CALL.match(self.theirs or self.ours or "")
        return found[1] if found else (self.theirs or self.ours or "")[:3]

    @property
    def kind(self) -> str:
        """What a class of differences is named by."""
        return f"{self.call} {'lost' if self.ours is None else 'extra' if self.theirs is None else 'differs'}"


@dataclass
class Outcome:
    """What came of one program: `failure` says why there is nothing to compare."""

    program: str
    equal: int = 0
    theirs: int = 0
    ours: int = 0
    differences: list[Difference] = field(default_factory=list)
    failure: str = ""

    @property
    def share(self) -> float:
        """Of all lines of both, how many are equal."""
        total = self.theirs + self.ours
        return 2 * self.equal / total if total else float(not self.failure)

    def kinds(self) -> Counter[str]:
        return Counter(each.kind for each in self.differences)


def share_of(outcomes: Sequence[Outcome]) -> float:
    """Of all lines of all programs."""
    lines = sum(each.theirs + each.ours for each in outcomes)
    return 2 * sum(each.equal for each in outcomes) / lines if lines else 0.0


def compare_all(
    programs: Sequence[Program], flags: Sequence[str], *, with_itself: bool = False, at_once: int = 1
) -> Iterator[Outcome]:
    """In the order of the programs; what is missing here is left out, and said."""
    there = [program for program in programs if not program.missing()]
    for program in programs:
        if missing := program.missing():
            print(f"{program.name}: not run, there is no {', '.join(missing)}")
    with ThreadPoolExecutor(at_once) as pool:
        yield from pool.map(lambda program: compare(program, flags, with_itself=with_itself), there)
    shutil.rmtree(_homes(), ignore_errors=True)


def compare(program: Program, flags: Sequence[str], *, with_itself: bool = False) -> Outcome:
    """`with_itself`: strace with strace, which is how far a program differs from itself."""
    try:
        status, theirs = run(program, ["strace", "-f", *flags])
        other = ["strace", "-f"] if with_itself else [str(STRACELET), "trace"]
        our_status, ours = run(program, [*other, *flags], ours=not with_itself)
    except (subprocess.SubprocessError, OSError) as error:
        return Outcome(program.name, failure=" ".join(str(error).split())[:300])
    outcome = Outcome(program.name)
    if status != our_status:
        outcome.failure = f"it ended with {our_status} instead of {status}"
    for difference in align(theirs, ours, outcome, table="-c" in flags):
        outcome.differences.append(difference)
    return outcome


def _homes() -> Path:
    return Path(tempfile.gettempdir()) / f"agreement-{os.getpid()}"


def run(program: Program, tracer: Sequence[str], *, ours: bool = False) -> tuple[int, str]:
    """The program's exit status, and what the tracer wrote. The directory has the same name each time."""
    home = _homes() / program.name
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    environment = {
        "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin",
        "HOME": str(home),
        "LANG": "C",
        "TZ": "UTC",
        "PWD": str(home),
    }
    prepare = ["sh", "-ec", program.before or ":"]
    subprocess.run(prepare, cwd=home, env=environment, check=True, capture_output=True, timeout=SECONDS)
    out = WRITTEN / f"{program.name}.{'ours' if ours else 'theirs'}"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.unlink(missing_ok=True)
    # Without address space randomisation, so that addresses differ no more than they have to.
    line = ["setarch", "-R", *tracer, "-o", str(out), *(["--"] if ours else []), "sh", "-c", program.script]
    done = subprocess.run(
        line, cwd=home, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False
    )
    if b"Traceback" in done.stderr or b"a bug:" in done.stderr or (ours and done.stderr.startswith(b"stracelet: ")):
        raise OSError(done.stderr.decode(errors="replace"))
    shutil.rmtree(home, ignore_errors=True)
    return done.returncode, out.read_text(errors="backslashreplace")


def align(theirs: str, ours: str, outcome: Outcome, *, table: bool = False) -> Iterator[Difference]:
    """The differences; counts lines on the way."""
    read = _table if table else streams
    one, other = read(theirs), read(ours)
    _pair_strangers(one, other)
    for task in dict.fromkeys((*one, *other)):
        mine, yours = one.get(task, Stream()), other.get(task, Stream())
        outcome.theirs += len(mine.lines)
        outcome.ours += len(yours.lines)
        matcher = difflib.SequenceMatcher(None, mine.lines, yours.lines, autojunk=False)
        for tag, a, b, c, d in matcher.get_opcodes():
            if tag == "equal":
                outcome.equal += b - a
                continue
            yield from _pair(task, mine, range(a, b), yours, range(c, d))


def _pair_strangers(one: dict[str, Stream], other: dict[str, Stream]) -> None:
    """Tasks whose making a filter has left out come in any order: of those that nobody made the most alike belong
    together. Ours get the names of strace's."""
    strangers = {task: other.pop(task) for task in [*other] if ROOT_TASK.fullmatch(task)}
    wanted = [task for task in one if ROOT_TASK.fullmatch(task)]
    for task in wanted:
        if strangers:
            lines = Counter(one[task].lines)
            best = max(strangers, key=lambda each: (lines & Counter(strangers[each].lines)).total() - abs(
                len(strangers[each].lines) - lines.total()) / 2)  # fmt: skip
            other[task] = strangers.pop(best)
    for at, left in enumerate(strangers.values()):
        other[f"p{len(wanted) + 1 + at}"] = left


def _pair(task: str, mine: Stream, of_mine: range, yours: Stream, of_yours: range) -> Iterator[Difference]:
    """Within what differs, lines of the same call belong together."""
    left = list(of_yours)
    for at in of_mine:
        name = Difference(task, mine.lines[at], None).call
        same = next((i for i in left if Difference(task, yours.lines[i], None).call == name), None)
        if same is not None:
            for skipped in left[: left.index(same)]:
                yield Difference(task, None, yours.raw[skipped])
            del left[: left.index(same) + 1]
        yield Difference(task, mine.raw[at], None if same is None else yours.raw[same])
    for i in left:
        yield Difference(task, None, yours.raw[i])


def _table(text: str) -> dict[str, Stream]:
    """Of -c: the calls and the errors of each name; times are never the same, and the total is a sum of the rest."""
    found = TABLE_ROW.findall(text)
    rows = sorted(f"{name} {calls} {errors or 0}" for calls, errors, name in found if name != "total")
    return {"table": Stream([normalise(row) for row in rows], rows)}

# SPDX-License-Identifier: Apache-2.0
"""The same program under strace and under us, where strace counts as we do."""

from pathlib import Path

import pytest

from tests.native.harness.cgroup import Container
from tests.native.harness.strace import Strace
from tests.native.harness.tracee import Start
from tests.native.harness.tracing import Tracing

# The call in progress at the attach, and what never returns: strace counts the first, and not the others.
COUNTED_OTHERWISE = {"read", "exit_group", "exit", "restart_syscall", "rt_sigreturn"}

SLEEPS = 300


@pytest.mark.parametrize("program", [("exact", 0), ("exact", 8, "late"), ("tree",), ("storm", "fork", 200, 0)])
async def test_calls_and_errors(
    tracing: Tracing, container: Container, tracee: Start, tmp_path: Path, program: tuple[object, ...]
) -> None:
    ours = tracee(*program)
    await tracing.attach(container)
    ours.tell()
    ours.report()
    ours.wait()
    counted = await tracing.over(container)
    theirs = tracee(*program, inside=None)
    async with Strace(theirs.pid, "-c", output=tmp_path / "summary") as strace:
        theirs.tell()
        theirs.report()
        theirs.wait()
        strace.process.wait(10)
    reference = {name: row[1:] for name, row in strace.summary().items() if name not in COUNTED_OTHERWISE}
    errors = {name: sum(n for (call, _), n in counted.errors.items() if call == name) for name in counted.calls}
    found = {name: (counted.calls[name], errors[name]) for name in counted.calls if name not in COUNTED_OTHERWISE}
    for threads_meet_by_chance in {"futex", "mprotect", "munmap", "madvise"} if len(program) > 2 else ():
        reference.pop(threads_meet_by_chance, None)
        found.pop(threads_meet_by_chance, None)
    assert found == reference


async def test_wall_time_of_long_calls(tracing: Tracing, container: Container, tracee: Start, tmp_path: Path) -> None:
    ours = tracee("sleeps", SLEEPS, 5)
    await tracing.attach(container)
    ours.tell()
    slept_ours = ours.claims().numbers["total_us"]
    ours.wait()
    counted = await tracing.over(container)
    theirs = tracee("sleeps", SLEEPS, 5, inside=None)
    async with Strace(theirs.pid, "-c", "-w", output=tmp_path / "summary") as strace:
        theirs.tell()
        slept_theirs = theirs.claims().numbers["total_us"]
        theirs.wait()
        strace.process.wait(10)
    seconds, calls, _ = strace.summary()["nanosleep"]
    assert calls == counted.calls["nanosleep"] == SLEEPS
    # Each against the program's own clock in the same run: two runs on a busy machine differ by themselves.
    assert counted.seconds["nanosleep"] / slept_ours == pytest.approx(seconds / slept_theirs, rel=0.05)

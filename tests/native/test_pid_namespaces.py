# SPDX-License-Identifier: Apache-2.0
"""Targets in nested PID namespaces, and PID 1 of one, which ignores what it does not handle."""

import os
import signal
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from tests.native.harness import proc
from tests.native.harness.cgroup import Container
from tests.native.harness.rounds import rounds
from tests.native.harness.tracee import Programs, Tracee, start
from tests.native.harness.tracing import Tracing
from tests.native.harness.waits import KINDS, Waits

Enter = Callable[..., Tracee]


@pytest_asyncio.fixture
async def enter(programs: Programs, container: Container) -> AsyncIterator[Enter]:
    """enter(LEVELS, NAME, ARG...): a tracee that is PID 1 of the innermost of so many new PID namespaces."""
    started: list[Tracee] = []

    def run(levels: int, name: str, *arguments: object) -> Tracee:
        command = [programs.path("enter"), str(levels), "-1", *container.procs, "--"]
        tracee = start([*command, programs.path(name), *map(str, arguments)], container)
        started.append(tracee)
        tracee.expect("entered")
        tracee.expect("ready")
        return tracee

    yield run
    for tracee in started:
        tracee.kill()


@pytest.mark.parametrize("levels", [1, 3])
async def test_counts_are_exact(tracing: Tracing, container: Container, enter: Enter, levels: int) -> None:
    exact = enter(levels, "exact", 0)
    [pid] = container.pids()
    assert len(proc.status(pid)["NSpid"].split()) == levels + 1
    await tracing.attach(container)
    exact.tell()
    claims = exact.claims()
    assert exact.wait() == 7
    counted = await tracing.over(container)
    assert counted.calls == claims.calls
    assert counted.errors == claims.errors


async def test_pid_1_goes_on_ignoring(tracing: Tracing, container: Container, enter: Enter) -> None:
    waits = Waits(enter(1, "waits", ",".join(KINDS), -1))
    [pid] = container.pids()
    await tracing.attach(container)
    for _ in range(rounds(50)):
        os.kill(pid, signal.SIGTERM)  # at its default, which PID 1 of a namespace ignores
        waits.signal(signal.SIGHUP)
        waits.signal(signal.SIGUSR1)
    waits.assert_undisturbed()
    waits.signal(signal.SIGUSR2)
    await tracing.end()
    assert proc.running(pid)
    waits.assert_undisturbed()


async def test_exec_by_a_thread_in_a_namespace(tracing: Tracing, container: Container, enter: Enter) -> None:
    target = enter(2, "threadexec")
    await tracing.attach(container)
    target.tell()
    claims = target.claims()
    assert target.wait() == 7
    counted = await tracing.over(container)
    assert {name: counted.calls[name] for name in claims.calls} == dict(claims.calls)


@pytest.mark.parametrize("how", ["traceme", "attach", "seize"])
async def test_own_ptrace_in_a_namespace(tracing: Tracing, container: Container, enter: Enter, how: str) -> None:
    target = enter(2, "ptracer", how, 5)
    await tracing.attach(container)
    target.tell()
    assert target.claims().numbers == {"stops": 1000, "wrong": 0}
    assert target.wait() == 7

# SPDX-License-Identifier: Apache-2.0
"""No EINTR that the target would not have had: at attach, at detach, and all through a trace; and no real one lost."""

import asyncio
import os
import signal

import pytest

from tests.native.harness import proc
from tests.native.harness.cgroup import Container
from tests.native.harness.proc import until
from tests.native.harness.recording import RECORDED
from tests.native.harness.rounds import rounds
from tests.native.harness.tracee import Start
from tests.native.harness.tracing import Tracing
from tests.native.harness.waits import KINDS, Waits

pytestmark = RECORDED

CYCLES = 1000


async def _cycles(tracing: Tracing, container: Container, number: int) -> None:
    for _ in range(number):
        await tracing.attach(container)
        await tracing.detach(container)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("timeout_ms", "tick_us"),
    [(-1, 0), *[(-1, 1000)] * 3, (1, 0), (3_600_000, 1000)],
    ids=["endless", "endless-woken-1", "endless-woken-2", "endless-woken-3", "1ms", "hour-woken"],
)
async def test_attach_detach_cycles(
    tracing: Tracing, container: Container, tracee: Start, timeout_ms: int, tick_us: int
) -> None:
    kinds = KINDS if tick_us or timeout_ms < 0 else tuple(kind for kind in KINDS if kind != "semop")
    waits = Waits(tracee("waits", ",".join(kinds), timeout_ms, tick_us))
    await _cycles(tracing, container, rounds(CYCLES))
    waits.assert_undisturbed()
    waits.signal(signal.SIGUSR2)


@pytest.mark.timeout(900)
async def test_ends_of_whole_sessions(container: Container, tracee: Start) -> None:
    waits = Waits(tracee("waits", ",".join(KINDS), -1))
    for _ in range(rounds(CYCLES)):
        async with await Tracing.start() as tracing:
            await tracing.attach(container)
        await until(lambda: not proc.tracers([waits.tracee.pid]), "nobody traces it")
    waits.assert_undisturbed()


async def test_handled_signals_interrupt_during_cycles(tracing: Tracing, container: Container, tracee: Start) -> None:
    waits = Waits(tracee("waits", ",".join(KINDS), -1))
    cycles = asyncio.create_task(_cycles(tracing, container, 1_000_000))
    for _ in range(rounds(100)):
        await asyncio.to_thread(waits.signal, signal.SIGUSR2)
        assert not cycles.done(), cycles.result()
    cycles.cancel()
    waits.assert_undisturbed()


@pytest.mark.parametrize("timeout_ms", [-1, 1000])
@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGWINCH])
async def test_ignored_signals_during_a_trace(
    tracing: Tracing, container: Container, tracee: Start, number: signal.Signals, timeout_ms: int
) -> None:
    waits = Waits(tracee("waits", ",".join(KINDS), timeout_ms))
    await tracing.attach(container)
    for _ in range(rounds(100)):
        waits.signal(number)
    waits.assert_undisturbed()
    waits.signal(signal.SIGUSR2)
    counted = tracing.counted(container)
    # One that comes while another is still pending is one signal (signal(7)).
    assert rounds(100) <= counted.signals[number.name] <= rounds(100) * len(KINDS)
    assert counted.errors["semop", "EINTR"] <= 1  # the handled one: what was undone is no error


async def test_ignored_then_handled_signal(tracing: Tracing, container: Container, tracee: Start) -> None:
    waits = Waits(tracee("waits", ",".join(KINDS), -1))
    await tracing.attach(container)
    for _ in range(rounds(100)):
        waits.signal(signal.SIGUSR1)
        waits.signal(signal.SIGUSR2)
    waits.assert_undisturbed()


async def test_children_die_during_a_trace(tracing: Tracing, container: Container, tracee: Start) -> None:
    parent = tracee("children", 200, 2000)
    await tracing.attach(container)
    parent.tell()
    parent.expect("started")
    await until(lambda: _zombies(parent.pid) == 200, "200 children have died", 20)
    parent.tell("enough")
    assert parent.claims().numbers == {"eintr": 0, "status_errors": 0}


def _zombies(pid: int) -> int:
    return sum(proc.status(child).get("State", "")[:1] == "Z" for child in proc.children(pid))


async def test_ignored_signals_to_the_whole_process(tracing: Tracing, container: Container, tracee: Start) -> None:
    waits = Waits(tracee("waits", ",".join(KINDS), -1))
    await tracing.attach(container)
    for _ in range(rounds(200)):
        os.kill(waits.tracee.pid, signal.SIGUSR1)  # any thread may take it, and another may have been woken for it
        waits.signal(signal.SIGWINCH)
    waits.assert_undisturbed()

# SPDX-License-Identifier: Apache-2.0
"""Targets that come and go while they are attached to: nothing hangs, and no exit status is lost."""

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from stracelet import native
from stracelet.tracing.protocol import Ended
from tests.native.harness import proc
from tests.native.harness.cgroup import Container
from tests.native.harness.proc import until
from tests.native.harness.rounds import rounds
from tests.native.harness.tracee import Progress, Start
from tests.native.harness.tracing import Tracing


async def test_tasks_end_while_being_attached_to(tracing: Tracing, container: Container, tracee: Start) -> None:
    churns = [tracee("storm", "churn") for _ in range(2)]
    for _ in range(rounds(100)):
        await tracing.attach(container)
        await tracing.detach(container)
    for churn in churns:
        made, wrong = churn.ask()
        assert wrong == "wrong 0"
        await until(lambda before=made, one=churn: one.ask()[0] != before, "it goes on")  # type: ignore[misc]


async def test_what_is_let_go_has_not_ended(tracing: Tracing, container: Container, tracee: Start) -> None:
    target = tracee("echo")
    for _ in range(2):
        await tracing.attach(container)
        await tracing.detach(container)
        target.tell()
        target.expect("pong 0")
        await until(lambda: _state(tracing, container) == native.SLOT_LEFT, "it is left")
    await tracing.attach(container)
    target.kill()
    ended = await tracing.event(Ended, lambda event: event.id == container.id)
    assert [event for event in tracing.events if isinstance(event, Ended)] == [ended]
    emptied = time.monotonic()
    while time.monotonic() < emptied + 0.2:  # the kernel tells up to 10 ms later that the cgroup is empty
        assert _state(tracing, container) == native.SLOT_ENDED
        await asyncio.sleep(0.01)


def _state(tracing: Tracing, container: Container) -> int | None:
    slot = tracing.slot(container.id)
    return slot.state if slot else None


@pytest.mark.parametrize("storm", [("exec", 500), ("fork", 2000, 1000)])
async def test_storm_during_attach_and_detach(
    tracing: Tracing, container: Container, tracee: Start, storm: tuple[object, ...]
) -> None:
    target = tracee("storm", *storm)
    target.tell()
    cycles = 0
    while not target.has_said():
        await tracing.attach(container)
        await tracing.detach(container)
        cycles += 1
    assert cycles > 0
    assert target.claims().numbers.get("status_errors", 0) == 0
    assert target.wait() == 7


async def test_2000_threads_are_attached_and_detached(tracing: Tracing, container: Container, tracee: Start) -> None:
    threads = tracee("storm", "threads", 2000)
    for _ in range(rounds(5)):
        assert await tracing.attach(container, deadline=30) < 15
        slot = tracing.slot(container.id)
        assert slot is not None
        assert slot.tracees == 2001
        await tracing.detach(container, deadline=30)
    threads.tell()
    threads.report()
    assert threads.wait() == 7


async def test_the_target_ends_during_its_attach(tracing: Tracing, tracee: Start) -> None:
    for _ in range(rounds(50)):
        with Container() as container:
            exact = tracee("exact", 4, "late", inside=container)
            exact.tell()
            tracing.trace(container)
            assert exact.wait() == 7
            await until(lambda: not container.pids(), "it is gone")


async def test_an_exec_by_a_thread_that_takes_long(tracing: Tracing, container: Container, tracee: Start) -> None:
    """The thread has the leader's ID long before the stop that tells of it."""
    slow = tracee("slowexec")
    await tracing.attach(container)
    slow.tell()
    claims = slow.claims()
    assert slow.wait() == 7
    counted = await tracing.over(container)
    assert {name: counted.calls[name] for name in claims.calls} == claims.calls


async def test_affinity_and_priority_stay_its_own(tracing: Tracing, container: Container, tracee: Start) -> None:
    """While the tracer's threads try where they run best, on a machine whose CPUs are all busy."""
    with Progress(2) as progress, ExitStack() as load:
        for _ in range(os.cpu_count() or 1):
            load.enter_context(_busy())
        target = tracee("spin", progress.path, 2)
        target.tell()
        target.expect("running")
        tasks = proc.tasks(target.pid)
        for number, tid in enumerate(tasks):
            os.sched_setaffinity(tid, {number % len(os.sched_getaffinity(0))})
            os.setpriority(os.PRIO_PROCESS, tid, 3 + number)
        before = {tid: _scheduling(tid) for tid in tasks}
        await tracing.attach(container)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            assert {tid: _scheduling(tid) for tid in tasks} == before
            assert await progress.moves_within(2.0), "it is starved"
        await tracing.detach(container)
        assert {tid: _scheduling(tid) for tid in tasks} == before


def _scheduling(tid: int) -> tuple[set[int], int, int]:
    return os.sched_getaffinity(tid), os.getpriority(os.PRIO_PROCESS, tid), os.sched_getscheduler(tid)


@contextmanager
def _busy() -> Iterator[None]:
    with subprocess.Popen(["sh", "-c", "while :; do :; done"]) as process:
        try:
            yield
        finally:
            process.kill()

# SPDX-License-Identifier: Apache-2.0
"""A tracer that hangs is noticed and replaced within a second; a pause of anything else harms no target."""

import asyncio
import os
import signal
import time

from stracelet import native
from stracelet.tracing.protocol import END_STALLED, TracerEnded
from tests.native.harness import proc
from tests.native.harness.cgroup import Container
from tests.native.harness.proc import until
from tests.native.harness.recording import RECORDED
from tests.native.harness.tracee import Progress, Start
from tests.native.harness.tracing import Tracing
from tests.native.harness.unharmed import assert_unharmed

pytestmark = RECORDED


async def test_stopped_tracer_is_replaced(tracing: Tracing, container: Container, tracee: Start) -> None:
    with Progress() as progress:
        spin = tracee("spin", progress.path, 1)
        spin.tell()
        spin.expect("running")
        await tracing.attach(container)
        for _ in range(3):
            tracer, start = tracing.tracer, time.monotonic()
            tracing.events.clear()
            os.kill(tracer, signal.SIGSTOP)
            ended = await tracing.event(TracerEnded)
            assert time.monotonic() - start <= 1.0
            assert ended.reason == END_STALLED
            await assert_unharmed([spin.pid], progress, traced=True)
            assert not proc.running(tracer)
            await tracing.attached(container)
            assert tracing.tracer != tracer


async def test_hanging_tracer_threads_are_replaced(container: Container, tracee: Start, hooked_program: str) -> None:
    async with await Tracing.start(program=hooked_program) as tracing:
        with Progress() as progress:
            spin = tracee("spin", progress.path, 2)
            spin.tell()
            spin.expect("running")
            await tracing.attach(container)
            tracer, start = tracing.tracer, time.monotonic()
            tracing.events.clear()
            tracing.request(native.constants.STL_REQ_HANG)
            ended = await tracing.event(TracerEnded)
            assert time.monotonic() - start <= 1.0
            assert ended.reason == END_STALLED
            await assert_unharmed([spin.pid], progress, traced=True)
            await tracing.attached(container)
            assert tracing.tracer != tracer


async def test_the_whole_under_sanitizers(container: Container, tracee: Start, hooked_program: str) -> None:
    async with await Tracing.start(program=hooked_program) as tracing:
        targets = [tracee("tree"), tracee("threadexec"), tracee("storm", "threads", 200), tracee("exact", 8)]
        await tracing.attach(container)
        for target in targets:
            target.tell()
        for target in targets:
            target.claims(60)
            assert target.wait() == 7
        await tracing.over(container)
        assert not [event for event in tracing.events if isinstance(event, TracerEnded)]


async def test_stopped_supervisor_is_no_stall(tracing: Tracing, container: Container, tracee: Start) -> None:
    with Progress() as progress:
        spin = tracee("spin", progress.path, 1)
        spin.tell()
        spin.expect("running")
        await tracing.attach(container)
        tracer, supervisor = tracing.tracer, tracing.supervisor
        os.kill(supervisor, signal.SIGSTOP)
        await asyncio.sleep(1.5)  # three times what a tracer may be silent
        assert await progress.moves_within(0.5)
        os.kill(supervisor, signal.SIGCONT)
        await asyncio.sleep(0.7)
        assert tracing.tracer == tracer
        assert not [event for event in tracing.events if isinstance(event, TracerEnded)]


async def test_an_idle_tracer_is_no_stall(tracing: Tracing, container: Container, tracee: Start) -> None:
    idle = tracee("echo")
    await tracing.attach(container)
    await asyncio.sleep(1.5)
    assert not [event for event in tracing.events if isinstance(event, TracerEnded)]
    idle.tell()
    assert idle.line() == "pong 0"


async def test_killed_while_stopped(tracing: Tracing, container: Container, tracee: Start) -> None:
    idle = tracee("echo")
    await tracing.attach(container)
    tracer = tracing.tracer
    os.kill(tracer, signal.SIGSTOP)
    os.kill(tracer, signal.SIGKILL)
    await until(lambda: tracing.tracer != tracer, "another tracer")
    await tracing.attached(container)
    idle.tell()
    assert idle.line().startswith("pong")

# SPDX-License-Identifier: Apache-2.0
"""However the agent ends, tracer and supervisor end too and the targets go on untraced; stopped, it harms nobody."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.native.harness import proc
from tests.native.harness.cgroup import ROOT, Container
from tests.native.harness.proc import until
from tests.native.harness.tracee import Progress, Start, Tracee, start
from tests.native.harness.unharmed import assert_unharmed

AGENT = "tests.native.harness.agent"


@pytest_asyncio.fixture
async def busy(tracee: Start) -> AsyncIterator[tuple[Tracee, Progress]]:
    with Progress(2) as progress:
        spin = tracee("spin", progress.path, 2)
        spin.tell()
        spin.expect("running")
        yield spin, progress


async def _agent(*containers: Container) -> Tracee:
    agent = start([sys.executable, "-m", AGENT, str(ROOT), *(container.id for container in containers)])
    agent.expect("attached")
    await until(lambda: all(proc.all_traced(container.pids()) for container in containers), "all are traced")
    return agent


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL, signal.SIGSEGV])
async def test_agent_is_ended(
    container: Container, tracee: Start, busy: tuple[Tracee, Progress], number: signal.Signals
) -> None:
    spin, progress = busy
    idle = tracee("echo")
    agent = await _agent(container)
    family = proc.descendants(agent.pid)
    assert len(family) == 6  # the supervisor, its tracer, and that one's two probes, each with its keeper
    os.kill(agent.pid, number)
    try:
        status = await asyncio.to_thread(agent.process.wait, 10)
        assert status == (0 if number in (signal.SIGTERM, signal.SIGINT) else -number)
        await until(lambda: not any(map(proc.running, family)), "supervisor and tracer have ended", 2)
        await assert_unharmed([spin.pid, idle.pid], progress)
        idle.tell()
        eintrs = int(idle.line().split()[1])
        assert eintrs == 0 or number not in (signal.SIGTERM, signal.SIGINT)
    finally:
        agent.kill()
    assert idle.wait() == 7
    assert spin.wait() == 7


async def test_agent_is_stopped(container: Container, busy: tuple[Tracee, Progress]) -> None:
    spin, progress = busy
    agent = await _agent(container)
    try:
        os.kill(agent.pid, signal.SIGSTOP)
        for _ in range(5):
            assert await progress.moves_within(0.5)
            await asyncio.sleep(0.2)
        os.kill(agent.pid, signal.SIGKILL)
        await assert_unharmed([spin.pid], progress)
    finally:
        agent.kill()


async def test_agent_is_stopped_and_continued(container: Container, busy: tuple[Tracee, Progress]) -> None:
    spin, progress = busy
    agent = await _agent(container)
    try:
        tracers = proc.tracers([spin.pid])
        os.kill(agent.pid, signal.SIGSTOP)
        await asyncio.sleep(1.0)
        os.kill(agent.pid, signal.SIGCONT)
        assert await progress.moves_within(0.5)
        assert proc.tracers([spin.pid]) == tracers
        os.kill(agent.pid, signal.SIGTERM)
        assert await asyncio.to_thread(agent.process.wait, 10) == 0
        await assert_unharmed([spin.pid], progress)
    finally:
        agent.kill()

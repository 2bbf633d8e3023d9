# SPDX-License-Identifier: Apache-2.0
"""However tracer or supervisor end, their targets go on: nothing stopped, no signal and no exit status lost."""

import asyncio
import os
import random
import signal
from dataclasses import dataclass

import pytest
import pytest_asyncio

from stracelet.tracing.protocol import SessionLost, TracerEnded
from tests.native.harness import proc
from tests.native.harness.cgroup import Container
from tests.native.harness.proc import until
from tests.native.harness.recording import RECORDED
from tests.native.harness.rounds import rounds
from tests.native.harness.signal_queue import Queue
from tests.native.harness.tracee import Programs, Progress, Start, Tracee
from tests.native.harness.tracing import Tracing
from tests.native.harness.unharmed import assert_unharmed

pytestmark = RECORDED

ROUNDS = 100
# A supervisor waits longer each time before it starts another tracer.
KILLS = 4
SIGNALS = pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])


@dataclass
class Load:
    """Targets, and what to look at afterwards."""

    container: Container
    idle: Tracee
    queue: Queue
    churn: Tracee | None = None
    progress: Progress | None = None

    def disturb(self) -> None:
        self.queue.send(50)

    async def assert_unharmed(self, *, traced: bool) -> None:
        await assert_unharmed(self.tracees(), self.progress, traced=traced)
        self.idle.tell()
        assert self.idle.line().startswith("pong")
        if self.churn:
            churn, made = self.churn, self.churn.ask()[0]
            await until(lambda: churn.ask()[0] != made, "children are made and end")

    def tracees(self) -> list[int]:
        busy = [self.churn.pid] if self.churn else []
        return [self.idle.pid, self.queue.tracee.pid, *busy]

    async def assert_nothing_lost(self) -> None:
        await self.queue.all_received()
        if self.churn:
            assert self.churn.ask()[1] == "wrong 0"
        assert self.idle.wait() == 7
        assert self.queue.tracee.wait() == 7


@pytest_asyncio.fixture(params=["idle", "full"])
async def load(request: pytest.FixtureRequest, container: Container, tracee: Start, programs: Programs):  # type: ignore[no-untyped-def]
    idle, queue = tracee("echo"), Queue(tracee("rtqueue"), programs)
    if request.param == "idle":
        yield Load(container, idle, queue)
        queue.finish()
        return
    with Progress(2) as progress:
        spin = tracee("spin", progress.path, 2)
        spin.tell()
        spin.expect("running")
        yield Load(container, idle, queue, tracee("storm", "churn"), progress)
        queue.finish()


async def _moment() -> None:
    await asyncio.sleep(random.uniform(0, 0.03))


@pytest.mark.timeout(900)
@SIGNALS
async def test_tracer(load: Load, number: signal.Signals) -> None:
    for _ in range(rounds(ROUNDS // KILLS)):
        async with await Tracing.start() as tracing:
            await tracing.attach(load.container)
            for _ in range(KILLS):
                killed = await _kill_tracer(tracing, load, number)
                ends = [event.pid for event in tracing.events if isinstance(event, TracerEnded)]
                assert ends.count(killed) == 1, tracing.events
            await tracing.end()
            await load.assert_unharmed(traced=False)
    await load.assert_nothing_lost()


async def _kill_tracer(tracing: Tracing, load: Load, number: signal.Signals) -> int:
    load.disturb()
    await _moment()
    before, tracer, supervisor = tracing.counted(load.container).calls, tracing.tracer, tracing.supervisor
    os.kill(tracer, number)
    try:
        await until(lambda: tracing.tracer != tracer, "another tracer")
    except AssertionError as error:
        family = "\n".join(proc.waits_where([supervisor, *proc.descendants(supervisor)]))
        raise AssertionError(f"{error}; came: {tracing.events}\n{family}") from None
    await load.assert_unharmed(traced=True)
    await tracing.attached(load.container)
    after = tracing.counted(load.container).calls
    fallen = {name: (calls, after[name]) for name, calls in before.items() if after[name] < calls}
    assert not fallen
    return tracer


@pytest.mark.timeout(900)
@SIGNALS
async def test_supervisor(load: Load, number: signal.Signals) -> None:
    for _ in range(rounds(ROUNDS)):
        async with await Tracing.start() as tracing:
            await tracing.attach(load.container)
            load.disturb()
            await _moment()
            tracer = tracing.tracer
            os.kill(tracing.supervisor, number)
            await tracing.event(SessionLost)
            # On a full machine it may be long in closing its inotify descriptor; its targets have been let go by then.
            await until(lambda gone=tracer: not proc.running(gone), "the tracer has ended too")  # type: ignore[misc]
            await load.assert_unharmed(traced=False)
    await load.assert_nothing_lost()

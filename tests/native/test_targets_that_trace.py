# SPDX-License-Identifier: Apache-2.0
"""A target's own use of ptrace wins, and a target that somebody else traces is theirs until they leave."""

import pytest

from stracelet import native
from stracelet.tracing.protocol import Failed
from tests.native.harness import proc
from tests.native.harness.cgroup import Container
from tests.native.harness.proc import until
from tests.native.harness.recording import RECORDED
from tests.native.harness.strace import Strace
from tests.native.harness.tracee import Start
from tests.native.harness.tracing import Tracing

pytestmark = RECORDED

ROUNDS = 10


@pytest.mark.parametrize("how", ["traceme", "attach", "seize"])
async def test_own_ptrace_goes_on(tracing: Tracing, container: Container, tracee: Start, how: str) -> None:
    tracer = tracee("ptracer", how, ROUNDS)
    await tracing.attach(container)
    tracer.tell()
    assert tracer.claims(30).numbers == {"stops": 200 * ROUNDS, "wrong": 0}
    assert tracer.wait() == 7
    slot = tracing.slot(container.id)
    assert slot is not None
    assert slot.failures[native.constants.STL_FAIL_TARGET_TRACES] >= ROUNDS


@pytest.mark.parametrize("how", ["traceme", "attach", "seize"])
async def test_own_ptrace_untraced(tracee: Start, how: str) -> None:
    tracer = tracee("ptracer", how, ROUNDS)
    tracer.tell()
    assert tracer.claims(30).numbers == {"stops": 200 * ROUNDS, "wrong": 0}


async def test_already_traced_by_strace(tracing: Tracing, container: Container, tracee: Start) -> None:
    exact = tracee("exact", 0)
    with Container() as other:
        neighbour = tracee("echo", inside=other)
        async with Strace(exact.pid) as strace:
            tracing.trace(container)
            failed = await tracing.event(Failed, lambda event: event.id == container.id)
            assert failed.reason == native.constants.STL_FAIL_TRACED
            assert failed.detail == strace.process.pid
            assert failed.pid == exact.pid
            await tracing.attach(other)
            neighbour.tell()
            assert neighbour.line() == "pong 0"
            assert proc.tracers([exact.pid]) == {strace.process.pid}
    await tracing.attached(container)
    exact.tell()
    claims = exact.claims()
    assert exact.wait() == 7
    assert (await tracing.over(container)).calls["getppid"] == claims.calls["getppid"]


async def test_strace_comes_after_us(tracing: Tracing, container: Container, tracee: Start) -> None:
    idle = tracee("echo")
    await tracing.attach(container)
    ours = proc.tracers([idle.pid])
    strace = Strace(idle.pid)
    await until(lambda: strace.process.poll() is not None, "strace has given up")
    assert proc.tracers([idle.pid]) == ours
    idle.tell()
    assert idle.line() == "pong 0"

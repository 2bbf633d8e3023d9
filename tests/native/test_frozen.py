# SPDX-License-Identifier: Apache-2.0
"""A paused container: nothing waits for it, and it is traced or let go once it runs again."""

import pytest

from tests.native.harness import proc
from tests.native.harness.cgroup import Container, hierarchies
from tests.native.harness.proc import until
from tests.native.harness.recording import RECORDED
from tests.native.harness.tracee import Progress, Start
from tests.native.harness.tracing import Tracing
from tests.native.harness.unharmed import assert_unharmed

pytestmark = RECORDED

HAVE = {
    1: any((path / "freezer.state").exists() or path.name == "freezer" for path in hierarchies()),
    2: any((path / "cgroup.controllers").exists() for path in hierarchies()),
}
VERSIONS = pytest.mark.parametrize("version", [version for version, there in HAVE.items() if there])


@VERSIONS
@pytest.mark.parametrize("load", ["idle", "busy"])
async def test_paused_before(tracing: Tracing, container: Container, tracee: Start, version: int, load: str) -> None:
    with Progress() as progress, Container() as other:
        spin = tracee("spin", progress.path, 1) if load == "busy" else None
        if spin:
            spin.tell()
            spin.expect("running")
        idle, neighbour = tracee("echo"), tracee("exact", 0, inside=other)
        container.freeze(version)
        tracing.trace(container)
        assert await tracing.attach(other) < 1.0  # the others are not kept waiting
        neighbour.tell()
        assert neighbour.claims().calls["getppid"] == tracing.counted(other).calls["getppid"]
        container.freeze(version, frozen=False)
        await tracing.attached(container)
        idle.tell()
        assert idle.line() in ("pong 0", "pong 1")  # the freezer itself gives one EINTR, traced or not
        assert not spin or await progress.moves_within(1)
        await tracing.end()
        await assert_unharmed([idle.pid, *([spin.pid] if spin else [])], progress if spin else None)


@VERSIONS
@pytest.mark.parametrize("load", ["idle", "busy"])
@pytest.mark.parametrize("how", ["drop", "end"])
async def test_paused_while_traced(
    tracing: Tracing, container: Container, tracee: Start, version: int, load: str, how: str
) -> None:
    with Progress() as progress:
        spin = tracee("spin", progress.path, 1) if load == "busy" else None
        if spin:
            spin.tell()
            spin.expect("running")
        idle = tracee("echo")
        await tracing.attach(container)
        container.freeze(version)
        if how == "drop":
            tracing.drop(container)
        assert await tracing.end() < 3.0
        assert not proc.tracers([idle.pid])
        container.freeze(version, frozen=False)
        idle.tell()
        assert idle.line() in ("pong 0", "pong 1")  # the freezer itself gives one EINTR, traced or not
        await assert_unharmed([idle.pid, *([spin.pid] if spin else [])], progress if spin else None)


@VERSIONS
async def test_paused_and_ended_before_it_resumes(
    tracing: Tracing, container: Container, tracee: Start, version: int
) -> None:
    idle = tracee("echo")
    container.freeze(version)
    tracing.trace(container)
    # Never pending for long where version 2 froze it: it still stops for a tracer (kernel/signal.c, do_freezer_trap).
    await until(lambda: (slot := tracing.slot(container.id)) is not None and slot.tracees > 0, "it is taken on")
    assert await tracing.end() < 3.0
    container.freeze(version, frozen=False)
    idle.tell()
    assert idle.line() in ("pong 0", "pong 1")  # the freezer itself gives one EINTR, traced or not
    await assert_unharmed([idle.pid])


@VERSIONS
async def test_paused_and_resumed_under_trace(
    tracing: Tracing, container: Container, tracee: Start, version: int
) -> None:
    exact = tracee("exact", 0)
    await tracing.attach(container)
    for _ in range(10):
        container.freeze(version)
        container.freeze(version, frozen=False)
    exact.tell()
    claims = exact.claims()
    assert exact.wait() == 7
    counted = await tracing.over(container)
    assert {name: counted.calls[name] for name in ("getppid", "openat", "close")} == {
        name: claims.calls[name] for name in ("getppid", "openat", "close")
    }

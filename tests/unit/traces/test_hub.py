# SPDX-License-Identifier: Apache-2.0
"""Traces that begin and end on one attachment; its containers come, are named late, end, and come again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio

from stracelet.config import Config, Limits
from stracelet.containers.model import Container, Pod
from stracelet.errors import LimitReached
from stracelet.native import (
    NAMED_DROPPED,
    NAMED_KEPT,
    SLOT_ENDED,
    SLOT_LEFT,
    SLOT_PROVISIONAL,
    SLOT_TRACED,
    Cell,
    Snapshot,
    StreamInfo,
    syscall_number,
)
from stracelet.traces.hub import Hub, Together
from stracelet.traces.running import Asked, RunningTrace
from stracelet.traces.served import served
from stracelet.traces.target import PodTarget
from stracelet.tracing import protocol
from stracelet.tracing.choice import Choice

LIMITS = Limits(containers=2, traces=3, traces_per_user=2)


class FakeStream:
    def read(self, buffer: bytearray, *, all_: bool = False) -> int:
        return 0

    def info(self) -> StreamInfo:
        return StreamInfo(0, 0, 0)

    def close(self) -> None:
        """Nothing is mapped."""


class FakeSession:
    """What a Hub asks of a session."""

    def __init__(self) -> None:
        self.slots: list[Any] = []
        self.cells: list[Cell] = []
        self.capture = 0
        self.streams = 0

    def containers(self) -> list[Any]:
        return self.slots

    def snapshot(self, edges: object) -> Snapshot:
        return Snapshot(list(self.cells), [])

    def info(self) -> Any:
        return SimpleNamespace(created_ns=1)

    def record(self, filter_: bytes, *, capture: int, string_limit: int) -> None:
        self.capture = capture

    async def stream(self) -> FakeStream:
        self.streams += 1
        return FakeStream()

    def put(
        self, slot: int, id_: str, state: int, *, tracees: int = 0, end_ns: int = 0, failures: tuple[int, ...] = ()
    ) -> None:
        self.slots = [each for each in self.slots if each.slot != slot]
        self.slots.append(
            SimpleNamespace(
                slot=slot,
                serial=100 + slot,
                id=id_,
                state=state,
                tracees=tracees,
                end_ns=end_ns,
                failures=failures,
            )
        )


class World:
    def __init__(self) -> None:
        self.session = FakeSession()
        self.rewanted = 0
        self.hub = Hub(session=self.session, limits=LIMITS, rewant=self._rewant, ourselves=frozenset)  # type: ignore[arg-type]
        self.known: list[Container] = []

    def _rewant(self) -> None:
        self.rewanted += 1
        for container in self.known:
            self.decide(container)

    def decide(self, container: Container) -> bool:
        """As a Selection does."""
        return Together(Choice(), tuple(self.hub.running.values())).wants(container)

    async def start(self, id_: str = "t", *flags: str, user: str = "alice") -> RunningTrace:
        wish = served(flags, Config(), node="n").wish
        return await self.hub.start(Asked(id_, user, f"shop/{id_}", PodTarget("shop"), wish))


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    yield made
    for trace in list(made.hub.running.values()):
        await made.hub.finish(trace)


def container(id_: str, namespace: str = "shop") -> Container:
    return Container(id=id_, name="web", pod=Pod(namespace, f"web-{id_}", f"uid-{id_}"))


def states(trace: RunningTrace) -> dict[int, int]:
    return {slot: named.state for (slot, _), named in trace.named.items()}


def told(trace: RunningTrace) -> list[str]:
    return [news.event for news in trace.container_news()]


async def settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_a_container_whose_name_comes_after_its_end_is_shown(world: World) -> None:
    trace = await world.start()
    world.session.put(1, "a", SLOT_PROVISIONAL)
    world.hub.tell_names()
    await settle()
    world.session.put(1, "a", SLOT_ENDED, end_ns=time.time_ns())
    world.hub.tell_names()
    await settle()
    assert states(trace) == {}, "what is held of it must not be dropped yet"
    assert world.decide(container("a"))
    world.hub.tell_names()
    await settle()
    assert states(trace) == {1: NAMED_KEPT}
    assert told(trace) == ["attached", "ended"]
    assert not trace.taken, "it leaves room for another one"


async def test_one_that_nobody_has_named_for_long_is_dropped(world: World) -> None:
    trace = await world.start()
    world.session.put(1, "a", SLOT_ENDED, end_ns=time.time_ns() - 3 * 10**9)
    world.session.put(2, "b", SLOT_TRACED, tracees=1)
    world.hub.tell_names()
    await settle()
    assert states(trace) == {1: NAMED_DROPPED, 2: NAMED_DROPPED}


async def test_another_namespaces_containers_are_not_its_own(world: World) -> None:
    trace = await world.start()
    assert not world.decide(container("a", "other"))
    assert world.decide(container("b"))
    for slot, id_ in enumerate("ab"):
        world.session.put(slot, id_, SLOT_TRACED, tracees=1)
    world.hub.tell_names()
    await settle()
    assert states(trace) == {0: NAMED_DROPPED, 1: NAMED_KEPT}
    assert told(trace) == ["attached"]


async def test_an_interruption_is_told_and_that_it_goes_on(world: World) -> None:
    trace = await world.start()
    world.decide(container("a"))
    world.session.put(1, "a", SLOT_TRACED, tracees=1)
    for _ in range(2):
        world.hub.see(protocol.Attached(slot=1, serial=101, id="a", tasks=1, pending=0))
        world.hub.see(protocol.TracerEnded(reason=protocol.END_DIED, status=9, pid=7))
    assert told(trace) == ["attached", "failed", "attached", "failed"]


async def test_when_one_ends_another_has_its_place(world: World) -> None:
    trace = await world.start()
    world.known = [container(id_) for id_ in "abc"]
    assert [world.decide(each) for each in world.known] == [True, True, False]
    assert "limits.containers" in trace.refused["c"]
    world.session.put(1, "a", SLOT_ENDED, end_ns=time.time_ns())
    world.hub.see(protocol.Ended(slot=1, serial=101, id="a"))
    await settle()
    assert trace.taken.keys() == {"b", "c"}
    assert not trace.refused


async def test_what_an_earlier_trace_let_go_has_not_ended(world: World) -> None:
    world.session.put(1, "a", SLOT_LEFT, end_ns=time.time_ns())
    trace = await world.start()
    world.known = [container(id_) for id_ in "abc"]
    assert [world.decide(each) for each in world.known] == [True, True, False]
    world.hub.tell_names()
    await settle()
    assert trace.taken.keys() == {"a", "b"}
    assert told(trace) == ["failed"], "there is no room for the third"


async def test_a_table_has_what_was_counted_of_those_that_have_gone_since(world: World) -> None:
    number = syscall_number(0, "getppid")
    assert number is not None
    cell = Cell(slot=1, abi=0, number=number, serial=101, calls=5, errors=0, sum_ns=50, min_ns=1, max_ns=9, buckets=())
    world.session.put(1, "a", SLOT_TRACED, tracees=1)
    world.session.cells = [cell]
    trace = await world.start("t", "-c")
    world.decide(container("a"))
    world.session.cells = [cell._replace(calls=8, sum_ns=80)]
    world.session.put(1, "a", SLOT_ENDED, end_ns=time.time_ns())
    world.hub.see(protocol.Ended(slot=1, serial=101, id="a"))
    await settle()
    world.session.slots, world.session.cells = [], []
    table = world.hub.table(trace)
    assert [line.split()[3:] for line in table.splitlines() if line.endswith("getppid")] == [["3", "getppid"]]


async def test_limits_are_said(world: World) -> None:
    await world.start("1")
    await world.start("2")
    with pytest.raises(LimitReached, match="traces_per_user"):
        await world.start("3")
    await world.start("3", user="bob")
    with pytest.raises(LimitReached, match=r"limits\.traces"):
        await world.start("4", user="carol")
    assert world.hub.refusals == {"traces": 1, "traces_per_user": 1}


async def test_who_ends_leaves_nothing_even_if_nobody_waits_for_it(world: World) -> None:
    trace, other = await world.start("1", "-C", "--min-duration", "1us"), await world.start("2")
    assert len(trace.consumers) == 2
    waiting = asyncio.create_task(world.hub.finish(trace))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await world.hub.finish(trace)
    assert world.hub.running.keys() == {"2"}
    assert world.hub._records.fan._consumers == other.consumers
    assert world.session.capture
    await world.hub.finish(other)
    assert not world.session.capture
    assert not world.hub._records.fan._consumers
    await world.start("3")
    assert world.session.streams == 2, "records are read anew"

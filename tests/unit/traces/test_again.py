# SPDX-License-Identifier: Apache-2.0
"""A container that is traced again, or runs again, has not ended because an earlier slot of it has."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest_asyncio

from stracelet.native import SLOT_ENDED, SLOT_TRACED
from stracelet.tracing import protocol
from tests.unit.traces.test_hub import World, container, settle, told


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    yield made
    for trace in list(made.hub.running.values()):
        await made.hub.finish(trace)


async def test_what_ended_before_the_trace_began_is_not_its_end(world: World) -> None:
    world.session.put(1, "a", SLOT_ENDED, end_ns=time.time_ns() - 1)
    trace = await world.start()
    world.decide(container("a"))
    world.hub.see(protocol.Ended(slot=1, serial=101, id="a"))
    await settle()
    assert (told(trace), trace.all()) == ([], {})
    world.session.put(2, "a", SLOT_TRACED, tracees=1)
    world.hub.see(protocol.Attached(slot=2, serial=102, id="a", tasks=1, pending=0))
    assert told(trace) == ["attached"]
    assert trace.taken.keys() == {"a"}


async def test_what_ended_before_the_trace_began_takes_nobodys_place(world: World) -> None:
    for slot, id_ in enumerate("ab"):
        world.session.put(slot, id_, SLOT_ENDED, end_ns=time.time_ns() - 1)
    world.known = [container(id_) for id_ in "abcde"]
    trace = await world.start()
    await settle()
    assert trace.taken.keys() == {"c", "d"}
    assert trace.refused.keys() == {"e"}
    before = world.rewanted
    for _ in range(5):
        world.hub.tell_names()
        await settle()
    assert world.rewanted == before, "nothing has come about"


async def test_one_that_was_started_again_is_told_once(world: World) -> None:
    trace = await world.start()
    world.decide(container("a"))
    world.session.put(1, "a", SLOT_ENDED, end_ns=time.time_ns())
    world.hub.see(protocol.Ended(slot=1, serial=101, id="a"))
    await settle()
    world.session.put(2, "a", SLOT_TRACED, tracees=1)
    for _ in range(3):
        world.hub.see(protocol.Attached(slot=2, serial=102, id="a", tasks=1, pending=0))
        world.hub.tell_names()
        await settle()
    assert told(trace) == ["attached", "ended", "attached"]
    assert trace.taken.keys() == {"a"}


async def test_what_could_not_be_traced_is_said_though_it_was_tried_before(world: World) -> None:
    trace = await world.start()
    for slot, id_ in enumerate("ab"):
        world.decide(container(id_))
        failures = (1, 0, 0, 0, 0, 0) if id_ == "a" else (0, 0, 0, 1, 0, 0)  # traced already, and from late on
        world.session.put(slot, id_, SLOT_ENDED, end_ns=time.time_ns(), failures=failures)
    world.hub.see(protocol.Ended(slot=0, serial=100, id="a"))
    await settle()
    assert [(news.container.id, news.event) for news in trace.container_news()] == [
        ("a", "failed"),
        ("b", "attached"),
        ("b", "ended"),
    ]

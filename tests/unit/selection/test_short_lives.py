# SPDX-License-Identifier: Apache-2.0
"""Containers that have ended before anybody names them."""

from __future__ import annotations

from stracelet.native import SLOT_ENDED, SLOT_PROVISIONAL
from stracelet.tracing.selection import LATE_NS, MAX_LATE
from tests.unit.selection.test_selection import SECOND, FakeSlot, World


def made() -> World:
    world = World()
    world.hello()
    return world


async def test_what_has_ended_is_kept_when_its_name_comes_late() -> None:
    world = made()
    world.new("a")
    world.slots = [FakeSlot(0, 1, "a", SLOT_ENDED, end_ns=world.now)]
    world.now += 20 * SECOND
    await world.selection.tick()
    assert world.tracer.discarded == []
    world.name("a", "web")
    assert world.kept("a").counted
    assert world.tracer.discarded == []


async def test_what_nobody_names_is_thrown_away_in_the_end() -> None:
    world = made()
    world.new("a")
    world.slots = [FakeSlot(0, 1, "a", SLOT_ENDED, end_ns=world.now)]
    world.now += 2 * SECOND + LATE_NS - 1
    await world.selection.tick()
    assert world.tracer.discarded == []
    world.now += 1
    await world.selection.tick()
    assert world.tracer.discarded == ["a"]


async def test_what_runs_on_is_waited_for_no_longer_than_before() -> None:
    world = made()
    world.new("a")
    world.slots = [FakeSlot(0, 1, "a", SLOT_PROVISIONAL)]
    world.now += 2 * SECOND
    await world.selection.tick()
    assert world.tracer.discarded == ["a"]


async def test_no_more_than_so_many_are_waited_for() -> None:
    """A slot that nobody may ever want is one that somebody else lacks."""
    world = made()
    for i in range(MAX_LATE + 10):
        world.new(f"{i:03}")
        world.slots.append(FakeSlot(i, i + 1, f"{i:03}", SLOT_ENDED, end_ns=world.now))
        world.now += 1
    world.now += 2 * SECOND
    await world.selection.tick()
    assert world.tracer.discarded == [f"{i:03}" for i in range(10)]

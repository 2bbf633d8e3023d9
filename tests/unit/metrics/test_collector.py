# SPDX-License-Identifier: Apache-2.0
"""One scrape at a time, also where whoever asked for it has gone."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from tests.unit.metrics.arena import FakeArena
from tests.unit.metrics.test_exposition import collector

if TYPE_CHECKING:
    from types import SimpleNamespace


class Held(FakeArena):
    """An arena whose snapshots wait; `most` is how many were taken at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.go, self.entered = threading.Event(), threading.Semaphore(0)
        self.now = self.most = self.all = 0

    def snapshot(self, edges: object) -> SimpleNamespace:
        self.now, self.all = self.now + 1, self.all + 1
        self.most = max(self.most, self.now)
        self.entered.release()
        assert self.go.wait(10)
        self.now -= 1
        return super().snapshot(edges)


async def begun(task: asyncio.Task[object], arena: Held) -> None:
    assert await asyncio.to_thread(arena.entered.acquire, timeout=10)
    assert not task.done()


async def cancelled(task: asyncio.Task[object]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_scrape_that_is_given_up_keeps_its_turn_until_its_thread_has_ended() -> None:
    arena = Held()
    collects = collector(arena)
    given_up = asyncio.create_task(collects.scrape(""))
    await begun(given_up, arena)
    await cancelled(given_up)
    others = [asyncio.create_task(collects.absorb()), asyncio.create_task(collects.scrape(""))]
    assert not await asyncio.to_thread(arena.entered.acquire, timeout=0.2)
    arena.go.set()
    await asyncio.gather(*others)
    assert (arena.all, arena.most) == (3, 1)


async def test_who_gives_up_before_its_turn_costs_nothing() -> None:
    arena = Held()
    collects = collector(arena)
    first, second = (asyncio.create_task(collects.scrape("")) for _ in range(2))
    await begun(first, arena)
    await cancelled(second)
    arena.go.set()
    await first
    await collects.scrape("")
    assert arena.all == 2


async def test_the_end_waits_for_the_thread() -> None:
    arena = Held()
    collects = collector(arena)
    given_up = asyncio.create_task(collects.scrape(""))
    await begun(given_up, arena)
    await cancelled(given_up)
    asyncio.get_running_loop().call_later(0.1, arena.go.set)
    await collects.stop()
    assert (arena.all, arena.now) == (1, 0)


class Arenas:
    """Reads the arena that there is."""

    def __init__(self, now: FakeArena) -> None:
        self.now = now

    def __getattr__(self, name: str) -> object:
        return getattr(self.now, name)


async def test_sums_go_on_over_another_arena_and_nothing_is_counted_twice() -> None:
    first, second = FakeArena(), FakeArena(created_ns=2 * 10**9)
    arenas = Arenas(first)
    collects = collector(arenas)  # type: ignore[arg-type]
    first.book(first.open("a"), 0, error=2, times=5)
    assert calls(await collects.scrape("")) == 5
    first.book(first.slots[0], 0, error=2, times=2)  # which no scrape has seen
    second.book(second.open("a"), 0, error=2, times=3)  # the same slot and serial as in the first one
    await collects.exchange(lambda: setattr(arenas, "now", second))
    assert calls(await collects.scrape("")) == 10
    await collects.exchange(lambda: None)  # the same arena by another connection
    assert calls(await collects.scrape("")) == 10
    assert (collects.calls_uncounted(), collects.calls_folded()) == (14, 16)


def calls(page: tuple[bytes, str]) -> float:
    """Those that were counted, all of which failed."""
    lines = [line.rpartition(b" ") for line in page[0].splitlines() if b'syscall="read"' in line]
    (total,) = [value for series, _, value in lines if series.startswith(b"stracelet_syscalls_total")]
    (failed,) = [value for series, _, value in lines if series.startswith(b"stracelet_syscall_errors_total")]
    assert total == failed
    return float(total)

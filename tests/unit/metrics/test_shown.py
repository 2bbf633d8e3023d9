# SPDX-License-Identifier: Apache-2.0
"""Series of syscalls that are shown, hidden, and shown again."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from stracelet.metrics.exposition import render
from stracelet.metrics.series import Identity, Labels
from stracelet.native import SLOT_ENDED
from stracelet.records.shown import ALL, Shown
from tests.unit.metrics.arena import EDGES, NUMBER_OTHER, SYSCALLS, FakeArena, identity
from tests.unit.metrics.test_series import SECOND, make, update

READ, WRITE, OPENAT = 0, 1, 2


def of(*names: str) -> dict[str, Identity]:
    return {"a": replace(identity("web"), shown=Shown(frozenset(names)))}


def shown(series: object) -> dict[str, int]:
    (group,) = series.groups()  # type: ignore[attr-defined]
    return {name: sum(syscall.buckets) for name, syscall in group.visible()}


def test_what_is_not_shown_has_no_series_and_takes_no_room() -> None:
    arena, series = FakeArena(), make()
    slot = arena.open("a")
    for number in SYSCALLS:
        arena.book(slot, number, times=3, error=2)
    update(series, arena, of("read"))
    (group,) = series.groups()
    assert shown(series) == {"read": 3}
    assert list(group.syscalls) == ["read"]
    text = "".join(render(series.groups(), EDGES, openmetrics=True))
    assert 'syscall="read"' in text
    assert 'syscall="write"' not in text
    lines = group.lines
    update(series, arena, {"a": identity("web")})
    assert group.lines > lines


def test_what_joins_comes_with_all_that_the_container_has_called() -> None:
    arena, series = FakeArena(), make()
    slot = arena.open("a")
    arena.book(slot, WRITE, times=3, error=2)
    update(series, arena, of("read"))
    assert shown(series) == {}
    arena.book(slot, WRITE, times=4)
    update(series, arena, of("read", "write"))
    assert shown(series) == {"write": 7}
    (group,) = series.groups()
    assert group.syscalls["write"].errors == {"ENOENT": 3}


def test_what_leaves_loses_its_series_and_is_back_with_what_was_called_meanwhile() -> None:
    arena, series = FakeArena(), make()
    slot = arena.open("a")
    arena.book(slot, WRITE, times=3, error=2)
    update(series, arena, of("write"))
    arena.book(slot, WRITE, times=4, error=2)
    update(series, arena, of("read"))
    assert shown(series) == {}
    assert "write" not in "".join(render(series.groups(), EDGES, openmetrics=False))
    slot.state, slot.end_ns = SLOT_ENDED, 3 * SECOND
    update(series, arena, of("read"))
    arena.release(slot)
    arena.book(arena.open("a"), WRITE, times=5)
    update(series, arena, of("write"))
    assert shown(series) == {"write": 12}
    (group,) = series.groups()
    assert group.syscalls["write"].errors == {"ENOENT": 7}


def test_what_the_arena_has_folded_together_is_shown_always() -> None:
    arena, series = FakeArena(), make()
    arena.book(arena.open("a"), NUMBER_OTHER, times=3)
    update(series, arena, of("read"))
    assert shown(series) == {"other": 3}


def test_a_container_that_ended_has_no_say_for_the_one_that_runs() -> None:
    for first in ("a", "b"):
        arena, series = FakeArena(), make()
        names = {**of("read"), "b": replace(identity("web"), shown=Shown(frozenset({"write"})))}
        for id_ in (first, "b" if first == "a" else "a"):
            slot = arena.open(id_, **({"state": SLOT_ENDED, "end_ns": 2 * SECOND} if id_ == "a" else {}))
            arena.book(slot, READ)
            arena.book(slot, WRITE)
        update(series, arena, names)
        assert "write" in shown(series)
        assert "read" not in shown(series)


class Filters(RuleBasedStateMachine):
    """Filters change while calls are made, containers end and others come: no number that is shown ever falls, and at
    the end, when all is shown, there is every call of the containers that there are."""

    def __init__(self) -> None:
        super().__init__()
        self.arena, self.series = FakeArena(), make(max_series_per_container=90)
        self.slot = self.arena.open("a")
        self.shown = ALL
        self.highest: dict[str, int] = {}

    @rule(
        number=st.sampled_from([*SYSCALLS, NUMBER_OTHER, -1]), times=st.integers(1, 9), error=st.sampled_from([0, 2, 4])
    )
    def call(self, number: int, times: int, error: int) -> None:
        self.arena.book(self.slot, number, times=times, error=error)

    @rule(names=st.sets(st.sampled_from([*SYSCALLS.values(), "unknown"])))
    def narrow(self, names: set[str]) -> None:
        self.shown = Shown(frozenset(names))

    @rule()
    def widen(self) -> None:
        self.shown = ALL

    @rule()
    def restart(self) -> None:
        self.scrape()
        self.arena.release(self.slot)
        self.slot = self.arena.open("a")

    @invariant()
    def scrape(self) -> None:
        names = {"a": Identity(Labels("", "", "web"), "", "", SECOND, shown=self.shown)}
        update(self.series, self.arena, names)
        for group in self.series.groups():
            assert group.lines <= 90
            for name, syscall in group.visible():
                assert name == "other" or name in self.shown
                calls, errors = sum(syscall.buckets), sum(syscall.errors.values())
                assert errors <= calls
                assert calls >= self.highest.get(name, 0)
                self.highest[name] = calls

    def teardown(self) -> None:
        self.shown = ALL
        self.scrape()
        (group,) = self.series.groups()
        made = sum(cell.calls for cell in self.arena.cells.values())
        assert sum(sum(syscall.buckets) for _, syscall in group.visible()) >= made


TestFilters = Filters.TestCase
TestFilters.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)

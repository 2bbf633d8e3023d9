# SPDX-License-Identifier: Apache-2.0
"""The sums: what they add up, that they never fall, and what the caps do."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from stracelet.metrics.series import Identity, Labels, Series
from stracelet.native import ABI_SIGNAL, SLOT_ENDED
from tests.unit.metrics.arena import EDGES, ERROR_OTHER, NUMBER_OTHER, FakeArena, Names, identity

SECOND = 10**9
LINGER = 120 * SECOND


def make(max_series: int = 30000, max_series_per_container: int = 1500) -> Series:
    return Series(
        n_edges=len(EDGES),
        max_series=max_series,
        max_series_per_container=max_series_per_container,
        linger_ns=LINGER,
        names=Names(),
    )


def update(series: Series, arena: FakeArena, names: dict[str, Identity], now: int = 2 * SECOND) -> None:
    series.update(arena.containers(), arena.snapshot(), names.get, now)


def calls(series: Series, container: str) -> dict[str, int]:
    group = next(group for group in series.groups() if group.labels.container == container)
    return {name: sum(syscall.buckets) for name, syscall in group.syscalls.items()}


def test_abis_are_added_up_by_name_and_a_number_without_one_is_unknown() -> None:
    arena, series = FakeArena(), make()
    slot = arena.open("a")
    arena.book(slot, 0, abi=0, times=3)
    arena.book(slot, 1, abi=1, times=4)
    arena.book(slot, -1, times=5)
    update(series, arena, {"a": identity("web")})
    assert calls(series, "web") == {"read": 7, "unknown": 5}


def test_a_container_that_nobody_asked_for_is_credited_in_full_once_somebody_does() -> None:
    arena, series = FakeArena(), make()
    arena.book(arena.open("a"), 0, times=3)
    update(series, arena, {})
    assert not series.groups()
    update(series, arena, {"a": identity("web")})
    assert calls(series, "web") == {"read": 3}


def test_a_restart_goes_on_where_the_container_of_that_name_was() -> None:
    arena, series = FakeArena(), make()
    names = {"a": identity("web"), "b": identity("web")}
    first = arena.open("a")
    arena.book(first, 0, times=3, error=2)
    update(series, arena, names)
    arena.release(first)
    arena.book(arena.open("b"), 0, times=4)
    update(series, arena, names)
    assert calls(series, "web") == {"read": 7}
    (group,) = series.groups()
    assert list(group.members) == ["b"]
    assert group.syscalls["read"].errors == {"ENOENT": 3}


def test_a_rename_leaves_the_past_to_the_old_name() -> None:
    arena, series = FakeArena(), make()
    slot = arena.open("a")
    arena.book(slot, 0, times=3)
    update(series, arena, {"a": identity("old")})
    arena.book(slot, 0, times=4)
    update(series, arena, {"a": identity("new")}, now=9 * SECOND)
    assert (calls(series, "old"), calls(series, "new")) == ({"read": 3}, {"read": 4})
    created = {group.labels.container: group.created_ns for group in series.groups()}
    assert created == {"old": SECOND, "new": 9 * SECOND}


def test_who_loses_its_identity_is_counted_no_second_time_when_it_is_back() -> None:
    arena, series = FakeArena(), make()
    arena.book(arena.open("a"), 0, times=3)
    for names in ({"a": identity("web")}, {}, {"a": identity("web")}):
        update(series, arena, names)
    assert calls(series, "web") == {"read": 3}


def test_an_ended_container_stays_for_the_linger_whoever_scrapes() -> None:
    arena, series = FakeArena(), make()
    names = {"a": identity("web")}
    slot = arena.open("a")
    arena.book(slot, 0)
    slot.state, slot.end_ns = SLOT_ENDED, 10 * SECOND
    update(series, arena, names, 11 * SECOND)
    arena.release(slot)
    for now in (12 * SECOND, 10 * SECOND + LINGER):
        update(series, arena, names, now)
        assert calls(series, "web") == {"read": 1}
    update(series, arena, names, 10 * SECOND + LINGER + 1)
    assert not series.groups()


def test_a_number_that_falls_for_a_moment_is_not_added_twice() -> None:
    arena, series = FakeArena(), make()
    slot = arena.open("a")
    names = {"a": identity("web")}
    for times in (5, -2, 2):
        arena.book(slot, 0, times=times)
        update(series, arena, names)
        assert calls(series, "web") == {"read": 5}


def test_signals_and_failures_are_sums_too() -> None:
    arena, series = FakeArena(), make()
    slot = arena.open("a")
    names = {"a": identity("web")}
    for _ in range(2):
        arena.book(slot, 15, abi=ABI_SIGNAL, ns=0)
        slot.failures[1] += 1
        slot.delayed += 2
        update(series, arena, names)
    (group,) = series.groups()
    assert (group.signals, group.failures[1], group.delayed) == ({"SIGTERM": 2}, 2, 4)


def test_what_the_arena_has_folded_takes_the_lines_that_are_kept_free_for_it() -> None:
    arena, series = FakeArena(), make(max_series_per_container=20)
    slot = arena.open("a")
    arena.book(slot, 0, error=ERROR_OTHER, times=3)
    arena.book(slot, NUMBER_OTHER, error=ERROR_OTHER, times=4)
    arena.book(slot, NUMBER_OTHER, abi=ABI_SIGNAL, times=5)
    update(series, arena, {"a": identity("web")})
    (group,) = series.groups()
    assert calls(series, "web") == {"read": 3, "other": 4}
    assert {name: syscall.errors for name, syscall in group.syscalls.items()} == {
        "read": {"other": 3},
        "other": {"other": 4},
    }
    assert group.signals == {"other": 5}
    assert (group.diverted, group.lines) == (set(), 17)  # those of "other", and read's: 9 and 8


def test_over_the_cap_of_a_container_later_syscalls_are_other_for_its_life() -> None:
    arena, series = FakeArena(), make(max_series_per_container=30)
    slot = arena.open("a")
    names = {"a": identity("web")}
    for number in range(5):
        arena.book(slot, number, error=2)
        update(series, arena, names)
        arena.book(slot, 0)
    found = calls(series, "web")
    assert set(found) == {"read", "write", "other"}
    assert sum(found.values()) == 9
    (group,) = series.groups()
    assert {name for kind, name in group.diverted if kind == "syscall"} == {"openat", "close", "futex"}
    assert lines(group) <= 30


def test_the_cap_of_all_counts_all() -> None:
    arena, series = FakeArena(), make(max_series=100)
    names = {str(i): identity(f"c{i}") for i in range(5)}
    for name in names:
        slot = arena.open(name)
        for number in range(5):
            arena.book(slot, number)
    update(series, arena, names)
    assert sum(map(lines, series.groups())) <= 100
    assert all(sum(calls(series, f"c{i}").values()) == 5 for i in range(5))


def test_room_that_comes_free_later_is_not_for_what_went_to_other_before() -> None:
    arena, series = FakeArena(), make(max_series=40)
    names = {"a": identity("old"), "b": identity("new")}
    old = arena.open("a")
    for number in range(5):
        arena.book(old, number)
    new = arena.open("b")
    arena.book(new, 4)
    update(series, arena, names)
    assert calls(series, "new") == {"other": 1}
    arena.release(old)
    update(series, arena, names, 3 * SECOND)
    update(series, arena, names, 4 * SECOND + LINGER)
    arena.book(new, 4)
    arena.book(new, 0)
    update(series, arena, names, 5 * SECOND + LINGER)
    assert calls(series, "new") == {"other": 2, "read": 1}


def test_the_errnos_that_are_remembered_are_bounded_and_their_calls_are_not_lost() -> None:
    arena, series = FakeArena(), make(max_series=250, max_series_per_container=100)
    slots = [arena.open(name) for name in "abc"]
    names = {name: identity(name) for name in "abc"}
    for turn in range(1, 5):
        series.max_series_per_container = 100 * turn  # what is not told apart stays so
        for slot in slots:
            for error in range(1, 60 * turn):
                arena.book(slot, error % 2, error=error)
        update(series, arena, names)
        for group in series.groups():
            booked = {name: sum(syscall.buckets) for name, syscall in group.syscalls.items()}
            assert {name: sum(syscall.errors.values()) for name, syscall in group.syscalls.items()} == booked
        assert len(series._last_errors) <= 250 + 2 * len(slots)
    assert all(group.syscalls["read"].errors["other"] for group in series.groups())
    assert all(group.syscalls["read"].errors["ENOENT"] == 4 for group in series.groups())
    for slot in slots:
        arena.release(slot)
    update(series, arena, names)
    assert not series._last_errors
    assert not series._told_apart
    assert not series._errors_full


def test_an_evicted_container_gives_its_room_back() -> None:
    arena, series = FakeArena(), make(max_series=30)
    old = arena.open("a")
    for number in range(5):
        arena.book(old, number)
    update(series, arena, {"a": identity("old")})
    arena.release(old)
    update(series, arena, {}, 3 * SECOND)
    update(series, arena, {}, 4 * SECOND + LINGER)
    arena.book(arena.open("b"), 4)
    update(series, arena, {"b": identity("new")}, 5 * SECOND + LINGER)
    assert calls(series, "new") == {"futex": 1}


def lines(group: object) -> int:
    """The lines of the per-syscall families that the group is shown in."""
    per_syscall = 1 + len(EDGES) + 1 + 2
    return (  # type: ignore[no-any-return]
        per_syscall * len(group.syscalls)  # type: ignore[attr-defined]
        + sum(len(syscall.errors) for syscall in group.syscalls.values())  # type: ignore[attr-defined]
        + len(group.signals)  # type: ignore[attr-defined]
    )


class NeverFalling(RuleBasedStateMachine):
    """Containers come, go, are renamed and restarted, in any order: no sum falls while it is shown, none is lost."""

    def __init__(self) -> None:
        super().__init__()
        self.arena, self.series = FakeArena(), make(max_series=200, max_series_per_container=40)
        self.names: dict[str, Identity] = {}
        self.now = 2 * SECOND
        self.shown: dict[tuple[Labels, int, str, object], int] = {}
        self.booked = self.failed = 0
        self.gone = [0, 0]

    @rule(label=st.sampled_from("xyz"))
    def start(self, label: str) -> None:
        slot = self.arena.open(str(self.arena.serial), first_ns=self.now)
        self.names[slot.id] = identity(label)

    @rule(data=st.data(), number=st.integers(-1, 6), abi=st.integers(0, 1), error=st.sampled_from([0, 0, 2, 4, 99]))
    def book(self, data: st.DataObject, number: int, abi: int, error: int) -> None:
        if self.arena.slots:
            slot = data.draw(st.sampled_from(self.arena.slots))
            self.arena.book(slot, number, abi=abi, error=error, ns=data.draw(st.integers(0, 20000)))
            self.booked += 1
            self.failed += bool(error)

    @rule(data=st.data(), label=st.sampled_from("xyz"))
    def rename(self, data: st.DataObject, label: str) -> None:
        if self.arena.slots:
            self.names[data.draw(st.sampled_from(self.arena.slots)).id] = identity(label)

    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        if self.arena.slots:
            update(self.series, self.arena, self.names, self.now)
            self.arena.release(data.draw(st.sampled_from(self.arena.slots)))

    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        if self.arena.slots:
            slot = data.draw(st.sampled_from(self.arena.slots))
            slot.state, slot.end_ns = SLOT_ENDED, self.now

    @rule(seconds=st.sampled_from([1, 60, 121]))
    def wait(self, seconds: int) -> None:
        self.now += seconds * SECOND

    @invariant()
    def nothing_falls_and_nothing_is_lost(self) -> None:
        before = {(group.labels, group.created_ns): group for group in self.series.groups()}
        update(self.series, self.arena, self.names, self.now)
        now: dict[tuple[Labels, int, str, object], int] = {}
        for group in self.series.groups():
            for name, syscall in group.syscalls.items():
                now |= {(group.labels, id(group), name, i): count for i, count in enumerate(syscall.buckets)}
                now |= {(group.labels, id(group), name, errno): n for errno, n in syscall.errors.items()}
                now[group.labels, id(group), name, "sum"] = syscall.sum_ns
                assert sum(syscall.errors.values()) <= sum(syscall.buckets)
        alive = {id(group) for group in self.series.groups()}
        for key, value in self.shown.items():
            assert key[1] not in alive or now[key] >= value, key
        self.shown = now
        for group in before.values():
            if id(group) not in alive:
                self.gone[0] += sum(sum(syscall.buckets) for syscall in group.syscalls.values())
                self.gone[1] += sum(sum(syscall.errors.values()) for syscall in group.syscalls.values())
        groups = self.series.groups()
        total = sum(sum(syscall.buckets) for group in groups for syscall in group.syscalls.values())
        errors = sum(sum(syscall.errors.values()) for group in groups for syscall in group.syscalls.values())
        assert (total + self.gone[0], errors + self.gone[1]) == (self.booked, self.failed)
        assert all(lines(group) <= 40 for group in groups)


NeverFalling.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestNeverFalling = NeverFalling.TestCase

# SPDX-License-Identifier: Apache-2.0
"""What the exported counters stand at: sums over containers with equal labels that never fall.

The arena's counters end with a slot's release, and a slot's container may be renamed. So what a snapshot shows beyond
the one before is *added* to the series of the labels that the container has now; a series owns its sum.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from stracelet.metrics.families import FAILURE_REASONS
from stracelet.native import ABI_SIGNAL, OTHER, SLOT_ENDED, SLOT_LEFT
from stracelet.records.shown import ALL, UNKNOWN, Shown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from stracelet.arena import Cell, ErrorCell, Names, Slot, Snapshot

REST = 0  # in place of an errno: all of the syscall's that are not told apart


ErrorKey: TypeAlias = tuple[int, int, int, int, int]
"""Slot, serial, ABI, number, errno."""


class Labels(NamedTuple):
    """The labels that every series of a container has."""

    namespace: str
    pod: str
    container: str


@dataclass(frozen=True)
class Identity:
    """Who a container is, for the metrics, and what they show of it. `seen_ns`: CLOCK_REALTIME at which it was first
    seen, traced or not."""

    labels: Labels
    image: str
    runtime: str
    seen_ns: int
    engine: str = "ptrace"
    workload_kind: str = ""
    workload: str = ""
    shown: Shown = ALL


@dataclass(slots=True)
class SyscallSeries:
    """One syscall of one container: `buckets` are not cumulative; calls are their sum."""

    buckets: list[int]
    sum_ns: int = 0
    errors: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class ContainerSeries:
    """All that is exported for one set of labels."""

    labels: Labels
    created_ns: int
    ended_ns: int | None = None
    lines: int = 0
    syscalls: dict[str, SyscallSeries] = field(default_factory=dict)
    signals: dict[str, int] = field(default_factory=dict)
    diverted: set[tuple[str, str]] = field(default_factory=set)
    failures: list[int] = field(default_factory=lambda: [0] * len(FAILURE_REASONS))
    delayed: int = 0
    eintr_passed: int = 0
    members: dict[str, Identity] = field(default_factory=dict)
    tracees: int = 0
    traced_ns: int = 0
    lifetime_ns: int = 0
    held_ns: int = 0
    cpu_ns: int = 0
    shown: Shown = ALL

    def visible(self) -> list[tuple[str, SyscallSeries]]:
        """Those of its syscalls that are shown now, by name. A series that is not goes on counting, so that it has not
        fallen when it is shown again; `other` may have something of each."""
        return [(name, series) for name, series in self.syscalls.items() if name in self.shown or name == OTHER]


class Series:
    """The series of all containers. Not thread-safe: one caller at a time."""

    def __init__(
        self,
        *,
        n_edges: int,
        max_series: int,
        max_series_per_container: int,
        linger_ns: int,
        names: Names,
    ) -> None:
        self.max_series = max_series
        self.max_series_per_container = max_series_per_container
        self.linger_ns = linger_ns
        self._names = names
        self._syscall_names: dict[tuple[int, int], str] = {}
        self._n_buckets = n_edges + 1
        # A syscall's lines: its counter, its buckets, _sum, _count; and one kept free for errno="other".
        self._syscall_lines = 1 + self._n_buckets + 2 + 1
        # Kept free for each container: syscall="other" with an errno="other", and signal="other".
        self._reserve = self._syscall_lines + 1
        self._lines = 0
        self._groups: dict[Labels, ContainerSeries] = {}
        self._placed: dict[tuple[int, int], ContainerSeries] = {}
        self._identities: dict[tuple[int, int], Identity] = {}
        self._last_cells: dict[tuple[int, int, int, int], tuple[int, int, tuple[int, ...]]] = {}
        self._last_errors: dict[ErrorKey, int] = {}
        self._told_apart: Counter[tuple[int, int]] = Counter()
        self._errors_full: set[tuple[int, int]] = set()
        self._last_slots: dict[tuple[int, int], tuple[int, ...]] = {}

    def groups(self) -> Collection[ContainerSeries]:
        """What there is to export, a ContainerSeries for each set of labels."""
        return self._groups.values()

    def another_arena(self) -> None:
        """What comes next counts from 0: it is added to the sums as it is, whichever slots it is in."""
        self._forget(self._placed.keys())
        self._placed = {}

    def update(
        self,
        slots: Iterable[Slot],
        snapshot: Snapshot,
        identify: Callable[[str], Identity | None],
        now_ns: int,
    ) -> None:
        """Adds what is new since the last call.

        A syscall that has no series yet, and is not shown, gets none: its counts wait in the arena.

        `identify` maps a container's ID to its Identity, or to None while nobody has asked for it: its counts then
        wait in the arena. `slots` is to be read before `snapshot`. `now_ns`: CLOCK_REALTIME.
        """
        self._place(slots, identify, now_ns)
        for cell in snapshot.cells:
            group = self._placed.get((cell.slot, cell.serial))
            if group is not None:
                self._add(group, cell)
        self._add_errors(snapshot.errors)
        self._evict(now_ns)

    def _place(self, slots: Iterable[Slot], identify: Callable[[str], Identity | None], now_ns: int) -> None:
        """Finds the series of each slot, and sums up the gauges. A slot that has an identity keeps one."""
        before, self._placed = self._placed, {}
        ends: dict[Labels, int | None] = {}
        for group in self._groups.values():
            group.members, group.tracees = {}, 0
            group.traced_ns = group.lifetime_ns = group.held_ns = group.cpu_ns = 0
        for slot in slots:
            key = slot.slot, slot.serial
            identity = identify(slot.id) or self._identities.get(key)
            if identity is None:
                continue
            self._identities[key] = identity
            group = self._group(identity.labels, slot.first_ns if key not in before else now_ns)
            self._placed[key] = group
            if slot.state != SLOT_ENDED or not group.members:  # what was before a restart has no say
                group.shown = identity.shown
            group.members[slot.id] = identity
            _gauge(group, slot, identity, now_ns)
            self._add_slot(group, slot)
            end = slot.end_ns or now_ns if slot.state in (SLOT_ENDED, SLOT_LEFT) else None
            known = ends.get(group.labels, 0)
            ends[group.labels] = None if end is None or known is None else max(end, known)
        for group in self._groups.values():
            group.ended_ns = ends.get(group.labels, now_ns if group.ended_ns is None else group.ended_ns)
        self._forget(before.keys() - self._placed.keys())

    def _group(self, labels: Labels, created_ns: int) -> ContainerSeries:
        group = self._groups.get(labels)
        if group is None:
            group = self._groups[labels] = ContainerSeries(labels, created_ns, lines=self._reserve)
            self._lines += self._reserve
        return group

    def _forget(self, released: Collection[tuple[int, int]]) -> None:
        if not released:
            return
        for key in released:
            self._last_slots.pop(key, None)
            self._identities.pop(key, None)
            self._told_apart.pop(key, None)
            self._errors_full.discard(key)
        self._last_cells = {key: value for key, value in self._last_cells.items() if key[:2] not in released}
        self._last_errors = {key: value for key, value in self._last_errors.items() if key[:2] not in released}

    def _add_slot(self, group: ContainerSeries, slot: Slot) -> None:
        key = slot.slot, slot.serial
        now = (slot.delayed, slot.eintr_passed, *slot.failures)
        last = self._last_slots.get(key, (0,) * len(now))
        added = [max(0, new - old) for new, old in zip(now, last, strict=True)]
        self._last_slots[key] = tuple(map(max, now, last))
        group.delayed += added[0]
        group.eintr_passed += added[1]
        group.failures = [total + more for total, more in zip(group.failures, added[2:], strict=True)]

    def _waits(self, group: ContainerSeries, name: str) -> bool:
        """Whether a syscall has no series, and is not to have one now."""
        return name not in group.syscalls and name not in group.shown and name != OTHER

    def _add(self, group: ContainerSeries, cell: Cell) -> None:
        if cell.abi != ABI_SIGNAL and self._waits(group, self._syscall_name(cell.abi, cell.number)):
            return
        key = cell.slot, cell.serial, cell.abi, cell.number
        last = self._last_cells.get(key)
        if last is not None and last[0] == cell.calls and last[1] == cell.sum_ns:
            return
        old_calls, old_sum, old = last or (0, 0, (0,) * self._n_buckets)
        new = tuple(map(max, cell.buckets[: self._n_buckets], old))
        self._last_cells[key] = max(cell.calls, old_calls), max(cell.sum_ns, old_sum), new
        if cell.abi == ABI_SIGNAL:
            signal = self._signal(group, self._names.signal_name(cell.number) or UNKNOWN)
            group.signals[signal] += sum(new) - sum(old)
            return
        series = self._syscall(group, self._syscall_name(cell.abi, cell.number))
        series.buckets = [total + n - o for total, n, o in zip(series.buckets, new, old, strict=True)]
        series.sum_ns += max(0, cell.sum_ns - old_sum)

    def _add_errors(self, cells: Iterable[ErrorCell]) -> None:
        """A target may choose its errnos (seccomp_unotify(2)), and so have thousands for each of its syscalls."""
        rest: Counter[ErrorKey] = Counter()
        for cell in cells:
            group = self._placed.get((cell.slot, cell.serial))
            if group is None or self._waits(group, self._syscall_name(cell.abi, cell.number)):
                continue
            key = cell.slot, cell.serial, cell.abi, cell.number, cell.error
            if self._tell_apart(key):
                self._add_error(key, cell.calls)
            else:
                rest[(*key[:4], REST)] += cell.calls
        for key, calls in rest.items():
            self._add_error(key, calls)

    def _tell_apart(self, key: ErrorKey) -> bool:
        """Whether this errno's calls are remembered by themselves, which stays so: else they would be added twice."""
        if key in self._last_errors:
            return True
        slot = key[:2]
        if self._told_apart[slot] >= self.max_series_per_container or len(self._last_errors) >= self.max_series:
            self._errors_full.add(slot)
        if slot in self._errors_full:
            return False
        self._told_apart[slot] += 1
        self._last_errors[key] = 0
        return True

    def _add_error(self, key: ErrorKey, calls: int) -> None:
        last = self._last_errors.get(key, 0)
        if calls <= last:
            return
        self._last_errors[key] = calls
        slot, serial, abi, number, error = key
        group, name = self._placed[slot, serial], self._syscall_name(abi, number)
        errors = self._syscall(group, name).errors
        known = OTHER if error == REST else self._names.errno_name(error) or UNKNOWN
        errno = self._errno(group, errors, name, known)
        errors[errno] = errors.get(errno, 0) + calls - last

    def _syscall(self, group: ContainerSeries, name: str) -> SyscallSeries:
        """The syscall's own series, or that of "other" where the caps leave no room, for the container's life."""
        series = group.syscalls.get(name)
        if series is None and name != OTHER and not self._admit(group, "syscall", name, self._syscall_lines):
            name = OTHER
            series = group.syscalls.get(name)
        if series is None:
            series = group.syscalls[name] = SyscallSeries([0] * self._n_buckets)
        return series

    def _syscall_name(self, abi: int, number: int) -> str:
        name = self._syscall_names.get((abi, number))
        if name is None:
            name = self._syscall_names[abi, number] = self._names.syscall_name(abi, number) or UNKNOWN
        return name

    def _signal(self, group: ContainerSeries, name: str) -> str:
        if name not in group.signals and name != OTHER and not self._admit(group, "signal", name, 1):
            name = OTHER
        group.signals.setdefault(name, 0)
        return name

    def _errno(self, group: ContainerSeries, errors: dict[str, int], syscall: str, name: str) -> str:
        if name in errors or name == OTHER or self._admit(group, f"{syscall} errno", name, 1):
            return name
        return OTHER

    def _admit(self, group: ContainerSeries, kind: str, name: str, lines: int) -> bool:
        if (kind, name) in group.diverted:
            return False
        if group.lines + lines > self.max_series_per_container or self._lines + lines > self.max_series:
            group.diverted.add((kind, name))
            return False
        group.lines += lines
        self._lines += lines
        return True

    def _evict(self, now_ns: int) -> None:
        for labels, group in list(self._groups.items()):
            if group.ended_ns is not None and now_ns - group.ended_ns > self.linger_ns:
                if group.members:  # their slots are still to be released: what they hold is in this group's sums
                    continue
                self._lines -= group.lines
                del self._groups[labels]


def _gauge(group: ContainerSeries, slot: Slot, identity: Identity, now_ns: int) -> None:
    began = min(identity.seen_ns or slot.first_ns, slot.first_ns)
    group.tracees += slot.tracees
    group.traced_ns += slot.traced_ns
    group.lifetime_ns += max(0, (slot.end_ns or now_ns) - began)
    group.held_ns += slot.held_ns
    group.cpu_ns += slot.cpu_ns

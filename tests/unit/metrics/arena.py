# SPDX-License-Identifier: Apache-2.0
"""A small arena in Python, for tests of what reads one: slots and counters that only grow, until they are released."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

from stracelet.metrics.series import Identity, Labels
from stracelet.native import OTHER

NUMBER_OTHER, ERROR_OTHER = -2, 4096
EDGES = (1000, 4000, 16000)
SYSCALLS = {0: "read", 1: "write", 2: "openat", 3: "close", 4: "futex"}


class Names:
    """Five syscalls on two ABIs, whose numbers differ by one; two errnos; a signal; what is folded together."""

    def syscall_name(self, abi: int, number: int) -> str | None:
        return OTHER if number == NUMBER_OTHER else SYSCALLS.get(number - abi)

    def errno_name(self, error: int) -> str | None:
        return {2: "ENOENT", 4: "EINTR", ERROR_OTHER: OTHER}.get(error)

    def signal_name(self, signal: int) -> str | None:
        return {15: "SIGTERM", NUMBER_OTHER: OTHER}.get(signal)


@dataclass
class FakeSlot:
    slot: int
    serial: int
    id: str
    state: int = 2
    first_ns: int = 10**9
    end_ns: int = 0
    traced_ns: int = 0
    held_ns: int = 0
    cpu_ns: int = 0
    delayed: int = 0
    eintr_passed: int = 0
    failures: list[int] = field(default_factory=lambda: [0] * 6)
    tracees: int = 1


@dataclass
class FakeArena:
    """`book` counts a call; a released slot's number is used again, with a new serial."""

    slots: list[FakeSlot] = field(default_factory=list)
    cells: dict[tuple[int, int, int, int], SimpleNamespace] = field(default_factory=dict)
    failed: dict[tuple[int, int, int, int, int], SimpleNamespace] = field(default_factory=dict)
    serial: int = 0
    created_ns: int = 10**9

    def info(self) -> SimpleNamespace:
        return SimpleNamespace(created_ns=self.created_ns, rows_refused=7, calls_folded=8)

    def open(self, container_id: str, **kwargs: int) -> FakeSlot:
        self.serial += 1
        used = {slot.slot for slot in self.slots}
        slot = FakeSlot(next(n for n in range(1024) if n not in used), self.serial, container_id, **kwargs)
        self.slots.append(slot)
        return slot

    def book(self, slot: FakeSlot, number: int, *, abi: int = 0, ns: int = 500, error: int = 0, times: int = 1) -> None:
        key = slot.slot, slot.serial, abi, number
        names = dict(zip(("slot", "serial", "abi", "number"), key, strict=True))
        fresh = SimpleNamespace(**names, calls=0, sum_ns=0, buckets=(0,) * 32)
        cell = self.cells.setdefault(key, fresh)
        bucket = next((i for i, edge in enumerate(EDGES) if ns <= edge), len(EDGES))
        cell.buckets = tuple(n + times * (i == bucket) for i, n in enumerate(cell.buckets))
        cell.calls += times
        cell.sum_ns += ns * times
        if error:
            failed = self.failed.setdefault((*key, error), SimpleNamespace(**names, error=error, calls=0))
            failed.calls += times

    def release(self, slot: FakeSlot) -> None:
        self.slots.remove(slot)
        self.cells = {key: cell for key, cell in self.cells.items() if key[:2] != (slot.slot, slot.serial)}
        self.failed = {key: cell for key, cell in self.failed.items() if key[:2] != (slot.slot, slot.serial)}

    def containers(self) -> list[FakeSlot]:
        return list(self.slots)

    def snapshot(self, edges: object = EDGES) -> SimpleNamespace:
        return SimpleNamespace(
            cells=[SimpleNamespace(**vars(cell)) for cell in self.cells.values()],
            errors=[SimpleNamespace(**vars(cell)) for cell in self.failed.values()],
        )


def identity(container: str, *, namespace: str = "", pod: str = "", seen_ns: int = 10**9) -> Identity:
    return Identity(Labels(namespace, pod, container), "image:1", "docker", seen_ns)

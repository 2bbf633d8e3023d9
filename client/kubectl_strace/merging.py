# SPDX-License-Identifier: Apache-2.0
"""Lines of several streams in the order of time: each is held until none can bring an older one, or for a second."""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

HELD_SECONDS = 1.0
HELD_LINES = 200_000
ENDLESS = 1 << 63

Key = TypeVar("Key", bound="Hashable")


class Entry(NamedTuple, Generic[Key]):
    """`time`: ns. `position`: of the line in its stream; 0: no line, but a note for the user."""

    time: int
    stream: Key
    text: str
    position: int


@dataclass
class _Queue(Generic[Key]):
    """`passed`: no older line comes after it. `arrived` goes with `entries`: when, in seconds."""

    passed: int = 0
    entries: deque[Entry[Key]] = field(default_factory=deque)
    arrived: deque[float] = field(default_factory=deque)


class Merger(Generic[Key]):
    """Whose clock `now` is, is the caller's affair."""

    def __init__(self) -> None:
        self._queues: dict[Key, _Queue[Key]] = {}
        self._held = 0

    def open(self, stream: Key) -> None:
        self._queues[stream] = _Queue()

    def close(self, stream: Key) -> None:
        """Nothing comes from it any more; what it has brought stays in order."""
        self._queues[stream].passed = ENDLESS

    def forget(self, stream: Key) -> None:
        """Nothing of it is wanted any more."""
        self._held -= len(self._queues.pop(stream).entries)

    def add(self, entries: Iterable[Entry[Key]], *, now: float) -> None:
        for entry in entries:
            queue = self._queues[entry.stream]
            queue.entries.append(entry)
            queue.arrived.append(now)
            queue.passed = max(queue.passed, entry.time)
            self._held += 1

    def passed(self, stream: Key, time: int) -> None:
        queue = self._queues[stream]
        queue.passed = max(queue.passed, time)

    def take(self, *, now: float) -> list[Entry[Key]]:
        """What may be printed."""
        ready: list[Entry[Key]] = []
        safe = min((queue.passed for queue in self._queues.values() if not queue.entries), default=ENDLESS)
        heads = [(queue.entries[0].time, at, queue) for at, queue in enumerate(self._queues.values()) if queue.entries]
        heapq.heapify(heads)
        while heads:
            time, at, queue = heads[0]
            if time > safe and self._held <= HELD_LINES and not self._overdue(now, heads):
                break
            ready.append(queue.entries.popleft())
            queue.arrived.popleft()
            self._held -= 1
            if queue.entries:
                heapq.heapreplace(heads, (queue.entries[0].time, at, queue))
            else:
                heapq.heappop(heads)
                safe = min(safe, queue.passed)
        return ready

    @staticmethod
    def _overdue(now: float, heads: list[tuple[int, int, _Queue[Key]]]) -> bool:
        """Whether a line has waited long enough: what is older goes before it."""
        return any(queue.arrived[0] + HELD_SECONDS <= now for _, _, queue in heads)

    @property
    def holds(self) -> bool:
        return self._held > 0

    def flush(self) -> list[Entry[Key]]:
        """All, in order: nothing comes any more."""
        for stream in self._queues:
            self.close(stream)
        return self.take(now=0.0)

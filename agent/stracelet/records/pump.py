# SPDX-License-Identifier: Apache-2.0
"""The thread that carries records from the rings to those that take them.

It alone waits for a slow sink; meanwhile the rings fill, and what finds no room there is dropped and counted, or waited
for where that was asked for.
"""

from __future__ import annotations

import asyncio
import os
import select
import threading
from collections import deque
from typing import TYPE_CHECKING, Protocol

from stracelet.native import STREAM_BUFFER, Named, StreamInfo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stracelet.records.consumers import Consumer

# How long it sleeps when there was nothing: what is shown is not much older, and an idle target costs little.
SHORTEST_MS, LONGEST_MS = 2, 20


class Source(Protocol):
    """A native.Stream."""

    def read(self, buffer: bytearray, *, all_: bool = False) -> int: ...
    def info(self) -> StreamInfo: ...
    def close(self) -> None: ...


class Pump:
    """Runs from start() until stop(), a failure, or all that takes records is done; then `ended` is set."""

    def __init__(self, source: Source, consumers: Sequence[Consumer], watched: int | None = None) -> None:
        """`watched`: a descriptor whose hang-up ends it, for nobody reads what is written."""
        self._source, self._consumers = source, consumers
        self._names: deque[Named] = deque()
        self._loop = asyncio.get_running_loop()
        self.ended = asyncio.Event()
        self.error: BaseException | None = None
        self.moved = 0
        self._stopping = False
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poll = select.poll()
        self._poll.register(self._wake, select.POLLIN)
        self._watched = watched
        if watched is not None:
            self._poll.register(watched, 0)
        self._thread = threading.Thread(target=self._run, name="records", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def name(self, named: Named) -> None:
        """From any thread; it holds for what is read from now on, and for what waits for a name."""
        self._names.append(named)
        self._rouse()

    def _rouse(self) -> None:
        os.eventfd_write(self._wake, 1)

    async def stop(self, patience: float) -> bool:
        """Carries on what there is, and ends. False: the sink has taken nothing for `patience` seconds: it is left."""
        self._stopping = True
        self._rouse()
        moved = -1
        while not self.ended.is_set() and moved != self.moved:
            moved = self.moved
            try:
                async with asyncio.timeout(patience):
                    await self.ended.wait()
            except TimeoutError:
                continue
        return self.ended.is_set()

    def info(self) -> StreamInfo:
        """Once it has ended."""
        return self._source.info()

    def close(self) -> None:
        """Once it has ended; a pump that was left is never closed, for its thread may still use all of this."""
        self._thread.join()
        self._source.close()
        os.close(self._wake)

    def _run(self) -> None:
        try:
            self._carry()
        except BaseException as error:  # noqa: BLE001 - it is raised where the pump's end is waited for
            self.error = error
        self._loop.call_soon_threadsafe(self.ended.set)

    def _carry(self) -> None:
        buffer = bytearray(STREAM_BUFFER)
        sleep = SHORTEST_MS
        while not any(consumer.done for consumer in self._consumers):
            stopping = self._stopping
            if self._step(buffer, all_=stopping):
                sleep = SHORTEST_MS
                continue
            if stopping:
                break
            for consumer in self._consumers:
                consumer.flush()
            if self._gone(self._poll.poll(sleep)):
                raise BrokenPipeError
            sleep = min(2 * sleep, LONGEST_MS)
        dropped = self._source.info().dropped
        for consumer in self._consumers:
            consumer.end(dropped)

    def _gone(self, events: Sequence[tuple[int, int]]) -> bool:
        for descriptor, event in events:
            if descriptor == self._wake:
                os.eventfd_read(self._wake)
            elif event & (select.POLLERR | select.POLLNVAL):
                return True
        return False

    def _step(self, buffer: bytearray, *, all_: bool) -> bool:
        """Whether there was anything."""
        while self._names:
            named = self._names.popleft()
            for consumer in self._consumers:
                consumer.name(named)
        size = self._source.read(buffer, all_=all_)
        if not size:
            return False
        with memoryview(buffer)[:size] as records:
            for consumer in self._consumers:
                consumer.take(records)
        self.moved += size
        return True

# SPDX-License-Identifier: Apache-2.0
"""One scrape: a snapshot of the arena, added to the series, written as text; off the event loop, one at a time."""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Protocol

from stracelet.errors import ArenaError
from stracelet.metrics.exposition import OPENMETRICS, negotiate, render
from stracelet.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from stracelet.arena import Slot, Snapshot
    from stracelet.metrics.self_metrics import SelfMetrics
    from stracelet.metrics.series import Identity, Series


logger = logging.getLogger(__name__)


class Info(Protocol):
    """struct stl_info, as far as it is of interest here."""

    @property
    def created_ns(self) -> int: ...
    @property
    def rows_refused(self) -> int: ...
    @property
    def calls_folded(self) -> int: ...


class Reader(Protocol):
    """The arena that there is, as the collector sees it."""

    def info(self) -> Info: ...
    def containers(self) -> Sequence[Slot]: ...
    def snapshot(self, edges: Sequence[int]) -> Snapshot: ...


class Collector:
    """Owns the Series: whoever wants to read or change them goes through here."""

    def __init__(
        self,
        *,
        reader: Reader,
        series: Series,
        self_metrics: SelfMetrics,
        identities: Callable[[Iterable[str]], dict[str, Identity]],
        edges_ns: Sequence[int],
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._reader = reader
        self._series = series
        self._self_metrics = self_metrics
        self._identities = identities
        self._edges_ns = tuple(edges_ns)
        self._clock = clock
        self._turns = Turns()
        # In arenas that were.
        self._uncounted = self._folded = 0
        self.scrape_seconds = 0.0

    async def absorb(self) -> None:
        """Adds what the arena holds now to the series, as before a slot is released."""
        await self._turns.take(self._absorb)

    async def exchange(self, swap: Callable[[], None]) -> None:
        """Reads the arena a last time before `swap` puts another one in its place; the sums go on."""
        await self._turns.take(partial(self._exchange, swap))

    def calls_uncounted(self) -> int:
        """Calls that found no free row. ArenaError."""
        return self._uncounted + self._reader.info().rows_refused

    def calls_folded(self) -> int:
        """Calls whose syscall or errno is counted as "other" for want of rows. ArenaError."""
        return self._folded + self._reader.info().calls_folded

    async def scrape(self, accept: str) -> tuple[bytes, str]:
        """The page and its content type, as the Accept header asks for it. ArenaError."""
        return await self._turns.take(partial(self._scrape, accept))

    async def stop(self) -> None:
        """Returns when nothing reads the arena any more; nothing will."""
        await self._turns.stop()

    async def _absorb(self) -> None:
        slots = self._reader.containers()
        identities = self._identities(slot.id for slot in slots)
        await asyncio.to_thread(self._update, slots, identities)

    async def _exchange(self, swap: Callable[[], None]) -> None:
        try:
            await self._absorb()
        except ArenaError as error:
            logger.warning("the last counts of the tracer that was are lost: %s", error)
        before = self._reader.info()
        swap()
        if self._reader.info().created_ns != before.created_ns:
            self._series.another_arena()
            self._uncounted += before.rows_refused
            self._folded += before.calls_folded

    async def _scrape(self, accept: str) -> tuple[bytes, str]:
        began = time.perf_counter()
        slots = self._reader.containers()
        identities = self._identities(slot.id for slot in slots)
        content_type = negotiate(accept)
        page = await asyncio.to_thread(self._page, slots, identities, content_type == OPENMETRICS)
        self.scrape_seconds = time.perf_counter() - began
        return page, content_type

    def _update(self, slots: Sequence[Slot], identities: dict[str, Identity]) -> None:
        self._series.update(slots, self._reader.snapshot(self._edges_ns), identities.get, self._clock())

    def _page(self, slots: Sequence[Slot], identities: dict[str, Identity], openmetrics: bool) -> bytes:
        self._update(slots, identities)
        pieces = [piece.encode() for piece in render(self._series.groups(), self._edges_ns, openmetrics=openmetrics)]
        pieces.append(self._self_metrics.render(openmetrics=openmetrics).encode())
        return b"".join(pieces)

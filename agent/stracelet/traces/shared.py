# SPDX-License-Identifier: Apache-2.0
"""The records of a session for traces that come and go: read as long as there is one."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING

from stracelet.native import STREAM_BUFFER
from stracelet.records.fan import Fan
from stracelet.records.filters import Filter
from stracelet.records.pump import Pump
from stracelet.traces import merging
from stracelet.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from stracelet.native import Stream
    from stracelet.records.consumers import Consumer
    from stracelet.traces.flags import Wish
    from stracelet.tracing.session import Session

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 2.0


class SharedRecords:
    """All calls from the event loop's thread; start() and stop() one at a time."""

    def __init__(self, session: Session, failed: Callable[[Consumer, Exception], None]) -> None:
        self._session = session
        self.fan = Fan(failed=failed)
        self._pump: Pump | None = None
        self._draining = Turns()

    async def start(self) -> None:
        """TracerError: the native program passes no records."""
        if self._pump is not None and self._pump.ended.is_set():
            await self.stop()
        if self._pump is None:
            stream = await self._session.stream()
            # What is left there was recorded for traces that have ended.
            await self._draining.take(partial(asyncio.to_thread, _drain, stream))
            self._pump = Pump(stream, [self.fan])
            self._pump.start()

    def want(self, wishes: Collection[Wish]) -> None:
        """What is recorded from now on: what any of them wants."""
        if wishes:
            capture = merging.capture_of(wishes)
            wanted = merging.filter_of(wishes)
            self._session.record(wanted.encode(), capture=capture.bits(), string_limit=capture.string_limit)
        else:
            self._session.record(Filter().encode(), capture=0, string_limit=0)

    async def remove(self, consumer: Consumer) -> None:
        """When it has got what there was."""
        loop, removed = asyncio.get_running_loop(), asyncio.Event()

        def tell() -> None:
            loop.call_soon_threadsafe(removed.set)

        self.fan.remove(consumer, tell)
        pump = self._pump  # which stop() may take away meanwhile
        if pump is None or pump.ended.is_set():
            self.fan.forget()
            return
        gone = asyncio.create_task(pump.ended.wait())
        done = asyncio.create_task(removed.wait())
        try:
            await asyncio.wait({gone, done}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            done.cancel()
        if pump.ended.is_set():
            self.fan.forget()

    async def stop(self) -> None:
        """Once no trace is left. What is still removed waits for its end: its thread uses the printers."""
        pump = self._pump
        if pump is None:
            return
        while not await pump.stop(PATIENCE_SECONDS):
            logger.warning("records are still being printed: is there no CPU for it?")
        self._pump = None
        pump.close()
        self.fan.forget()

    def failure(self) -> str:
        """Why records are not read any more, or an empty text."""
        if self._pump is None or not self._pump.ended.is_set():
            return ""
        return f"records cannot be read any more: {self._pump.error}"


def _drain(stream: Stream) -> None:
    buffer = bytearray(STREAM_BUFFER)
    for _ in range(64):  # all rings have less; a flood has no end
        if not stream.read(buffer, all_=True):
            return

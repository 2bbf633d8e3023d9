# SPDX-License-Identifier: Apache-2.0
"""The records of a session, from the request for them to the last line and the table."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from stracelet.native import syscall_name
from stracelet.records.pump import Pump
from stracelet.traces.report import Part, report

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stracelet.cli.outputs import Outputs
    from stracelet.native import Named
    from stracelet.traces.flags import Wish
    from stracelet.tracing.session import Session

# A reader that takes nothing for so long, after all is detached, is not waited for.
PATIENCE_SECONDS = 2.0


class Records:
    """Nothing of it runs where nothing is to be done with records."""

    def __init__(self, session: Session, wish: Wish, outputs: Outputs) -> None:
        self._session, self.wish, self._outputs = session, wish, outputs
        self._pump: Pump | None = None
        self._left = False

    async def start(self) -> None:
        """Before anything is asked to be traced. TracerError."""
        if not self.wish.records:
            return
        capture = self.wish.capture
        self._session.record(self.wish.filter.encode(), capture=capture.bits(), string_limit=capture.string_limit)
        self._pump = Pump(await self._session.stream(), self._outputs.consumers, self._outputs.watched)
        self._pump.start()

    def name(self, named: Named) -> None:
        if self._pump:
            self._pump.name(named)

    async def ended(self) -> None:
        """Returns when nobody takes records any more: all lines that were wanted are there, or a sink has failed."""
        await (self._pump.ended.wait() if self._pump else asyncio.Event().wait())

    async def stop(self) -> None:
        """After everything is detached: writes what there is."""
        if self._pump:
            self._left = not await self._pump.stop(PATIENCE_SECONDS)

    def check(self) -> None:
        """Raises what went wrong with a sink; says what is missing from it."""
        if self._pump is None:
            return
        if self._left:
            say("the output's reader takes nothing: the last lines are not written")
            return
        if self._pump.error is not None:
            raise self._pump.error
        dropped = self._pump.info().dropped
        self._pump.close()
        self._pump = None
        if dropped:
            say(f"{dropped} records were dropped: the output took them more slowly than they came (--lossless waits)")

    def table(self, parts: Iterable[Part]) -> None:
        """What was counted, where that is wanted."""
        if not self.wish.counts or self._left:
            return
        text = report([self.wish.chosen(part) for part in parts], self.wish.layout, syscall_name)
        self._outputs.table(text)
        if not text and not self.wish.quiet:
            say("no system calls were seen")


def say(text: str) -> None:
    """On stderr, whose every line is ours but for the command's own."""
    print(f"stracelet: {text}", file=sys.stderr, flush=True)

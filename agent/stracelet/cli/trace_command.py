# SPDX-License-Identifier: Apache-2.0
"""`trace -- COMMAND`: runs a command under trace, prints what it calls, and ends as it ended."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

from stracelet.cli.interrupts import on_signals
from stracelet.cli.recording import Records, say
from stracelet.errors import StraceletError
from stracelet.traces.report import Part
from stracelet.tracing import protocol
from stracelet.tracing.privileges import drop_privileges
from stracelet.tracing.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stracelet.cli.outputs import Outputs
    from stracelet.traces.flags import Wish

COMMAND = "command"  # the ID of its slot (native/src/ptrace/targets.c)


def run(command: Sequence[str], wish: Wish, outputs: Outputs, *, duration: float | None) -> int:
    """The command's exit status, or the negative of the signal that ended it; 0 if we stopped before its end."""
    return asyncio.run(_trace(command, wish, outputs, duration))


async def _trace(command: Sequence[str], wish: Wish, outputs: Outputs, duration: float | None) -> int:
    session = await Session.start(command=command)
    records = Records(session, wish, outputs)
    try:
        # The caller's own identity, less every capability: enough to pass a signal on to the command, no more.
        drop_privileges(os.getuid(), os.getgid(), os.getgroups())
        await records.start()
        running = Running(session, records)
        with on_signals(running.signalled):
            session.begin_command()
            await running.follow(duration)
    finally:
        await session.end()
        await records.stop()
    try:
        if running.ended is not None and running.ended.error:
            raise StraceletError(running.ended.text)
        records.check()
        cells = outputs.counted.cells() if outputs.counted else session.reader.snapshot(()).cells
        records.table([Part(COMMAND, cells)])
    finally:
        session.close()
    return os.waitstatus_to_exitcode(running.ended.status) if running.ended is not None else 0


class Running:
    """The command while it is traced. As strace -f does, we wait for its descendants too."""

    def __init__(self, session: Session, records: Records) -> None:
        self._session, self._records = session, records
        self._stop = asyncio.Event()
        self._signalled = False
        self.ended: protocol.CommandEnded | None = None

    async def follow(self, seconds: float | None) -> None:
        """Until the command and all that it started have ended, we are told to stop, or the time is over."""
        events = asyncio.create_task(self._events())
        stop = asyncio.create_task(self._stop.wait())
        written = asyncio.create_task(self._records.ended())
        try:
            await asyncio.wait({events, stop, written}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if events.done():
                events.result()
        finally:
            events.cancel()
            stop.cancel()
            written.cancel()
            await asyncio.gather(events, stop, written, return_exceptions=True)

    async def _events(self) -> None:
        untraced = False
        async for event in self._session.events():
            match event:
                case protocol.CommandEnded():
                    self.ended = event
                    if event.error:
                        return
                case protocol.Ended(id=id_) if id_ == COMMAND:
                    untraced = True
                case protocol.TracerEnded() if event.reason != protocol.END_EXITED:
                    say("the tracer ended unexpectedly; another one goes on, and what was called meanwhile is missing")
                case protocol.SessionLost():
                    raise event.error
            if untraced and self.ended:
                return

    def signalled(self, number: int) -> None:
        """The command decides: a terminal's Ctrl-C reaches it too, and what was sent to us is passed on to it.

        Where it goes on all the same, the next signal ends us, and it runs on untraced.
        """
        if self._signalled:
            self._stop.set()
        elif number != signal.SIGINT:
            self._session.signal_command(number)
        self._signalled = True

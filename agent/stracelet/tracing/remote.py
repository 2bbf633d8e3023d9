# SPDX-License-Identifier: Apache-2.0
"""A session with a supervisor in a container of its own, which may not be there yet, and may go and come again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from functools import partial
from typing import TYPE_CHECKING

from stracelet.containers.sockets import connect_directly
from stracelet.errors import StraceletError, TracerError
from stracelet.native import Info, Reader, Snapshot
from stracelet.tracing import protocol
from stracelet.tracing.greeting import greet
from stracelet.tracing.link import Link
from stracelet.tracing.session import Session

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from stracelet.native import Container, Stream

logger = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 3.0
"""Seconds between tries to connect, doubled after each."""


class RemoteSession(Session):
    """Whoever follows events() keeps it connected: each SupervisorLost is followed by the Hello of another tracer.

    Until then the arena that was can be read; what is asked for is asked of nobody, and records are over. The
    supervisor goes on counting for a while when we go, so end() only hangs up.
    """

    def __init__(self, path: str, *, proc: str = "/proc", connect: Sequence[str] = ()) -> None:
        """`path`: where it listens; `connect`: as in Session.start(), but the connections are made by ourselves."""
        nobody = Link(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        nobody.close()
        super().__init__(None, nobody, nobody, proc=proc)
        self.reader = NoArena()
        self.away = f"no tracer at {path} yet"
        self._path, self._paths = path, tuple(connect)
        self._over = True
        self._pause = 0.0
        self._arena.set_result(None)
        self._positions.set_result(None)

    async def events(self) -> AsyncGenerator[protocol.Event, None]:
        """What happens, over all supervisors; for one consumer."""
        while not self._ending:
            await self._reach()
            async with contextlib.aclosing(super().events()) as events:
                async for event in events:
                    yield event

    def containers(self) -> Sequence[Container]:
        """As they are; nobody's tasks are traced while the tracer is away, whatever its arena says."""
        found = super().containers()
        return [slot._replace(tracees=0, pending=0) for slot in found] if self.away else found

    async def stream(self) -> Stream:
        """The records of the tracer that there is now. TracerError: it is away."""
        if self.away:
            raise TracerError(self.away)
        return await super().stream()

    async def connect(self, index: int) -> socket.socket:
        """A connection to connect[index]. OSError: it failed."""
        return await connect_directly(self._paths[index])

    async def end(self, timeout: float = 5.0) -> None:  # noqa: ARG002 - nothing is waited for
        """Hangs up. `reader` stays readable."""
        self._hang_up()

    async def _reach(self) -> None:
        """Connects, however long that takes, and puts the supervisor's arena in the place of the one that was."""
        while not self._ending:
            await asyncio.sleep(self._pause)
            self._pause = min(2 * self._pause, LONGEST_PAUSE) or FIRST_PAUSE
            try:
                link, descriptors = await greet(self._path)
            except TracerError as error:
                self._say(error)
                continue
            try:
                reader = Reader(descriptors[0])
            except StraceletError as error:
                link.close()
                for descriptor in descriptors:
                    os.close(descriptor)
                self._say(error)
                continue
            await self.exchange(partial(self._swap, reader, descriptors))
            self._begin(link)
            return

    def _say(self, error: StraceletError) -> None:
        """Once for each reason."""
        if str(error) != self.away:
            self.away = str(error)
            logger.warning("nothing is traced: %s; it is tried again", error)

    def _swap(self, reader: Reader, descriptors: Sequence[int]) -> None:
        before, self.reader = self.reader, reader
        before.close()
        for descriptor in self._mapped:
            os.close(descriptor)
        self._mapped = list(descriptors)

    def _begin(self, link: Link) -> None:
        logger.info("connected to the tracer at %s", self._path)
        self.met(link.peer)
        self._agent = self._control = link
        self._over, self.away, self._pause = False, "", FIRST_PAUSE
        link.follow(self._take, self._lost)

    def _lost(self) -> None:
        """The supervisor hung up."""
        self._agent.close()
        self._recording = ()
        self.away = f"the tracer at {self._path} has gone"
        self._events.append(protocol.SupervisorLost())
        self._over = True
        self._news.set()


class NoArena(Reader):
    """What is read before any tracer has been there: nothing."""

    def __init__(self) -> None:
        """Maps nothing."""

    def close(self) -> None:
        """There is nothing to unmap."""

    def info(self) -> Info:
        return Info(0, 0, 0, 0, 0, 0, 0, 0)

    def containers(self) -> list[Container]:
        return []

    def snapshot(self, edges: Sequence[int]) -> Snapshot:  # noqa: ARG002
        return Snapshot([], [])

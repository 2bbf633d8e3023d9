# SPDX-License-Identifier: Apache-2.0
"""The first words with a supervisor that listens: it gives its arena, or says why not."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from typing import TYPE_CHECKING

from stracelet.errors import TracerError
from stracelet.tracing import protocol
from stracelet.tracing.link import Link

if TYPE_CHECKING:
    from collections.abc import Sequence

ANSWER_SECONDS = 10.0
_REASONS = {
    errno.ENOENT: "there is no such socket",
    errno.ECONNREFUSED: "nobody listens there any more",
    errno.EAGAIN: "its queue of connections is full",
}


async def greet(path: str) -> tuple[Link, tuple[int, int]]:
    """A connection to the supervisor at that path, and the descriptors of its arena and of the read positions.

    Nothing more is read until the link is followed. TracerError: why there is none.
    """
    link = Link(_connect(path))
    greeting = _Greeting(path)
    link.follow(greeting.take, greeting.lost)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await greeting.complete
    except BaseException as error:
        link.close()
        greeting.close()
        if isinstance(error, TimeoutError):
            raise TracerError(f"the tracer at {path} does not answer") from None
        raise
    arena, positions = greeting.descriptors
    return link, (arena, positions)


def _connect(path: str) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    made.settimeout(0)
    try:
        made.connect(path)
    except OSError as error:
        made.close()
        reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
        raise TracerError(f"no tracer at {path}: {reason}") from error
    return made


class _Greeting:
    def __init__(self, path: str) -> None:
        self._path = path
        self.descriptors: list[int] = []
        self.complete: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(self, data: bytes, descriptors: Sequence[int]) -> bool:
        """One message; False: it was the last one."""
        expected = protocol.PositionsPassed if self.descriptors else protocol.ArenaPassed
        try:
            event = protocol.decode(data)
        except TracerError as error:
            self._fail(str(error))
        else:
            if isinstance(event, expected) and len(descriptors) == 1:
                self.descriptors += descriptors
                descriptors = ()
                if isinstance(event, protocol.PositionsPassed) and not self.complete.done():
                    self.complete.set_result(None)
            else:
                self._fail(event.text if isinstance(event, protocol.Refused) else "it says something else")
        for unwanted in descriptors:
            os.close(unwanted)
        return not self.complete.done()

    def lost(self) -> None:
        self._fail("it hung up")

    def close(self) -> None:
        while self.descriptors:
            os.close(self.descriptors.pop())

    def _fail(self, why: str) -> None:
        if not self.complete.done():
            self.complete.set_exception(TracerError(f"the tracer at {self._path} takes no agent: {why}"))

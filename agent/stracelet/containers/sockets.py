# SPDX-License-Identifier: Apache-2.0
"""Unix sockets of runtimes: how a connection is made, and a private address for a library that makes its own.

`Connect` is a parameter of every source, so that an agent that may not open a socket can have its connections made by
its supervisor.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import cast

from stracelet.errors import SourceError, StraceletError

logger = logging.getLogger(__name__)

Connect = Callable[[str], Awaitable[socket.socket]]
"""Gives a connected stream socket for the path of a socket; raises OSError."""

BLOCK = 1 << 16
_NOBODY_THERE = (errno.ENOENT, errno.ENOTDIR)


class SocketAbsent(SourceError):
    """There is no such socket: this runtime is not here."""


async def connect_directly(path: str) -> socket.socket:
    """Connects by oneself. A Unix socket's connect(2) is done at once or, if its queue is full, fails with EAGAIN."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        connection.connect(path)
    except OSError:
        connection.close()
        raise
    return connection


async def probe(connect: Connect, path: str, timeout: float) -> None:
    """Makes a connection and ends it, to find out why none can be made. Raises SocketAbsent or SourceError."""
    try:
        async with asyncio.timeout(timeout):
            connection = await connect(path)
    except TimeoutError:
        raise SourceError(f"{path}: no connection within {timeout:g} s") from None
    except OSError as error:
        raise explain(path, error) from error
    except StraceletError as error:  # whoever connects for us could not
        raise SourceError(f"{path}: {error}") from error
    connection.close()


def explain(path: str, error: OSError) -> SourceError:
    """Why no connection can be made, and what to do about it."""
    if error.errno in _NOBODY_THERE:
        return SocketAbsent(f"{path}: no such socket")
    if error.errno in (errno.EACCES, errno.EPERM):
        return SourceError(
            f"{path}: permission denied", help_text="Run it as root, or as a member of the socket's group."
        )
    if error.errno == errno.ECONNREFUSED:
        return SourceError(f"{path}: nobody listens there any more", help_text="Is the runtime running?")
    if error.errno == errno.EAGAIN:
        return SourceError(f"{path}: does not answer: its queue of connections is full")
    return SourceError(f"{path}: {error.strerror or error}")


class Relay:
    """An abstract Unix socket, for this process alone, behind which `connect` makes each connection.

    gRPC's library takes an address, never a connected socket.
    """

    def __init__(self, connect: Connect, path: str) -> None:
        self._connect = connect
        self._path = path
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self.address = ""

    async def start(self) -> str:
        """The name of the socket, without its leading NUL."""
        self.address = f"stracelet-{os.getpid()}-{os.urandom(16).hex()}"
        self._server = await asyncio.start_unix_server(self._serve, path=f"\0{self.address}")
        return self.address

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in tuple(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())  # asyncio runs a stream's handler as a task
        self._serving.add(task)
        try:
            if _peer(writer) == os.getpid():
                await self._pass_on(reader, writer)
        except (OSError, StraceletError) as error:
            logger.debug("relay to %s: %s", self._path, error)
        except asyncio.CancelledError:  # by close(): a handler that ends as cancelled is logged as an error by asyncio
            logger.debug("relay to %s: closed", self._path)
        finally:
            self._serving.discard(task)
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = await self._connect(self._path)
        there, back = await asyncio.open_unix_connection(sock=connection)
        copies = [asyncio.ensure_future(_copy(reader, back)), asyncio.ensure_future(_copy(there, writer))]
        try:
            await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for copy in copies:
                copy.cancel()
            await asyncio.gather(*copies, return_exceptions=True)
            back.close()
            with contextlib.suppress(ConnectionError):
                await back.wait_closed()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(BLOCK):
            sink.write(data)
            await sink.drain()


def _peer(writer: asyncio.StreamWriter) -> int:
    """PID of the process at the other end (unix(7), SO_PEERCRED)."""
    credentials = struct.Struct("3i")
    raw = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, credentials.size)
    return int(credentials.unpack(raw)[0])

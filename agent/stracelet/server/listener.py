# SPDX-License-Identifier: Apache-2.0
"""HTTP connections whose number and life are bounded: each is for one request."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Awaitable, Callable, Sequence

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 64
HEADER_SECONDS = 10.0
ACCEPT_AGAIN_SECONDS = 1.0
ANSWER_SECONDS = 10.0
LONGEST_BODY = 4096


@dataclass(frozen=True)
class Route:
    """`streams`: the answer has no end that is known, and sends itself."""

    method: str
    path: str
    handler: Handler
    streams: bool = False


class Listener:
    """Serves routes until stop(). A connection is for one request, so that its life is bounded by two deadlines."""

    def __init__(
        self,
        *,
        routes: Sequence[Route],
        sockets: Sequence[socket.socket],
        tls: ssl.SSLContext | None = None,
        max_connections: int = MAX_CONNECTIONS,
        header_seconds: float = HEADER_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
        longest_body: int = LONGEST_BODY,
    ) -> None:
        """`longest_body`: bytes, and of a line of the header."""
        self._sockets, self._tls = sockets, tls
        self._max, self._header_seconds, self._answer_seconds = max_connections, header_seconds, answer_seconds
        # In the order in which they came; one that has gone is left out as soon as another one comes.
        self._connections: dict[web.RequestHandler, _Connection] = {}
        self._answering: set[asyncio.BaseProtocol] = set()
        # Of these, those whose answer is on its way, in the order in which that began.
        self._sending: dict[asyncio.BaseProtocol, web.Request] = {}
        self._accepting: list[asyncio.Task[None]] = []
        app = web.Application(client_max_size=longest_body)
        for route in routes:
            handler = self._stream(route.handler) if route.streams else self._one_request(route.handler)
            app.router.add_route(route.method, route.path, handler)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            handler_cancellation=True,
            shutdown_timeout=1.0,
            max_line_size=longest_body,  # what is asked for may be in a query as well
            max_field_size=4096,
        )

    @property
    def port(self) -> int:
        """The port of the first socket."""
        number: int = self._sockets[0].getsockname()[1]
        return number

    @property
    def answering(self) -> int:
        """How many requests are being answered."""
        return len(self._answering)

    async def start(self) -> None:
        """Begins to accept."""
        await self._runner.setup()
        self._accepting = [asyncio.create_task(self._accept(listening)) for listening in self._sockets]

    async def stop(self) -> None:
        """Closes the sockets and every connection, within a second."""
        for task in self._accepting:
            task.cancel()
        await asyncio.gather(*self._accepting, return_exceptions=True)
        for listening in self._sockets:
            listening.close()
        for connection in self._connections.values():
            connection.timer.cancel()
            connection.opening.cancel()
        await self._runner.cleanup()

    async def _accept(self, listening: socket.socket) -> None:
        """Not by asyncio's own server: that one tells nobody of a connection before its TLS handshake is over."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, _ = await loop.sock_accept(listening)
            except OSError as error:  # no descriptors are left, or so: they come back
                logger.warning("a connection cannot be accepted: %s", error.strerror)
                await asyncio.sleep(ACCEPT_AGAIN_SECONDS)
                continue
            if self._make_room():
                self._open(accepted)
            else:
                accepted.close()
            await asyncio.sleep(0)  # accept() of one that waits already does not give way to others

    def _open(self, accepted: socket.socket) -> None:
        server = self._runner.server
        assert server is not None  # noqa: S101 -- setup() made it
        loop, handler = asyncio.get_running_loop(), server()
        opening = loop.create_task(_open(accepted, handler, self._tls, self._header_seconds))
        timer = loop.call_later(self._header_seconds, self._hang_up, handler)
        self._connections[handler] = _Connection(opening, timer)

    def _make_room(self) -> bool:
        """Whether there is room for one more. Whoever is answered stays; of the others the oldest one has to go.

        A scraper sends its request at once, so those that keep silent cannot keep it out.
        """
        there = set(self._runner.server.connections) if self._runner.server else set()
        self._connections = {
            handler: connection
            for handler, connection in self._connections.items()
            if handler in there or not connection.opening.done()
        }
        if len(self._connections) < self._max:
            return True
        oldest = next((handler for handler in self._connections if handler not in self._answering), None)
        if oldest is not None:
            self._hang_up(oldest)
        return oldest is not None

    def _hang_up(self, handler: web.RequestHandler) -> None:
        connection = self._connections.pop(handler, None)
        if connection is not None:
            connection.timer.cancel()
            connection.hang_up()

    def _one_request(self, answer: Handler) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            if connection := self._connections.get(request.protocol):
                connection.timer.cancel()
            self._answering.add(request.protocol)
            try:
                async with asyncio.timeout(self._answer_seconds):
                    response = await answer(request)
                    response.force_close()
                    self._sending[request.protocol] = request
                    await _send(request, response)
            except TimeoutError:
                _abort(request)
                response = web.Response(status=503)  # which aiohttp finds nobody to send to
            except ConnectionError as error:
                logger.debug("who asked has gone: %s", error)
                response = web.Response(status=503)
            finally:
                self._answering.discard(request.protocol)
                self._sending.pop(request.protocol, None)
            return response

        return handle

    def _stream(self, answer: Handler) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            if connection := self._connections.get(request.protocol):
                connection.timer.cancel()
            self._answering.add(request.protocol)
            try:
                return await answer(request)
            finally:
                self._answering.discard(request.protocol)

        return handle

    def end_oldest_answer(self) -> bool:
        """Whether there was one to end. Who asks reads at once, so those that do not read cannot keep it out."""
        oldest = next(iter(self._sending), None)
        if oldest is None:
            return False
        self._answering.discard(oldest)
        _abort(self._sending.pop(oldest))
        return True


def _abort(request: web.Request) -> None:
    if request.transport:
        request.transport.abort()


async def _send(request: web.Request, response: web.StreamResponse) -> None:
    """Here and not in aiohttp, where no deadline would be on it."""
    await response.prepare(request)
    await response.write_eof()


async def _open(
    accepted: socket.socket, handler: asyncio.Protocol, tls: ssl.SSLContext | None, seconds: float
) -> asyncio.Transport | None:
    """The connection, once the handshake is over if there is one; None if that failed, which is its client's affair."""
    loop = asyncio.get_running_loop()
    try:
        transport, _ = await loop.connect_accepted_socket(
            lambda: handler, accepted, ssl=tls, ssl_handshake_timeout=seconds if tls else None
        )
    except (OSError, TimeoutError) as error:
        logger.debug("a connection was not opened: %s", error)
        return None
    except asyncio.CancelledError:
        accepted.close()  # it may not have been begun
        raise
    return transport


@dataclass(frozen=True)
class _Connection:
    """`timer` ends it unless a request comes."""

    opening: asyncio.Task[asyncio.Transport | None]
    timer: asyncio.TimerHandle

    def hang_up(self) -> None:
        """At once, without TLS's farewell: the other end may never answer it."""
        if not self.opening.done():
            self.opening.cancel()
        elif not self.opening.cancelled() and (transport := self.opening.result()):
            transport.abort()

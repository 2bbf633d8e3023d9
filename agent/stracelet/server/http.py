# SPDX-License-Identifier: Apache-2.0
"""The HTTP server: /metrics, /healthz, /readyz and a page that names them."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import ssl
import zlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from stracelet.config import parse_listen
from stracelet.errors import ConfigError, ServerError, StraceletError
from stracelet.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from stracelet.config import Tls

    Handler = Callable[[web.Request], Awaitable[web.Response]]

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 64
MAX_SCRAPES = 8  # a page may take 10 MB until its client has read it
BACKLOG = 128
HEADER_SECONDS = 10.0
ACCEPT_AGAIN_SECONDS = 1.0
ANSWER_SECONDS = 10.0
GZIP = 31  # zlib's wbits for the gzip format
INDEX = """<!doctype html><title>stracelet</title><h1>stracelet</h1>
<ul><li><a href="/metrics">/metrics</a></li><li><a href="/readyz">/readyz</a></li>
<li><a href="/healthz">/healthz</a></li></ul>
"""


class Page(Protocol):
    """Makes the metrics' page for an Accept header: its bytes and its content type. StraceletError."""

    def __call__(self, accept: str) -> Awaitable[tuple[bytes, str]]: ...


def bind(listen: str) -> list[socket.socket]:
    """Listening sockets for `listen`, as the configuration has it: without an address one of each family.

    ServerError if an address is in use or not ours.
    """
    host, port = parse_listen(listen)
    hosts = [host] if host else ["0.0.0.0", "::"]  # noqa: S104 -- all addresses is what `:9477` says
    bound: list[socket.socket] = []
    try:
        for name in hosts:
            for family, address in _addresses(name, port):
                # With port 0 the second family takes the port that the first one got.
                taken = bound[0].getsockname()[1] if bound and not port else port
                made = _bind_one(family, (address, taken), optional=host is None and family == socket.AF_INET6)
                bound += [made] if made else []
    except OSError as error:
        for made in bound:
            made.close()
        raise _explain(error, listen) from error
    return bound


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def _bind_one(family: int, address: tuple[str, int], *, optional: bool) -> socket.socket | None:
    try:
        made = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        if optional and error.errno == errno.EAFNOSUPPORT:
            return None
        raise
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(BACKLOG)
    except OSError as error:
        made.close()
        if optional and error.errno == errno.EADDRNOTAVAIL:  # IPv6 is compiled in and switched off
            return None
        raise
    made.setblocking(False)  # noqa: FBT003 -- its only parameter
    return made


def _explain(error: OSError, listen: str) -> ServerError:
    if error.errno == errno.EADDRINUSE:
        return ServerError(
            f"metrics.listen: {listen} is in use by another program",
            help_text='Choose another one (metrics.listen: ":9478"), or end the program: `ss -ltnp` shows which it is.',
        )
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
    return ServerError(f"metrics.listen: cannot listen on {listen}: {reason}")


def tls_context(tls: Tls) -> ssl.SSLContext:
    """For a server with this certificate. ConfigError that names the file."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    load_certificate(context, tls)
    return context


def load_certificate(context: ssl.SSLContext, tls: Tls) -> None:
    """Reads the files, now or again; connections made from now on see them. ConfigError."""
    try:
        context.load_cert_chain(tls.cert, tls.key)
    except ssl.SSLError as error:
        raise ConfigError(
            f"metrics.tls: {tls.cert} and {tls.key} are no certificate and its key: {error.reason}"
        ) from error
    except OSError as error:
        raise ConfigError(f"metrics.tls: {tls.cert} or {tls.key} cannot be read: {error.strerror}") from error


class HttpServer:
    """Serves until stop(). A connection is for one request, so that its life is bounded by two deadlines."""

    def __init__(
        self,
        *,
        page: Page,
        unready: Callable[[], str],
        sockets: Sequence[socket.socket],
        tls: ssl.SSLContext | None = None,
        max_connections: int = MAX_CONNECTIONS,
        header_seconds: float = HEADER_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        """`unready`: why we are not ready, or an empty text."""
        self._page, self._unready, self._sockets, self._tls = page, unready, sockets, tls
        self._max, self._header_seconds, self._answer_seconds = max_connections, header_seconds, answer_seconds
        # In the order in which they came; one that has gone is left out as soon as another one comes.
        self._connections: dict[web.RequestHandler, _Connection] = {}
        self._answering: set[asyncio.BaseProtocol] = set()
        # Of these, those whose answer is on its way, in the order in which that began.
        self._sending: dict[asyncio.BaseProtocol, web.Request] = {}
        # Else those that hang up would leave behind as many threads as they like, each with a page.
        self._compressing = Turns()
        self._accepting: list[asyncio.Task[None]] = []
        app = web.Application(client_max_size=1024)
        routes = {"/": self._index, "/metrics": self._metrics, "/healthz": self._healthz, "/readyz": self._readyz}
        app.add_routes([web.get(path, self._one_request(handler)) for path, handler in routes.items()])
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            handler_cancellation=True,
            shutdown_timeout=1.0,
            max_line_size=4096,
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
        async def handle(request: web.Request) -> web.Response:
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
            finally:
                self._answering.discard(request.protocol)
                self._sending.pop(request.protocol, None)
            return response

        return handle

    async def _index(self, _: web.Request) -> web.Response:
        return web.Response(text=INDEX, content_type="text/html")

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        reason = self._unready()
        return web.Response(text=f"not ready: {reason}\n" if reason else "ok\n", status=503 if reason else 200)

    def _end_oldest_answer(self) -> bool:
        """Whether there was one to end. A scraper reads at once, so those that do not read cannot keep it out."""
        oldest = next(iter(self._sending), None)
        if oldest is None:
            return False
        self._answering.discard(oldest)
        _abort(self._sending.pop(oldest))
        return True

    async def _metrics(self, request: web.Request) -> web.Response:
        if self.answering > MAX_SCRAPES and not self._end_oldest_answer():
            return web.Response(text="too many scrapes at once\n", status=503, headers={"Retry-After": "5"})
        try:
            page, content_type = await self._page(request.headers.get("Accept", ""))
        except StraceletError as error:
            logger.warning("scrape failed: %s", error)
            return web.Response(text=f"{error}\n", status=500)
        headers = {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"}
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            page = await self._compressing.take(partial(asyncio.to_thread, zlib.compress, page, 1, GZIP))
            headers["Content-Encoding"] = "gzip"
        return web.Response(body=page, headers=headers)


def _abort(request: web.Request) -> None:
    if request.transport:
        request.transport.abort()


async def _send(request: web.Request, response: web.Response) -> None:
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

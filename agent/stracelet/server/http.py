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
from functools import partial
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from stracelet.config import parse_listen
from stracelet.errors import ConfigError, ServerError, StraceletError
from stracelet.server.listener import ANSWER_SECONDS, HEADER_SECONDS, MAX_CONNECTIONS, Listener, Route
from stracelet.text import printable
from stracelet.traces.admission import Denied
from stracelet.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from stracelet.config import Tls

logger = logging.getLogger(__name__)

MAX_SCRAPES = 8  # a page may take 10 MB until its client has read it
BACKLOG = 128
GZIP = 31  # zlib's wbits for the gzip format
INDEX = """<!doctype html><title>stracelet</title><h1>stracelet</h1>
<ul><li><a href="/metrics">/metrics</a></li><li><a href="/readyz">/readyz</a></li>
<li><a href="/healthz">/healthz</a></li></ul>
"""


class Page(Protocol):
    """Makes the metrics' page for an Accept header: its bytes and its content type. StraceletError."""

    def __call__(self, accept: str) -> Awaitable[tuple[bytes, str]]: ...


def bind(listen: str, key: str = "metrics.listen") -> list[socket.socket]:
    """Listening sockets for `listen`, as the configuration's `key` has it: without an address one of each family.

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
        raise _explain(error, listen, key) from error
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


def _explain(error: OSError, listen: str, key: str) -> ServerError:
    if error.errno == errno.EADDRINUSE:
        return ServerError(
            f"{key}: {listen} is in use by another program",
            help_text=f'Choose another one ({key}: ":9479"), or end the program: `ss -ltnp` shows which it is.',
        )
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
    return ServerError(f"{key}: cannot listen on {listen}: {reason}")


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


class Readers(Protocol):
    """Who may read the metrics."""

    async def admit(self, path: str, authorization: str, peer: str) -> None:
        """By what a request says of itself. Denied; StraceletError: it cannot be found out."""


class HttpServer:
    """Serves the metrics until stop()."""

    def __init__(
        self,
        *,
        page: Page,
        unready: Callable[[], str],
        sockets: Sequence[socket.socket],
        tls: ssl.SSLContext | None = None,
        readers: Readers | None = None,
        max_connections: int = MAX_CONNECTIONS,
        header_seconds: float = HEADER_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        """`unready`: why we are not ready, or an empty text. `readers`: None, if anybody may read the metrics."""
        self._page, self._unready, self._readers = page, unready, readers
        self._asking = 0
        # Else those that hang up would leave behind as many threads as they like, each with a page.
        self._compressing = Turns()
        pages = {"/": self._index, "/metrics": self._metrics, "/healthz": self._healthz, "/readyz": self._readyz}
        self._listener = Listener(
            routes=[Route(method, path, handler) for path, handler in pages.items() for method in ("GET", "HEAD")],
            sockets=sockets,
            tls=tls,
            max_connections=max_connections,
            header_seconds=header_seconds,
            answer_seconds=answer_seconds,
        )
        self.start, self.stop = self._listener.start, self._listener.stop

    @property
    def port(self) -> int:
        """The port of the first socket."""
        return self._listener.port

    @property
    def answering(self) -> int:
        """How many requests are being answered."""
        return self._listener.answering

    async def _index(self, _: web.Request) -> web.Response:
        return web.Response(text=INDEX, content_type="text/html")

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        reason = self._unready()
        return web.Response(text=f"not ready: {reason}\n" if reason else "ok\n", status=503 if reason else 200)

    async def _metrics(self, request: web.Request) -> web.Response:
        return await self._refused(request) or await self._scrape(request)

    async def _refused(self, request: web.Request) -> web.Response | None:
        """None: it may read them."""
        if self._readers is None:
            return None
        self._asking += 1
        try:
            await self._readers.admit(request.path, request.headers.get("Authorization", ""), request.remote or "")
        except Denied as error:
            headers = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "5"}}.get(error.status)
            return web.Response(text=f"{printable(str(error))}\n", status=error.status, headers=headers)
        except StraceletError:  # in words that are not for everybody
            text = "who may read the metrics cannot be asked of the Kubernetes API now; the agent's log says why\n"
            return web.Response(text=text, status=503, headers={"Retry-After": "5"})
        finally:
            self._asking -= 1
        return None

    async def _scrape(self, request: web.Request) -> web.Response:
        # Those who are still asked about get no page yet, and are bounded by themselves.
        if self.answering - self._asking > MAX_SCRAPES and not self._listener.end_oldest_answer():
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

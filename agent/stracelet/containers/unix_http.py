# SPDX-License-Identifier: Apache-2.0
"""HTTP by requests over sockets that somebody else opens, and the end of calls that hang."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING, Any

import requests
import requests.adapters
import urllib3

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

CONNECTIONS = 4
"""Kept open at once: the stream of events, and the other calls, which come one after the other."""


class _Connection(urllib3.connection.HTTPConnection):
    """A connection over a socket that somebody else opens."""

    def __init__(self, host: str, *, open_socket: Callable[[], socket.socket], **options: Any) -> None:
        super().__init__(host, **options)
        self._open_socket = open_socket

    def connect(self) -> None:
        self.sock = self._open_socket()
        timeout = self.timeout
        self.sock.settimeout(timeout if isinstance(timeout, int | float) else None)


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class Transport(requests.adapters.HTTPAdapter):
    """Sends requests over sockets of `open_socket`, and remembers them so that a call that hangs can be ended."""

    def __init__(self, open_socket: Callable[[], socket.socket]) -> None:
        self._open = open_socket
        self._sockets: list[socket.socket] = []
        self._closed = False
        super().__init__()
        self._pool = _Pool("localhost", maxsize=CONNECTIONS, open_socket=self._open_and_remember)

    def _open_and_remember(self) -> socket.socket:
        connection = self._open()
        if self._closed:
            connection.close()
            raise ConnectionAbortedError("closed")
        self._sockets = [each for each in self._sockets if each.fileno() >= 0] + [connection]
        return connection

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> urllib3.HTTPConnectionPool:
        return self._pool

    def request_url(self, request: requests.PreparedRequest, _proxies: Any) -> str:
        return request.path_url

    def close(self) -> None:
        self._closed = True
        self._pool.close()
        super().close()

    def abort(self) -> None:
        """Ends all calls, in whatever threads they are."""
        self._closed = True
        for connection in self._sockets:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError as error:  # closed, or its other end is
                logger.debug("shutdown: %s", error)

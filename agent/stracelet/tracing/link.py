# SPDX-License-Identifier: Apache-2.0
"""One SOCK_SEQPACKET socket to the native program, on the event loop; nothing here blocks or grows without bound."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections import deque
from socket import SO_PEERCRED, SOL_SOCKET
from typing import TYPE_CHECKING

from stracelet.tracing.protocol import MESSAGE_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

logger = logging.getLogger(__name__)

# Of requests that a tracer does not take; whoever makes them makes them again for the next tracer.
MAX_WAITING = 16384
AT_ONCE = 256
MAX_DESCRIPTORS = 4


class Link:
    """Sends and receives whole messages."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(0)
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[bytes] = deque()
        self._reading = False
        self._hung_up = False
        self.dropped = 0

    @property
    def peer(self) -> int:
        """PID of who listened there, as our own PID namespace has it; 0: it is in none of ours (unix(7))."""
        credentials = struct.Struct("3i")
        return int(credentials.unpack(self._socket.getsockopt(SOL_SOCKET, SO_PEERCRED, credentials.size))[0])

    def follow(self, take: Callable[[bytes, Sequence[int]], bool], lost: Callable[[], None]) -> None:
        """`take` owns the descriptors; when it answers False nothing is read until resume(). `lost`: they hung up."""
        self._take = take
        self._lost = lost
        self.resume()

    def resume(self) -> None:
        """Reads on, if it was not reading."""
        if not self._reading and not self._hung_up:
            self._reading = True
            self._loop.add_reader(self._socket, self._read)

    def send(self, data: bytes) -> None:
        """Now, or as soon as there is room; dropped and counted where too much waits already."""
        if self._hung_up:
            return
        if len(self._waiting) >= MAX_WAITING:
            if not self.dropped:
                logger.warning("the native program takes no requests: they are dropped from now on")
            self.dropped += 1
            return
        self._waiting.append(data)
        if len(self._waiting) == 1:
            self._write()

    def close(self) -> None:
        """Hangs up; a second time does nothing."""
        if self._socket.fileno() >= 0:
            self._stop()
            self._socket.close()

    def _stop(self) -> None:
        self._hung_up = True
        self._reading = False
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._waiting.clear()

    def _write(self) -> None:
        while self._waiting:
            try:
                self._socket.send(self._waiting[0], socket.MSG_NOSIGNAL)
            except BlockingIOError:
                self._loop.add_writer(self._socket, self._write)
                return
            except OSError:  # they hung up: reading says so, after what they said last
                self._waiting.clear()
                break
            self._waiting.popleft()
        self._loop.remove_writer(self._socket)

    def _read(self) -> None:
        for _ in range(AT_ONCE):
            try:
                data, descriptors, _, _ = socket.recv_fds(
                    self._socket, MESSAGE_SIZE + 1, MAX_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
                )
            except BlockingIOError:
                return
            except OSError:
                data, descriptors = b"", []
            if not data:
                self._stop()
                self._lost()
                return
            if not self._take(data, descriptors):
                self._reading = False
                self._loop.remove_reader(self._socket)
                return
            if self._hung_up:
                return

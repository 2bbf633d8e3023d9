# SPDX-License-Identifier: Apache-2.0
"""Files that are opened by and by, when the right to may have been given up: one for each task, or the next in turn."""

from __future__ import annotations

import errno
import os
import signal
import socket
import struct
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, Protocol

from stracelet.errors import OutputError

OPEN, OPEN_AGAIN, ROTATE = 1, 2, 3
_REQUEST = struct.Struct("=Ii")
_ANSWER = struct.Struct("=i")
MODE = 0o666  # less the umask, as any program's


class Opener(Protocol):
    """Opens PATH, or PATH.NUMBER, to be written. OutputError."""

    def open(self, number: int = 0, *, again: bool = False) -> int:
        """A descriptor of PATH.NUMBER, of PATH for 0; empty, or at its end where it is opened `again`."""

    def rotate(self, keep: int) -> None:
        """Moves PATH to PATH.1, that to PATH.2, and so on up to PATH.`keep`, which is lost."""

    def close(self) -> None: ...


def opener(path: Path, *, keeps_rights: bool) -> Opener:
    """`keeps_rights`: we may open then what we may open now; else a child of ours keeps the right to these files."""
    return Local(path) if keeps_rights else Child(path)


class Local:
    """Opens them itself."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rotated = False

    def open(self, number: int = 0, *, again: bool = False) -> int:
        path = _numbered(self._path, number)
        how = os.O_APPEND if again else os.O_TRUNC
        # PATH itself is what the user named, and may be a link. A later name can be foreseen: where others may write to
        # the directory, a link of theirs would have us write to any file.
        if number or self._rotated:
            how |= os.O_NOFOLLOW
        try:
            return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | how, MODE)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written: {error.strerror}") from error

    def rotate(self, keep: int) -> None:
        self._rotated = True
        try:
            for number in range(keep, 0, -1):
                with suppress(FileNotFoundError):
                    _numbered(self._path, number - 1).replace(_numbered(self._path, number))
        except OSError as error:
            raise OutputError(f"{self._path}: cannot be moved aside: {error.strerror}") from error

    def close(self) -> None:
        """Nothing is kept."""


class Child:
    """Asks a child, forked while we have all rights; it takes numbers, so that it can open nothing else."""

    def __init__(self, path: Path) -> None:
        """Before any thread is started."""
        self._path = path
        self._socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._pid = os.fork()
        if not self._pid:
            self._socket.close()
            _serve(Local(path), other)
        other.close()

    def open(self, number: int = 0, *, again: bool = False) -> int:
        code, descriptors = self._ask(OPEN_AGAIN if again else OPEN, number)
        if code or not descriptors:
            path = _numbered(self._path, number)
            raise OutputError(f"{path}: cannot be written: {os.strerror(code or errno.EIO)}")
        return descriptors[0]

    def rotate(self, keep: int) -> None:
        code, _ = self._ask(ROTATE, keep)
        if code:
            raise OutputError(f"{self._path}: cannot be moved aside: {os.strerror(code)}")

    def _ask(self, what: int, number: int) -> tuple[int, list[int]]:
        try:
            self._socket.send(_REQUEST.pack(what, number))
            answer, descriptors, _, _ = socket.recv_fds(self._socket, _ANSWER.size, 1, socket.MSG_CMSG_CLOEXEC)
        except OSError as error:
            return error.errno or errno.EIO, []
        return _ANSWER.unpack(answer)[0] if len(answer) == _ANSWER.size else errno.EPIPE, descriptors

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            self._socket.close()
            os.waitpid(self._pid, 0)


def _numbered(path: Path, number: int) -> Path:
    return Path(f"{path}.{number}") if number else path


def _serve(local: Local, asked: socket.socket) -> NoReturn:
    """The child: until whoever asks has gone. A terminal's Ctrl-C is not for it."""
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
        while len(request := asked.recv(_REQUEST.size)) == _REQUEST.size:
            what, number = _REQUEST.unpack(request)
            code, opened = 0, []
            try:
                if what == ROTATE:
                    local.rotate(number)
                else:
                    opened = [local.open(number, again=what == OPEN_AGAIN)]
            except OutputError as error:
                code = getattr(error.__cause__, "errno", 0) or errno.EIO
            socket.send_fds(asked, [_ANSWER.pack(code)], opened)
            for descriptor in opened:
                os.close(descriptor)
    finally:
        os._exit(0)

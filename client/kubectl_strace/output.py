# SPDX-License-Identifier: Apache-2.0
"""Where lines go: standard output, a file, or a command, here on the client."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from kubectl_strace.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable

PIPE_BUF = 4096  # what select(2) says can be written is at least that (pipe(7))
GIVEN_UP_SECONDS = 2.0
LOOK_SECONDS = 0.2


class ReaderGone(Exception):
    """Nobody reads standard output any more: an end, and no failure."""


class Output:
    """`asked`: whether somebody wants us to end; then a reader that takes nothing for 2 s is given up."""

    def __init__(self, where: str | None, asked: Callable[[], bool]) -> None:
        self._where, self._asked = where, asked
        self._command: subprocess.Popen[bytes] | None = None
        self._file = self._opened(where)

    def _opened(self, where: str | None) -> BinaryIO:
        if where is None:
            return sys.stdout.buffer
        if where[:1] in ("|", "!"):
            # Of the user's own shell, as strace's -o '|COMMAND' is (popen(3)).
            self._command = subprocess.Popen(where[1:], shell=True, stdin=subprocess.PIPE)  # noqa: S602
            assert self._command.stdin is not None  # noqa: S101 - a pipe
            return self._command.stdin  # type: ignore[return-value]
        try:
            return Path(where).open("wb", buffering=0)
        except OSError as error:
            raise OutputError(f"-o {where}: it cannot be written: {error.strerror}") from error

    def write(self, text: str) -> None:
        """ReaderGone; OutputError."""
        data = memoryview(text.encode("utf-8", "backslashreplace"))
        try:
            if os.name == "posix":
                self._write(data)
            else:
                self._file.write(data)
                self._file.flush()
        except BrokenPipeError as error:
            if self._where is None:
                raise ReaderGone from error
            raise OutputError(f"-o {self._where}: it reads no more") from error
        except OSError as error:
            raise OutputError(f"{self._name}: no line can be written: {error.strerror}") from error

    @property
    def _name(self) -> str:
        return "standard output" if self._where is None else f"-o {self._where}"

    def _write(self, data: memoryview) -> None:
        """In pieces that do not block, so that whoever wants us to end is heard."""
        descriptor = self._file.fileno()
        since = time.monotonic()
        while data:
            if select.select([], [descriptor], [], LOOK_SECONDS)[1]:
                data = data[os.write(descriptor, data[:PIPE_BUF]) :]
                since = time.monotonic()
            elif self._asked() and time.monotonic() - since > GIVEN_UP_SECONDS:
                raise ReaderGone

    def check(self) -> None:
        """ReaderGone: also where there is nothing to write."""
        if self._where is None and os.name == "posix" and hasattr(select, "poll"):
            poll = select.poll()
            poll.register(self._file.fileno(), 0)
            if any(events & (select.POLLERR | select.POLLNVAL) for _, events in poll.poll(0)):
                raise ReaderGone

    def close(self) -> None:
        """When a command has ended. OutputError: it failed."""
        if self._where is None:
            return
        self._file.close()
        if self._command is not None and (status := self._command.wait()):
            raise OutputError(f"-o {self._where}: it ended with status {status}")


def discard() -> None:
    """Python would complain once more as it flushes standard output at its exit: give it nowhere to."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

# SPDX-License-Identifier: Apache-2.0
"""Where lines go: standard output, a file, or a command, here on the client."""

from __future__ import annotations

import os
import queue
import select
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from kubectl_strace.errors import OutputError
from kubectl_strace.text import said

if TYPE_CHECKING:
    from collections.abc import Callable

PIECE = 16 << 10  # bytes; a reader that takes less than that in GIVEN_UP_SECONDS is taken for none
GIVEN_UP_SECONDS = 2.0
LOOK_SECONDS = 0.2


class ReaderGone(Exception):
    """Nobody reads what is written any more: an end, and no failure."""


class Output:
    """`asked`: whether somebody wants us to end; then a reader that takes nothing for 2 s is given up. `flag`: by which
    the user has said where."""

    def __init__(self, where: str | None, asked: Callable[[], bool], *, flag: str = "-o") -> None:
        self._where, self._asked = where, asked
        self._name = "standard output" if where is None else f"{flag} {where}"
        self._command: subprocess.Popen[bytes] | None = None
        self._file = self._opened(where)
        self._writer: _Writer | None = None

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
            raise OutputError(f"{self._name}: it cannot be written: {error.strerror}") from error

    def write(self, text: str) -> None:
        """ReaderGone, after which there is nothing to be written any more; OutputError."""
        self.put(text.encode("utf-8", "backslashreplace"))

    def put(self, data: bytes) -> None:
        """The same."""
        if self._writer is None:
            self._writer = _Writer(self._file)
        try:
            self._writer.write(memoryview(data), self._asked)
        except BrokenPipeError as error:
            if self._where is None:
                raise ReaderGone from error
            raise OutputError(f"{self._name}: it reads no more") from error
        except OSError as error:
            raise OutputError(f"{self._name}: no line can be written: {error.strerror}") from error

    def check(self) -> None:
        """ReaderGone: also where there is nothing to write."""
        if self._where is None and os.name == "posix" and hasattr(select, "poll"):
            poll = select.poll()
            poll.register(self._file.fileno(), 0)
            if any(events & (select.POLLERR | select.POLLNVAL) for _, events in poll.poll(0)):
                raise ReaderGone

    def close(self) -> None:
        """When a command has ended; who asks us to end does not wait for it. OutputError: it failed."""
        if self._where is None:
            return
        self._file.close()
        if self._command is not None and (status := self._ended(self._command)):
            raise OutputError(f"{self._name}: it ended with status {status}")

    def _ended(self, command: subprocess.Popen[bytes]) -> int:
        """Its exit status; 0 also if it is left to itself."""
        since = time.monotonic()
        while not (self._asked() and time.monotonic() - since > GIVEN_UP_SECONDS):
            try:
                return command.wait(LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                continue
        return 0


class Notes:
    """What is said beside the lines, on standard error, which may be the pipe or terminal that nobody reads too."""

    def __init__(self, asked: Callable[[], bool]) -> None:
        self._asked = asked
        self._writer: _Writer | None = None

    def say(self, text: str) -> None:
        """ReaderGone; BrokenPipeError."""
        if self._writer is None:
            self._writer = _Writer(sys.stderr.buffer)
        self._writer.write(memoryview(said(text).encode("utf-8", "backslashreplace")), self._asked)


class _Writer:
    """A thread that writes, so that whoever wants us to end is heard: a write to a pipe that is full, or to a terminal
    that is stopped (Ctrl-S), may last for ever, and select(2) does not foresee that of a terminal."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._todo: queue.SimpleQueue[memoryview] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
        self._written = 0
        threading.Thread(target=self._run, name="write", daemon=True).start()

    def _run(self) -> None:
        while True:
            data = self._todo.get()
            try:
                while data:
                    data = data[self._put(data) :]
                    self._written += 1
            except (OSError, ValueError) as error:  # ValueError: it has been closed meanwhile
                self._done.put(error)
            else:
                self._done.put(None)

    def _put(self, data: memoryview) -> int:
        if os.name == "posix":
            return os.write(self._file.fileno(), data[:PIECE])
        self._file.write(data)  # a console takes characters, so that none may be cut
        self._file.flush()
        return len(data)

    def write(self, data: memoryview, asked: Callable[[], bool]) -> None:
        """When all of it is written. OSError; ReaderGone: it may still be at it."""
        self._todo.put(data)
        written, since = self._written, time.monotonic()
        while True:
            try:
                error = self._done.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                if written != self._written:
                    written, since = self._written, time.monotonic()
                elif asked() and time.monotonic() - since > GIVEN_UP_SECONDS:
                    raise ReaderGone from None
                continue
            if error is not None:
                raise error
            return


def discard() -> None:
    """Python would complain once more as it flushes standard output at its exit: give it nowhere to."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

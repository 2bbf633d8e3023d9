# SPDX-License-Identifier: Apache-2.0
"""Where bytes go: a descriptor, a command's standard input, a file for each task.

A write waits as long as its reader likes. Whoever writes is a thread of its own, and what waits meanwhile is the ring.
"""

from __future__ import annotations

import os
import select
import subprocess
from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from stracelet.errors import OutputError

if TYPE_CHECKING:
    from stracelet.records.openers import Opener

# As many files as may be open at once; one that is written to again is opened again, at its end.
OPEN_FILES = 256


class Sink(Protocol):
    """Takes bytes, of the task `tid` (0: of any). BrokenPipeError: standard output's reader has gone. OutputError."""

    @property
    def watched(self) -> int | None:
        """A descriptor whose hang-up says that nobody reads any more."""

    def write(self, data: bytes | memoryview, tid: int = 0) -> None: ...
    def close(self) -> None: ...


class DescriptorSink:
    """An open file, a pipe, a terminal. `name` None: standard output, whose reader may go and be no failure."""

    def __init__(self, descriptor: int, name: str | None = None, *, owned: bool = False) -> None:
        self._descriptor, self._name, self._owned = descriptor, name, owned

    @property
    def watched(self) -> int | None:
        return self._descriptor

    def write(self, data: bytes | memoryview, tid: int = 0) -> None:  # noqa: ARG002 - all in one
        try:
            write_all(self._descriptor, data)
        except BrokenPipeError as error:
            if self._name is None:
                raise
            raise OutputError(f"{self._name}: nobody reads it any more") from error
        except OSError as error:
            raise OutputError(f"{self._name or 'standard output'}: cannot be written: {error.strerror}") from error

    def close(self) -> None:
        """OutputError: what was written has not got there (close(2), "Dealing with error returns")."""
        if self._owned:
            self._owned = False
            try:
                os.close(self._descriptor)
            except OSError as error:
                raise OutputError(f"{self._name}: cannot be written: {error.strerror}") from error


class CommandSink:
    """A command of the shell's, as strace's -o '|command'. It ends when it has read all."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._process = subprocess.Popen(command, shell=True, stdin=subprocess.PIPE)  # noqa: S602 - as the user wrote it
        assert self._process.stdin is not None  # noqa: S101 - a pipe
        self._pipe = self._process.stdin.fileno()

    @property
    def watched(self) -> int | None:
        return self._pipe

    def write(self, data: bytes | memoryview, tid: int = 0) -> None:  # noqa: ARG002 - all in one
        try:
            write_all(self._pipe, data)
        except OSError as error:
            raise OutputError(f"-o '|{self._command}': it reads no more") from error

    def close(self) -> None:
        """When the command has ended. OutputError: it failed."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
            status = self._process.wait()
            if status:
                raise OutputError(f"-o '|{self._command}': it ended with status {status}")


class SeparateSink:
    """FILE.TID for each task, as strace's -ff."""

    def __init__(self, opener: Opener, name: str) -> None:
        self._opener, self._name = opener, name
        self._files: OrderedDict[int, int] = OrderedDict()
        self._seen: set[int] = set()

    @property
    def watched(self) -> int | None:
        return None

    def write(self, data: bytes | memoryview, tid: int = 0) -> None:
        try:
            write_all(self._file(tid), data)
        except OSError as error:
            raise OutputError(f"{self._name}.{tid}: cannot be written: {error.strerror}") from error

    def _file(self, tid: int) -> int:
        if tid in self._files:
            self._files.move_to_end(tid)
            return self._files[tid]
        if len(self._files) >= OPEN_FILES:
            _, oldest = self._files.popitem(last=False)
            os.close(oldest)
        self._files[tid] = self._opener.open(tid, again=tid in self._seen)
        self._seen.add(tid)
        return self._files[tid]

    def close(self) -> None:
        while self._files:
            _, descriptor = self._files.popitem()
            os.close(descriptor)
        self._opener.close()


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """All of it, however often that takes."""
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:  # somebody else has made it so: it is theirs too
            _wait_for_room(descriptor)


def _wait_for_room(descriptor: int) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    poll.poll()

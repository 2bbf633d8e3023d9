# SPDX-License-Identifier: Apache-2.0
"""Processes as a source, each a container of its own: those that were named by their PID, or those of our own pod."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from stracelet.containers.model import PROCESS, Container
from stracelet.containers.own_pod import SAYS_SECONDS
from stracelet.containers.sources import DEADLINE, Forgotten, Listing
from stracelet.errors import PodUnseen, SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from stracelet.containers.sources import Change


SILENCES = 3
"""So often it may have nothing to say: where all of the pod stood still for a while, once."""
END_SECONDS = 2.0


def _container(pid: int, name: str, source: str) -> Container:
    return Container(f"{PROCESS}{pid}", name=name, sources=(source,))


class Processes:
    """Knows those that it was told of, until they end; close() when it is not used any more."""

    name = "process"

    def __init__(self, names: Mapping[int, str]) -> None:
        """The names of their containers by PID, empty where none is known. Who has ended by now is left out.

        UsageError: one cannot be watched.
        """
        self._running: dict[int, Container] = {}
        for pid, name in names.items():
            try:
                descriptor = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            except OSError as error:
                self.close()
                raise UsageError(
                    f"pid/{pid}: the process cannot be watched: {error.strerror}",
                    help_text="A thread is not traced by itself: name its process.",
                ) from error
            self._running[descriptor] = _container(pid, name, self.name)

    async def list(self) -> Listing:
        return Listing(tuple(self._running.values()))

    async def watch(self) -> AsyncIterator[Change]:
        ended: asyncio.Queue[int] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        for descriptor in self._running:
            loop.add_reader(descriptor, ended.put_nowait, descriptor)  # readable when it has ended (pidfd_open(2))
        try:
            yield await self.list()
            while True:
                descriptor = await ended.get()
                if container := self._forget(descriptor):
                    yield Forgotten(container.id)
        finally:
            for descriptor in self._running:
                loop.remove_reader(descriptor)

    def _forget(self, descriptor: int) -> Container | None:
        container = self._running.pop(descriptor, None)
        if container is not None:
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)
        return container

    def poke(self) -> None:
        """There are no more than were named."""

    def close(self) -> None:
        while self._running:
            descriptor, _ = self._running.popitem()
            os.close(descriptor)


class OwnPod:
    """Knows the other containers of our pod, also those that start later or are started again; close() when it is not
    used any more.

    To look at processes takes a right: who does it is started with us, and keeps the right that we then give up.
    PodUnseen: it has ended, or fallen silent.
    """

    name = "own-pod"

    def __init__(self) -> None:
        # In a session of its own, so that a terminal's Ctrl-C is for us alone; it ends with its standard input.
        command = [sys.executable, "-P", "-m", "stracelet.containers.own_pod"]
        self._output, output = os.pipe()
        try:
            self._looking = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, start_new_session=True)
        finally:
            os.close(output)
        self._unread = b""
        self._listing: Listing | None = None

    async def list(self) -> Listing:
        try:
            async with asyncio.timeout(DEADLINE):
                return self._listing or await self._next()
        except TimeoutError:
            raise SourceError("who looks for the pod's processes does not answer") from None

    async def watch(self) -> AsyncIterator[Change]:
        yield await self.list()
        while True:
            yield await self._next()

    async def _next(self) -> Listing:
        while b"\n" not in self._unread:
            self._unread += await self._read()
        line, _, self._unread = self._unread.partition(b"\n")
        containers = tuple(_container(pid, name, self.name) for pid, name in json.loads(line))
        self._listing = Listing(containers)
        return self._listing

    async def _read(self) -> bytes:
        for _ in range(SILENCES):
            with suppress(TimeoutError):
                async with asyncio.timeout(2 * SAYS_SECONDS):
                    await self._readable()
                if data := os.read(self._output, 1 << 16):
                    return data
                raise PodUnseen("who looks for the pod's containers has ended; the agent may not, and ends too")
        raise PodUnseen("who looks for the pod's containers does not answer; the agent may not look, and ends")

    async def _readable(self) -> None:
        readable, loop = asyncio.Event(), asyncio.get_running_loop()
        loop.add_reader(self._output, readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(self._output)

    def poke(self) -> None:
        """It looks several times a second."""

    def close(self) -> None:
        os.close(self._output)
        if self._looking.stdin:
            self._looking.stdin.close()  # which it ends with
        try:
            self._looking.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            with suppress(PermissionError):  # we have given up that right too
                self._looking.kill()
                self._looking.wait()

# SPDX-License-Identifier: Apache-2.0
"""Processes that were named by their PID, as a source: each is a container of its own."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from stracelet.containers.model import PROCESS, Container
from stracelet.containers.sources import Forgotten, Listing
from stracelet.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from stracelet.containers.sources import Change


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
            self._running[descriptor] = Container(f"{PROCESS}{pid}", name=name, sources=(self.name,))

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

# SPDX-License-Identifier: Apache-2.0
"""What was known of a node's pods, in a file: for a start while the API server is away.

It holds Pod objects, less all that is not kept of them: so the same parser reads them as reads the server's answers,
and believes them as little. Whoever else may write in that folder could have put anything there.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stracelet.containers.kubernetes.pods import parse_pod, reduced

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Mapping

    from stracelet.containers.kubernetes.pods import PodEntry

logger = logging.getLogger(__name__)

VERSION = 1
LARGEST = 4 << 20
"""Bytes. Where it is written there is room for two: the new one is made beside the old one."""
LARGEST_POD = 16 << 10
"""Bytes. Labels have no bound of their own, and one pod's are not to keep other pods out."""
PAUSE_SECONDS = 1.0
"""Between two times that it is written; who is killed within it has lost what changed since."""


class Checkpoint:
    """A file of one writer. An empty `path`: there is none."""

    def __init__(self, path: str, node: str) -> None:
        self.path, self._node = path, node
        self._said = ""

    def load(self, source: str) -> list[PodEntry]:
        """The pods as they were last saved, for that source; none where there is no file, or none that can be used."""
        if not self.path:
            return []
        try:
            return self._parse(self._read(), source)
        except FileNotFoundError:
            return []
        except (OSError, ValueError, RecursionError) as error:
            logger.warning("the checkpoint %s is not used: %s", self.path, _reason(error))
            return []

    def save(self, entries: Collection[PodEntry]) -> None:
        """Puts them in the place of what was saved before, as a whole or not at all. What fails is said, once."""
        if not self.path:
            return
        try:
            text, left_out = self._text(entries)
            self._write(text)
        except OSError as error:
            self._say(f"the checkpoint {self.path} cannot be written: {_reason(error)}")
        else:
            self._say(f"the checkpoint {self.path} has no room for {left_out} pods" if left_out else "")

    @contextlib.asynccontextmanager
    async def keeping(self, now: Callable[[], Collection[PodEntry]]) -> AsyncIterator[Callable[[], None]]:
        """Gives what is to be called when `now()` has changed; that is saved soon, and at most once a second."""
        changed = asyncio.Event()
        saving = asyncio.create_task(self._save_for_ever(changed, now), name="checkpoint")
        try:
            yield changed.set
        finally:
            saving.cancel()
            await asyncio.wait([saving])

    async def _save_for_ever(self, changed: asyncio.Event, now: Callable[[], Collection[PodEntry]]) -> None:
        while True:
            await changed.wait()
            changed.clear()
            # To its end, even if we are cancelled: the next one writes to the same name.
            writing = asyncio.ensure_future(asyncio.to_thread(self.save, now()))
            try:
                await asyncio.shield(writing)
            finally:
                await asyncio.wait([writing])
            await asyncio.sleep(PAUSE_SECONDS)

    def _read(self) -> bytes:
        # No link to a file of somebody else's, no FIFO that is never written to.
        descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
                raise ValueError("it is no file of ours alone")
            text = file.read(LARGEST + 1)
        if len(text) > LARGEST:
            raise ValueError(f"it is larger than {LARGEST >> 20} MiB")
        return text

    def _parse(self, text: bytes, source: str) -> list[PodEntry]:
        found = json.loads(text)
        if not isinstance(found, dict) or found.get("version") != VERSION:
            raise ValueError("another version wrote it")
        if found.get("node") != self._node:
            raise ValueError(f"it is of another node than {self._node}")
        items = found.get("pods")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise ValueError("it is no list of pods")
        return [parse_pod(item, source) for item in items]

    def _text(self, entries: Collection[PodEntry]) -> tuple[bytes, int]:
        """With how many pods had no room in it."""
        head = {"version": VERSION, "node": self._node}
        texts = [_json(reduced(entry)) for entry in entries]
        size, kept = len(_json({**head, "pods": []})), list[bytes]()
        for text in texts:
            if len(text) <= LARGEST_POD and size + len(text) + 1 <= LARGEST:
                kept.append(text)
                size += len(text) + 1
        whole = _json(head)[:-1] + b',"pods":[' + b",".join(kept) + b"]}"
        return whole, len(texts) - len(kept)

    def _write(self, text: bytes) -> None:
        beside = Path(f"{self.path}.new")
        beside.unlink(missing_ok=True)  # of one who was killed while he wrote
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(beside, flags, 0o600), "wb") as file:
            file.write(text)
        beside.replace(self.path)

    def _say(self, what: str) -> None:
        """When it is so, not each time."""
        if what and what != self._said:
            logger.warning("%s", what)
        self._said = what


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or " ".join(str(error).split())[:256]

# SPDX-License-Identifier: Apache-2.0
"""A watch on the pods of one node. It goes on from where it was, and lists again only what the server has forgotten."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from typing import TYPE_CHECKING

from stracelet.containers.kubernetes.api import ANY, NOW, Ahead, Api, Expired
from stracelet.containers.kubernetes.pods import PodEntry, parse_pod
from stracelet.containers.sources import DEADLINE, Change, Listing
from stracelet.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping
    from typing import Any

    from stracelet.containers.kubernetes.api import Events
    from stracelet.containers.kubernetes.checkpoint import Checkpoint

logger = logging.getLogger(__name__)

SHORTEST_WATCH = 1.0
"""Seconds between the begins of two watches: a proxy may end each of them at once."""


class KubernetesSource:
    """The API server, as far as it tells of the pods of `node`. `connect` may raise SourceError or SocketAbsent."""

    def __init__(
        self,
        *,
        name: str,
        node: str,
        connect: Callable[[], Api],
        checkpoint: Checkpoint,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self._node = node
        self._connect = connect
        self._checkpoint = checkpoint
        self._jitter = jitter
        self._pods: dict[str, PodEntry] = {}
        self._version, self._since = "", ANY

    def poke(self) -> None:
        """A watch tells of changes."""

    async def list(self) -> Listing:
        try:
            return await self._list_in_time()
        except SourceError as error:
            kept = await asyncio.to_thread(self._checkpoint.load, self.name)
            if not kept:
                raise
            logger.info("%s: until it answers, what it said of %d pods counts", self.name, len(kept))
            return _listing(kept, str(error))

    async def _list_in_time(self) -> Listing:
        try:
            async with asyncio.timeout(DEADLINE):
                return await self._list_once()
        except TimeoutError:
            raise SourceError(f"the Kubernetes API does not answer within {DEADLINE:g} s") from None

    async def _list_once(self) -> Listing:
        api = await asyncio.to_thread(self._connect)
        try:
            await self._list_again(api)
        finally:
            api.close()
        return _listing(self._pods.values())

    async def watch(self) -> AsyncIterator[Change]:
        async with self._checkpoint.keeping(self._pods_now) as changed, contextlib.aclosing(self._watch()) as listings:
            async for listing in listings:
                changed()
                yield listing

    def _pods_now(self) -> tuple[PodEntry, ...]:
        return tuple(self._pods.values())

    async def _watch(self) -> AsyncGenerator[Listing, None]:
        api = await asyncio.to_thread(self._connect)
        loop = asyncio.get_running_loop()
        told = False
        try:
            while True:
                begun = loop.time()
                if not self._version:
                    await self._list_again(api)
                    told = False
                try:
                    async with api.watch(self._node, self._version, self._jitter()) as events:
                        if not told:
                            yield _listing(self._pods.values())
                            told = True
                        async for several in events:
                            if self._take(several):
                                yield _listing(self._pods.values())
                except Expired as error:
                    logger.info("%s: %s; its pods are listed again", self.name, error)
                    self._version, self._since = "", self._version  # another server's cache may be older than that
                await asyncio.sleep(max(0.0, begun + SHORTEST_WATCH - loop.time()))
        finally:
            api.close()

    async def _list_again(self, api: Api) -> None:
        try:
            items, self._version = await api.list(self._node, since=self._since)
        except Ahead as error:
            logger.info("%s: %s; its pods are read from etcd", self.name, error)
            items, self._version = await api.list(self._node, since=NOW)
        self._pods = {entry.pod.uid: entry for item in items if (entry := self._parse(item)) is not None}

    def _parse(self, item: Mapping[str, Any]) -> PodEntry | None:
        try:
            return parse_pod(item, self.name)
        except ValueError as error:
            logger.warning("%s: %s", self.name, error)
            return None

    def _take(self, events: Events) -> bool:
        """Whether any of these events changed something. Raises Expired and SourceError."""
        changed = False
        for event in events:
            kind, item = event.get("type"), event.get("object")
            if kind == "ERROR" or not isinstance(item, dict):
                _fail(item)
                continue
            if kind != "BOOKMARK" and (entry := self._parse(item)) is not None:
                before = self._pods.get(entry.pod.uid)
                if kind == "DELETED":
                    self._pods.pop(entry.pod.uid, None)
                    changed |= before is not None
                else:
                    self._pods[entry.pod.uid] = entry
                    changed |= before != entry
            self._version = str(item.get("metadata", {}).get("resourceVersion") or self._version)
        return changed


def _listing(entries: Collection[PodEntry], stale: str = "") -> Listing:
    containers = tuple(container for entry in entries for container in entry.containers)
    return Listing(containers, tuple(entry.pod for entry in entries), stale)


def _fail(status: object) -> None:
    """The stream's own error, a Status object."""
    found = status if isinstance(status, dict) else {}
    message = " ".join(str(found.get("message") or "it sent something that is no event").split())[:256]
    if found.get("code") == 410:
        raise Expired(message)
    raise SourceError(f"the Kubernetes API: {message}")

# SPDX-License-Identifier: Apache-2.0
"""Who knows the names of containers: what a source is, where the sockets usually are, and how one is kept going."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import platform
import random
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from stracelet.containers.model import SourceState
from stracelet.containers.sockets import Connect, SocketAbsent, connect_directly, probe
from stracelet.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from stracelet import config
    from stracelet.containers.model import Container, Pod

logger = logging.getLogger(__name__)

USUAL: Mapping[str, tuple[str, ...]] = {
    "cri": (
        "/run/containerd/containerd.sock",
        "/run/crio/crio.sock",
        "/run/k3s/containerd/containerd.sock",
        "/run/k0s/containerd.sock",
        "/var/snap/microk8s/common/run/containerd.sock",
        "/run/cri-dockerd.sock",
    ),
    "docker": ("/var/run/docker.sock",),
    "podman": ("/run/podman/podman.sock",),
}
"""Where each kind's sockets are if nobody says otherwise. The first one's source has the kind's name alone."""

_IMPLEMENTATIONS = {
    "docker": ("stracelet.containers.docker", "DockerSource"),
    "podman": ("stracelet.containers.docker", "DockerSource"),
    "cri": ("stracelet.containers.cri", "CriSource"),
}

DEADLINE = 5.0
"""Seconds within which a socket has to answer a call."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
ABSENT_PAUSE = 2.0
"""Seconds between tries: doubled after each failure; the same for a socket that is not there, which costs nothing."""


class Listing(NamedTuple):
    """All that the source knows now: what it knew before and is not in it has gone.

    `pods`: those that it knows before their containers have an ID; each with its `cgroup_uid`.
    `stale`: why this is only what it knew when we last ran; empty: it is what it says now.
    """

    containers: tuple[Container, ...]
    pods: tuple[Pod, ...] = ()
    stale: str = ""


class Known(NamedTuple):
    """A container is new, or something about it is."""

    container: Container


class Forgotten(NamedTuple):
    """A container was removed, or has ended."""

    container_id: str


Change = Listing | Known | Forgotten


class Source(Protocol):
    """Knows containers by their ID. Both calls raise SourceError, or SocketAbsent where its socket is not there."""

    @property
    def name(self) -> str: ...

    async def list(self) -> Listing:
        """All containers, those that have ended left out, within a deadline of 5 s, or what it knew before."""

    def watch(self) -> AsyncIterator[Change]:
        """A listing, then what changes, until it fails. Closing the iterator ends its connections."""

    def poke(self) -> None:
        """There is a container that no source knows: if changes are not told to this one, look for them now."""


SERVICE_VARIABLE, NODE_VARIABLE = "KUBERNETES_SERVICE_HOST", "NODE_NAME"
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
"""What a pod has that may ask the API server; the name of its node is given to it by its manifest."""


class Place(NamedTuple):
    """A socket where a source may be. `given`: the configuration names it, so that its absence is an error."""

    kind: str
    name: str
    path: str
    given: bool


def places(sources: config.Sources) -> list[Place]:
    """The sockets to look at."""
    return [place for kind in USUAL for place in _places(kind, getattr(sources, kind))]


def _places(kind: str, setting: str | tuple[str, ...]) -> Iterator[Place]:
    if setting == "off":
        return
    given = setting != "auto"
    paths = tuple(setting) if given else USUAL[kind]
    for i, path in enumerate(dict.fromkeys(paths)):
        yield Place(kind, kind if i == 0 else f"{kind}:{path}", path, given)


def build(sources: config.Sources, connect: Connect = connect_directly, checkpoint: str = "") -> list[Source]:
    """A source for each place, and the Kubernetes API before them: it knows what a pod's containers are called."""
    cluster = [] if sources.kubernetes == "off" else [ClusterSource(sources, checkpoint)]
    return [*cluster, *(LazySource(place, connect) for place in places(sources))]


class LazySource:
    """The source at a place. The library it needs (12 MB for Docker's, 16 MB for gRPC's) is loaded when it is there."""

    def __init__(self, place: Place, connect: Connect) -> None:
        self.place = place
        self._connect = connect
        self._source: Source | None = None

    @property
    def name(self) -> str:
        return self.place.name

    async def _loaded(self) -> Source:
        try:
            await probe(self._connect, self.place.path, DEADLINE)
        except SocketAbsent as error:
            if self.place.given:
                raise SourceError(str(error)) from error
            raise
        if self._source is None:
            module, name = _IMPLEMENTATIONS[self.place.kind]
            self._source = getattr(importlib.import_module(module), name)(
                name=self.name, path=self.place.path, connect=self._connect, timeout=DEADLINE
            )
        return self._source

    async def list(self) -> Listing:
        return await (await self._loaded()).list()

    async def watch(self) -> AsyncIterator[Change]:
        changes = (await self._loaded()).watch()
        async for change in changes:
            yield change

    def poke(self) -> None:
        if self._source is not None:
            self._source.poke()


class ClusterSource:
    """The Kubernetes API. Its library (33 MB) is loaded in a pod, or where a kubeconfig is named."""

    name = "kubernetes"

    def __init__(self, sources: config.Sources, checkpoint: str = "") -> None:
        """`checkpoint`: the file in which this process, and no other, keeps what it is told; empty: none."""
        self._checkpoint = checkpoint
        self._off = sources.kubernetes == "off"
        self._kubeconfig = "" if sources.kubernetes in ("auto", "off") else sources.kubernetes
        self._node = sources.node or os.environ.get(NODE_VARIABLE) or platform.node()
        self._source: Source | None = None

    @property
    def there(self) -> bool:
        """Whether there is an API server to ask for names."""
        return not self._off and self.reachable

    @property
    def reachable(self) -> bool:
        """Whether there is an API server, which may be asked for other things than names."""
        return bool(self._kubeconfig) or (bool(os.environ.get(SERVICE_VARIABLE)) and ACCOUNT.exists())

    @property
    def kubeconfig(self) -> str:
        """Whose context says how to reach it; empty: the pod's service account."""
        return self._kubeconfig

    @property
    def node(self) -> str:
        """Ours, by its name in the cluster."""
        return self._node

    def _loaded(self) -> Source:
        if not self.there:
            raise SocketAbsent("not in a pod that has a service account's token")
        if self._source is None:
            library = importlib.import_module("stracelet.containers.kubernetes")
            self._source = library.source(
                name=self.name, node=self._node, kubeconfig=self._kubeconfig, checkpoint=self._checkpoint
            )
        return self._source

    async def list(self) -> Listing:
        return await self._loaded().list()

    async def watch(self) -> AsyncIterator[Change]:
        async for change in self._loaded().watch():
            yield change

    def poke(self) -> None:
        """A watch tells of changes."""


async def keep(
    source: Source,
    apply: Callable[[str, Change], None],
    report: Callable[[str, SourceState], None],
    jitter: Callable[[], float] = random.random,
) -> None:
    """Watches a source until cancelled: every change to `apply`, every state to `report`; after a failure, again."""
    pause = FIRST_PAUSE
    while True:
        try:
            async for change in _closing(source.watch()):
                if isinstance(change, Listing):
                    pause = FIRST_PAUSE
                    report(source.name, SourceState(up=True, present=True))
                apply(source.name, change)
            state = SourceState(up=False, present=True, error="the connection was closed")
        except SocketAbsent as error:
            state = SourceState(up=False, present=False, error=str(error))
        except SourceError as error:
            state = SourceState(up=False, present=True, error=str(error))
        report(source.name, state)
        wait = pause if state.present else ABSENT_PAUSE
        pause = min(2 * pause, LONGEST_PAUSE) if state.present else FIRST_PAUSE
        await asyncio.sleep(wait * (0.75 + 0.5 * jitter()))


async def _closing(changes: AsyncIterator[Change]) -> AsyncIterator[Change]:
    """Closes the source's iterator at once, not when it is collected."""
    try:
        async for change in changes:
            yield change
    finally:
        if (close := getattr(changes, "aclose", None)) is not None:
            await close()

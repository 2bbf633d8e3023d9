# SPDX-License-Identifier: Apache-2.0
"""How a process that has given up its rights goes on: the supervisor opens for it what needs one."""

from __future__ import annotations

import contextlib
import importlib
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from stracelet import native
from stracelet.containers.cgroups import Cgroups
from stracelet.containers.docker_list import DockerList
from stracelet.containers.inventory import Inventory
from stracelet.containers.procfs import Procfs
from stracelet.containers.sources import DEADLINE, ClusterSource, build, places
from stracelet.tracing.privileges import drop_privileges

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from stracelet.config import Config
    from stracelet.containers.sockets import Connect
    from stracelet.containers.sources import Source
    from stracelet.tracing.session import Session

# Of nobody else, so that no other service can touch the agent; distroless images call it nonroot.
SERVICE_ID = 65532
LIBRARIES = {
    "docker": "stracelet.containers.docker",
    "podman": "stracelet.containers.docker",
    "cri": "stracelet.containers.cri",
}


def inventory_through(
    session: Session, settings: Config, paths: Sequence[str], checkpoint: str = "", sources: Sequence[Source] = ()
) -> Inventory:
    """An inventory whose connections the session's supervisor makes; `paths` is what the session may connect to.

    `checkpoint`: where it keeps what it knows of pods, as no other process may. `sources`: further ones.
    """
    return _inventory(settings, [*build(settings.sources, _connecting(session, paths), checkpoint), *sources])


def docker_lists_through(session: Session, settings: Config, paths: Sequence[str]) -> Inventory:
    """One that knows the containers of Docker and Podman that there are now, and is quickly made."""
    connect = _connecting(session, paths)
    found = [place for place in places(settings.sources) if place.kind in ("docker", "podman")]
    return _inventory(settings, [DockerList(place, connect, DEADLINE) for place in found])


def _inventory(settings: Config, sources: Sequence[Source]) -> Inventory:
    return Inventory(
        sources=sources,
        cgroups=Cgroups(Path(settings.cgroup_root)),
        procfs=Procfs(Path(settings.procfs)),
        list_unnamed=settings.sources.cgroup != "off",
    )


def _connecting(session: Session, paths: Sequence[str]) -> Connect:
    async def connect(path: str) -> socket.socket:
        _must_exist(path)
        return await session.connect(paths.index(path))

    return connect


def give_up_rights(settings: Config, *, with_libraries: bool = True) -> None:
    """From here on the supervisor opens what needs a right. StraceletError: a right is left.

    `with_libraries`: those of the sources will be wanted.
    """
    _load_what_could_not_be_read_later(settings, with_libraries=with_libraries)
    drop_privileges(SERVICE_ID, SERVICE_ID)


def _load_what_could_not_be_read_later(settings: Config, *, with_libraries: bool) -> None:
    """Where Python lives in a home that only its owner may enter, what is loaded when needed is loaded now."""
    homes = (Path(contextlib.__file__), Path(native.__file__))
    # From the top: who is not root already could not look below a folder that it may not enter.
    if all(parent.stat().st_mode & stat.S_IXOTH for home in homes for parent in reversed(home.resolve().parents)):
        return
    importlib.import_module("concurrent.futures.thread")
    for kind, module in LIBRARIES.items():
        if with_libraries and getattr(settings.sources, kind) != "off":
            importlib.import_module(module)
    if with_libraries and settings.sources.kubernetes != "off" and ClusterSource(settings.sources).there:
        importlib.import_module("stracelet.containers.kubernetes")


def _must_exist(path: str) -> None:
    """FileNotFoundError: there is no such runtime, and no need to ask the supervisor for a connection."""
    with contextlib.suppress(PermissionError):
        Path(path).stat()

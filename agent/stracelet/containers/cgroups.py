# SPDX-License-Identifier: Apache-2.0
"""The cgroup tree: which containers run, and which PIDs are theirs, whatever runtime made them.

A runtime puts a container's ID, 64 hex digits, into the name of its cgroup:

    cgroupfs driver    docker/ID   kubepods/burstable/podUID/ID   libpod_parent/libpod-ID   crio-ID
    systemd driver     docker-ID.scope   cri-containerd-ID.scope   crio-ID.scope   libpod-ID.scope
    mixed up           kubepods-besteffort-podUID.slice:cri-containerd:ID   (the one's path with the other's driver)

Beside them are the cgroups of the monitor processes, `libpod-conmon-ID` and `crio-conmon-ID`, which are no containers,
and units named after an ID that are no scopes (Podman's health checks). A container may have cgroups of its own below;
a container in a container is itself, not the outer one. But whoever may make cgroups also names them: below a container
an ID that is another's is not believed, nor are more than a few; what is in there is the outer container's. Nor is an
ID believed below what root has given away (systemd does it with user@UID.service) where root's own tree has it too.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stracelet.containers.procfs import parse_numbers
from stracelet.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_COMPONENT = re.compile(r"(?:(?P<prefix>.+)[-:])?(?P<id>[0-9a-f]{64})(?:\.scope)?", re.ASCII)
_POD = re.compile(r"(?:kubepods.*-)?pod(?P<uid>[0-9a-f]{8}[-_0-9a-f]{0,55}?)(?:\.slice)?(?::.*)?", re.ASCII)
_PREFERRED = ("pids", "memory", "cpu", "systemd")
DEMONSTRATION = "stracelet-demo"
DEEPEST = 32
MOST_DIRECTORIES = 20_000  # of root's own, and as many of all others'; as the tracer has it, and so are these:
MOST_OF_ONE = 2_000
MOST_NESTED = 64
ROOT, GONE = -1, -2


def container_of_component(component: str) -> str | None:
    """The ID of the container whose cgroup has that name; None if it is no container's."""
    found = _COMPONENT.fullmatch(component)
    if found is None or (found["prefix"] or "").endswith("conmon"):
        return None
    return found["id"]


def container_of_path(path: str) -> str | None:
    """The ID of the innermost container on a cgroup's path, as in /proc/PID/cgroup; `/../ID` is one too."""
    ids = (container_of_component(component) for component in reversed(path.split("/")))
    return next((found for found in ids if found), None)


def pod_of_path(path: str) -> str | None:
    """The UID of the pod on a cgroup's path; where a static pod's path has its configuration's hash, that.

    The systemd driver writes `_` for `-`, for a dash there separates slices.
    """
    if "kubepods" not in path:
        return None
    found = (_POD.fullmatch(component) for component in path.split("/"))
    return next((match["uid"].replace("_", "-") for match in found if match), None)


def pod_of_container(path: str) -> str | None:
    """The UID, as pod_of_path() has it, of the pod whose container has that cgroup; None where it is in another one's.

    What is above the pod does not count: a node may be a container itself.
    """
    if "kubepods" not in path:
        return None
    components = path.split("/")
    while components and not container_of_component(components[-1]):
        components.pop()
    for component in reversed(components):
        if (found := _POD.fullmatch(component)) is not None:
            return found["uid"].replace("_", "-")
        if component is not components[-1] and container_of_component(component):
            return None
    return None


def container_of_process(paths: Mapping[str, str]) -> str | None:
    """The container that a process of these paths (Procfs.cgroup) is in; v2's line counts before the others."""
    lines = sorted(paths.items())
    return next((found for _, path in lines if (found := container_of_path(path))), None)


def name_of_path(path: str) -> str:
    """The name that a cgroup's path says by itself: our own demonstration container's, which no runtime knows."""
    parent = path.rstrip("/").rpartition("/")[0].rpartition("/")[2]
    return DEMONSTRATION if parent == DEMONSTRATION else ""


@dataclass(frozen=True)
class Hierarchy:
    """A mounted hierarchy; `version` 1 or 2."""

    root: Path
    version: int


def hierarchies(root: Path) -> list[Hierarchy]:
    """Those to read: v2 or the hybrid layout's `unified`, and one of v1's. Raises SourceError if there is none."""
    if (root / "cgroup.controllers").exists():
        return [Hierarchy(root, 2)]
    found = [Hierarchy(root / "unified", 2)] if (root / "unified/cgroup.controllers").exists() else []
    try:
        names = sorted(path.name for path in root.iterdir() if path.name != "unified")
    except OSError as error:
        raise SourceError(f"the cgroup tree {root} cannot be read: {error.strerror}") from error
    first = {name: i for i, name in enumerate(_PREFERRED)}

    def preference(name: str) -> int:
        return min(first.get(controller, len(first)) for controller in name.split(","))

    for name in sorted(names, key=preference):
        if (root / name / "cgroup.procs").exists():
            found.append(Hierarchy(root / name, 1))
            break
    if not found:
        raise SourceError(f"no cgroup hierarchy at {root}", help_text="Mount the host's there, or set cgroup_root.")
    return found


@dataclass(frozen=True)
class _Found:
    """A cgroup with a container's name; `outermost` is the container at the top of its path, None if that is itself."""

    id: str
    path: str
    outermost: _Found | None


def _namer(path: str, roots: Iterable[Path]) -> int:
    """Whose choice the name of a cgroup is: ROOT, GONE, or the uid of whom the tree above it was given to.

    The cgroup's own owner does not count: where a container has a user namespace, runc makes the cgroup and then gives
    it to the namespace's root.
    """
    try:
        for root in roots:
            if Path(path).is_relative_to(root):
                ours = (0, root.stat().st_uid)
                owners = ((root / each).stat().st_uid for each in reversed(Path(path).relative_to(root).parents))
                return next((uid for uid in owners if uid not in ours), ROOT)
    except OSError:
        pass
    return GONE


def _owner(directory: Path, ours: tuple[int, ...]) -> int:
    """Who makes what is below: ROOT, or the uid of whom it was given to."""
    try:
        owner = directory.stat().st_uid
    except OSError:  # gone
        return ROOT
    return ROOT if owner in ours else owner


def _has_room(shares: Counter[str | int], share: str | int) -> bool:
    """One container, or one user, cannot use up what is for all, nor can all of them what is for root."""
    if share == ROOT:
        return shares[ROOT] < MOST_DIRECTORIES
    return shares[share] < MOST_OF_ONE and shares.total() - shares[ROOT] < MOST_DIRECTORIES


def _below(directory: Path) -> Iterator[str]:
    try:
        with os.scandir(directory) as entries:
            yield from (entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return


class Cgroups:
    """The cgroup tree at `root`. `cut` counts the directories that a bound kept out of the last scan."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.cut = 0
        self._cutting = 0
        self._inside: dict[str, str] = {}
        self._believed: frozenset[str] = frozenset()
        self._not_believed: frozenset[str] = frozenset()

    def scan(self) -> dict[str, tuple[str, ...]]:
        """The cgroup directories of each container, by ID. Raises SourceError."""
        self._cutting = 0
        shares: Counter[str | int] = Counter()
        found = [each for hierarchy in hierarchies(self.root) for each in self._containers(hierarchy.root, shares)]
        outer = self._outer(each for each in found if each.outermost is None)
        nested = [each for each in found if each.outermost in outer]
        believed = [*outer, *self._believe(nested, {each.id for each in outer})]
        self._believed = frozenset(each.path for each in believed)
        self._not_believed = frozenset({each.path for each in found} - self._believed)
        self.cut = self._cutting
        paths: dict[str, list[str]] = {}
        for each in believed:
            paths.setdefault(each.id, []).append(each.path)
        return {container_id: tuple(those) for container_id, those in paths.items()}

    def _outer(self, found: Iterable[_Found]) -> dict[_Found, None]:
        """Those that are in no container, what an earlier scan believed first."""
        same: dict[str, list[_Found]] = {}
        for each in sorted(found, key=lambda each: each.path not in self._believed):
            same.setdefault(each.id, []).append(each)
        own = {path for those in same.values() for path in self.told_apart([each.path for each in those])}
        return {each: None for those in same.values() for each in those if each.path in own}

    def told_apart(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Of cgroups with the ID of one container its own: those that root named, or else whoever named the first.

        Raises SourceError.
        """
        left = tuple(dict.fromkeys(paths))
        if len(left) < 2:
            return left
        roots = [hierarchy.root for hierarchy in hierarchies(self.root)]
        namers = {path: _namer(path, roots) for path in left}
        known = [namer for namer in namers.values() if namer != GONE]
        believed = ROOT if ROOT in known else next(iter(known), GONE)
        return tuple(path for path in left if namers[path] == believed)

    def _believe(self, nested: list[_Found], others: set[str]) -> Iterator[_Found]:
        """Those whose ID is nobody else's, what an earlier scan believed first."""
        before, self._inside = self._inside, {}
        count: Counter[str] = Counter()
        in_order = [(each, each.outermost.id) for each in nested if each.outermost is not None]
        for each, outermost in sorted(in_order, key=lambda pair: before.get(pair[0].id) != pair[1]):
            if each.id in others:
                continue
            if each.id not in self._inside:
                if count[outermost] == MOST_NESTED:
                    self._cutting += 1
                    continue
                count[outermost] += 1
                self._inside[each.id] = outermost
            if self._inside[each.id] == outermost:
                yield each

    def _containers(self, root: Path, shares: Counter[str | int]) -> Iterator[_Found]:
        ours = (0, _owner(root, ()))
        waiting: list[tuple[Path, int, _Found | None, str | int]] = [(root, 0, None, ROOT)]
        while waiting:
            directory, depth, outermost, share = waiting.pop()
            if share == ROOT:
                share = outermost.id if outermost else _owner(directory, ours)
            for name in _below(directory):
                if depth >= DEEPEST or not _has_room(shares, share):
                    self._cutting += 1
                    continue
                shares[share] += 1
                path = directory / name
                container_id = container_of_component(name)
                found = _Found(container_id, str(path), outermost) if container_id else None
                if found:
                    yield found
                waiting.append((path, depth + 1, outermost or found, share))

    def locate(self, path: str) -> tuple[str, ...]:
        """The directories that a path under a hierarchy's root stands for."""
        candidates = (hierarchy.root / path.lstrip("/") for hierarchy in hierarchies(self.root))
        return tuple(str(candidate) for candidate in candidates if candidate.is_dir())

    def pids(self, paths: Iterable[str]) -> list[int]:
        """PIDs in these cgroups and below, those of containers inside left out; ascending, each once.

        A PID of a namespace that is not ours reads as 0 (cgroups(7)) and is left out.
        """
        found: set[int] = set()
        waiting = [(Path(path), 0) for path in paths]
        while waiting:
            directory, depth = waiting.pop()
            found.update(_read_pids(directory / "cgroup.procs"))
            if depth < DEEPEST:
                below = ((directory / name, name) for name in _below(directory))
                waiting += [(path, depth + 1) for path, name in below if not self._is_container(path, name)]
        return sorted(found - {0})

    def _is_container(self, path: Path, name: str) -> bool:
        return container_of_component(name) is not None and str(path) not in self._not_believed


def _read_pids(file: Path) -> tuple[int, ...]:
    try:
        return parse_numbers(file.read_bytes().decode("ascii", errors="replace"))
    except OSError:  # gone, or a threaded cgroup, whose processes are in its parent's list (cgroups(7))
        return ()

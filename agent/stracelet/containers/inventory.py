# SPDX-License-Identifier: Apache-2.0
"""The live map of the containers on this node: names from the sources, PIDs from the cgroup tree."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from stracelet.containers.cgroups import container_of_process, pod_of_container
from stracelet.containers.merging import CGROUP, merge
from stracelet.containers.model import EXITED, Pod, SourceState
from stracelet.containers.processes import OwnPod, Processes
from stracelet.containers.sockets import SocketAbsent
from stracelet.containers.sources import Change, Known, Listing, Source, keep
from stracelet.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from stracelet.containers.cgroups import Cgroups
    from stracelet.containers.model import Container
    from stracelet.containers.procfs import Procfs

logger = logging.getLogger(__name__)

RESCAN_SECONDS = 30.0
POKE_SECONDS = 0.1
"""The shortest time between two requests to the sources to look for a container that none of them knows."""


class Inventory:
    """Containers by ID. All of it belongs to one event loop.

    Args:
        sources: in the order in which they count where two know the same container.
        cgroups: the tree, the only source of PIDs.
        procfs: to find out which container is our own.
        list_unnamed: whether a container of which only the cgroup is known is in `containers()`.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        *,
        sources: Sequence[Source],
        cgroups: Cgroups,
        procfs: Procfs,
        list_unnamed: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sources = {source.name: source for source in sources}
        self._cgroups = cgroups
        self._procfs = procfs
        self._list_unnamed = list_unnamed
        self._clock = clock
        self._records: dict[str, dict[str, Container]] = {name: {} for name in self._sources}
        self._pods: dict[str, dict[str, Pod]] = {name: {} for name in self._sources}
        self._paths: dict[str, tuple[str, ...]] = {}
        self._merged: dict[str, Container] = {}
        self._shown: Mapping[str, Container] | None = None
        self._states: dict[str, SourceState] = {}
        self._subscribers: list[Callable[[str], None]] = []
        self._silent = set(self._sources)
        self._inside: str | None = None
        self._rescan = asyncio.Event()
        self._poked = float("-inf")
        self._poke_due: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Keeps all sources going, and reads the cgroup tree again every 30 s, until cancelled. PodUnseen."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for source in self._sources.values():
                    tasks.create_task(keep(source, self._apply, self._hear), name=f"source {source.name}")
                tasks.create_task(self._scan_for_ever(), name="source cgroup")
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from failures

    async def refresh(self) -> None:
        """One pass over all sources at once, each within its deadline; a failure becomes its state. PodUnseen."""
        await asyncio.gather(self._scan(), *(self._list(source) for source in self._sources.values()))

    def containers(self) -> Mapping[str, Container]:
        """Those that run, are paused, or are about to start; pause containers left out."""
        if self._shown is None:
            self._shown = {
                container.id: container
                for container in self._merged.values()
                if not container.sandbox
                and not container.nameless
                and container.status != EXITED
                and (self._list_unnamed or container.sources != (CGROUP,))
            }
        return self._shown

    def get(self, container_id: str) -> Container | None:
        """Also one that has ended, and a pause container."""
        return self._merged.get(container_id)

    def named(self, container_id: str) -> bool:
        """Whether a source other than the cgroup tree knows it, or none is up that could."""
        if any(container_id in records for records in self._records.values()):
            return True
        others = (CGROUP, Processes.name, OwnPod.name)
        return not any(state.up for name, state in self._states.items() if name not in others)

    def pids(self, container_id: str) -> list[int]:
        """Its PIDs now, ascending, as our own PID namespace has them."""
        return self._cgroups.pids(self._paths.get(container_id, ()))

    def tasks(self, container_id: str) -> list[tuple[int, int]]:
        """(PID, thread ID) of each of its tasks now."""
        return [(pid, tid) for pid in self.pids(container_id) for tid in self._procfs.tasks(pid)]

    def container_of(self, pid: int) -> str:
        """The ID of the container that a process is in, or empty. First asked after a refresh.

        In a cgroup namespace of our own our path says nothing; then the tree says which container has the PID.
        """
        found = container_of_process(self._procfs.cgroup("self" if pid == os.getpid() else pid))
        return found or next((each for each in self._paths if pid in self.pids(each)), "")

    def own(self) -> frozenset[str]:
        """IDs of the container that this process is in, and of the others of its pod; none on a plain host. First asked
        after a refresh.
        """
        if self._inside is None:  # found out once: that reads lists of processes
            self._inside = self.container_of(os.getpid())
        inside = self._inside
        if not inside:
            return frozenset()
        pod = container.pod if (container := self.get(inside)) else None
        same = (c.id for c in self._merged.values() if pod and pod.uid and c.pod and c.pod.uid == pod.uid)
        return frozenset({inside, *same})

    def seen(self, container_id: str, path: str) -> None:
        """The tracer saw its cgroup; `path` is under its hierarchy's root."""
        try:
            before = self._paths.get(container_id, ())
            after = self._cgroups.told_apart((*before, *self._cgroups.locate(path)))
        except SourceError as error:
            self._report(CGROUP, SourceState(up=False, present=True, error=str(error)))
            return
        if not any(container_id in records for records in self._records.values()):
            self._poke()
        if after and after != before:
            self._paths[container_id] = after
            self._changed([container_id])

    def gone(self, container_id: str) -> None:
        """The tracer saw a cgroup of it go."""
        before = self._paths.get(container_id, ())
        after = tuple(path for path in before if Path(path).is_dir())
        if after == before:
            return
        if after:
            self._paths[container_id] = after
        else:
            del self._paths[container_id]
        self._changed([container_id])

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """`callback` gets the ID of each container that has changed, come or gone. Returns what ends that."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)

    def cut(self) -> int:
        """How many cgroups a bound kept out of the last scan."""
        return self._cgroups.cut

    def states(self) -> Mapping[str, SourceState]:
        """How each source is, by name; `cgroup` among them. One that has not answered yet is left out."""
        return dict(self._states)

    @property
    def following(self) -> bool:
        """Whether run() follows every source that answers: from then on no container starts without being named."""
        return not self._silent

    def _hear(self, name: str, state: SourceState) -> None:
        self._report(name, state)
        self._silent.discard(name)

    async def _list(self, source: Source) -> None:
        try:
            listing = await source.list()
        except SocketAbsent as error:
            self._report(source.name, SourceState(up=False, present=False, error=str(error)))
        except SourceError as error:
            self._report(source.name, SourceState(up=False, present=True, error=str(error)))
        else:
            self._report(source.name, SourceState(up=not listing.stale, present=True, error=listing.stale))
            self._apply(source.name, listing)

    async def _scan_for_ever(self) -> None:
        while True:
            await self._scan()
            self._rescan.clear()
            try:
                async with asyncio.timeout(RESCAN_SECONDS):
                    await self._rescan.wait()
            except TimeoutError:
                continue

    async def _scan(self) -> None:
        try:
            found = await asyncio.to_thread(self._cgroups.scan)
        except SourceError as error:
            self._report(CGROUP, SourceState(up=False, present=True, error=str(error)))
            return
        self._report(CGROUP, SourceState(up=True, present=True))
        self._found(found)

    def _found(self, found: Mapping[str, tuple[str, ...]]) -> None:
        """What a scan found. The tracer may have told of changes since then, so the differences are looked at again."""
        for container_id in self._paths.keys() - found.keys():
            self.gone(container_id)
        new = {key: paths for key, paths in found.items() if self._paths.get(key) != paths}
        there = {key: paths for key, paths in new.items() if all(Path(path).is_dir() for path in paths)}
        self._paths |= there
        self._changed(there)

    def _report(self, name: str, state: SourceState) -> None:
        before = self._states.get(name)
        self._states[name] = state
        if before == state:
            return
        if state.up:
            logger.info("%s answers", name)
        elif state.present:
            logger.warning("%s failed: %s", name, state.error)
        elif before is not None and before.present:
            logger.warning("%s is gone: %s", name, state.error)
            self._apply(name, Listing(()))

    def _apply(self, name: str, change: Change) -> None:
        records = self._records[name]
        if isinstance(change, Listing):
            listed = {container.id: container for container in change.containers}
            changed = [key for key in records.keys() | listed.keys() if records.get(key) != listed.get(key)]
            self._records[name] = listed
            changed += self._take_pods(name, change.pods)
        elif isinstance(change, Known):
            changed = [change.container.id]
            records[change.container.id] = change.container
        else:
            changed = [change.container_id]
            records.pop(change.container_id, None)
        for container_id in changed:
            self._check_cgroup(container_id, self._records[name].get(container_id))
        self._changed(changed)

    def _take_pods(self, name: str, pods: Iterable[Pod]) -> list[str]:
        """The containers whose cgroups are those of pods that have changed."""
        before, after = self._pods[name], dict[str, Pod]()

        def claims_anothers(pod: Pod) -> bool:
            had = before.get(pod.cgroup_uid)
            return had is not None and had.uid != pod.uid

        # A static pod's mirror may be claimed by another pod: who had the cgroup before keeps it.
        for pod in sorted(pods, key=claims_anothers):
            if pod.cgroup_uid:
                after.setdefault(pod.cgroup_uid, pod)
        self._pods[name] = after
        if before == after:
            return []
        return [key for key in self._paths if before.get(uid := self._pod_uid(key)) != after.get(uid)]

    def _pod_uid(self, container_id: str) -> str:
        """Of the pod on its cgroup's path, or empty."""
        return next(filter(None, map(pod_of_container, self._paths.get(container_id, ()))), "")

    def _is_its_own(self, container_id: str, record: Container) -> bool:
        """Whoever may write a pod's status can put any container's ID there: its cgroup is the pod's, or it is not."""
        claimed = record.pod.cgroup_uid if record.pod else ""
        return not claimed or self._pod_uid(container_id) in ("", claimed)

    def _pod(self, container_id: str) -> Pod | None:
        """The pod on its cgroup's path, where a source knows that: before the container itself, as a rule."""
        if not any(self._pods.values()) or not (uid := self._pod_uid(container_id)):
            return None
        return next((pods[uid] for pods in self._pods.values() if uid in pods), None)

    def _check_cgroup(self, container_id: str, record: Container | None) -> None:
        """A source tells of a start or an end before the next scan, which is all there is where nothing is traced."""
        if record is None or record.status == EXITED:
            self.gone(container_id)
        elif container_id not in self._paths:
            self._rescan.set()

    def _changed(self, container_ids: Iterable[str]) -> None:
        for container_id in container_ids:
            known = (records[container_id] for records in self._records.values() if container_id in records)
            records = [record for record in known if self._is_its_own(container_id, record)]
            merged = merge(container_id, records, self._paths.get(container_id, ()), self._pod(container_id))
            if merged == self._merged.get(container_id):
                continue
            self._shown = None
            if merged is None:
                del self._merged[container_id]
            else:
                self._merged[container_id] = merged
            for callback in tuple(self._subscribers):
                callback(container_id)

    def look_again(self) -> None:
        """Soon, at all sources: somebody names what none of them knows."""
        self._poke()

    def _poke(self) -> None:
        """Now, or as soon as the last time is long enough ago."""
        if self._poke_due is not None:
            return
        wait = self._poked + POKE_SECONDS - self._clock()
        if wait > 0:
            self._poke_due = asyncio.get_running_loop().call_later(wait, self._poke_sources)
        else:
            self._poke_sources()

    def _poke_sources(self) -> None:
        self._poke_due = None
        self._poked = self._clock()
        for source in self._sources.values():
            source.poke()

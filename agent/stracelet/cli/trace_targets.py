# SPDX-License-Identifier: Apache-2.0
"""`trace TARGET...`: follows what the targets mean until they end or somebody says so, and prints what they do."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stracelet.cli.checks.host import has_capability, own_status
from stracelet.cli.interrupts import on_signals
from stracelet.cli.picking import Picked
from stracelet.cli.progress import Progress
from stracelet.cli.recording import Records
from stracelet.containers.procfs import Procfs
from stracelet.containers.request import Meant
from stracelet.containers.sources import places
from stracelet.containers.targets import target_of
from stracelet.errors import NotPermitted, TargetNotFound
from stracelet.native import NAMED_DROPPED, NAMED_KEPT, SLOT_PROVISIONAL, Named
from stracelet.traces.report import Part
from stracelet.tracing import protocol
from stracelet.tracing.observed import Observed
from stracelet.tracing.selection import Selection
from stracelet.tracing.session import Session
from stracelet.tracing.unprivileged import docker_lists_through, give_up_rights, inventory_through

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stracelet import native
    from stracelet.cli.arguments import Wanted
    from stracelet.cli.outputs import Outputs
    from stracelet.containers.model import Container
    from stracelet.containers.request import Request
    from stracelet.native import Printer
    from stracelet.traces.flags import Wish

SYS_PTRACE = 19
LOOK_SECONDS = 0.25


def run(wanted: Wanted, request: Request, wish: Wish, outputs: Outputs) -> int:
    """Traces, prints; 0, or 1 if nothing could be traced. Raises StraceletError."""
    return asyncio.run(_trace(wanted, request, wish, outputs))


def check_rights(request: Request, proc: Path) -> None:
    """Raises NotPermitted or TargetNotFound for what cannot work, before anything is started."""
    procfs = Procfs(proc)
    privileged = has_capability(own_status(proc), SYS_PTRACE)
    for pid in request.pids:
        process = procfs.process(pid)
        if process is None:
            raise TargetNotFound(f"pid/{pid}: no such process")
        if not privileged and process.uid != os.geteuid():
            raise NotPermitted(
                f"pid/{pid}: it belongs to another user (uid {process.uid})", help_text="Run it with sudo."
            )
    if request.names_containers and not privileged:
        named = next((target.text for target in request.targets if target.pid is None), "the selector")
        raise NotPermitted(
            f"{named}: tracing containers takes CAP_SYS_PTRACE, which this process does not have",
            help_text="Run it with sudo. Your own processes (pid/N) and `-- COMMAND` can be traced without.",
        )


async def _trace(wanted: Wanted, request: Request, wish: Wish, outputs: Outputs) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    deadline = None if wanted.duration is None else loop.time() + wanted.duration
    paths = [place.path for place in places(wanted.config.sources)] if request.names_containers else []
    with on_signals(lambda _: stop.set()):
        session = await Session.start(
            proc=wanted.config.procfs,
            cgroup_root=wanted.config.cgroup_root,
            connect=paths,
            allow_pid=bool(request.pids),
        )
        records = Records(session, wish, outputs)
        try:
            give_up_rights(wanted.config, with_libraries=request.names_containers and not request.of_docker_alone)
            await records.start()
            tracing = Tracing(wanted, request, session, paths, records)
            await tracing.run(stop, deadline)
        finally:
            await session.end()
            await records.stop()
        try:
            records.check()
            records.table(tracing.parts(outputs.counted))
            tracing.progress.check_rights()
        finally:
            session.close()
    return int(tracing.progress.failed())


class Tracing:
    """One trace: the inventory, the selection, and what is said about them on the way."""

    def __init__(
        self, wanted: Wanted, request: Request, session: Session, paths: Sequence[str], records: Records
    ) -> None:
        self._records = records
        self._named: set[Named] = set()
        self._request, self._session, self._names = request, session, request.names_containers
        self._proc = Path(wanted.config.procfs)
        self._procfs = Procfs(self._proc)
        # Where Docker's and Podman's alone are named, and none is waited for, their lists say it all.
        through = docker_lists_through if request.of_docker_alone else inventory_through
        self._inventory = through(session, wanted.config, paths)
        self.progress = Progress(self._name, self._wanted, self._procfs, quiet=bool(records.wish.quiet))
        self._selection: Selection | None = None

    def _name(self, container_id: str) -> str:
        container = self._inventory.get(container_id)
        if container is None and self._selection is not None and (kept := self._selection.kept(container_id)):
            container = kept.container
        if container is not None:
            return target_of(container)
        return container_id.replace(":", "/") if container_id.startswith("pid:") else container_id[:12]

    def _wanted(self, container_id: str) -> bool:
        return self._selection is not None and self._selection.kept(container_id) is not None

    async def _find(self) -> list[Container]:
        """The containers of now. TargetNotFound."""
        if not self._names:
            return []
        await self._inventory.refresh()
        self.progress.sources(self._inventory.states())
        return self._request.resolve(self._inventory.containers().values())

    async def _find_until(self, stop: asyncio.Event) -> list[Container] | None:
        """None: `stop` came first, for a runtime has seconds to answer. TargetNotFound."""
        finding = asyncio.create_task(self._find(), name="find")
        stopping = asyncio.create_task(_wait(stop), name="stop")
        try:
            await asyncio.wait((finding, stopping), return_when=asyncio.FIRST_COMPLETED)
            return finding.result() if finding.done() else None
        finally:
            await _cancel([finding, stopping])

    def _see(self, event: protocol.Event) -> None:
        self.progress.see(event)
        if isinstance(event, (protocol.Attached, protocol.New, protocol.Timeout, protocol.Overflow)):
            self._tell_names()

    def _renamed(self, _: str) -> None:
        """The selection, which decides what becomes of it, hears of it at the same time."""
        asyncio.get_running_loop().call_soon(self._tell_names)

    def _tell_names(self) -> None:
        """To those that take records: whose they are, as soon as that is known or has changed."""
        for slot in self._session.reader.containers():
            named = self._named_as(slot)
            if named is not None and named not in self._named:
                self._named.add(named)
                self._records.name(named)

    def _named_as(self, slot: native.Container) -> Named | None:
        """None: a new container, of which nobody knows yet whether it is wanted."""
        kept = self._selection.kept(slot.id) if self._selection else None
        if kept is None:
            known = slot.state != SLOT_PROVISIONAL
            return Named(slot.slot, slot.serial, NAMED_DROPPED, slot.id) if known else None
        if kept.container is None:
            return Named(slot.slot, slot.serial, NAMED_KEPT, slot.id, self._name(slot.id))
        pod = kept.container.pod
        return Named(
            slot.slot,
            slot.serial,
            NAMED_KEPT,
            slot.id,
            kept.container.name,
            pod.name if pod else "",
            pod.namespace if pod else "",
        )

    async def run(self, stop: asyncio.Event, deadline: float | None) -> None:
        """Until the targets have ended, `stop`, or the deadline (of the loop's clock)."""
        found = await self._find_until(stop)
        if found is None:
            return
        picked = Picked(
            meant=Meant(self._request, frozenset(each.id for each in found)),
            processes={pid: self._procfs.start(pid) or 0 for pid in self._request.pids},
            proc=self._proc,
            ourselves=self._inventory.own() if self._names else frozenset(),
        )
        waiting_for = [target.text for target in self._request.targets if not found] or ["what matches"]
        self.progress.expect(picked.meant.ids | {f"pid:{pid}" for pid in picked.processes}, waiting_for)
        self._selection = Selection(
            requests=Observed(self._session, self._see),
            slots=self._session.reader.containers,
            inventory=self._inventory,
            wanted=picked,
            linger_ns=None,
            retire=_nothing_to_retire,
        )
        await self._follow(stop, deadline)

    async def _follow(self, stop: asyncio.Event, deadline: float | None) -> None:
        assert self._selection is not None  # noqa: S101 - run() made it
        async with AsyncExitStack() as stack:
            parts = [asyncio.create_task(self._selection.run(), name="selection")]
            if self._names:
                parts.append(asyncio.create_task(self._inventory.run(), name="inventory"))
            parts.append(asyncio.create_task(_wait(stop), name="stop"))
            parts.append(asyncio.create_task(self._look(), name="end of the targets"))
            parts.append(asyncio.create_task(self._records.ended(), name="end of the records"))
            stack.push_async_callback(_cancel, parts)
            stack.callback(self._inventory.subscribe(self._renamed))
            left = None if deadline is None else max(deadline - asyncio.get_running_loop().time(), 0)
            done, _ = await asyncio.wait(parts, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()

    async def _look(self) -> None:
        """Until no target has a task left, if there is such an end."""
        while True:
            if self._selection and self._selection.answering and (self._inventory.following or not self._names):
                self.progress.wait()
            self.progress.look(self._session.reader.containers())
            self._tell_names()
            if self.progress.all_ended() and not self._request.endless:
                return
            await asyncio.sleep(LOOK_SECONDS)

    def parts(self, counted: Printer | None) -> list[Part]:
        """What was counted of each container, by its name: in the arena, or by a printer."""
        if self._selection is None:
            return []
        cells = counted.cells() if counted else self._session.reader.snapshot(()).cells
        owners = {(slot.slot, slot.serial): slot.id for slot in self._session.reader.containers()}
        kept = {id_ for id_ in owners.values() if self._selection.kept(id_) is not None}
        names = {id_: f"{self._name(id_)} ({id_[:12]})" if ":" not in id_ else self._name(id_) for id_ in kept}
        return [
            Part(names[id_], [cell for cell in cells if owners.get((cell.slot, cell.serial)) == id_])
            for id_ in sorted(kept, key=lambda id_: (names[id_], id_))
        ]


async def _nothing_to_retire() -> None:
    """A trace keeps every slot to its end."""


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


async def _cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

# SPDX-License-Identifier: Apache-2.0
"""The agent's composition root: builds everything, wires it, runs it until a signal, ends it."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from stracelet import __version__, config, log, native
from stracelet.containers.rules import Rules
from stracelet.containers.sources import ClusterSource, places
from stracelet.containers.targets import resolve
from stracelet.errors import AmbiguousTarget, StraceletError, TargetNotFound, UsageError
from stracelet.metrics.collector import Collector
from stracelet.metrics.families import RESTART_REASONS
from stracelet.metrics.identities import identities
from stracelet.metrics.self_metrics import SelfMetrics
from stracelet.metrics.series import Series
from stracelet.server import access
from stracelet.server.endpoints import Endpoints
from stracelet.server.http import HttpServer, bind, load_certificate, tls_context
from stracelet.traces.hub import Hub, Together
from stracelet.tracing.annotations import Annotations, filter_of
from stracelet.tracing.choice import Choice
from stracelet.tracing.observed import Observed
from stracelet.tracing.remote import RemoteSession
from stracelet.tracing.selection import Selection
from stracelet.tracing.session import Session
from stracelet.tracing.unprivileged import SERVICE_ID, give_up_rights, inventory_through
from stracelet.turns import Turns

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Collection, Mapping, Sequence

    from stracelet.config import Config
    from stracelet.containers.model import Container
    from stracelet.containers.sources import Source
    from stracelet.containers.targets import Target
    from stracelet.native import Cell
    from stracelet.tracing.selection import Kept

logger = logging.getLogger(__name__)


def run(
    settings: Config, *, config_path: Path | None = None, targets: Sequence[Target] = (), sources: Sequence[Source] = ()
) -> int:
    """The agent, until SIGTERM or SIGINT; the exit status. `sources`: of processes, whose all are monitored.

    StraceletError if it cannot start or cannot go on.
    """
    log.configure(level=settings.log.level, format=settings.log.format)
    check(settings)
    access.check(settings)
    config_file = config.ConfigFile(config_path)
    sockets = bind(settings.metrics.listen)
    with ExitStack() as stack:
        stack.callback(config_file.close)
        for listening in sockets:
            stack.callback(listening.close)
        in_cluster = ClusterSource(settings.sources).there
        endpoints = Endpoints(settings, in_cluster=in_cluster, group=SERVICE_ID)
        stack.callback(endpoints.close)
        tls = tls_context(settings.metrics.tls) if settings.metrics.tls else None
        asyncio.run(_run(settings, config_file, targets, sources, Listening(sockets, endpoints), tls))
    return 0


def check(settings: Config) -> None:
    """ConfigError: it says something that its model cannot know to be wrong."""
    Rules.of(settings.monitor)
    filter_of(settings.monitor)


async def _run(
    settings: Config,
    config_file: config.ConfigFile,
    targets: Sequence[Target],
    sources: Sequence[Source],
    listening: Listening,
    tls: ssl.SSLContext | None,
) -> None:
    stop, reload = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    paths = [place.path for place in places(settings.sources)]
    processes = [target.text for target in targets if target.pid is not None]
    session = await _session(settings, paths, processes or [source.name for source in sources])
    try:
        give_up_rights(settings)
        agent = Agent(
            settings=settings,
            config_file=config_file,
            targets=tuple(targets),
            sources=sources,
            session=session,
            paths=paths,
            listening=listening,
            tls=tls,
        )
        await agent.serve(stop, reload)
    finally:
        await session.end()
        session.close()
    goes_on = "the tracer counts on for a while" if settings.tracer_socket else "nothing is traced any more"
    logger.info("ended; %s", goes_on)


@dataclass(frozen=True)
class Listening:
    """Where the agent listens: for who wants metrics, and for who wants traces."""

    metrics: Sequence[socket.socket]
    api: Endpoints


async def _session(settings: Config, paths: Sequence[str], processes: Sequence[str]) -> Session:
    """With a tracer that listens, or with one of our own. UsageError: that one traces no processes by their PID."""
    if not settings.tracer_socket:
        return await Session.start(
            proc=settings.procfs, cgroup_root=settings.cgroup_root, connect=paths, allow_pid=bool(processes)
        )
    if processes:
        raise UsageError(f"{processes[0]}: the tracer at {settings.tracer_socket} traces containers alone")
    return RemoteSession(settings.tracer_socket, proc=settings.procfs, connect=paths)


class Agent:
    """All that the agent consists of."""

    def __init__(
        self,
        *,
        settings: Config,
        config_file: config.ConfigFile,
        targets: tuple[Target, ...],
        sources: Sequence[Source],
        session: Session,
        paths: Sequence[str],
        listening: Listening,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._settings, self._config_file, self._session, self._tls = settings, config_file, session, tls
        self._inventory = inventory_through(session, settings, paths, settings.checkpoint, sources)
        every = frozenset(source.name for source in sources)
        self._choice = Choice(targets, Rules.of(settings.monitor), sources=every)
        self._annotations = Annotations(filter=filter_of(settings.monitor), choice=lambda: self._choice)
        self._hub = Hub(
            session=session,
            limits=settings.limits,
            rewant=lambda: self._selection.rewanted(self._wanted()),
            ourselves=lambda: self._choice.ourselves,
        )
        self._selection = Selection(
            requests=Observed(session, self._hub.see),
            slots=session.containers,
            inventory=self._inventory,
            wanted=self._wanted(),
            linger_ns=settings.metrics.linger,
            retire=self._retire,
        )
        self._series = Series(
            n_edges=len(settings.metrics.buckets),
            max_series=settings.metrics.max_series,
            max_series_per_container=settings.metrics.max_series_per_container,
            linger_ns=settings.metrics.linger,
            names=native,
        )
        self._self_metrics = SelfMetrics(self, version=__version__, commit=_commit(), clock=time.time)
        self._collector = Collector(
            reader=session,
            series=self._series,
            self_metrics=self._self_metrics,
            identities=lambda ids: identities(self._counted, ids, self._annotations.shown),
            edges_ns=settings.metrics.buckets,
        )
        session.exchange = self._collector.exchange
        self._tracers_own: frozenset[str] = frozenset()
        session.met = self._meet_tracer
        self._cluster = ClusterSource(settings.sources)
        self._readers = access.readers(settings)
        self._server = HttpServer(
            page=self._collector.scrape, unready=self.unready, sockets=listening.metrics, tls=tls, readers=self._readers
        )
        self._api = listening.api
        self._snapshots = Turns()
        self.name = self._cluster.node

    async def serve(self, stop: asyncio.Event, reload: asyncio.Event) -> None:
        """Runs all parts until `stop`. Raises what any of them fails with."""
        await self._inventory.refresh()
        self._check_targets()
        self._know_ourselves()
        self._annotations.look(*self.containers())
        await self._server.start()
        await self._api.start(self._hub, self, lambda: self._settings, self._inventory, self._cluster.kubeconfig)
        logger.info("metrics at %s", self._address(), extra={"containers": len(self._inventory.containers())})
        parts = {
            asyncio.create_task(self._inventory.run(), name="inventory"),
            asyncio.create_task(self._selection.run(), name="selection"),
            asyncio.create_task(self._reload_for_ever(reload), name="reload"),
            asyncio.create_task(_wait(stop), name="stop"),
        }
        parts |= {asyncio.create_task(work, name="trace API") for work in self._api.work()}
        unsubscribe = self._inventory.subscribe(self._changed)
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
        finally:
            unsubscribe()
            await self._api.stop()
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
            await self._server.stop()
            if self._readers:
                await self._readers.close()
            await self._collector.stop()

    def _wanted(self) -> Together:
        return Together(self._choice, tuple(self._hub.running.values()))

    def _counted(self, container_id: str) -> Kept | None:
        kept = self._selection.kept(container_id)
        return kept if kept and kept.counted else None

    def _changed(self, container_id: str) -> None:
        """Before the selection hears of it, or soon after: what is ourselves, and whose records are whose."""
        self._know_ourselves()
        if container := self._inventory.get(container_id):
            self._annotations.look(container)
        self._hub.tell_names()

    def _meet_tracer(self, pid: int) -> None:
        """Its container is ours also where nobody tells of which pod it is."""
        self._tracers_own = frozenset(filter(None, [self._inventory.container_of(pid)]))
        self._know_ourselves()

    def _know_ourselves(self) -> None:
        ourselves = self._inventory.own() | self._tracers_own
        if ourselves != self._choice.ourselves:
            self._choice = replace(self._choice, ourselves=ourselves)
            self._rewant()

    def _rewant(self) -> None:
        self._selection.rewanted(self._wanted())
        self._annotations.look(*self.containers())

    def containers(self) -> Sequence[Container]:
        """All that there are on this node."""
        return list(self._inventory.containers().values())

    def monitored(self, container: Container) -> bool:
        """Whether it is traced always."""
        return self._choice.wants(container)

    def refused(self, container: Container) -> str:
        """What its pod's annotations ask for in vain, and why."""
        return self._annotations.refused(container)

    def traced(self) -> frozenset[str]:
        """The IDs of those of which the tracer has a task, for whomever."""
        return frozenset(slot.id for slot in self._session.containers() if slot.tracees)

    async def cells(self, container_ids: Collection[str]) -> Mapping[str, Sequence[Cell]]:
        """What has been counted of containers, as far as that is shown: since they are monitored."""
        owners = {
            (slot.slot, slot.serial): slot.id
            for slot in self._session.containers()
            if slot.id in container_ids and self._counted(slot.id)
        }
        found: dict[str, list[Cell]] = {}
        for cell in (await self._snapshots.take(partial(asyncio.to_thread, self._session.snapshot, ()))).cells:
            if id_ := owners.get((cell.slot, cell.serial)):
                found.setdefault(id_, []).append(cell)
        return found

    def _check_targets(self) -> None:
        """An ambiguous target or a PID of nobody is refused now; a container that is not here yet is waited for."""
        known = self._inventory.containers().values()
        for target in self._choice.targets:
            if target.pid is not None and not (Path(self._settings.procfs) / str(target.pid)).exists():
                raise TargetNotFound(f"{target.text}: no such process", help_text="`stracelet ps` shows host PIDs.")
            try:
                resolve([target], known)
            except TargetNotFound as error:
                if isinstance(error, AmbiguousTarget):
                    raise
                logger.info("%s: not here yet; it is traced as soon as it is", target.text)

    def _address(self) -> str:
        host, _ = config.parse_listen(self._settings.metrics.listen)
        name = f"[{host}]" if host and ":" in host else host or "localhost"
        return f"{'https' if self._tls else 'http'}://{name}:{self._server.port}/metrics"

    async def _reload_for_ever(self, reload: asyncio.Event) -> None:
        while True:
            await reload.wait()
            reload.clear()
            try:
                self._apply(self._config_file.read())
            except StraceletError as error:
                logger.error("the configuration was not read again, the old one goes on: %s", error)  # noqa: TRY400

    def _apply(self, new: Config) -> None:
        rules, shown = Rules.of(new.monitor), filter_of(new.monitor)
        if self._tls and self._settings.metrics.tls:
            load_certificate(self._tls, self._settings.metrics.tls)
        for key in config.needing_restart(self._settings, new):
            logger.warning("%s has changed: that needs a restart", key)
        log.configure(level=new.log.level, format=new.log.format)
        self._series.max_series = new.metrics.max_series
        self._series.max_series_per_container = new.metrics.max_series_per_container
        self._series.linger_ns = self._selection.linger_ns = new.metrics.linger
        self._settings = self._settings.model_copy(update={"trace": new.trace})  # of the traces that begin from now on
        self._choice, self._annotations.filter = replace(self._choice, rules=rules), shown
        self._rewant()
        logger.info("the configuration was read again")

    async def _retire(self) -> None:
        await self._collector.absorb()

    def unready(self) -> str:
        """Why we are not ready, or an empty text."""
        if self._session.away:
            return self._session.away
        if not self._selection.answering or self._session.info().generation != self._selection.generation:
            return "the tracer does not answer"
        cgroup = self._inventory.states().get("cgroup")
        if cgroup is not None and not cgroup.up:
            return f"the cgroup tree cannot be read: {cgroup.error}"
        return ""

    def sources_up(self) -> dict[str, bool]:
        """By name; a usual place where there is nothing is not a source."""
        return {name: state.up for name, state in self._inventory.states().items() if state.present}

    def tracer_restarts(self) -> dict[str, int]:
        """By reason."""
        return {reason: self._selection.restarts[number] for number, reason in RESTART_REASONS.items()}

    def cgroups_cut(self) -> int:
        """Cgroups that a bound kept out."""
        return self._inventory.cut()

    def cgroups_unwatched(self) -> bool:
        """Whether the tracer has to look for new containers, instead of being told of them."""
        return self._selection.unwatched

    def calls_uncounted(self) -> int:
        """Calls that found no free row."""
        return self._collector.calls_uncounted()

    def calls_folded(self) -> int:
        """Calls whose syscall or errno is counted as "other" for want of rows."""
        return self._collector.calls_folded()

    def traces(self) -> int:
        """That run for clients."""
        return len(self._hub.running)

    def refused_by_reason(self) -> Mapping[str, Mapping[str, int]]:
        """What was asked for in vain: traces, their containers, and annotations."""
        found = {"traces": self._hub.refusals, "trace_containers": self._hub.containers_refused}
        return {**found, "annotations": self._annotations.refused_by_reason}

    def records_dropped(self) -> Mapping[str, int]:
        """Lines of traces, by reason."""
        return self._hub.dropped

    def scrape_seconds(self) -> float:
        """Of the last scrape."""
        return self._collector.scrape_seconds


def _commit() -> str:
    """What the package was built from; it is put beside the native program."""
    file = Path(__file__).parent / "_bin" / "commit"
    return file.read_text(encoding="ascii").strip() if file.exists() else ""


async def _wait(event: asyncio.Event) -> None:
    await event.wait()

# SPDX-License-Identifier: Apache-2.0
"""All traces of an agent, and what it monitors, on its one attachment."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stracelet.containers.model import PROCESS
from stracelet.errors import LimitReached, StraceletError
from stracelet.native import (
    NAMED_DROPPED,
    NAMED_KEPT,
    SLOT_ENDED,
    SLOT_LEFT,
    SLOT_PROVISIONAL,
    SLOT_TRACED,
    Cell,
    Named,
    syscall_name,
)
from stracelet.traces.report import Part, report
from stracelet.traces.running import Asked, RunningTrace
from stracelet.traces.shared import SharedRecords
from stracelet.tracing import protocol
from stracelet.tracing.selection import NAMING_NS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence

    from stracelet import native
    from stracelet.config import Limits
    from stracelet.containers.model import Container, Pod
    from stracelet.records.consumers import Consumer
    from stracelet.tracing.choice import Choice
    from stracelet.tracing.session import Session

    Key = tuple[int, int, int, int]

logger = logging.getLogger(__name__)

# Of the arena's slots, after these something is to be told.
TELLING = (protocol.Attached, protocol.New, protocol.Ended, protocol.Timeout, protocol.Overflow)
UNTRACED = "none of its tasks could be traced"
INTERRUPTED = "the tracer ended; another one attaches, and what is called meanwhile is missing"


@dataclass(frozen=True)
class Together:
    """Who asks for what: monitoring, which counts, and traces, which record."""

    monitored: Choice
    traces: tuple[RunningTrace, ...]

    def wants(self, container: Container) -> bool:
        wanted = [trace.wants(container) for trace in self.traces]  # each takes note of it
        return any(wanted) or self.monitored.wants(container)

    def counts(self, container: Container) -> bool:
        return self.monitored.wants(container)

    def records(self, container: Container) -> bool:
        return any(trace.has(container.id) for trace in self.traces)

    def could_want(self, container_id: str, pod: Pod | None) -> bool:
        if container_id in self.monitored.ourselves:
            return False
        if self.monitored.could_want(container_id, pod):
            return True
        return any(trace.could_want(container_id, pod) for trace in self.traces)

    def wants_new(self) -> bool:
        return self.records_new() or self.monitored.wants_new()

    def records_new(self) -> bool:
        return any(trace.asked.target.expected is None for trace in self.traces)

    def pids(self) -> Sequence[int]:
        return self.monitored.pids()


class Hub:
    """Starts and ends traces. All calls from the event loop's thread."""

    def __init__(
        self, *, session: Session, limits: Limits, rewant: Callable[[], None], ourselves: Callable[[], frozenset[str]]
    ) -> None:
        """`rewant` is called when other containers are wanted; it asks for `running`."""
        self._session, self.limits, self._rewant, self._ourselves = session, limits, rewant, ourselves
        self._records = SharedRecords(session, self._failed)
        self._changing = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._gone = self._telling = False
        self._arena_ns = 0
        self.running: dict[str, RunningTrace] = {}
        self.refusals: dict[str, int] = {"traces": 0, "traces_per_user": 0}
        self.containers_refused: dict[str, int] = {"containers": 0, "ourselves": 0}
        self.dropped: dict[str, int] = {"slow": 0, "rate": 0}

    def check_room(self, user: str) -> None:
        """LimitReached: one more is too many."""
        if len(self.running) >= self.limits.traces:
            self.refusals["traces"] += 1
            raise LimitReached(f"{len(self.running)} traces run here already (limits.traces)")
        of_user = sum(trace.asked.user == user for trace in self.running.values())
        if of_user >= self.limits.traces_per_user:
            self.refusals["traces_per_user"] += 1
            raise LimitReached(f"{of_user} traces of {user} run here already (limits.traces_per_user)")

    async def start(self, asked: Asked) -> RunningTrace:
        """LimitReached; TracerError: the native program passes no records."""
        async with self._changing:
            self.check_room(asked.user)
            trace = RunningTrace(
                asked,
                containers=self.limits.containers,
                rate=self.limits.records_per_second,
                ourselves=self._ourselves,
                count_refused=self._count_refused,
            )
            await self._records.start()
            self._arena_ns = self._session.info().created_ns
            trace.baseline = self._baseline(trace)
            for consumer in trace.consumers:
                self._records.fan.add(consumer)
            self.running[asked.id] = trace
            self._want_records()
        try:
            self._rewant()
            trace.miss()
            self._tell_names()
        except BaseException:
            await self.finish(trace)
            raise
        return trace

    def _count_refused(self, reason: str) -> None:
        self.containers_refused[reason] += 1

    def _baseline(self, trace: RunningTrace) -> Mapping[Key, Cell]:
        wish = trace.asked.wish
        if not wish.counts or wish.counts_records:
            return {}
        return {_key(cell): cell for cell in self._session.snapshot(()).cells}

    async def finish(self, trace: RunningTrace) -> None:
        """Its containers are let go, if nobody else wants them; what was recorded of them is on its backlog. It is
        done to its end, whatever becomes of who waits for it, and once."""
        if trace.finishing is None:
            trace.finishing = asyncio.get_running_loop().create_task(self._finish(trace))
        await asyncio.shield(trace.finishing)

    async def _finish(self, trace: RunningTrace) -> None:
        self.running.pop(trace.asked.id, None)
        self._rewant()
        # Several that end together wait together.
        await asyncio.gather(*(self._records.remove(consumer) for consumer in trace.consumers))
        trace.backlog.close()
        async with self._changing:
            self._want_records()
            if not self.running:
                await self._records.stop()

    def failure(self) -> str:
        """Why no trace gets records any more, or an empty text."""
        return self._records.failure()

    def _want_records(self) -> None:
        self._records.want([trace.asked.wish for trace in self.running.values() if trace.asked.wish.records])

    def settled_ns(self) -> int:
        """CLOCK_REALTIME: of what was called before, all is on the backlogs."""
        return self._records.fan.quiet_ns

    def table(self, trace: RunningTrace) -> str:
        """What was called since the trace began, as its flags want it shown; empty without -c and -C."""
        wish = trace.asked.wish
        if not wish.counts:
            return ""
        if trace.counted is not None:
            cells = trace.counted.cells()
            owners = {key: named.id for key, named in trace.named.items()}
        else:
            cells, owners = self._counted(trace)
        parts = [
            Part(
                trace.asked.heading(container),
                [cell for cell in cells if cell.calls > 0 and owners.get((cell.slot, cell.serial)) == id_],
            )
            for id_, container in sorted(trace.all().items(), key=lambda item: trace.asked.heading(item[1]))
        ]
        return report([wish.chosen(part) for part in parts], wish.layout, syscall_name)

    def _counted(self, trace: RunningTrace) -> tuple[list[Cell], dict[tuple[int, int], str]]:
        """What was counted since it began, of slots that have been released since too; and whose the slots are."""
        owners = {(slot.slot, slot.serial): slot.id for slot in self._session.containers()}
        cells = [_since(trace.baseline, cell) for cell in self._session.snapshot(()).cells]
        for key, (id_, past) in trace.past.items():
            if key not in owners:
                owners[key] = id_
                cells += past
        return cells, owners

    def _keep_counts(self, container_ids: Collection[str]) -> None:
        """Before their slots are released, or another arena comes."""
        concerned = [
            trace
            for trace in self.running.values()
            if trace.asked.wish.counts and trace.counted is None and any(map(trace.has, container_ids))
        ]
        if not concerned:
            return
        owners = {(slot.slot, slot.serial): slot.id for slot in self._session.containers()}
        cells = self._session.snapshot(()).cells
        for trace in concerned:
            for key, id_ in owners.items():
                if id_ in container_ids and trace.has(id_):
                    own = [_since(trace.baseline, cell) for cell in cells if (cell.slot, cell.serial) == key]
                    trace.past[key] = id_, own

    def see(self, event: protocol.Event) -> None:
        """An event of the session, which the selection has seen. What fails here is said, and ends nobody."""
        try:
            self._see(event)
        except StraceletError as error:
            logger.warning("traces were not told of what happened: %s", error)

    def _see(self, event: protocol.Event) -> None:
        match event:
            case protocol.Attached():
                for trace in self.running.values():
                    trace.attached(event.id, event.tasks)
            case protocol.Failed() | protocol.Refused() | protocol.Gone():
                self._not_traced(event)
            case protocol.TracerEnded() if event.reason != protocol.END_EXITED:
                self._interrupted()
            case protocol.SupervisorLost():
                self._lost()
            case protocol.Hello() if self._gone:
                self._gone = False
                self._later(self._begin_again)
        if isinstance(event, TELLING):
            self.tell_names()

    def _not_traced(self, event: protocol.Failed | protocol.Refused | protocol.Gone) -> None:
        for trace in self.running.values():
            if not isinstance(event, protocol.Gone):
                reason = event.reason if isinstance(event, protocol.Failed) else None
                trace.failed(event.id, str(event), traced=reason in protocol.TRACED_NEVERTHELESS)
            if not isinstance(event, protocol.Failed):
                trace.lost(event.id)

    def _lost(self) -> None:
        self._keep_counts([id_ for trace in self.running.values() for id_ in trace.all()])
        self._interrupted()
        self._gone = True
        self._later(self._records.stop)

    def _over(self, ended_ns: Mapping[str, int]) -> None:
        """Containers, and when they ended."""
        self._keep_counts(ended_ns)
        traces = self.running.values()
        ended = [trace.over(id_, end_ns) for trace in traces for id_, end_ns in ended_ns.items()]
        if any(ended) and any(trace.refused for trace in traces):
            self._rewant()  # there is room for another one
            self.tell_names()

    def _later(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """In turn with what starts and ends traces."""

        async def do() -> None:
            async with self._changing:
                await work()

        task = asyncio.get_running_loop().create_task(do())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _begin_again(self) -> None:
        """With a tracer that is there again; where its arena is another one, counts begin at 0."""
        if not self.running:
            return
        try:
            await self._records.start()
            created_ns = self._session.info().created_ns
        except StraceletError as error:  # it has gone again
            logger.warning("the traces get no records: %s", error)
            return
        for trace in self.running.values():
            if created_ns != self._arena_ns:
                trace.baseline = {}
        self._arena_ns = created_ns
        self._want_records()
        self._tell_names()

    def _interrupted(self) -> None:
        for trace in self.running.values():
            trace.interrupted(INTERRUPTED)

    def tell_names(self) -> None:
        """Soon, once for all that has changed by then."""
        if not self._telling:
            self._telling = True
            asyncio.get_running_loop().call_soon(self._tell_names)

    def _tell_names(self) -> None:
        """To the traces' consumers: whose records they are, as soon as that is known or has changed."""
        self._telling = False
        now_ns = time.time_ns()
        over: dict[str, int] = {}
        slots = self._session.containers() if self.running else ()
        begun_again = {slot.id for slot in slots if slot.state not in (SLOT_ENDED, SLOT_LEFT)}
        for slot in slots:
            key = slot.slot, slot.serial
            for trace in self.running.values():
                named = _named(trace, slot, now_ns)
                if named is not None and named != trace.named.get(key):
                    trace.named[key] = named
                    for consumer in trace.consumers:
                        self._records.fan.tell(consumer, named)
                if slot.state == SLOT_ENDED and slot.id in trace.taken and slot.id not in begun_again:
                    if self._untraced(slot):  # perhaps it was tried before the trace began
                        trace.failed(slot.id, UNTRACED, traced=False)
                    over[slot.id] = max(over.get(slot.id, 0), slot.end_ns)
                elif slot.state == SLOT_TRACED and slot.tracees:
                    trace.attached(slot.id, slot.tracees)
        if over:
            self._over(over)

    def _untraced(self, slot: native.Container) -> bool:
        """Whether it has ended without a call that was seen, and a task of it could not be traced."""
        failures = sum(count for why, count in enumerate(slot.failures) if why not in protocol.TRACED_NEVERTHELESS)
        key = slot.slot, slot.serial
        return failures > 0 and all((cell.slot, cell.serial) != key for cell in self._session.snapshot(()).cells)

    def _failed(self, consumer: Consumer, error: Exception) -> None:
        """In the pump's thread."""
        logger.error("a trace cannot go on: %s", error)
        for trace in list(self.running.values()):
            if consumer in trace.consumers:
                trace.fail(str(error))

    def close(self, reason: str) -> None:
        """All traces are to end; their clients are told why."""
        for trace in list(self.running.values()):
            trace.end(reason)


def _named(trace: RunningTrace, slot: native.Container, now_ns: int) -> Named | None:
    """None: a new container, of which nobody knows yet whether the trace wants it; its name may come after its end."""
    container = trace.has(slot.id)
    if container is None:
        late = slot.state == SLOT_ENDED and now_ns - slot.end_ns < NAMING_NS
        known = slot.state != SLOT_PROVISIONAL and not late
        return Named(slot.slot, slot.serial, NAMED_DROPPED, slot.id) if known else None
    pod = container.pod
    name = container.name or container.id.replace(PROCESS, "pid/")[:12]
    return Named(
        slot.slot, slot.serial, NAMED_KEPT, slot.id, name, pod.name if pod else "", pod.namespace if pod else ""
    )


def _key(cell: Cell) -> Key:
    return cell.slot, cell.serial, cell.abi, cell.number


def _since(baseline: Mapping[Key, Cell], cell: Cell) -> Cell:
    """Its shortest and longest call are of all time."""
    before = baseline.get(_key(cell))
    if before is None:
        return cell
    return cell._replace(
        calls=cell.calls - before.calls, errors=cell.errors - before.errors, sum_ns=cell.sum_ns - before.sum_ns
    )

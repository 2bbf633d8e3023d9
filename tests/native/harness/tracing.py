# SPDX-License-Identifier: Apache-2.0
"""A session under test: what it traces, what it reported, what it has counted."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self, TypeVar

from stracelet import native
from stracelet.tracing import protocol
from stracelet.tracing.session import Session
from tests.native.harness import proc
from tests.native.harness.cgroup import ROOT, Container
from tests.native.harness.proc import PATIENCE, until
from tests.native.harness.recording import Recording

EventT = TypeVar("EventT", bound=protocol.Event)


@dataclass
class Counted:
    """What the arena holds of one container, by name; names of another ABI than the machine's as "i386:NAME"."""

    calls: Counter[str] = field(default_factory=Counter)
    errors: Counter[tuple[str, str]] = field(default_factory=Counter)
    signals: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    buckets: dict[str, Sequence[int]] = field(default_factory=dict)


def _name(abi: int, number: int) -> str:
    name = native.syscall_name(abi, number) or "unknown"
    return f"i386:{name}" if abi == native.ABI_I386 and name != "unknown" else name


class Tracing:
    """Wraps a Session. An async context manager that ends it, and fails when the end does not come."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.events: list[protocol.Event] = []
        self.recording: Recording | None = None
        self._ended = False
        self._traced: set[str] = set()
        self._collector = asyncio.create_task(self._collect())

    @classmethod
    async def start(cls, **options: object) -> "Tracing":
        """Starts a session, and waits until its tracer watches the cgroup tree."""
        tracing = cls(await Session.start(cgroup_root=str(ROOT), **options))  # type: ignore[arg-type]
        await tracing.event(protocol.Hello)
        tracing.recording = await Recording.begin(tracing.session)
        return tracing

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        await self.end()

    def request(self, kind: int) -> None:
        """Sends a message that a Session has no name for."""
        self.session._control.send(protocol.Message(kind).encode())

    async def policy(self, *, new_containers: bool) -> None:
        """Returns when the tracer has taken it: it answers no policy, but what it refuses after that."""
        self.session.policy(new_containers=new_containers)
        self.session.trace("no ID")
        await self.event(protocol.Refused, lambda event: event.id == "no ID")

    async def _collect(self) -> None:
        async for event in self.session.events():
            self.events.append(event)
            if isinstance(event, protocol.Hello):  # a later tracer knows of nothing that an earlier one was asked for
                for container_id in self._traced:
                    self.session.trace(container_id)

    def trace(self, container: Container) -> None:
        """Asks for a container, and asks every later tracer for it too."""
        self._traced.add(container.id)
        self.session.trace(container.id)

    def drop(self, container: Container, *, discard: bool = False) -> None:
        """Takes the request back."""
        self._traced.discard(container.id)
        self.session.drop(container.id, discard=discard)

    async def end(self, timeout: float = 5.0) -> float:
        """Ends the session, once; the seconds that it took."""
        start = time.monotonic()
        if not self._ended:
            self._ended = True
            await asyncio.wait_for(self.session.end(timeout), PATIENCE)
            self._collector.cancel()
            await asyncio.gather(self._collector, return_exceptions=True)
            self.session.close()
            if self.recording:
                await self.recording.end()
        return time.monotonic() - start

    @property
    def tracer(self) -> int:
        """The tracer's PID."""
        return self.session.reader.info().tracer_pid

    @property
    def supervisor(self) -> int:
        """The supervisor's PID: the tracer's parent."""
        return int(proc.status(self.tracer).get("PPid", "0"))

    def slot(self, container_id: str) -> native.Container | None:
        """The arena's entry for a container; of several, the one that began last."""
        found = [entry for entry in self.session.reader.containers() if entry.id == container_id]
        return max(found, key=lambda entry: entry.serial, default=None)

    async def attach(self, *containers: Container, deadline: float = PATIENCE) -> float:
        """Asks for the containers and waits until every task inside is traced; the seconds that it took."""
        start = time.monotonic()
        for container in containers:
            self.trace(container)
        await self.attached(*containers, deadline=deadline)
        return time.monotonic() - start

    async def attached(self, *containers: Container, deadline: float = PATIENCE) -> None:
        """Waits until every task of these is traced, none of them pending."""

        def complete() -> bool:
            for container in containers:
                slot, pids = self.slot(container.id), container.pids()
                if slot is None or slot.state != native.SLOT_TRACED:  # it may still be leaving
                    return False
                if slot.pending or not slot.tracees or not proc.all_traced(pids):
                    return False
            return True

        await until(complete, "every task is traced", deadline)

    async def detach(self, container: Container, *, discard: bool = False, deadline: float = PATIENCE) -> float:
        """Drops a container and waits until no task of it is traced, but for those that sleep in a call.

        Those are let go when they wake. Returns the seconds that it took.
        """
        self.drop(container, discard=discard)

        def dropped() -> bool:
            slot = self.slot(container.id)
            return slot is None or slot.state in (native.SLOT_LEAVING, native.SLOT_ENDED, native.SLOT_LEFT)

        await until(dropped, "the drop is obeyed", deadline)
        return await until(lambda: not proc.traced_and_awake(container.pids()), "no task is traced", deadline)

    async def event(
        self, kind: type[EventT], wanted: Callable[[EventT], bool] = bool, deadline: float = PATIENCE
    ) -> EventT:
        """The first event of this kind that is wanted, past ones too."""

        def found() -> EventT | None:
            return next((event for event in self.events if isinstance(event, kind) and wanted(event)), None)

        try:
            await until(found, kind.__name__, deadline)
        except AssertionError as error:
            raise AssertionError(f"{error}; came: {self.events}") from None
        event = found()
        assert event is not None
        return event

    async def over(self, container: Container, deadline: float = PATIENCE) -> Counted:
        """What was counted, once the tracer has seen the last task of the container die."""

        def none_left() -> bool:
            slot = self.slot(container.id)
            return slot is not None and slot.tracees == 0

        await until(none_left, "no tracee is left", deadline)
        return self.counted(container)

    def counted(self, container: Container, edges: Sequence[int] = ()) -> Counted:
        """What the arena holds now."""
        slot, counted = self.slot(container.id), Counted()
        if slot is None:
            return counted
        snapshot = self.session.reader.snapshot(edges)
        for cell in snapshot.cells:
            if cell.serial != slot.serial:
                continue
            if cell.abi == native.ABI_SIGNAL:
                counted.signals[native.signal_name(cell.number) or str(cell.number)] += cell.calls
                continue
            name = _name(cell.abi, cell.number)
            counted.calls[name] += cell.calls
            counted.seconds[name] = counted.seconds.get(name, 0) + cell.sum_ns / 1e9
            counted.buckets[name] = [
                a + b for a, b in zip(counted.buckets.get(name, [0] * len(cell.buckets)), cell.buckets, strict=True)
            ]
        for error in snapshot.errors:
            if error.serial == slot.serial:
                key = _name(error.abi, error.number), native.errno_name(error.error) or str(error.error)
                counted.errors[key] += error.calls
        return counted

# SPDX-License-Identifier: Apache-2.0
"""What is traced: targets and rules on one side, what the tracer and the inventory see on the other.

    New (provisional)  -> wanted: trace (keep) | not wanted, or unnamed for 2 s: drop and throw away
    ended by then      -> wanted: keep         | not wanted, or unnamed for 32 s: throw away
    named, renamed     -> wanted: trace        | no longer wanted: drop, its counts stay for the linger
    slot ended         -> kept: release after the linger | not kept: release now
    no room for it     -> asked for again after a pause
    later tracer       -> everything is asked for again: a tracer remembers nothing
    earlier agent's    -> wanted: trace        | not wanted, or unnamed for 30 s: drop and release

The arena's slots are the truth; events are hints that save waiting for the next look at them.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stracelet.containers.model import EXITED, PROCESS
from stracelet.errors import TargetNotFound
from stracelet.native import SLOT_ENDED, SLOT_LEFT, SLOT_PROVISIONAL, SLOT_TRACED
from stracelet.tracing import protocol
from stracelet.tracing.retries import NO_ROOM, Retries

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from stracelet.arena import Slot
    from stracelet.containers.model import Container
    from stracelet.tracing.roles import Known, Requests, Wanted

logger = logging.getLogger(__name__)

SECOND = 10**9
NAMING_NS = 2 * SECOND
# What has ended costs nobody anything. A kubelet tells of what has become of a pod every 10 s at the latest.
LATE_NS = 30 * SECOND
MAX_LATE = 128
# What an earlier agent had asked for; the source of its name may be slow to come back.
ADOPTION_NS = 30 * SECOND
TICK_SECONDS = 0.5
# Ended slots are 1 in 4 of all: where short-lived containers fill the arena, the oldest go before their linger is over.
MAX_ENDED = 256


@dataclass(frozen=True)
class Kept:
    """What is traced, or was and still has statistics. `container` is None for a process by its PID.

    `seen_ns`: CLOCK_REALTIME at which it was first seen; `counted`: it is, or was, wanted for its counts.
    """

    id: str
    container: Container | None
    seen_ns: int
    counted: bool = True


class Selection:
    """Keeps the tracer doing what is wanted, until cancelled. All calls from the event loop's thread."""

    def __init__(
        self,
        *,
        requests: Requests,
        slots: Callable[[], Collection[Slot]],
        inventory: Known,
        wanted: Wanted,
        linger_ns: int | None,
        retire: Callable[[], Awaitable[None]],
        clock: Callable[[], int] = time.monotonic_ns,
        wall_clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """`linger_ns` None: nothing is released. `retire` is awaited before a kept slot is released."""
        self._requests = requests
        self._slots = slots
        self._inventory = inventory
        self._wanted = wanted
        self.linger_ns = linger_ns
        self._retire = retire
        self._clock = clock
        self._wall_clock = wall_clock
        self._kept: dict[str, Kept] = {}
        self._traced: set[str] = set()
        self._silent: set[str] = set()
        self._unnamed: dict[str, int] = {}
        self._seen: dict[str, int] = {}
        self._said: set[tuple[str, int]] = set()
        self._releasing: set[tuple[int, int]] = set()
        self._retries = Retries(clock)
        self.generation = 0
        self.restarts = {protocol.END_DIED: 0, protocol.END_STALLED: 0, protocol.END_LOST: 0}
        self.answering = False
        self.unwatched = False

    def kept(self, container_id: str) -> Kept | None:
        """Who it is, if its counts are to be shown; None for what is provisional or nobody asked for."""
        return self._kept.get(container_id)

    def rewanted(self, wanted: Wanted) -> None:
        """Other rules or targets from now on."""
        self._wanted = wanted
        if self.answering:
            self._requests.policy(new_containers=wanted.wants_new(), silent=not wanted.records_new())
        for container_id in {*self._inventory.containers(), *self._traced, *self._unnamed}:
            self._decide(container_id)

    async def run(self) -> None:
        """Follows events, names and the clock. SessionLost when the native program has gone."""
        unsubscribe = self._inventory.subscribe(self._decide)
        ticks = asyncio.create_task(self._tick_for_ever(), name="selection ticks")
        events = asyncio.create_task(self._follow(), name="tracer events")
        try:
            done, _ = await asyncio.wait({ticks, events}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                await task
        finally:
            unsubscribe()
            for task in (ticks, events):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def _follow(self) -> None:
        async for event in self._requests.events():
            self.handle(event)

    async def _tick_for_ever(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            await self.tick()

    def handle(self, event: protocol.Event) -> None:
        """One event of the session."""
        match event:
            case protocol.Hello():
                self._start_over(event)
            case protocol.Seen():
                self._note(event.id)
                self._inventory.seen(event.id, event.text)
                self._decide(event.id)
            case protocol.New():
                self._note(event.id)
                self._unnamed.setdefault(event.id, self._clock() + NAMING_NS)
                self._traced.discard(event.id)  # the tracer does not know that it was asked for
                self._retries.taken(event.id)  # it has a slot
                self._inventory.seen(event.id, event.text)
                self._decide(event.id)
            case protocol.Gone():
                self._inventory.gone(event.id)
            case protocol.Timeout():
                self._unnamed.pop(event.id, None)
                self._traced.discard(event.id)
                logger.info("let go, as it had no name for 2 s", extra={"container": self.name(event.id)})
                self._decide(event.id)
            case protocol.Attached() | protocol.Waiting() if event.id in self._retries:
                self._retries.taken(event.id)
                logger.info("there is room for it now", extra={"container": self.name(event.id)})
            case protocol.Failed() | protocol.Refused():
                self._complain(event)
                self._look_for_room(event)
            case protocol.Unwatched():
                self.unwatched = event.error != 0
                self._say_of_tree(event)
            case protocol.Overflow():
                self._find_provisional()
            case protocol.TracerEnded() | protocol.SupervisorLost():
                self._tracer_ended(event)
            case protocol.SessionLost():
                raise event.error

    def _start_over(self, hello: protocol.Hello) -> None:
        if self.generation:
            logger.warning("another tracer is there, and attaches again", extra={"generation": hello.generation})
        self.generation, self.answering, self.unwatched = hello.generation, True, False
        self._releasing.clear()
        self._retries.clear()
        self._requests.policy(new_containers=self._wanted.wants_new(), silent=not self._wanted.records_new())
        named = self._processes()
        for container_id in self._traced | named:
            if container_id in named or not container_id.startswith(PROCESS) or self._inventory.get(container_id):
                self._ask(container_id, silent=container_id in self._silent)
        for container_id in self._inventory.containers():
            self._decide(container_id)
        self._find_provisional()
        self._adopt()

    def _processes(self) -> set[str]:
        """The IDs of those that are named by their PID: an inventory need not know them."""
        return {f"{PROCESS}{pid}" for pid in self._wanted.pids()}

    def _trace_pid(self, pid: int) -> None:
        try:
            container_id = self._requests.trace_pid(pid, silent=f"{PROCESS}{pid}" in self._silent)
        except TargetNotFound as error:
            named = f"{PROCESS}{pid}" in self._processes()  # else it was seen, and is soon forgotten
            logger.log(logging.WARNING if named else logging.DEBUG, "%s", error)
            self._retries.taken(f"{PROCESS}{pid}")
            return
        self._traced.add(container_id)
        self._kept.setdefault(container_id, Kept(container_id, None, self._note(container_id)))

    def _find_provisional(self) -> None:
        """Messages may have been lost: who is provisional in the arena has an answer to get."""
        for slot in self._slots():
            if slot.state == SLOT_PROVISIONAL and slot.id not in self._traced:
                self._unnamed.setdefault(slot.id, self._clock() + NAMING_NS)
                self._decide(slot.id)

    def _adopt(self) -> None:
        """Where a supervisor outlives its agents, an earlier one's containers are there, and are decided about."""
        for slot in self._slots():
            if slot.state == SLOT_TRACED and slot.id not in self._traced and slot.id not in self._kept:
                self._unnamed.setdefault(slot.id, self._clock() + ADOPTION_NS)
                self._decide(slot.id)

    def _nobodys(self, slot: Slot) -> bool:
        """Whether it was let go, and nothing of it is to be shown."""
        if slot.id in self._kept or slot.id in self._unnamed:
            return False
        if slot.state == SLOT_TRACED:
            return self.answering and slot.id not in self._traced
        return slot.state in (SLOT_ENDED, SLOT_LEFT)

    def _tracer_ended(self, event: protocol.TracerEnded | protocol.SupervisorLost) -> None:
        self.answering = False
        if isinstance(event, protocol.SupervisorLost):
            self.restarts[protocol.END_LOST] += 1
            logger.warning("%s", event)
        elif event.reason in self.restarts:
            self.restarts[event.reason] += 1
            how = "did not answer and was killed" if event.reason == protocol.END_STALLED else _ended(event.status)
            logger.warning("the tracer %s; its targets go on, and another one is started", how)

    def _complain(self, event: protocol.Failed | protocol.Refused) -> None:
        """One line for each container and reason, not one for each of its tasks."""
        kind = event.reason if isinstance(event, protocol.Failed) else -1
        if (event.id, kind) not in self._said:
            self._said.add((event.id, kind))
            level = logging.WARNING if event.id in self._traced else logging.DEBUG  # nobody asked for it, yet
            logger.log(level, "%s", event, extra={"container": self.name(event.id)})

    def _say_of_tree(self, event: protocol.Unwatched) -> None:
        """Once: whoever makes it so can do it again and again."""
        kind = -2 if event.error else -3
        if ("", kind) not in self._said:
            self._said.add(("", kind))
            logger.log(logging.WARNING if event.error else logging.INFO, "%s", event)

    def _look_for_room(self, event: protocol.Failed | protocol.Refused) -> None:
        """What is refused for want of room is asked for again; until then the tracer is not to wait for it either."""
        if isinstance(event, protocol.Refused) and event.error in NO_ROOM and event.id in self._traced:
            self._traced.discard(event.id)
            self._retries.refused(event.id)
            self._requests.drop(event.id)

    def name(self, container_id: str) -> str:
        """For a line of the log."""
        container = self._inventory.get(container_id)
        return container.name if container and container.name else container_id

    def _note(self, container_id: str) -> int:
        return self._seen.setdefault(container_id, self._wall_clock())

    def _decide(self, container_id: str) -> None:
        """Compares what is wanted with what was asked of the tracer, and asks for the difference."""
        container = self._inventory.get(container_id)
        if container is None:
            if container_id in self._unnamed and not self._wanted.could_want(container_id, None):
                self._let_go(container_id)
            return
        before = self._kept.get(container_id)
        counted = self._wanted.counts(container) or bool(before and before.counted)
        kept = Kept(container_id, container, self._note(container_id), counted)
        if before:  # perhaps under another name
            self._kept[container_id] = kept
        if container.status == EXITED and container_id not in self._traced and container_id not in self._unnamed:
            return  # what is over is not waited for; if it is started again, that is a change
        if self._wanted.wants(container):
            self._keep(kept, silent=not self._wanted.records(container))
            return
        self._retries.taken(container_id)
        if container_id in self._traced:
            self._traced.discard(container_id)
            self._requests.drop(container_id)
            logger.info("no longer wanted", extra={"container": self.name(container_id)})
        elif container_id in self._unnamed and (
            self._inventory.named(container_id) or not self._wanted.could_want(container_id, container.pod)
        ):
            self._let_go(container_id)

    def _keep(self, kept: Kept, *, silent: bool) -> None:
        self._unnamed.pop(kept.id, None)
        self._kept[kept.id] = kept
        new, changed = kept.id not in self._traced, silent != (kept.id in self._silent)
        if (new or changed) and not self._retries.early(kept.id):
            self._traced.add(kept.id)
            (self._silent.add if silent else self._silent.discard)(kept.id)
            if self.answering:  # else _start_over() asks for it
                self._ask(kept.id, silent=silent)
            if new and kept.id not in self._retries:
                logger.info("traced", extra={"container": self.name(kept.id), "id": kept.id[:12]})

    def _ask(self, container_id: str, *, silent: bool) -> None:
        if container_id.startswith(PROCESS):
            self._trace_pid(int(container_id.removeprefix(PROCESS)))
        else:
            self._requests.trace(container_id, silent=silent)

    def _let_go(self, container_id: str) -> None:
        del self._unnamed[container_id]
        self._requests.drop(container_id, discard=True)

    async def tick(self) -> None:
        """What time alone brings about: names that never came, and slots whose linger is over."""
        slots = self._slots()
        for container_id in self._nameless_for_long({slot.id for slot in slots if slot.state == SLOT_ENDED}):
            self._let_go(container_id)
        for container_id in self._retries.due():
            self._ask_again(container_id)
        if self.linger_ns is not None:
            await self._release(slots, self.linger_ns)
        self._forget({slot.id for slot in slots})

    def _nameless_for_long(self, ended: Collection[str]) -> list[str]:
        now = self._clock()
        late = sorted((deadline, name) for name, deadline in self._unnamed.items() if name in ended)
        surplus = {name for _, name in late[: max(0, len(late) - MAX_LATE)]}
        return [
            name
            for name, deadline in self._unnamed.items()
            if now >= deadline + (LATE_NS if name in ended and name not in surplus else 0)
        ]

    def _ask_again(self, container_id: str) -> None:
        if container_id.startswith(PROCESS) and container_id not in self._traced:
            self._trace_pid(int(container_id.removeprefix(PROCESS)))
        self._decide(container_id)

    async def _release(self, slots: Collection[Slot], linger_ns: int) -> None:
        strangers = [slot for slot in slots if self._nobodys(slot)]
        ended = (slot for slot in slots if slot.state in (SLOT_ENDED, SLOT_LEFT) and slot.id in self._kept)
        ours = sorted((slot for slot in ended if slot.id not in self._unnamed), key=lambda slot: slot.end_ns)
        self._releasing &= {(slot.slot, slot.serial) for slot in (*strangers, *ours)}  # the others are released
        now, surplus = self._wall_clock(), len(ours) - MAX_ENDED
        over = [slot for i, slot in enumerate(ours) if i < surplus or now - slot.end_ns > linger_ns]
        fresh = [slot for slot in (*strangers, *over) if (slot.slot, slot.serial) not in self._releasing]
        if any(slot.id in self._kept for slot in fresh):
            await self._retire()
        for slot in fresh:
            self._releasing.add((slot.slot, slot.serial))
            if slot.id in self._traced:  # else the tracer goes on waiting for it, with a slot
                self._traced.discard(slot.id)
                self._requests.drop(slot.id)
            self._requests.release(slot.slot, slot.serial)

    def _forget(self, with_slots: Collection[str]) -> None:
        """Who has no statistics, is not in the inventory and not waited for is nobody any more."""
        known = self._inventory.containers().keys() | with_slots | self._unnamed.keys() | self._processes()
        for container_id in self._kept.keys() - known:
            del self._kept[container_id]
            if container_id in self._traced:
                self._traced.discard(container_id)
                self._requests.drop(container_id)
            self._requests.forget(container_id)
        self._retries.forget(known)
        self._silent &= known
        self._seen = {key: value for key, value in self._seen.items() if key in known}
        self._said = {key for key in self._said if key[0] in known}


def _ended(status: int) -> str:
    """A wait status, in words."""
    code = os.waitstatus_to_exitcode(status)
    return f"was ended by {signal.Signals(-code).name}" if -code in set(signal.Signals) else f"ended with {code}"

# SPDX-License-Identifier: Apache-2.0
"""One trace of an agent: whose it is, which containers it has, and what its client is still to be told."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from stracelet.containers.model import PROCESS
from stracelet.containers.targets import SHORT_ID, describe, target_of
from stracelet.records.consumers import Counts, Lines
from stracelet.traces.backlog import Backlog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stracelet.containers.model import Container, Pod
    from stracelet.native import Cell, Named, Printer
    from stracelet.records.consumers import Consumer
    from stracelet.traces.flags import Wish

MOST_NEWS = 1024


class Meaning(Protocol):
    """What a trace is of: a PodTarget, or on a host what a request meant as it came."""

    @property
    def expected(self) -> frozenset[str] | None:
        """The containers with whose end it is over; None: others may come at any time."""

    def means(self, container: Container) -> bool: ...
    def could_mean(self, container_id: str, pod: Pod | None) -> bool: ...


def heading_in_cluster(container: Container) -> str:
    """Above its table."""
    if container.pod:
        return f"{container.pod.namespace}/{container.pod.name}/{container.name}"
    return container.name or container.id[:SHORT_ID]


def heading_on_host(container: Container) -> str:
    """Above its table: as `trace` names it."""
    if container.id.startswith(PROCESS) and not container.name:
        return target_of(container)
    return f"{target_of(container)} ({container.id[:SHORT_ID]})"


@dataclass(frozen=True)
class Asked:
    """`name`: of the object that permits it, or what stands for it; `wish`: its printer's lines have stamps;
    `heading`: above each container's table."""

    id: str
    user: str
    name: str
    target: Meaning
    wish: Wish
    heading: Callable[[Container], str] = heading_in_cluster


@dataclass(frozen=True)
class ContainerNews:
    """`event`: attached, ended or failed; `tasks`: so many of them were attached to."""

    event: str
    container: Container
    text: str
    tasks: int = 0
    time_ns: int = field(default_factory=time.time_ns)


class RunningTrace:
    """All calls from the event loop's thread."""

    def __init__(
        self,
        asked: Asked,
        *,
        containers: int,
        rate: int,
        ourselves: Callable[[], frozenset[str]],
        count_refused: Callable[[str], None],
    ) -> None:
        """`containers`: how many it may have at once; `rate`: lines a second; `ourselves`: who is never traced;
        `count_refused`: is called once for each container that it does not get, with the reason."""
        self.asked, self._most, self._ourselves = asked, containers, ourselves
        self._count_refused = count_refused
        self.news = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.started, self.started_ns = self._loop.time(), time.time_ns()
        self.backlog = Backlog(rate=rate, news=self._tell)
        self.consumers: list[Consumer] = []
        self.lines: Printer | None = None
        self.counted: Printer | None = None
        wish = asked.wish
        if wish.lines:
            self.lines = wish.options.printer(wish.filter)
            self.consumers.append(Lines(self.lines, self.backlog))
        if wish.counts_records:
            self.counted = wish.counts_printer()
            self.consumers.append(Counts(self.counted))
        self.taken: dict[str, Container] = {}
        self._over: dict[str, Container] = {}
        self._over_before: dict[str, Container] = {}
        self.refused: dict[str, str] = {}
        self._gone: set[str] = set()
        self._untraced: set[str] = set()
        self.baseline: Mapping[tuple[int, int, int, int], Cell] = {}
        self.named: dict[tuple[int, int], Named] = {}
        self.past: dict[tuple[int, int], tuple[str, list[Cell]]] = {}
        self.finishing: asyncio.Task[None] | None = None
        self.ended: str | None = None
        self.failure = ""
        self._told: set[tuple[str, str]] = set()
        self._container_news: deque[ContainerNews] = deque(maxlen=MOST_NEWS)

    def _tell(self) -> None:
        """In any thread."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self.news.set)

    def wants(self, container: Container) -> bool:
        """Whether it is one of its containers; from now on it is, if there is room for it."""
        if container.sandbox or container.nameless or not self.asked.target.means(container):
            self.taken.pop(container.id, None)  # its labels may have changed, or who it is said to be
            self._over.pop(container.id, None)
            self._over_before.pop(container.id, None)
            self.refused.pop(container.id, None)
            return False
        if container.id in self._ourselves():
            self._refuse(container, "ourselves", "the agent does not trace itself")
            return False
        if container.id in self._over or container.id in self._over_before:
            return True
        if container.id not in self.taken and len(self.taken) >= self._most:
            self._refuse(container, "containers", f"a trace has at most {self._most} containers (limits.containers)")
            return False
        self.taken[container.id] = container
        self.refused.pop(container.id, None)
        self._gone.discard(container.id)
        return True

    def could_want(self, container_id: str, pod: Pod | None) -> bool:
        """Whether a container that is not known yet could be one of them."""
        return self.asked.target.could_mean(container_id, pod)

    def failed(self, container_id: str, why: str, *, traced: bool) -> None:
        """Of one of its tasks, which is `traced` nevertheless, or is not: then what has no other task has not ended."""
        if container := self.has(container_id):
            if not traced and ("attached", container_id) not in self._told:
                self._untraced.add(container_id)
            self.tell("failed", container, why)

    def miss(self) -> None:
        """Who is expected, and is no container any more, ended before anything of it could be seen."""
        self._gone |= (self.asked.target.expected or frozenset()) - self.taken.keys() - self.refused.keys()

    def lost(self, container_id: str) -> None:
        """It is not to be had: its cgroup has gone, or the tracer refuses it."""
        if container_id in (self.asked.target.expected or ()):
            self._gone.add(container_id)

    def all_ended(self) -> bool:
        """Whether none of the containers that it is of has a task left, or none is to be had."""
        expected = self.asked.target.expected
        return expected is not None and expected <= {*self._over, *self.refused, *self._gone}

    def _refuse(self, container: Container, reason: str, why: str) -> None:
        if container.id not in self.refused:
            self._count_refused(reason)
        self.refused[container.id] = why
        self.tell("failed", container, f"{describe(container)}: not traced: {why}")

    def tell(self, event: str, container: Container, text: str, tasks: int = 0) -> None:
        """Once for each container and event."""
        if (event, container.id) not in self._told:
            self._told.add((event, container.id))
            self._container_news.append(ContainerNews(event, container, text, tasks))
            self.news.set()

    def over(self, container_id: str, end_ns: int) -> bool:
        """The container has ended: there is room for another one, and it may start again. Whether it was one of its
        own. What ended before the trace began (`end_ns`, CLOCK_REALTIME) is not the trace's end, nor told."""
        container = self.taken.pop(container_id, None)
        if container is None:
            return False
        if end_ns < self.started_ns:
            self._over_before[container_id] = container
        else:
            self._over[container_id] = container
            if container_id not in self._untraced:
                self.tell("attached", container, f"{describe(container)}: attached")  # if that was too short to be told
                self.tell("ended", container, f"{describe(container)}: ended")
            self._told -= {(event, container_id) for event in ("attached", "failed")}
            self._untraced.discard(container_id)
        return True

    def interrupted(self, text: str) -> None:
        """Its tracer has ended; what is attached again is told again."""
        for container in self.taken.values():
            self._told.discard(("failed", container.id))
            self.tell("failed", container, text)
            self._told.discard(("attached", container.id))

    def attached(self, container_id: str, tasks: int) -> None:
        """So many of its tasks are traced; it may be one that had ended."""
        for over in (self._over, self._over_before):
            if container_id in over:
                self.taken[container_id] = over.pop(container_id)
                self._told.discard(("ended", container_id))
        self._gone.discard(container_id)
        if tasks and (container := self.taken.get(container_id)):
            self._untraced.discard(container_id)
            processes = "a task" if tasks == 1 else f"{tasks} tasks"
            self.tell("attached", container, f"{describe(container)}: attached to {processes}", tasks)

    def has(self, container_id: str) -> Container | None:
        """The container, if it is one of its own, or was."""
        for containers in (self.taken, self._over, self._over_before):
            if container := containers.get(container_id):
                return container
        return None

    def all(self) -> Mapping[str, Container]:
        """Those that it has, and had."""
        return {**self._over, **self.taken}

    def fail(self, failure: str) -> None:
        """In any thread."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self.end, "failed", failure)

    def end(self, reason: str, failure: str = "") -> None:
        """The first reason is the one that counts."""
        if self.ended is None:
            self.ended, self.failure = reason, failure
        self.news.set()

    def container_news(self) -> list[ContainerNews]:
        """What has become of its containers since the last time."""
        news = list(self._container_news)
        self._container_news.clear()
        return news

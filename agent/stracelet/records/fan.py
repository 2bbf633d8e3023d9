# SPDX-License-Identifier: Apache-2.0
"""One stream of records for consumers that come and go."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from stracelet.native import Named
    from stracelet.records.consumers import Consumer

# How long a consumer that is to be removed may have to wait for the records of before: under a flood none are the last.
REMOVE_NS = 200_000_000
# So long before it can be read a record may be written: each of the tracer's threads has a ring of its own.
SETTLED_NS = 30_000_000


class Fan:
    """A consumer that passes on to others. What it is asked for, from any thread, is done in the pump's before that
    passes on more."""

    def __init__(
        self, *, failed: Callable[[Consumer, Exception], None], clock: Callable[[], int] = time.time_ns
    ) -> None:
        """`failed` is told, in the pump's thread, who raised what; that one gets no more."""
        self._orders: deque[Callable[[], None]] = deque()
        self._removals: deque[tuple[int, Callable[[], None]]] = deque()
        self._consumers: list[Consumer] = []
        self._failed, self._clock = failed, clock
        self.quiet_ns = 0
        """CLOCK_REALTIME: what was recorded before has been passed on."""

    def add(self, consumer: Consumer) -> None:
        self._orders.append(lambda: self._consumers.append(consumer))

    def tell(self, consumer: Consumer, named: Named) -> None:
        """Whose the records of a slot are, for one consumer."""
        self._orders.append(lambda: self._each([consumer], lambda one: one.name(named)))

    def remove(self, consumer: Consumer, then: Callable[[], None]) -> None:
        """When it has got what there was, it is ended, and then `then` called, in the pump's thread."""
        self._removals.append((self._clock() + REMOVE_NS, lambda: self._remove(consumer, then)))

    def forget(self) -> None:
        """Once the pump has ended: what it was still asked for is done."""
        self._obey(all_=True)

    def _remove(self, consumer: Consumer, then: Callable[[], None]) -> None:
        self._each([consumer], lambda one: one.end(0))
        if consumer in self._consumers:
            self._consumers.remove(consumer)
        then()

    def _each(self, consumers: list[Consumer], do: Callable[[Consumer], None]) -> None:
        for consumer in consumers:
            if consumer not in self._consumers:
                continue
            try:
                do(consumer)
            except Exception as error:  # noqa: BLE001 - one trace's failure is not another's
                self._consumers.remove(consumer)
                self._failed(consumer, error)

    def _obey(self, *, all_: bool) -> None:
        while self._orders:
            self._orders.popleft()()
        while self._removals and (all_ or self._clock() > self._removals[0][0]):
            self._removals.popleft()[1]()

    def name(self, named: Named) -> None:
        """Names are told to each consumer apart: one's container is not another's."""

    def take(self, records: memoryview) -> None:
        self._obey(all_=False)
        self._each(list(self._consumers), lambda one: one.take(records))

    def flush(self) -> None:
        quiet_ns = self._clock() - SETTLED_NS
        self._obey(all_=True)
        self._each(list(self._consumers), lambda one: one.flush())
        self.quiet_ns = quiet_ns

    def end(self, dropped: int) -> None:
        self._obey(all_=True)
        self._each(list(self._consumers), lambda one: one.end(dropped))

    @property
    def done(self) -> bool:
        """It goes on without any."""
        return False

# SPDX-License-Identifier: Apache-2.0
"""When to ask again for what the tracer had no room for."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

SECOND: Final = 10**9
FIRST_NS: Final = 4 * SECOND
LONGEST_NS: Final = 64 * SECOND
NO_ROOM: Final = (errno.ENOSPC, errno.ENOMEM)


class Retries:
    """Those that were refused, each with a pause that doubles from 4 s to 64 s. `clock`: ns, monotonic."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._pauses: dict[str, tuple[int, int]] = {}

    def refused(self, container_id: str) -> None:
        """It is to be asked for again, later than the last time."""
        pause = min(2 * self._pauses[container_id][1], LONGEST_NS) if container_id in self._pauses else FIRST_NS
        self._pauses[container_id] = self._clock() + pause, pause

    def __contains__(self, container_id: str) -> bool:
        """Whether it was refused, and has not been taken since."""
        return container_id in self._pauses

    def early(self, container_id: str) -> bool:
        """Whether its pause is not over."""
        return container_id in self._pauses and self._clock() < self._pauses[container_id][0]

    def due(self) -> list[str]:
        """Those whose pause is over."""
        now = self._clock()
        return [container_id for container_id, (moment, _) in self._pauses.items() if now >= moment]

    def taken(self, container_id: str) -> None:
        """It is traced, or waited for, or nobody wants it any more."""
        self._pauses.pop(container_id, None)

    def clear(self) -> None:
        """Another tracer has other room."""
        self._pauses.clear()

    def forget(self, known: Collection[str]) -> None:
        """Who is not known is not asked for again."""
        for container_id in self._pauses.keys() - known:
            del self._pauses[container_id]

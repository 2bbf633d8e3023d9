# SPDX-License-Identifier: Apache-2.0
"""Work in threads that is done one at a time, and to its end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

Result = TypeVar("Result")


class Turns:
    """A lock that is held until the work has ended, which may be later than whoever wants it is cancelled.

    A thread cannot be cancelled: a lock around `asyncio.to_thread` is let go while the thread goes on, and the next one
    gets what that is still changing.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def take(self, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """What `work` returns. Cancelled while it waits for its turn, it leaves nothing behind; later, the work."""
        await self._lock.acquire()
        turn = asyncio.create_task(work())
        turn.add_done_callback(lambda _: self._lock.release())
        return await asyncio.shield(turn)

    async def stop(self) -> None:
        """Returns when the work has ended; there is no turn after it."""
        await self._lock.acquire()

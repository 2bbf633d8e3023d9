# SPDX-License-Identifier: Apache-2.0
"""Signals from the terminal, as something a coroutine can wait for."""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def on_signals(handle: Callable[[int], None]) -> Iterator[None]:
    """Calls `handle` with the number of each ending signal that comes, in the running loop, until the exit."""
    loop = asyncio.get_running_loop()
    for number in ENDING:
        loop.add_signal_handler(number, handle, number)
    try:
        yield
    finally:
        for number in ENDING:
            loop.remove_signal_handler(number)

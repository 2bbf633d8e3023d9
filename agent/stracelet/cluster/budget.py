# SPDX-License-Identifier: Apache-2.0
"""How often the API server may be asked on behalf of those who have shown nothing yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Budget:
    """So many a second, and `burst` at once after a while without any."""

    def __init__(self, *, per_second: float, burst: float, ticks: Callable[[], float]) -> None:
        self._per_second, self._burst, self._ticks = per_second, burst, ticks
        self._left, self._at = burst, ticks()

    def lacking(self) -> float:
        """Seconds until there is one; 0: there is."""
        now = self._ticks()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        return max(0.0, (1 - self._left) / self._per_second)

    def take(self) -> float:
        """Takes one; seconds until it is there. Those who take what is not there yet come after one another."""
        lacking = self.lacking()
        self._left -= 1
        return lacking

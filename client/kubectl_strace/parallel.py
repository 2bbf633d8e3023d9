# SPDX-License-Identifier: Apache-2.0
"""Several things at once. The threads are daemons: what was given up does not keep the program from ending."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Item = TypeVar("Item")
Result = TypeVar("Result")
AT_ONCE = 16


class Later(Generic[Result]):
    """A call that has been begun."""

    def __init__(self, call: Callable[[], Result]) -> None:
        self._results: queue.SimpleQueue[tuple[Result | None, BaseException | None]] = queue.SimpleQueue()
        self._call = call
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            self._results.put((self._call(), None))
        except BaseException as error:  # noqa: BLE001 - raised where the result is wanted
            self._results.put((None, error))

    def result(self) -> Result:
        """Waits for it; raises what it raised. To be asked for once."""
        result, error = self._results.get()
        if error is not None:
            raise error
        return result  # type: ignore[return-value]


def each(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result | Exception]:
    """The results in the order of the items; of what failed, the error."""
    left = list(enumerate(items))
    results: list[Result | Exception] = [RuntimeError("not done")] * len(left)
    left.reverse()

    def work() -> None:
        while left:
            try:
                at, item = left.pop()
            except IndexError:  # another thread took the last one
                return
            try:
                results[at] = function(item)
            except Exception as error:  # noqa: BLE001 - the caller decides
                results[at] = error

    for worker in [Later(work) for _ in range(min(AT_ONCE, len(left)))]:
        worker.result()
    return results

# SPDX-License-Identifier: Apache-2.0
"""Looks at a target afterwards: what a tracer may never leave behind."""

from collections.abc import Callable, Iterable

from tests.native.harness import proc
from tests.native.harness.proc import PATIENCE, until
from tests.native.harness.tracee import Progress


async def assert_unharmed(
    pids: Iterable[int], progress: Progress | None = None, *, traced: bool = False, within: float = PATIENCE
) -> None:
    """Each of these still runs, none is stopped or (unless `traced`) has a tracer, and all make progress."""
    pids = list(pids)
    gone = [pid for pid in pids if not proc.running(pid)]
    assert not gone, f"ended: {gone}"
    if not traced:
        await _until_none(lambda: proc.tracers_of(pids), "still traced", within)
        await _until_none(lambda: proc.stopped(pids), "stopped", within)
    if progress is not None:
        assert await progress.moves_within(within), f"no progress: {proc.stopped(pids)}"


async def _until_none(look: Callable[[], list[str]], what: str, within: float) -> None:
    try:
        await until(lambda: not look(), what, within)
    except AssertionError as error:
        raise AssertionError(f"{error}: {look()}") from None

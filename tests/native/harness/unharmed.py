# SPDX-License-Identifier: Apache-2.0
"""Looks at a target afterwards: what a tracer may never leave behind."""

from collections.abc import Iterable

from tests.native.harness import proc
from tests.native.harness.proc import until
from tests.native.harness.tracee import Progress


async def assert_unharmed(
    pids: Iterable[int], progress: Progress | None = None, *, traced: bool = False, within: float = 1.0
) -> None:
    """Each of these still runs, none is stopped or (unless `traced`) has a tracer, and all make progress."""
    pids = list(pids)
    gone = [pid for pid in pids if not proc.running(pid)]
    assert not gone, f"ended: {gone}"
    if not traced:
        await until(lambda: not proc.tracers(pids), f"tracers: {proc.tracers(pids)}", within)
        await until(lambda: not proc.stopped(pids), f"stopped: {proc.stopped(pids)}", within)
    if progress is not None:
        assert await progress.moves_within(within), f"no progress: {proc.stopped(pids)}"

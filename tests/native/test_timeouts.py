# SPDX-License-Identifier: Apache-2.0
"""A call with a time-out ends when it would have ended untraced, with what it would have returned."""

import asyncio
import errno
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.native.harness import proc
from tests.native.harness.proc import until
from tests.native.harness.recording import RECORDED
from tests.native.harness.tracee import Start, Tracee
from tests.native.harness.tracing import Tracing

pytestmark = RECORDED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.native.harness.cgroup import Container

CALLS = {
    "epoll_wait": 0,
    "io_getevents": 0,
    "semtimedop": errno.EAGAIN,
    "sigtimedwait": errno.EAGAIN,
    "recv": errno.EAGAIN,
    "poll": 0,
    "nanosleep": 0,
}
CALL_OF = {"sigtimedwait": "rt_sigtimedwait", "recv": "recvfrom"}
WAITS = 8


@asynccontextmanager
async def _every(seconds: float, what: Callable[[], Awaitable[object]]) -> "AsyncIterator[None]":
    async def repeat() -> None:
        while True:
            await asyncio.sleep(seconds)
            await what()

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        task.cancel()
        [result] = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(result, asyncio.CancelledError), result


async def _assert_on_time(timed: Tracee, result: int) -> None:
    timed.tell()
    for line in await asyncio.to_thread(timed.report):
        _, elapsed, error = map(str, line.split())
        assert int(error) == result, line
        # poll and nanosleep restart by themselves with what is left; nothing is allowed to end early.
        assert 300_000 <= int(elapsed) <= 350_000, line


@pytest.mark.parametrize("call", CALLS)
async def test_untraced(tracee: Start, call: str) -> None:
    await _assert_on_time(tracee("timed", call, 300, 1), CALLS[call])


@pytest.mark.parametrize("call", CALLS)
async def test_an_ignored_signal_every_50_ms(
    tracing: Tracing, container: "Container", tracee: Start, call: str
) -> None:
    timed = tracee("timed", call, 300, WAITS)
    await tracing.attach(container)

    async def disturb() -> None:
        os.kill(timed.pid, signal.SIGUSR1)

    async with _every(0.05, disturb):
        await _assert_on_time(timed, CALLS[call])


@pytest.mark.parametrize("call", CALLS)
async def test_attach_and_detach_every_100_ms(
    tracing: Tracing, container: "Container", tracee: Start, call: str
) -> None:
    timed = tracee("timed", call, 300, WAITS)
    attached = False
    seen = 0

    async def turn() -> None:
        nonlocal attached, seen
        seen += (slot := tracing.slot(container.id)) is not None and slot.tracees > 0
        attached = not attached
        if attached:
            tracing.trace(container)
        else:
            tracing.drop(container)

    async with _every(0.1, turn):
        await _assert_on_time(timed, CALLS[call])
    assert seen, "it was never attached"


@pytest.mark.parametrize("call", ["epoll_wait", "sigtimedwait"])
async def test_both_at_once(tracing: Tracing, container: "Container", tracee: Start, call: str) -> None:
    timed = tracee("timed", call, 300, WAITS)
    turns = 0

    async def disturb() -> None:
        nonlocal turns
        os.kill(timed.pid, signal.SIGUSR1)
        turns += 1
        if turns % 2:
            tracing.trace(container)
        else:
            tracing.drop(container)

    async with _every(0.05, disturb):
        await _assert_on_time(timed, CALLS[call])


def _sleeps_in(timed: Tracee, call: str) -> bool:
    return any(proc.sleeps_in(task, call) for task in proc.tasks(timed.pid))


def _is_stopped(timed: Tracee) -> bool:
    """All of it: its parent is told then."""
    return os.waitid(os.P_PID, timed.pid, os.WSTOPPED | os.WNOHANG) is not None


@pytest.mark.parametrize("call", ["epoll_wait", "semtimedop", "sigtimedwait", "recv"])
async def test_a_stop_that_another_thread_takes_ends_the_call(
    tracing: Tracing, container: "Container", tracee: Start, call: str
) -> None:
    """As it does untraced (signal(7)): the call is not made again, for the whole of its time-out."""
    for traced in (False, True):
        timed = tracee("timed", call, 30_000, 1, "thread")
        if traced:
            await tracing.attach(container)
        timed.tell()
        await until(partial(_sleeps_in, timed, CALL_OF.get(call, call)), "it waits")
        os.kill(timed.pid, signal.SIGSTOP)
        await until(partial(_is_stopped, timed), "it is stopped")
        os.kill(timed.pid, signal.SIGCONT)
        [line] = await asyncio.to_thread(timed.report)
        assert line.split()[2] == str(errno.EINTR), line
        assert timed.wait() == 7

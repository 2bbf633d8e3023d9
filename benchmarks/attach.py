# SPDX-License-Identifier: Apache-2.0
"""500 processes: the time until all are attached to, and until all are let go, against strace's.

Attached is taken in two ways. *Said*: what the tracer reports; strace says so of a process before it has stopped, we
once all have stopped and run again. *Asleep again*: seen from outside, every process traced and back in its sleep.

Twice: by the tracer alone (stracelet: from the request to a session that is up, as the agent makes it; strace: from its
exec), and by the command that a user starts, which for us starts Python and asks every runtime for names.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.paired.containers import container
from benchmarks.paired.loads import sleepers
from benchmarks.paired.processes import DEADLINE, all_traced, children, none_traced, until
from benchmarks.paired.ratios import Pair
from benchmarks.paired.results import Row, options
from benchmarks.paired.tracers import OPTIONS, STRACELET
from stracelet.tracing import protocol
from stracelet.tracing.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

COUNT = 500
WHAT = ("attach, said", "attach, asleep again", "detach")
Times = tuple[float, float, float]  # seconds, of each of these


def by_command(command: Sequence[str], said: bytes, times: int, pids: Sequence[int]) -> Times:
    """A command that is attached to all when it has said `said` so often on stderr; it is let go by Ctrl-C."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        assert process.stderr is not None
        seen, line = 0, b""
        while seen < times:
            before, line = line, process.stderr.readline()
            if not line:
                raise RuntimeError(f"{command[0]} has ended: {before.decode()}")
            seen += said in line
        attached = time.monotonic() - began
        settled = asleep_again(pids, began)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=DEADLINE)
        return attached, settled, let_go(pids, began)
    finally:
        process.kill()
        process.wait(DEADLINE)


def by_strace(pids: Sequence[int]) -> Times:
    attach = [word for pid in pids for word in ("-p", str(pid))]
    return by_command(["strace", *OPTIONS, *attach], b" attached", len(pids), pids)


def by_stracelet(target: str, pids: Sequence[int]) -> Times:
    return by_command([str(STRACELET), "trace", *OPTIONS, target], b"stracelet: tracing ", 1, pids)


async def by_session(target: str, pids: Sequence[int]) -> Times:
    """The tracer as the agent has it: already there when somebody asks."""
    session = await Session.start()
    with closing(session):
        events = session.events()
        async for event in events:
            if isinstance(event, protocol.Hello):
                break
        began = time.monotonic()
        session.trace(target)
        async with asyncio.timeout(DEADLINE):
            async for event in events:
                if isinstance(event, protocol.Attached) and event.tasks >= len(pids) and not event.pending:
                    break
        attached = time.monotonic() - began
        settled = asleep_again(pids, began)
        began = time.monotonic()
        await session.end()
        return attached, settled, let_go(pids, began)


def asleep_again(pids: Sequence[int], began: float) -> float:
    """Until the beginning of a look at all of them that found each asleep. RuntimeError: one is not traced then."""
    stats = [Path(f"/proc/{pid}/stat") for pid in pids]
    end = time.monotonic() + DEADLINE
    while True:
        now = time.monotonic()
        if all(stat.read_bytes().rpartition(b") ")[2].startswith(b"S") for stat in stats):
            break
        if now > end:
            raise TimeoutError("not all of them sleep again")
    if not all_traced(pids):
        raise RuntimeError("it is said to be attached to all, and is not")
    return now - began


def let_go(pids: Sequence[int], began: float) -> float:
    """The tracer has ended, or said that it has let them go: that has to be true already."""
    ended = time.monotonic() - began
    if not none_traced(pids):
        until(lambda: none_traced(pids), "all are let go")
        ended = time.monotonic() - began
    return ended


def paired(pairs: int, strace: Callable[[], Times], ours: Callable[[], Times]) -> list[list[Pair]]:
    """A list for each of WHAT."""
    taken = []
    for number in range(pairs):
        if number % 2 == 0:
            first, second = strace(), ours()
        else:
            second, first = ours(), strace()
        taken.append((first, second))
    return [[Pair(a[index], b[index]) for a, b in taken] for index in range(len(WHAT))]


def main() -> None:
    wanted = options(__doc__ or "")
    with sleepers(COUNT) as parent:
        pids = children(parent)
        with container(*pids) as target:
            for how, ours, bound in (
                ("request", lambda: asyncio.run(by_session(target, pids)), 1.0),
                ("command", lambda: by_stracelet(target, pids), None),
            ):
                for what, pairs in zip(WHAT, paired(wanted.pairs, lambda: by_strace(pids), ours), strict=True):
                    limit = None if what == "detach" else bound
                    row = Row(f"{COUNT} processes, {how}, {what}", "time", pairs, bound=limit)
                    wanted.add(row.workload, lambda row=row: row)
    wanted.publish("attach")


if __name__ == "__main__":
    main()

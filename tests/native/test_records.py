# SPDX-License-Identifier: Apache-2.0
"""What is recorded of real tracees: each call once, in order, with the memory and the descriptors that it had."""

import asyncio
import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from stracelet import native
from stracelet.native import constants
from stracelet.records.filters import Filter
from stracelet.tracing.protocol import CommandEnded, Ended, TracerEnded
from tests.native.harness import proc, records
from tests.native.harness.cgroup import Container
from tests.native.harness.proc import until
from tests.native.harness.records import Record, Records
from tests.native.harness.tracee import Progress, Start
from tests.native.harness.tracing import Tracing
from tests.native.harness.unharmed import assert_unharmed

ON = constants.STL_RECORD_ON
DESCRIPTORS = ON | constants.STL_RECORD_DESCRIPTORS
LOSSLESS = ON | constants.STL_RECORD_LOSSLESS
# So many, with one more, that each tracer thread of the pool gets the same number.
SLEEPERS = 2 * len(os.sched_getaffinity(0)) - 1


async def _recorded(tracing: Tracing, capture: int = ON, filter_: Filter = Filter(), limit: int = 32) -> Records:  # noqa: B008
    tracing.session.record(filter_.encode(), capture=capture, string_limit=limit)
    return Records(await tracing.session.stream())


async def _command(command: Sequence[str], capture: int, filter_: Filter = Filter()) -> tuple[Records, Counter[str]]:  # noqa: B008
    """What was recorded of a command, and what was counted."""
    async with await Tracing.start(command=command) as tracing:
        found = await _recorded(tracing, capture, filter_)
        tracing.session.begin_command()
        while not (
            any(isinstance(event, CommandEnded) for event in tracing.events)
            and any(isinstance(event, Ended) for event in tracing.events)
        ):
            found.read()
            await asyncio.sleep(0.002)
        found.read()
        counted: Counter[str] = Counter()
        for cell in tracing.session.reader.snapshot(()).cells:
            if cell.abi != native.ABI_SIGNAL:
                counted[native.syscall_name(cell.abi, cell.number) or "unknown"] += cell.calls
        return found, counted


async def test_each_call_of_a_command_is_recorded_once() -> None:
    script = "i=0; while [ $i -lt 200 ]; do i=$((i+1)); /bin/true; done; echo done | cat >/dev/null"
    found, counted = await _command(["sh", "-c", script], LOSSLESS)
    ended = [record for record in found.all if record.type == records.SYSCALL]
    assert Counter(record.name for record in ended) == counted
    assert all(one.order_ns <= other.order_ns for one, other in zip(found.all, found.all[1:], strict=False))
    # each entry that was written by itself has the end that goes on with it
    begun = Counter((record.tid, record.name) for record in found.all if record.type == records.ENTRY)
    resumed = Counter((record.tid, record.name) for record in ended if record.flags & records.RESUMED)
    assert begun == resumed
    assert found.all[-1].type == records.EXIT
    info = found.stream.info()
    assert info.dropped == 0
    assert info.produced == info.read == len(found.all)


async def test_the_first_exec_has_its_path_and_arguments() -> None:
    found, _ = await _command(["/bin/echo", "one", "two"], LOSSLESS)
    exec_ = next(record for record in found.all if record.type == records.EXEC)
    call = next(record for record in found.all if record.type == records.SYSCALL)
    assert call.name == "execve"
    assert call.result == 0
    assert call.of_kind(records.MEMORY)[0].data == b"/bin/echo\0"
    assert exec_.of_kind(records.STRINGS)[0].data[8:] == b"/bin/echo\0one\0two\0"


async def test_only_what_failed() -> None:
    failed = Filter(statuses=constants.STL_STATUS_FAILED)
    found, _ = await _command(["sh", "-c", "cat /nonexistent 2>/dev/null & wait"], LOSSLESS, failed)
    calls = [record for record in found.all if record.type in (records.SYSCALL, records.ENTRY)]
    assert calls
    assert all(record.type == records.SYSCALL and record.result < 0 for record in calls)


@pytest.mark.parametrize("named", ["container", "process"])
async def test_what_is_silent_is_counted_and_recorded_as_soon_as_it_is_not(
    named: str, container: Container, tracee: Start
) -> None:
    async with await Tracing.start(allow_pid=True) as tracing:
        found = await _recorded(tracing)
        echo = tracee("echo")
        id_ = container.id if named == "container" else f"pid:{echo.pid}"

        def ask(*, silent: bool) -> None:
            if named == "container":
                tracing.session.trace(id_, silent=silent)
            else:
                tracing.session.trace_pid(echo.pid, silent=silent)

        def counted() -> int:
            cells = tracing.session.reader.snapshot(()).cells
            return sum(cell.calls for cell in cells if native.syscall_name(cell.abi, cell.number) == "write")

        async def recorded() -> int:
            """Of some calls, once they are counted."""
            found.read()
            before = counted()
            for _ in range(20):
                echo.tell()
                echo.line()
            await until(lambda: counted() >= before + 20, "they are counted")
            return found.read()

        ask(silent=True)
        await until(lambda: (slot := tracing.slot(id_)) is not None and slot.tracees, "it is traced")
        assert await recorded() == 0
        ask(silent=False)
        while not await recorded():
            """The tracer has not heard of it yet."""
        ask(silent=True)
        while await recorded():
            """Nor of that."""


async def test_a_call_that_lasts_shows_before_its_end(tracing: Tracing, container: Container, tracee: Start) -> None:
    found = await _recorded(tracing)
    echo = tracee("echo")
    await tracing.attach(container)
    start = time.monotonic()
    echo.tell()
    echo.line()
    await found.until(lambda record: record.type == records.ENTRY and record.name == "epoll_wait")
    assert time.monotonic() - start < 1
    echo.tell()
    resumed = await found.until(lambda record: record.name == "epoll_wait" and bool(record.flags & records.RESUMED))
    assert resumed.result == 1


async def test_a_descriptor_is_what_it_is_now(
    tracing: Tracing, container: Container, tracee: Start, tmp_path: Path
) -> None:
    """Whatever the threads do: each writes its file's path into it, so that a stale one is seen."""
    found = await _recorded(tracing, DESCRIPTORS, limit=200)
    shared = tracee("shared", tmp_path, 300)
    await tracing.attach(container)
    shared.tell()
    end = asyncio.get_running_loop().time() + 60
    while shared.process.poll() is None and asyncio.get_running_loop().time() < end:
        found.read(everything=False)
        await asyncio.sleep(0.002)
    assert shared.wait() == 7
    await tracing.over(container)
    found.read()
    writes = [record for record in found.calls("write") if record.of_kind(records.DESCRIPTOR)]
    assert len(writes) + found.stream.info().dropped >= 4 * 300
    wrong = [record for record in writes if _description(record) != record.of_kind(records.MEMORY)[0].data]
    assert not wrong, wrong[:3]


def _description(record: Record) -> bytes:
    return record.of_kind(records.DESCRIPTOR)[0].data.partition(b"\0")[0]


async def test_a_page_that_nobody_serves_holds_nobody_up(tracing: Tracing, container: Container, tracee: Start) -> None:
    found = await _recorded(tracing)
    unserved = tracee("unserved", 50)
    await tracing.attach(container)
    start = time.monotonic()
    unserved.tell()
    assert unserved.wait() == 7
    assert time.monotonic() - start < 3
    await tracing.over(container)
    found.read()
    writes = [record for record in found.calls("write") if record.args[0] & 0xFFFFFFFF == 0xFFFFFFFF]
    assert len(writes) == 50
    assert {capture.status for record in writes for capture in record.of_kind(records.MEMORY)} == {records.UNSERVED}
    assert not [event for event in tracing.events if isinstance(event, TracerEnded)]


async def _until_nothing_moves(look: Callable[[], list[int]]) -> None:
    """Until what was under way, so that no number is 0, stands still: its tracer threads wait for their reader."""
    for _ in range(100):
        before = look()
        await asyncio.sleep(0.3)
        if all(before) and look() == before:
            return
    pytest.fail("nobody reads, and nobody waits")


async def test_who_waits_for_a_reader_can_be_let_go(tracing: Tracing, container: Container, tracee: Start) -> None:
    await _recorded(tracing, LOSSLESS)
    with Progress(2) as progress:
        spin = tracee("spin", progress.path, 2)
        spin.tell()
        spin.expect("running")
        await tracing.attach(container)
        tracer = tracing.tracer
        await _until_nothing_moves(progress.counts)
        await asyncio.sleep(1)
        assert tracing.tracer == tracer, "a tracer that waits for its reader has not stalled"
        start = time.monotonic()
        await tracing.detach(container)
        assert time.monotonic() - start < 1
        # the thread that waits for the others is let go when it wakes
        await assert_unharmed([spin.pid], progress, traced=True)
        assert spin.wait(2) == 7


async def test_who_waits_for_a_reader_can_be_killed(tracing: Tracing, container: Container, tracee: Start) -> None:
    await _recorded(tracing, LOSSLESS)
    with Progress(2) as progress:
        spin = tracee("spin", progress.path, 2)
        spin.tell()
        spin.expect("running")
        await tracing.attach(container)
        await _until_nothing_moves(progress.counts)
        os.kill(spin.pid, signal.SIGKILL)
        assert spin.process.wait(2) == -signal.SIGKILL


async def test_who_is_let_go_does_not_wait_for_the_reader_of_others(
    tracing: Tracing, container: Container, tracee: Start
) -> None:
    """Their tracer threads are the same: there are as many as CPUs for what sleeps as it is attached."""
    await _recorded(tracing, LOSSLESS)
    with contextlib.ExitStack() as stack:
        others = stack.enter_context(Container())
        progress, *rest = (stack.enter_context(Progress()) for _ in range(1 + SLEEPERS))
        spin = tracee("spin", progress.path, 1)
        let_go = [(tracee("spin", each.path, 1, inside=others), each) for each in rest]
        await tracing.attach(container, others)
        for one in (spin, *(one for one, _ in let_go)):
            one.tell()
        await _until_nothing_moves(progress.counts)
        tracing.drop(others)
        for one, each in let_go:
            await assert_unharmed([one.pid], each, traced=True, within=2)
            assert one.wait(2) == 7
        before = progress.counts()
        await asyncio.sleep(0.3)
        assert progress.counts() == before, "who is still traced waits for the reader"


async def test_an_exec_of_who_is_let_go_does_not_wait_for_a_reader(
    tracing: Tracing, container: Container, tracee: Start
) -> None:
    """It stops under its leader's ID, which another tracer thread has; both of these wait for their reader."""
    await _recorded(tracing, LOSSLESS)
    with contextlib.ExitStack() as stack:
        execs = stack.enter_context(Container())
        fills = [stack.enter_context(Progress()) for _ in range(SLEEPERS + 1)]
        spinning = [tracee("spin", progress.path, 1) for progress in fills]
        several = tracee("threadexec", "spinning", inside=execs)
        await tracing.attach(container, execs)
        several.tell()
        several.expect("spinning")
        for one in spinning:
            one.tell()
        for progress in fills:
            await _until_nothing_moves(progress.counts)
        tracing.drop(execs)
        several.tell()
        several.claims(deadline=5)
        assert several.wait(2) == 7


async def test_who_has_children_can_be_killed_while_a_reader_is_waited_for(
    tracing: Tracing, container: Container, tracee: Start
) -> None:
    await _recorded(tracing, LOSSLESS)
    forks = [tracee("storm", "fork", 1_000_000) for _ in range(20)]
    await tracing.attach(container)
    for one in forks:
        one.tell()
    await _until_nothing_moves(container.pids)
    pids = container.pids()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    await proc.until(lambda: not proc.tracers_of(pids), "none is held by its tracer", 3)
    for one in forks:
        assert one.process.wait(2) == -signal.SIGKILL


async def test_at_the_end_who_waits_for_a_reader_goes_on(container: Container, tracee: Start) -> None:
    with Progress(2) as progress:
        spin = tracee("spin", progress.path, 2)
        spin.tell()
        spin.expect("running")
        async with await Tracing.start() as tracing:
            await _recorded(tracing, LOSSLESS)
            await tracing.attach(container)
            await asyncio.sleep(1.5)
            assert await tracing.end() < 2
        await assert_unharmed([spin.pid], progress, traced=False)

# SPDX-License-Identifier: Apache-2.0
"""Signals reach the target as they would untraced: queued ones each once, job control, alarms."""

import os
import signal

from tests.native.harness import proc
from tests.native.harness.cgroup import Container
from tests.native.harness.proc import until
from tests.native.harness.recording import RECORDED
from tests.native.harness.rounds import rounds
from tests.native.harness.signal_queue import Queue
from tests.native.harness.tracee import Programs, Progress, Start
from tests.native.harness.tracing import Tracing

pytestmark = RECORDED


async def test_queued_signals_during_attach_and_detach(
    tracing: Tracing, container: Container, tracee: Start, programs: Programs
) -> None:
    queue = Queue(tracee("rtqueue"), programs)
    for _ in range(rounds(100)):
        queue.send(50)
        await tracing.attach(container)
        await tracing.detach(container)
    await queue.all_received()


async def test_signals_are_counted(tracing: Tracing, container: Container, tracee: Start, programs: Programs) -> None:
    queue = Queue(tracee("rtqueue"), programs)
    await tracing.attach(container)
    queue.send(1000)
    await queue.all_received()
    assert sum(tracing.counted(container).signals.values()) == 1000


def _child_events(pid: int) -> list[int]:
    """What the parent is told of its child's stops: each once, as CLD_STOPPED or CLD_CONTINUED."""
    events = []
    flags = os.WSTOPPED | os.WCONTINUED | os.WNOHANG
    while (told := os.waitid(os.P_PID, pid, flags)) is not None and told.si_pid == pid:
        events.append(told.si_code)
    return events


async def _told(pid: int) -> list[int]:
    seen: list[int] = []

    def anything() -> bool:
        seen.extend(_child_events(pid))
        return bool(seen)

    await until(anything, "its parent is told of the child")
    return seen


async def _stop_and_continue(pid: int, progress: Progress) -> None:
    os.kill(pid, signal.SIGSTOP)
    assert await _told(pid) == [os.CLD_STOPPED]
    assert not await progress.moves_within(0.1)
    os.kill(pid, signal.SIGCONT)
    assert await _told(pid) == [os.CLD_CONTINUED]
    assert await progress.moves_within(1)
    assert _child_events(pid) == []


async def test_job_control_under_trace(tracing: Tracing, container: Container, tracee: Start) -> None:
    with Progress(2) as progress:
        spin = tracee("spin", progress.path, 2)
        spin.tell()
        spin.expect("running")
        await _stop_and_continue(spin.pid, progress)  # untraced: what is right
        await tracing.attach(container)
        for _ in range(10):
            await _stop_and_continue(spin.pid, progress)


async def test_stopped_target_stays_stopped_through_attach_and_detach(
    tracing: Tracing, container: Container, tracee: Start
) -> None:
    with Progress() as progress:
        spin = tracee("spin", progress.path, 1)
        spin.tell()
        spin.expect("running")
        os.kill(spin.pid, signal.SIGSTOP)
        await until(lambda: _child_events(spin.pid), "it is stopped")
        for _ in range(5):
            await tracing.attach(container)
            assert not await progress.moves_within(0.05)
            await tracing.detach(container)
            await until(lambda: proc.status(spin.pid)["State"].startswith("T (stopped)"), "it is stopped still")
            assert not await progress.moves_within(0.05)
        await tracing.attach(container)
        await tracing.end()
        assert not await progress.moves_within(0.05)
        os.kill(spin.pid, signal.SIGCONT)
        assert await progress.moves_within(1)
        assert spin.wait() == 7


async def test_a_task_stopped_in_a_transfer_is_attached(tracing: Tracing, container: Container, tracee: Start) -> None:
    stuck = tracee("stuck", "write")
    stuck.tell()
    child = int(stuck.line())
    await until(lambda: proc.status(child)["State"].startswith("S"), "it waits in its write")
    os.kill(child, signal.SIGSTOP)
    await until(lambda: proc.status(child)["State"].startswith("T"), "it is stopped")
    await tracing.attach(container)
    os.kill(child, signal.SIGCONT)
    stuck.tell()
    stuck.expect("done")
    assert stuck.wait() == 7
    assert (await tracing.over(container)).calls["getppid"] == 1000


async def test_alarm_every_millisecond(tracing: Tracing, container: Container, tracee: Start) -> None:
    alarms = tracee("alarms")
    for _ in range(rounds(50)):
        await tracing.attach(container)
        await tracing.detach(container)
    await tracing.attach(container)
    first = dict(line.split() for line in alarms.ask())
    await until(lambda: int(alarms.ask()[0].split()[1]) > int(first["alarms"]) + 100, "100 further alarms")
    assert dict(line.split() for line in alarms.ask())["failed"] == "0"
    counted = tracing.counted(container)
    assert counted.signals["SIGALRM"] >= 100
    assert not [key for key in counted.errors if key[1] != "ENOENT" and key[0] in ("read", "write", "getppid")]

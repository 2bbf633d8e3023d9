# SPDX-License-Identifier: Apache-2.0
"""The tracees can see harm: each finds nothing wrong untraced, and does find what strace is known to do to a target."""

import os
import signal
import subprocess

import pytest

from tests.native.harness import proc
from tests.native.harness.cgroup import Container
from tests.native.harness.proc import until
from tests.native.harness.signal_queue import Queue
from tests.native.harness.strace import Strace
from tests.native.harness.tracee import Programs, Progress, Start, Tracee
from tests.native.harness.waits import KINDS, Waits

# recv gives EINTR only on a socket that has a time-out.
HOUR_MS = 3600 * 1000


async def _strace_cycles(tracee: Tracee, cycles: int) -> None:
    for _ in range(cycles):
        async with Strace(tracee.pid):
            pass


@pytest.mark.parametrize("timeout_ms", [-1, 1])
async def test_untraced_waits_see_no_eintr(tracee: Start, timeout_ms: int) -> None:
    waits = Waits(tracee("waits", ",".join(KINDS), timeout_ms, 1000))
    await until(lambda: all(w.returns > 100 for w in waits.status().values()), "every kind has waited 100 times")
    waits.signal(signal.SIGUSR1)
    waits.signal(signal.SIGWINCH)
    os.kill(waits.tracee.pid, signal.SIGUSR1)
    waits.assert_undisturbed()
    waits.signal(signal.SIGUSR2)
    assert all(w.handled == 1 and w.eintrs <= 1 for w in waits.status().values())


async def test_strace_interrupts_waits_at_attach(tracee: Start) -> None:
    waits = Waits(tracee("waits", ",".join(KINDS), HOUR_MS))
    await _strace_cycles(waits.tracee, 5)
    assert {name for name, w in waits.status().items() if w.eintrs} == set(KINDS)


async def test_strace_interrupts_waits_by_ignored_signals(tracee: Start) -> None:
    waits = Waits(tracee("waits", ",".join(KINDS), HOUR_MS))
    async with Strace(waits.tracee.pid):
        before = {name: w.eintrs for name, w in waits.status().items()}
        waits.signal(signal.SIGUSR1)
        await until(
            lambda: all(w.eintrs > before[name] for name, w in waits.status().items()), "an EINTR in every kind"
        )


@pytest.mark.parametrize("traced", [False, True])
async def test_death_of_children(tracee: Start, traced: bool) -> None:
    parent = tracee("children", 20, 5000)
    strace = Strace(parent.pid) if traced else None
    if strace:
        await strace.__aenter__()
    parent.tell()
    parent.expect("started")
    await until(lambda: _zombies(parent.pid) == 20, "20 children have died")
    parent.tell("enough")
    numbers = parent.claims().numbers
    if strace:
        strace.end()
    assert numbers["status_errors"] == 0
    assert (numbers["eintr"] > 0) == traced


def _zombies(pid: int) -> int:
    return sum(proc.status(child).get("State", "")[:1] == "Z" for child in proc.children(pid))


async def test_strace_cuts_transfers_short(tracee: Start) -> None:
    transfers = tracee("transfers", 0)
    await until(lambda: all(int(line.split()[1]) > 3 for line in transfers.ask()), "three transfers of each kind")
    assert all(line.endswith(" 0") for line in transfers.ask())
    await _strace_cycles(transfers, 20)
    assert any(not line.endswith(" 0") for line in transfers.ask())


async def test_strace_ends_a_timeout_early(tracee: Start) -> None:
    timed = tracee("timed", "epoll_wait", 300, 2)
    timed.tell()
    async with Strace(timed.pid):
        pass
    errors = [line.split()[2] for line in timed.report()]
    assert "4" in errors  # EINTR


async def test_strace_hangs_on_a_frozen_target(tracee: Start, container: Container) -> None:
    idle = tracee("echo")
    async with Strace(idle.pid) as strace:
        idle.tell()
        idle.line()
        await until(lambda: proc.status(idle.pid)["State"][0] == "S", "it is in no stop any more")
        container.freeze()
        with pytest.raises(subprocess.TimeoutExpired):
            strace.end(1.0)
        container.thaw()


async def test_stopped_strace_freezes_its_target(tracee: Start) -> None:
    with Progress() as progress:
        spin = tracee("spin", progress.path, 1)
        spin.tell()
        spin.expect("running")
        async with Strace(spin.pid) as strace:
            os.kill(strace.process.pid, signal.SIGSTOP)
            await until(lambda: proc.status(strace.process.pid)["State"][0] == "T", "strace is stopped")
            frozen = not await progress.moves_within(0.3)
            os.kill(strace.process.pid, signal.SIGCONT)
            assert frozen


async def test_queued_signals_and_alarms_arrive_untraced(tracee: Start, programs: Programs) -> None:
    queue = Queue(tracee("rtqueue"), programs)
    queue.send(2000)
    await queue.all_received()
    alarms = tracee("alarms")
    await until(lambda: int(alarms.ask()[0].split()[1]) > 50, "50 alarms")
    assert alarms.ask()[2] == "failed 0"

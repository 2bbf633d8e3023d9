# SPDX-License-Identifier: Apache-2.0
"""Processes that are named by their PID, and are containers as far as we are concerned."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from stracelet.containers.cgroups import Cgroups
from stracelet.containers.inventory import Inventory
from stracelet.containers.model import Container
from stracelet.containers.processes import OwnPod, Processes
from stracelet.containers.procfs import Procfs
from stracelet.containers.sources import Forgotten, Listing
from stracelet.containers.targets import describe, match, parse_target, target_of
from stracelet.errors import PodUnseen, UsageError
from tests.native.harness import proc


@pytest.fixture
def sleeping() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


async def test_they_are_known_until_they_end(sleeping: subprocess.Popen[bytes]) -> None:
    before = os.listdir("/proc/self/fd")
    processes = Processes({os.getpid(): "", sleeping.pid: "app"})
    ours = Container(f"pid:{os.getpid()}", sources=("process",))
    app = Container(f"pid:{sleeping.pid}", name="app", sources=("process",))
    assert await processes.list() == Listing((ours, app))
    changes = processes.watch()
    assert await anext(changes) == Listing((ours, app))
    sleeping.kill()
    assert await anext(changes) == Forgotten(app.id)
    await changes.aclose()  # type: ignore[attr-defined]
    assert await processes.list() == Listing((ours,))
    processes.close()
    processes.close()
    assert len(os.listdir("/proc/self/fd")) == len(before)


async def test_one_that_has_gone_is_left_out(sleeping: subprocess.Popen[bytes]) -> None:
    sleeping.kill()
    sleeping.wait()
    assert await Processes({sleeping.pid: "app"}).list() == Listing(())


def test_a_thread_is_no_process() -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        with pytest.raises(UsageError, match=f"pid/{thread.native_id}: the process cannot be watched") as caught:
            Processes({os.getpid(): "", thread.native_id or 0: ""})
        assert "name its process" in caught.value.help_text
    finally:
        over.set()
        thread.join()


def test_its_target_is_its_pid() -> None:
    app, other = Container("pid:7", name="app"), Container("7" * 64, name="7")
    assert match(parse_target("pid/7"), [app, other]) == [app]
    assert match(parse_target("pid/77"), [app, other]) == []
    assert match(parse_target("app"), [app, other]) == [app]
    nameless = Container("pid:7")
    assert (target_of(nameless), describe(nameless)) == ("pid/7", "pid/7")
    assert (target_of(app), describe(app)) == ("container/app", "container/app (pid:7)")


@pytest.fixture
def pod(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[OwnPod, int]]:
    """Here no PIDs are shared. With the PID of who looks."""
    monkeypatch.setattr("stracelet.containers.processes.SAYS_SECONDS", 1.0)
    monkeypatch.setattr("stracelet.containers.processes.END_SECONDS", 0.5)
    before = len(os.listdir("/proc/self/fd"))
    made = OwnPod()
    (looking,) = proc.children(os.getpid())
    yield made, looking
    made.close()
    with pytest.raises(ChildProcessError):
        os.waitpid(looking, os.WNOHANG)
    assert len(os.listdir("/proc/self/fd")) == before


async def test_who_looks_ends_with_us(pod: tuple[OwnPod, int]) -> None:
    assert await pod[0].list() == Listing(())
    os.kill(pod[1], 0)


def test_who_looks_is_not_waited_for_long(pod: tuple[OwnPod, int]) -> None:
    os.kill(pod[1], signal.SIGSTOP)


@pytest.mark.parametrize(("number", "why"), [(signal.SIGKILL, "has ended"), (signal.SIGSTOP, "does not answer")])
async def test_without_who_looks_the_agent_ends(pod: tuple[OwnPod, int], number: signal.Signals, why: str) -> None:
    assert await pod[0].list() == Listing(())
    os.kill(pod[1], number)
    inventory = Inventory(sources=[pod[0]], cgroups=Cgroups(Path("/nowhere")), procfs=Procfs(Path("/proc")))
    with pytest.raises(PodUnseen, match=why):
        await inventory.run()

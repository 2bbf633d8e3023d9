# SPDX-License-Identifier: Apache-2.0
"""The agent, as uid 65532 and without any right, with a tracer that it did not start: through the end of either."""

import os
import re
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.command import Command
from tests.images import wait_for
from tests.native.harness import proc
from tests.native.harness.cgroup import ROOT, Container
from tests.native.harness.listening import AGENT, HandAgent, Listening, shared_folder
from tests.native.harness.proc import until
from tests.native.harness.tracee import Progress, Start
from tests.native.harness.unharmed import assert_unharmed
from tests.processes import descendants


@pytest.fixture
def folder() -> Iterator[Path]:
    with shared_folder() as made:
        (made / "agent.yaml").write_text(
            f"tracer_socket: {made}/tracer.sock\ncgroup_root: {ROOT}\n"
            "metrics: {listen: '127.0.0.1:0'}\n"
            "sources: {kubernetes: off, cri: off, docker: off, podman: off}\n"
        )
        yield made


def agent_of(folder: Path, target: str) -> Command:
    return Command("agent", "--config", str(folder / "agent.yaml"), target, user=AGENT)


class Page:
    """What the agent serves."""

    def __init__(self, agent: Command) -> None:
        agent.says("metrics at ")
        found = re.search(r"metrics at (\S+)/metrics", agent.err)
        assert found
        self._url = found[1]

    def unready(self) -> str:
        """Why it is, or an empty text."""
        try:
            with urllib.request.urlopen(f"{self._url}/readyz", timeout=10):
                return ""
        except urllib.error.HTTPError as error:
            return error.read().decode()

    def samples(self, name: str) -> dict[str, float]:
        """By syscall or reason, of all containers."""
        request = urllib.request.Request(f"{self._url}/metrics", headers={"Accept": "application/openmetrics-text"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            families = text_string_to_metric_families(answer.read().decode())
            samples = [sample for family in families for sample in family.samples if sample.name == f"stracelet_{name}"]
        return {s.labels.get("syscall", s.labels.get("reason", "")): s.value for s in samples}

    def calls(self) -> float:
        return self.samples("syscalls_total").get("getppid", 0)

    def created(self) -> float:
        return self.samples("syscalls_created")["getppid"]

    def moved(self, calls: float) -> float:
        """Waits until more are counted; how many then."""
        return wait_for(lambda: (now := self.calls()) > calls and now, what=f"more than {calls} calls", seconds=30)


async def test_a_new_agent_goes_on_where_the_killed_one_was(folder: Path, container: Container, tracee: Start) -> None:
    with Progress(1) as progress, Listening(folder / "tracer.sock") as listening:
        spin = tracee("spin", progress.path, 1)
        spin.tell()
        spin.expect("running")
        with agent_of(folder, f"container/{container.id}") as agent:
            page = Page(agent)
            wait_for(lambda: not page.unready(), what="it is ready", seconds=30)
            assert not descendants(agent.process.pid)
            status = proc.status(agent.process.pid)
            assert set(status["Uid"].split()) == {str(AGENT)}
            assert {status[name] for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")} == {"0" * 16}
            first, created = page.moved(0), page.created()
            os.kill(agent.process.pid, signal.SIGKILL)
            agent.wait()
        assert proc.all_traced([spin.pid])
        with agent_of(folder, f"container/{container.id}") as agent:
            page = Page(agent)
            assert page.moved(0) > first
            assert page.created() == pytest.approx(created)
            assert agent.interrupt(signal.SIGTERM) == 0
            assert "ended; the tracer counts on for a while" in agent.err
        assert proc.all_traced([spin.pid])
        assert listening.end() <= 2
        await assert_unharmed([spin.pid], progress)


async def test_what_an_earlier_agent_asked_for_and_this_one_does_not_is_let_go(
    folder: Path, container: Container, tracee: Start
) -> None:
    with Progress(1) as progress, Listening(folder / "tracer.sock"), Container() as other:
        spin = tracee("spin", progress.path, 1)
        spin.tell()
        spin.expect("running")
        with agent_of(folder, f"container/{container.id}") as agent:
            Page(agent).moved(0)
            os.kill(agent.process.pid, signal.SIGKILL)
            agent.wait()
        assert proc.all_traced([spin.pid])
        with agent_of(folder, f"container/{other.id}"):
            await until(lambda: not proc.traced_and_awake([spin.pid]), "what runs is let go", 20)
            spin.tell()  # what sleeps in a call is let go when it wakes
            spin.expect("pong")
            await assert_unharmed([spin.pid], progress)


async def test_the_tracers_container_is_restarted(folder: Path, container: Container, tracee: Start) -> None:
    path = folder / "tracer.sock"
    with Progress(1) as progress, agent_of(folder, f"container/{container.id}") as agent:
        spin = tracee("spin", progress.path, 1)
        spin.tell()
        spin.expect("running")
        page = Page(agent)
        assert f"no tracer at {path}: there is no such socket" in page.unready()
        agent.says("nothing is traced: no tracer at")
        with Listening(path) as listening:
            wait_for(lambda: not page.unready(), what="it is ready", seconds=30)
            first, created = page.moved(0), page.created()
            listening.process.kill()
            listening.process.wait(5)
        agent.says("the tracer's container has gone")
        assert "tracer" in page.unready()
        await assert_unharmed([spin.pid], progress)
        last = page.calls()
        assert last >= first
        assert page.samples("tracees") == {"": 0}
        assert page.samples("tracer_restarts_total")["lost"] == 1
        with Listening(path):
            wait_for(lambda: not page.unready(), what="it is ready again", seconds=30)
            agent.says("another tracer is there, and attaches again")
            page.moved(last)
            assert page.created() == created
            assert page.samples("tracer_restarts_total") == {"died": 0, "stalled": 0, "lost": 1}
            assert agent.interrupt(signal.SIGTERM) == 0
        assert "Traceback" not in agent.err
        await assert_unharmed([spin.pid], progress)


def test_it_waits_for_its_turn(folder: Path) -> None:
    path = folder / "tracer.sock"
    with Listening(path), HandAgent(path) as other, agent_of(folder, "container/nobody") as agent:
        page = Page(agent)
        agent.says("takes no agent: another agent is connected")
        assert "another agent is connected" in page.unready()
        other.socket.close()
        wait_for(lambda: not page.unready(), what="it is its turn", seconds=30)
        assert agent.interrupt(signal.SIGTERM) == 0


def test_no_process_by_its_pid(folder: Path) -> None:
    with agent_of(folder, "pid/1") as agent:
        assert agent.wait() == 2
        assert f"pid/1: the tracer at {folder}/tracer.sock traces containers alone" in agent.err

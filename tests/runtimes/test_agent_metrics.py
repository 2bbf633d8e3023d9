# SPDX-License-Identifier: Apache-2.0
"""The agent with real containers: what Prometheus would read, through everything that happens to them and to it."""

from __future__ import annotations

import os
import re
import signal
import urllib.request
from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.command import Command
from tests.images import Engine, wait_for
from tests.processes import descendants

if TYPE_CHECKING:
    from pathlib import Path

LOOP = ("sh", "-c", "while :; do cat /nope 2>/dev/null; sleep 0.05; done")


def configuration(tmp_path: Path, engine: Engine, include: str, listen: str = "127.0.0.1:0") -> Path:
    file = tmp_path / "agent.yaml"
    file.write_text(
        f"monitor: {{include: [{{names: ['{include}']}}]}}\n"
        f"metrics: {{listen: '{listen}', linger: 2s}}\n"
        f"sources: {{docker: {engine.socket}, podman: off, cri: off}}\n"
    )
    return file


def address(agent: Command) -> str:
    agent.says("metrics at ")
    found = re.search(r"metrics at (\S+)/metrics", agent.err)
    assert found
    return found[1]


def read(url: str) -> dict[tuple[str, str, str], float]:
    """(metric, container, syscall or reason) -> value, of /metrics; the parser checks the page besides."""
    request = urllib.request.Request(f"{url}/metrics", headers={"Accept": "application/openmetrics-text"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        families = text_string_to_metric_families(answer.read().decode())
        samples = [sample for family in families for sample in family.samples]
    return {
        (s.name, s.labels.get("container", ""), s.labels.get("syscall", s.labels.get("reason", ""))): s.value
        for s in samples
    }


def opened(url: str, name: str) -> float:
    return read(url).get(("stracelet_syscalls_total", name, "openat"), -1)


@pytest.mark.parametrize("engine", ["docker"], indirect=True)
def test_sums_go_on_through_a_killed_tracer_a_restart_and_a_reload(engine: Engine, tmp_path: Path) -> None:
    name = f"metrics-{os.getpid()}"
    container = engine.run(*LOOP, options=["--name", name])
    file = configuration(tmp_path, engine, name)
    with Command("agent", "--config", str(file)) as agent:
        url = address(agent)
        first = wait_for(lambda: max(opened(url, name), 0), what="the first counts")
        family = descendants(agent.process.pid)
        (supervisor,) = (child for child in family if child.parent == agent.process.pid)
        (tracer,) = (child for child in family if child.parent == supervisor.pid)
        os.kill(tracer.pid, signal.SIGKILL)
        restarts = ("stracelet_tracer_restarts_total", "", "died")
        wait_for(lambda: read(url)[restarts] == 1, what="the tracer's end")
        second = wait_for(lambda: (now := opened(url, name)) > first and now, what="counts by the next tracer")
        assert "the tracer was ended by SIGKILL" in agent.err

        engine.call("restart", "-t", "0", container)
        third = wait_for(lambda: (now := opened(url, name)) > second and now, what="counts after a restart")

        file.write_text("metrics: {prot: 1}")
        agent.process.send_signal(signal.SIGHUP)
        agent.says("metrics.prot: unknown key")
        wait_for(lambda: opened(url, name) > third, what="counts after a bad configuration")
        configuration(tmp_path, engine, "somebody-else")
        agent.process.send_signal(signal.SIGHUP)
        agent.says("no longer wanted")
        wait_for(lambda: opened(url, name) == -1, what="the end of the series, after the linger")

        agent.process.send_signal(signal.SIGTERM)
        assert agent.process.wait(10) == 0


@pytest.mark.parametrize("engine", ["docker"], indirect=True)
def test_a_port_in_use_is_one_line_and_the_agent_has_no_right_left(engine: Engine, tmp_path: Path) -> None:
    with Command("agent", "--config", str(configuration(tmp_path, engine, "nobody"))) as agent:
        url = address(agent)
        with open(f"/proc/{agent.process.pid}/status", encoding="ascii") as status:  # noqa: PTH123
            rights = dict(line.split(":\t") for line in status.read().splitlines() if ":\t" in line)
        assert {int(rights[key], 16) for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
        assert "0" not in rights["Uid"].split()
        file = configuration(tmp_path, engine, "nobody", listen=url.removeprefix("http://"))
        with Command("agent", "--config", str(file)) as second:
            assert second.process.wait(20) == 1
            assert "is in use by another program" in second.err.splitlines()[0]
            assert "Traceback" not in second.err
        agent.process.send_signal(signal.SIGINT)
        assert agent.process.wait(10) == 0

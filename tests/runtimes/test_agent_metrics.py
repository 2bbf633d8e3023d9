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

    from prometheus_client.samples import Sample

    from tests.runtimes.cri_pods import Pods

ENGINES = ["docker", "docker-v2", "podman"]
KNOWN = "stracelet-test/known:1"
LOOP = ("sh", "-c", "while :; do cat /nope 2>/dev/null; sleep 0.05; done")


def configuration(
    tmp_path: Path, engine: Engine, include: str, listen: str = "127.0.0.1:0", linger: str = "2s"
) -> Path:
    kind, other = ("podman", "docker") if engine.name == "podman" else ("docker", "podman")
    file = tmp_path / "agent.yaml"
    file.write_text(
        f"monitor: {{include: [{{names: ['{include}']}}]}}\n"
        f"metrics: {{listen: '{listen}', linger: {linger}}}\napi: {{socket: off}}\n"
        f"sources: {{{kind}: {engine.socket}, {other}: off, cri: off}}\n"
    )
    return file


def address(agent: Command) -> str:
    agent.says("metrics at ")
    found = re.search(r"metrics at (\S+)/metrics", agent.err)
    assert found
    return found[1]


def samples_of(url: str) -> list[Sample]:
    """Of /metrics; the parser checks the page besides."""
    request = urllib.request.Request(f"{url}/metrics", headers={"Accept": "application/openmetrics-text"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        families = text_string_to_metric_families(answer.read().decode())
        return [sample for family in families for sample in family.samples]


def read(url: str) -> dict[tuple[str, str, str], float]:
    """(metric, container, syscall or reason) -> value."""
    samples = samples_of(url)
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


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_labels_through_rename_pause_and_kill(engine: Engine, tmp_path: Path) -> None:
    name = f"labels-{os.getpid()}"
    container = engine.run(*LOOP, options=["--name", name])
    with Command("agent", "--config", str(configuration(tmp_path, engine, "labels-*"))) as agent:
        url = address(agent)
        first = wait_for(lambda: max(opened(url, name), 0), what="the first counts")
        (info,) = [s.labels for s in samples_of(url) if s.name == "stracelet_container_info"]
        assert (info["namespace"], info["pod"], info["container"]) == ("", "", name)
        assert info["container_id"] == container
        assert info["image"].endswith("stracelet-test/busybox:1")
        assert info["runtime"] == ("podman" if engine.name == "podman" else "docker")

        engine.call("pause", container)
        assert read(url)["stracelet_tracees", name, ""] > 0
        engine.call("unpause", container)
        engine.call("rename", container, f"{name}-b")
        wait_for(lambda: opened(url, f"{name}-b") > 0, what="counts by the new name", seconds=20)
        assert opened(url, f"{name}-b") + max(opened(url, name), 0) > first
        engine.call("kill", container)
        wait_for(lambda: opened(url, f"{name}-b") == -1, what="the end of the series, after the linger", seconds=20)
        agent.process.send_signal(signal.SIGTERM)
        assert agent.process.wait(10) == 0


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_what_lives_for_a_moment_is_counted_whole_if_its_name_matches(
    engine: Engine, tmp_path: Path, known: Path
) -> None:
    engine.call("rmi", "-f", KNOWN, check=False)
    image = engine.make_image(KNOWN, [known])
    short, other = f"short-{os.getpid()}", f"other-{os.getpid()}"
    with Command("agent", "--config", str(configuration(tmp_path, engine, "short-*", linger="1m"))) as agent:
        url = address(agent)
        agent.says("metrics at")
        for name in (short, other):
            container = engine.run("/bin/known", "once", options=["--name", name], image=image)
            assert engine.call("wait", container) == "7"
        calls = ("stracelet_syscalls_total", short)
        wait_for(lambda: read(url).get((*calls, "exit_group")) == 1, what="its last call")
        found = read(url)
        assert found[(*calls, "getppid")] == 1000
        assert found[(*calls, "openat")] == found["stracelet_syscall_errors_total", short, "openat"] == 10
        assert found[(*calls, "execve")] == 1
        wait_for(lambda: not any(key[1] not in ("", short) for key in read(url)), what="nothing of the other")
        agent.process.send_signal(signal.SIGTERM)
        assert agent.process.wait(10) == 0
    engine.call("rmi", "-f", KNOWN, check=False)


def test_a_pods_labels(pods: Pods, tmp_path: Path) -> None:
    pod = f"web-{os.getpid()}"
    sandbox = pods.run_pod(pod, "shop")
    pods.run(sandbox, "nginx", "/bin/sh", "-c", LOOP[2])
    file = tmp_path / "agent.yaml"
    file.write_text(
        "monitor: {include: [{namespaces: [shop]}]}\nmetrics: {listen: '127.0.0.1:0'}\napi: {socket: off}\n"
        f"sources: {{docker: off, podman: off, cri: {pods.socket}}}\n"
    )
    with Command("agent", "--config", str(file)) as agent:
        url = address(agent)
        wait_for(lambda: opened(url, "nginx") > 0, what="the first counts")
        labels = [s.labels for s in samples_of(url) if s.labels.get("container") == "nginx"]
        assert {(each["namespace"], each["pod"]) for each in labels} == {("shop", pod)}
        agent.process.send_signal(signal.SIGTERM)
        assert agent.process.wait(10) == 0


@pytest.mark.parametrize("engine", ["docker"], indirect=True)
def test_a_tracer_that_stalls_is_said_counted_and_replaced(engine: Engine, tmp_path: Path) -> None:
    name = f"stalled-{os.getpid()}"
    engine.run(*LOOP, options=["--name", name])
    with Command("agent", "--config", str(configuration(tmp_path, engine, name))) as agent:
        url = address(agent)
        first = wait_for(lambda: max(opened(url, name), 0), what="the first counts")
        family = descendants(agent.process.pid)
        (supervisor,) = (child for child in family if child.parent == agent.process.pid)
        (tracer,) = (child for child in family if child.parent == supervisor.pid)
        os.kill(tracer.pid, signal.SIGSTOP)
        restarts = ("stracelet_tracer_restarts_total", "", "stalled")
        wait_for(lambda: read(url)[restarts] == 1, what="the tracer's end", seconds=20)
        wait_for(lambda: opened(url, name) > first, what="counts by the next tracer", seconds=20)
        assert "stalled" in agent.err
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

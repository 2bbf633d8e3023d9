# SPDX-License-Identifier: Apache-2.0
"""The DaemonSet as the chart installs it, through outages, violent ends and rollouts; what it traces takes no harm.

STRACELET_SECONDS says how long outages last, and STRACELET_ROUNDS how many rollouts there are (1000: 20).
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.cluster.charts import Helm, Release, installed
from tests.cluster.conftest import Cluster
from tests.cluster.load import Load
from tests.images import wait_for
from tests.native.harness import proc
from tests.native.harness.rounds import rounds
from tests.processes import task_status

SECONDS = float(os.environ.get("STRACELET_SECONDS", "3"))
NODES = ("node-1", "node-2")
PODS = 30 if SECONDS < 60 else 500
READY_SECONDS, BACK_SECONDS, ENDS_SECONDS = 10.0, 10.0, 2.0
ANSWERS_SECONDS = 90.0
"""A source that is away is asked again after up to 30 s, and the kubelet tells of its containers as late."""
LINGER = "5s"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Agent:
    """An agent's pod. Its processes are looked at from the machine, so that no API server is needed for it."""

    name: str
    uid: str
    node: str
    address: str

    def processes(self, argument: str = "") -> list[int]:
        """Of its two containers, or of the one that has this argument."""
        found = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                inside = f"pod{self.uid}" in Path("/proc", entry, "cgroup").read_text()
                arguments = Path("/proc", entry, "cmdline").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if (
                inside
                and arguments[0]
                and b"stracelet" in b" ".join(arguments)
                and argument.encode() in b" ".join(arguments)
            ):
                found.append(int(entry))
        return found

    def first(self, argument: str) -> int:
        """The first process of the container that has this argument; 0: there is none."""
        return min(self.processes(argument), default=0)

    def get(self, path: str) -> tuple[int, str]:
        """The status and the text; 0 where nobody answers."""
        connection = http.client.HTTPConnection(self.address, 9477, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def samples(self) -> list[tuple[str, Mapping[str, str], float]]:
        """Of /metrics. Fails where nobody answers, for that is not the same as having none."""
        status, page = self.get("/metrics")
        assert status == 200, f"{self.name}: {status} {page}"
        return [
            (each.name, each.labels, each.value)
            for family in text_string_to_metric_families(page)
            for each in family.samples
        ]

    def values(self, name: str, **labels: str) -> list[float]:
        """Of each series that has these labels; empty: there is none."""
        return [
            value
            for key, having, value in self.samples()
            if key == f"stracelet_{name}" and labels.items() <= having.items()
        ]

    def calls(self, pod: str) -> float:
        """All that has been counted of it."""
        return sum(self.values("syscalls_total", pod=pod))


AGENT, TRACER = "/etc/stracelet/config.yaml", "--cgroup-root"


def _agents(release: Release) -> Mapping[str, Agent]:
    """By node, those that are ready."""
    found = {}
    for pod in release.pods():
        conditions = {each["type"]: each["status"] for each in pod["status"].get("conditions", ())}
        if conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]:
            metadata, node = pod["metadata"], pod["spec"]["nodeName"]
            found[node] = Agent(metadata["name"], metadata["uid"], node, pod["status"]["podIP"])
    return found


@pytest.fixture(scope="module")
def release(cluster: Cluster, image: str, namespace: str) -> Iterator[Release]:
    """It monitors the namespace of the tests."""
    monitor = json.dumps({"include": [{"namespaces": [namespace]}]})
    options = ("--set-json", f"config.monitor={monitor}", "--set", f"config.metrics.linger={LINGER}")
    with installed(cluster, Helm(cluster.tools / "helm", cluster.kubeconfig), *options) as release:
        yield release


@pytest.fixture(scope="module")
def loads(cluster: Cluster, namespace: str, release: Release) -> Iterator[Mapping[str, Load]]:
    """On each node one, root's and nobody's; both are monitored."""
    with Load(cluster, namespace, NODES[0]) as one, Load(cluster, namespace, NODES[1], nobody=True) as other:
        loads = {load.node: load for load in (one, other)}
        for node, agent in _agents(release).items():
            _until_counted(agent, loads[node])
        yield loads


def _until_counted(agent: Agent, load: Load, seconds: float = ANSWERS_SECONDS) -> None:
    """All that the load's pod does is traced, and more is counted from now on."""
    wait_for(lambda: proc.all_traced(load.pids.values()), what=f"{load.name} is traced", seconds=seconds)
    before = agent.calls(load.name)
    wait_for(lambda: agent.calls(load.name) > before, what=f"{load.name} is counted", seconds=seconds)


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_it_is_ready_in_time(release: Release) -> None:
    took = {}
    for pod in release.pods():
        (ready,) = [each for each in pod["status"]["conditions"] if each["type"] == "Ready"]
        node, made = pod["spec"]["nodeName"], _instant(pod["metadata"]["creationTimestamp"])
        took[node] = _instant(ready["lastTransitionTime"]) - made
        for each in pod["status"]["containerStatuses"]:
            started = _instant(each["state"]["running"]["startedAt"]) - made
            print(f"{node}: {each['name']} started after {started:g} s, the pod was ready after {took[node]:g} s")
    assert took.keys() == set(NODES)
    assert max(took.values()) <= READY_SECONDS


@dataclass(frozen=True)
class Held:
    """What a process holds."""

    descriptors: int
    threads: int
    memory: int

    @classmethod
    def by(cls, pid: int) -> Held:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        (pss,) = [int(line.split()[1]) << 10 for line in rollup.splitlines() if line.startswith("Pss:")]
        return cls(len(os.listdir(f"/proc/{pid}/fd")), len(task_status(pid)), pss)


def _cpu(pid: int, seconds: float) -> float:
    """The share of a CPU that a process takes meanwhile."""

    def ticks() -> int:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    before, begun = ticks(), time.monotonic()
    _until(begun + seconds)
    return (ticks() - before) / TICKS / (time.monotonic() - begun)


def _until(moment: float) -> None:
    """What is measured, or endured, takes that long."""
    wait_for(lambda: time.monotonic() >= moment, what="the time is over", seconds=moment - time.monotonic() + 5)


def _signal(pid: int, number: signal.Signals) -> None:
    handle = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(handle, number)
    finally:
        os.close(handle)


def _container(pid: int) -> str:
    """The ID of the container that a process is in."""
    return Path(f"/proc/{pid}/cgroup").read_text().splitlines()[0].rpartition("/")[2]


async def test_without_an_api_server_its_containers_come_back_and_monitor_what_they_knew(
    cluster: Cluster, release: Release, loads: Mapping[str, Load]
) -> None:
    """On the other node the agent goes on, and finds that the server has forgotten where it was."""
    agents, load = _agents(release), loads[NODES[0]]
    stopped = time.monotonic()
    agent, other = agents[NODES[0]], agents[NODES[1]]
    for _ in range(3):  # what etcd then forgets is later than what the other agent has seen last
        cluster.kubectl("annotate", "namespace", load.namespace, f"x={uuid.uuid4()}", "--overwrite")
    cluster.server("stop")
    try:
        before = [agent.first(argument) for argument in (AGENT, TRACER)]
        began = time.monotonic()
        for pid in before:
            _signal(pid, signal.SIGKILL)
        wait_for(lambda: agent.get("/readyz")[0] == 200, what="it is ready again", seconds=BACK_SECONDS)
        ready = time.monotonic() - began
        _until_counted(agent, load, BACK_SECONDS - ready)
        print(f"ready after {ready:.1f} s, counting after {time.monotonic() - began:.1f} s")
        assert not {*before} & {*agent.processes()}
        assert agent.values("source_up", source="kubernetes") == [0.0]

        was = load.again()
        _signal(was, signal.SIGKILL)
        now = wait_for(lambda: (pid := load.again()) != was and pid, what="it is started again", seconds=30)
        unknown = _container(now)
        wait_for(
            lambda: other.values("source_up", source="kubernetes") == [0.0], what="the other one sees that", seconds=30
        )
        cluster.server("compact")
        assert agent.values("container_info", container_id=unknown) == [], "nobody could have told of it"
        _until(stopped + SECONDS)
    finally:
        cluster.server("start")
    began = time.monotonic()
    for each in (agent, other):
        wait_for(
            lambda each=each: each.values("source_up", source="kubernetes") == [1.0],
            what="its source is up",
            seconds=ANSWERS_SECONDS,
        )
    wait_for(
        lambda: agent.values("container_info", container_id=unknown) == [1.0],
        what="what came meanwhile is monitored",
        seconds=ANSWERS_SECONDS,
    )
    print(f"all is known {time.monotonic() - began:.1f} s after the server's return")
    said = cluster.kubectl("logs", "-n", release.namespace, other.name, "-c", "agent")
    assert "listed again" in said
    for each in loads.values():
        each.signals()
        await each.assert_unharmed(traced=True)


def _pods(namespace: str, node: str, number: int) -> str:
    """A list of pods that the node's kubelet refuses: objects alone."""
    container = {"name": "none", "image": "local/none:1"}
    spec = {"nodeName": node, "nodeSelector": {"stracelet.io/none": "x"}, "containers": [container]}
    items = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"object-{i}", "namespace": namespace, "labels": {"of": "none"}},
            "spec": {**spec, "terminationGracePeriodSeconds": 0},
        }
        for i in range(number)
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


async def test_its_watch_survives_a_frozen_server_and_many_pods_and_leaves_nothing(
    cluster: Cluster, release: Release, namespace: str, loads: Mapping[str, Load]
) -> None:
    agent = _agents(release)[NODES[1]]
    pid = agent.first(AGENT)
    agent.samples()
    before = Held.by(pid)
    cluster.server("freeze")
    try:
        _until(time.monotonic() + SECONDS)
        assert agent.get("/readyz")[0] == 200
    finally:
        cluster.server("thaw")
    begun = time.monotonic()
    cluster.kubectl("create", "-f", "-", data=_pods(namespace, NODES[1], PODS))
    # At once: kubectl itself would delete them one by one.
    cluster.kubectl("delete", "--raw", f"/api/v1/namespaces/{namespace}/pods?labelSelector=of%3Dnone")
    left = ("get", "pods", "-n", namespace, "-l", "of=none", "-o", "name")
    wait_for(lambda: cluster.kubectl(*left) == "", what="they have gone", seconds=60)
    print(f"{PODS} pods came and went in {time.monotonic() - begun:.1f} s")
    with Load(cluster, namespace, NODES[1]) as short:
        _until_counted(agent, short)
    wait_for(lambda: not agent.values("syscalls_total", pod=short.name), what="its series end", seconds=30)
    pods = {labels["pod"] for _, labels, _ in agent.samples() if labels.get("pod")}
    assert pods == {loads[NODES[1]].name}
    assert agent.values("source_up", source="kubernetes") == [1.0]
    cpu = _cpu(pid, max(5.0, SECONDS / 6))
    after = Held.by(pid)
    print(f"{before} -> {after}; {cpu:.1%} of a CPU")
    assert agent.first(AGENT) == pid
    assert cpu <= 0.05
    assert after.descriptors <= before.descriptors + 2
    assert after.threads <= before.threads + 4  # what is read is read in a pool of a few
    assert after.memory <= before.memory + (8 << 20)


async def test_rolled_it_harms_nobody(cluster: Cluster, release: Release, loads: Mapping[str, Load]) -> None:
    for i in range(rounds(2)):
        was = {agent.uid for agent in _agents(release).values()}
        for load in loads.values():
            load.signals()
        began = time.monotonic()
        cluster.kubectl("rollout", "restart", "daemonset/stracelet", "-n", release.namespace)
        cluster.kubectl("rollout", "status", "daemonset/stracelet", "-n", release.namespace, "--timeout=80s")
        print(f"rollout {i + 1}: {time.monotonic() - began:.1f} s")
        wait_for(lambda: _agents(release).keys() == loads.keys(), what="an agent is ready on each node", seconds=30)
        agents = _agents(release)
        assert not was & {agent.uid for agent in agents.values()}
        for node, load in loads.items():
            _until_counted(agents[node], load)
            await load.assert_unharmed(traced=True)


async def test_told_to_end_it_lets_go_and_ends(cluster: Cluster, release: Release, loads: Mapping[str, Load]) -> None:
    """By the signal itself, so that nobody else's time is in it; then for good, as when the chart is uninstalled."""
    agents = _agents(release)
    for node, agent in agents.items():
        processes = [agent.first(argument) for argument in (AGENT, TRACER)]
        began = time.monotonic()
        for pid in processes:
            _signal(pid, signal.SIGTERM)
        wait_for(lambda pids=processes: not any(map(proc.running, pids)), what=f"{agent.name} has ended", seconds=15)
        took = time.monotonic() - began
        print(f"{node}: ended {took:.2f} s after SIGTERM")
        assert took <= ENDS_SECONDS
    cluster.kubectl("delete", "daemonset/stracelet", "-n", release.namespace, "--cascade=foreground", "--timeout=60s")
    for load in loads.values():
        load.signals()
        await load.assert_unharmed(traced=False)

# SPDX-License-Identifier: Apache-2.0
"""What is monitored in a cluster, by rule and by annotation, what is refused, and how exactly it is counted: agents
beside the nodes, as on node-1."""

from __future__ import annotations

import json
import os
import re
import threading
import time
import urllib.request
import uuid
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client.api.core_v1_api import CoreV1Api
from kubernetes.config import new_client_from_config

from tests.cluster.conftest import IMAGE, Cluster, host_pids
from tests.cluster.test_trace_api import free_port
from tests.cluster.trace_client import Stream, TraceObject, ask
from tests.command import Command, run
from tests.images import wait_for
from tests.native.harness.rounds import rounds
from tests.processes import traced_or_stopped

pytestmark = pytest.mark.usefixtures("trace_objects")

CALLS = 100
# 50 ms, most of them asleep. Its calls are known: an exec of the runtime's and one of its own, and these kills.
SHORT = f"i=0; while [ $i -lt {CALLS} ]; do kill -0 4194305 2>/dev/null; i=$((i + 1)); done; exec sleep 0.04"
TICKING = "while :; do kill -0 4194305 2>/dev/null; sleep 0.1; done"
AT_ONCE = 5
LINES_PER_SECOND = 500
MANY = 200
TRACED_AT_ONCE = 20


@dataclass(frozen=True)
class Agent:
    command: Command
    config: str
    metrics: int
    api: int

    def samples(self, name: str) -> Iterator[tuple[Mapping[str, str], float]]:
        """The labels and the value of each series of that name."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=10) as answer:
            lines = [line for line in answer.read().decode().splitlines() if line.startswith(f"{name}{{")]
        for line in lines:
            labels, value = line.removeprefix(f"{name}{{").rsplit("} ", 1)
            yield dict(re.findall(r'(\w+)="([^"]*)"', labels)), float(value)

    def calls(self, pods: Collection[str], name: str = "stracelet_syscalls_total") -> Mapping[str, Counter[str]]:
        """Of each of these pods, by syscall; the errnos of one added up."""
        found: dict[str, Counter[str]] = {pod: Counter() for pod in pods}
        for labels, value in self.samples(name):
            if labels.get("pod") in found:
                found[labels["pod"]][labels["syscall"]] += int(value)
        return found

    def refused(self, name: str = "stracelet_annotations_refused_total") -> Mapping[str, int]:
        return {labels["reason"]: int(value) for labels, value in self.samples(name) if value}

    def listed(self, trace: TraceObject) -> Mapping[str, Mapping[str, Any]]:
        """What GET /v1/containers says, by pod."""
        status, answer = ask(self.api, "GET", "/v1/containers", trace.headers)
        assert status == 200, answer
        return {each["pod"]: each for each in answer["containers"]}


@contextmanager
def started(readable: Path, folder: Path, monitor: Mapping[str, Any], *, node: str = "node-1") -> Iterator[Agent]:
    api, metrics = free_port(), free_port()
    file = folder / "stracelet.yaml"
    settings = {
        "monitor": monitor,
        "metrics": {"listen": f"127.0.0.1:{metrics}"},
        "api": {"listen": f"127.0.0.1:{api}"},
        "limits": {"containers": TRACED_AT_ONCE, "records_per_second": LINES_PER_SECOND},
        "sources": {"kubernetes": str(readable), "node": node, "cri": "off", "docker": "off", "podman": "off"},
    }
    file.write_text(json.dumps(settings))
    with Command("agent", "--config", str(file)) as command:
        yield Agent(command, str(file), metrics, api)
        assert command.interrupt() == 0, command.err


@pytest.fixture(scope="module")
def agent(readable: Path, namespace: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    monitor = {
        "include": [{"labels": f"monitored={namespace}"}],
        "exclude": [{"labels": "secret"}],
        "annotations": {"on": [namespace], "off": [namespace]},
        "filter": "!nanosleep,clock_nanosleep",
    }
    with started(readable, tmp_path_factory.mktemp("agent"), monitor) as made:
        made.command.says("the trace API listens")
        yield made


def manifest(
    program: str, *, namespace: str, name: str = "", labels: Mapping[str, str] | None = None, **annotations: str
) -> Mapping[str, Any]:
    """A pod of node-1 that runs once. Annotations are ours, without their prefix."""
    name = name or f"pod-{uuid.uuid4().hex[:8]}"
    container = {
        "name": "only",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/bin/sh", "-c", program.replace("$", "$$"), f"{name}-only"],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"app": name, **(labels or {})},
            "annotations": {f"stracelet.io/{key}": value for key, value in annotations.items()},
        },
        "spec": {
            "nodeName": "node-1",
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "containers": [container],
        },
    }


@pytest.fixture(scope="module")
def pods(cluster: Cluster, namespace: str) -> Iterator[Mapping[str, str]]:
    """Pods that call something ten times a second, by what they ask for: their names. One is of another namespace."""
    monitored = {"monitored": namespace}
    made = {
        "asks": manifest(TICKING, namespace=namespace, monitor="true"),
        "declines": manifest(TICKING, namespace=namespace, labels=monitored, monitor="false"),
        "excluded": manifest(TICKING, namespace=namespace, labels={"secret": "x"}, monitor="true"),
        "silent": manifest(TICKING, namespace=namespace),
        "wrong": manifest(TICKING, namespace=namespace, labels=monitored, monitor="yes", syscalls="%netwrk"),
        "elsewhere": manifest(TICKING, namespace="default", monitor="true"),
        "elsewhere, off": manifest(TICKING, namespace="default", labels=monitored, monitor="false"),
    }
    names = {key: str(pod["metadata"]["name"]) for key, pod in made.items()}
    where = {key: str(pod["metadata"]["namespace"]) for key, pod in made.items()}
    try:
        create(cluster, *made.values())
        for place in set(where.values()):
            of = [f"pod/{names[key]}" for key in names if where[key] == place]
            cluster.kubectl("wait", "--for=condition=Ready", "-n", place, "--timeout=60s", *of)
        yield names
    finally:
        of = [f"pod/{names[key]}" for key in names if where[key] == "default"]
        cluster.kubectl("delete", "-n", "default", "--ignore-not-found", *of)  # the others go with their namespace


def create(cluster: Cluster, *manifests: Mapping[str, Any]) -> None:
    cluster.kubectl("create", "-f", "-", data=json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests}))


def annotate(cluster: Cluster, namespace: str, pod: str, **annotations: str | None) -> None:
    """None takes one away."""
    changes = [f"stracelet.io/{k}-" if v is None else f"stracelet.io/{k}={v}" for k, v in annotations.items()]
    cluster.kubectl("annotate", "--overwrite", "pod", pod, "-n", namespace, *changes)


def test_who_is_monitored_and_why_the_others_are_not(
    agent: Agent, cluster: Cluster, namespace: str, pods: Mapping[str, str]
) -> None:
    counted = lambda: {key for key, pod in pods.items() if "kill" in agent.calls(pods.values())[pod]}  # noqa: E731
    wait_for(lambda: counted() == {"asks", "wrong", "elsewhere, off"}, what="they are counted", seconds=20)
    found: dict[str, Mapping[str, Any]] = {}
    for place in (namespace, "default"):
        with TraceObject(cluster, place, target={}) as trace:
            found |= agent.listed(trace)
    assert {key for key, pod in pods.items() if found[pod]["monitored"]} == {"asks", "wrong", "elsewhere, off"}
    why = {key: found[pod]["refused"] for key, pod in pods.items() if found[pod]["refused"]}
    assert why == {
        "excluded": "stracelet.io/monitor: a rule of monitor.exclude matches it",
        "elsewhere": "stracelet.io/monitor: not permitted in default (monitor.annotations.on)",
        "elsewhere, off": "stracelet.io/monitor: not permitted in default (monitor.annotations.off)",
        "wrong": "stracelet.io/monitor: 'yes' is neither 'true' nor 'false'; stracelet.io/syscalls: '%netwrk': "
        "unknown class '%netwrk' (near: %network, %net)",
    }
    assert agent.refused() == {"excluded": 1, "namespace": 2, "value": 2}
    said = [
        line for line in agent.command.err.splitlines() if pods["wrong"] in line and "stracelet.io/syscalls" in line
    ]
    assert len(said) == 1, agent.command.err
    assert f"pod/{pods['wrong']}/only in {namespace}" in said[0]

    done = run("ps", "--config", agent.config, f"pod/{pods['elsewhere']}", f"pod/{pods['asks']}")
    assert done.returncode == 0, done.stderr
    heading, *rows = sorted(done.stdout.splitlines(), key=lambda line: not line.startswith("NAME"))
    assert heading.split()[-1] == "REFUSED"
    assert {pods["elsewhere"]: why["elsewhere"], pods["asks"]: "-"} == {
        row.split()[1].partition("/")[2]: row[heading.index("REFUSED") :] for row in rows
    }


def test_an_annotation_takes_effect_while_the_pod_runs(
    agent: Agent, cluster: Cluster, namespace: str, pods: Mapping[str, str]
) -> None:
    """On, off and on again; and what is shown of it is narrowed, and never falls."""
    pod, kills = pods["silent"], lambda: agent.calls([pods["silent"]])[pods["silent"]]["kill"]
    assert not kills()
    for _ in range(2):
        before = kills()
        annotate(cluster, namespace, pod, monitor="true")
        wait_for(lambda before=before: kills() > before, what="it is counted", seconds=10)  # type: ignore[misc]
        annotate(cluster, namespace, pod, monitor="false")
        wait_for(lambda: not _traced(pod), what="it is let go", seconds=10)
    highest = kills()
    annotate(cluster, namespace, pod, monitor="true", syscalls="wait4,nanosleep,clock_nanosleep")
    shown = lambda: set(agent.calls([pod])[pod])  # noqa: E731
    wait_for(lambda: shown() == {"wait4"}, what="it is narrowed, and gets no more than the agent shows", seconds=10)
    annotate(cluster, namespace, pod, syscalls=None)
    wait_for(lambda: kills() > highest, what="its series is back, where it would be", seconds=10)
    assert _traced(pod)
    annotate(cluster, namespace, pod, monitor=None)
    wait_for(lambda: not _traced(pod), what="it is let go", seconds=10)


def _traced(pod: str) -> list[str]:
    return traced_or_stopped(host_pids(f"{pod}-only"), by=os.getpid())


def test_a_pod_of_50_ms_is_counted_exactly(agent: Agent, cluster: Cluster, namespace: str) -> None:
    for some in _some_at_once():
        create(
            cluster,
            *(manifest(SHORT, namespace=namespace, name=name, labels={"monitored": namespace}) for name in some),
        )
        _counted_exactly(agent, some)


def test_a_static_pod_of_50_ms_is_counted_exactly(agent: Agent, cluster: Cluster, namespace: str) -> None:
    folder = cluster.kubeconfig.parent / "node-1/static-pods"
    for some in _some_at_once():
        files = {folder / f"{name}.json": name for name in some}
        try:
            for file, name in files.items():
                pod = manifest(SHORT, namespace="default", name=name, labels={"monitored": namespace})
                file.write_text(json.dumps(pod))
            _counted_exactly(agent, [f"{name}-node-1" for name in some])
        finally:
            for file in files:
                file.unlink()
            mirrors = [f"pod/{name}-node-1" for name in some]
            cluster.kubectl("wait", "--for=delete", "-n", "default", "--timeout=60s", *mirrors)


def _some_at_once() -> Iterator[list[str]]:
    """Names of pods, as many as there are rounds."""
    names = [f"short-{uuid.uuid4().hex[:8]}" for _ in range(rounds(AT_ONCE))]
    for i in range(0, len(names), AT_ONCE):
        yield names[i : i + AT_ONCE]


def _counted_exactly(agent: Agent, pods: Collection[str]) -> None:
    ended = lambda: {pod for pod, calls in agent.calls(pods).items() if "exit_group" in calls}  # noqa: E731
    wait_for(lambda: ended() == set(pods), what=f"{pods} are counted", seconds=40)
    calls, errors = agent.calls(pods), agent.calls(pods, "stracelet_syscall_errors_total")
    found = {pod: (calls[pod]["kill"], errors[pod]["kill"], calls[pod]["execve"]) for pod in pods}
    assert found == dict.fromkeys(pods, (CALLS, CALLS, 2)), agent.command.err


def test_an_agent_does_not_trace_its_own_pod(
    cluster: Cluster, readable: Path, namespace: str, tmp_path: Path, pods: Mapping[str, str]
) -> None:
    """Whoever asks: an annotation, or a Trace. The agent is put into the cgroup of a pod's container."""
    pod = pods["asks"]
    first = min(host_pids(f"{pod}-only"))
    lines = Path(f"/proc/{first}/cgroup").read_text(encoding="ascii").splitlines()
    memory = next(line.rpartition(":")[2] for line in lines if ":memory:" in line)
    with started(readable, tmp_path, {"annotations": {"on": [namespace]}}) as agent:
        # Before it looks where it is: Python takes a while to start.
        Path(f"/sys/fs/cgroup/memory{memory}/cgroup.procs").write_text(str(agent.command.process.pid))
        agent.command.says("the trace API listens")
        with TraceObject(cluster, namespace, target={"pods": [pod]}) as trace:
            wait_for(lambda: pod in agent.listed(trace), what="it knows the pod", seconds=20)
            with Stream(agent.api, trace) as stream:
                stream.until(lambda: bool(stream.of("container")), "it is refused")
                assert [m["event"] for m in stream.of("container")] == ["failed"]
                assert agent.refused("stracelet_trace_containers_refused_total") == {"ourselves": 1}
                refused = agent.listed(trace)[pod]["refused"].split("; ")
            assert refused == [
                "the agent does not trace itself",
                "stracelet.io/monitor: the agent does not trace itself",
            ]
            assert not agent.listed(trace)[pod]["monitored"]
        assert agent.refused()["ourselves"] == 1


@dataclass(frozen=True)
class Ghosts:
    """Pods of a node that there is not, with a container each; the API server alone knows them."""

    node: str
    names: list[str]


@pytest.fixture
def ghosts(cluster: Cluster, namespace: str) -> Iterator[Ghosts]:
    api = CoreV1Api(new_client_from_config(str(cluster.kubeconfig)))
    node = f"ghost-{uuid.uuid4().hex[:8]}"

    def make(i: int) -> str:
        pod = dict(manifest(TICKING, namespace=namespace, name=f"{node}-{i}", monitor="true"))
        pod["spec"] = {**pod["spec"], "nodeName": node}
        name = str(api.create_namespaced_pod(namespace, pod).metadata.name)
        container_id = f"containerd://{uuid.uuid4().hex * 2}"
        of = {"name": "only", "image": IMAGE, "imageID": "", "ready": True, "restartCount": 0}
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        running = {**of, "containerID": container_id, "state": {"running": {"startedAt": now}}}
        status = {"phase": "Running", "containerStatuses": [running]}
        api.patch_namespaced_pod_status(name, namespace, {"status": status})
        return name

    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(make, range(MANY)))
        yield Ghosts(node, names)
        of_node = f"spec.nodeName={node}"
        api.delete_collection_namespaced_pod(namespace, field_selector=of_node, grace_period_seconds=0)
    api.api_client.close()


def test_200_pods_that_may_not_ask_are_refused_counted_and_named(
    cluster: Cluster, readable: Path, namespace: str, tmp_path: Path, ghosts: Ghosts
) -> None:
    """And of a Trace that means them all no more are traced than may be."""
    with started(readable, tmp_path, {"annotations": {"on": ["elsewhere"]}}, node=ghosts.node) as agent:
        agent.command.says("the trace API listens")
        with TraceObject(cluster, namespace, target={}) as trace:
            wait_for(lambda: len(agent.listed(trace)) == MANY, what="it knows them", seconds=20)
            found = agent.listed(trace)
            assert not any(each["monitored"] for each in found.values())
            why = f"stracelet.io/monitor: not permitted in {namespace} (monitor.annotations.on)"
            assert {each["refused"] for each in found.values()} == {why}
            assert agent.refused() == {"namespace": MANY}
            assert len([line for line in agent.command.err.splitlines() if "stracelet.io" in line]) == 1
            with Stream(agent.api, trace) as stream:
                beyond = MANY - TRACED_AT_ONCE
                limits = lambda: [m for m in stream.of("container") if "limits.containers" in m["text"]]  # noqa: E731
                stream.until(lambda: len(limits()) == beyond, "what is beyond the limit is refused")
                assert agent.refused("stracelet_trace_containers_refused_total") == {"containers": beyond}
                named = [each for each in agent.listed(trace).values() if "limits.containers" in each["refused"]]
                assert len(named) == beyond
            assert not list(agent.samples("stracelet_syscalls_total"))


COLLECTOR = "mkfifo /tmp/in; while :; do while read line; do :; done </tmp/in; done"


def test_a_log_collector_that_reads_our_output_is_bounded(agent: Agent, cluster: Cluster, namespace: str) -> None:
    """It makes a line of each byte that it reads of one, so that what it calls for one line are a hundred."""
    pod = manifest(COLLECTOR, namespace=namespace)
    name = str(pod["metadata"]["name"])
    create(cluster, pod)
    cluster.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "-n", namespace, "--timeout=60s")
    inlet = Path(f"/proc/{min(host_pids(f'{name}-only'))}/root/tmp/in")
    wait_for(inlet.is_fifo, what="its inlet", seconds=10)
    with TraceObject(cluster, namespace, target={"pods": [name]}) as trace, Stream(agent.api, trace) as stream:
        stream.until(lambda: bool(stream.of("container")), "it is attached")
        over = threading.Event()
        shipping = threading.Thread(target=_ship, args=(stream, inlet, over))
        shipping.start()
        try:
            began, lines = time.monotonic(), len(stream.lines)
            stream.until(lambda: bool(stream.of("dropped")), "what is beyond the limit is dropped", 20)
            took = time.monotonic() - began
            assert len(stream.lines) - lines <= LINES_PER_SECOND * (took + 2)
        finally:
            over.set()
            shipping.join()
        stream.end()
    dropped = {labels["reason"]: value for labels, value in agent.samples("stracelet_records_dropped_total")}
    assert dropped["rate"] > 0


def _ship(stream: Stream, inlet: Path, over: threading.Event) -> None:
    """Each line that the trace brings is what the collector reads next; what it cannot take is lost, as logs are."""
    fifo = os.open(inlet, os.O_RDWR | os.O_NONBLOCK)
    try:
        os.write(fifo, b"the first line\n")
        shipped = 0
        while not over.wait(0.02):
            messages = stream.messages[shipped:]
            shipped += len(messages)
            with suppress(BlockingIOError):
                for line in (text for message in messages for _, text in message.get("lines", ())):
                    os.write(fifo, line.encode() + b"\n")
    finally:
        os.close(fifo)

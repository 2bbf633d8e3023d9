# SPDX-License-Identifier: Apache-2.0
"""The agent's trace API, against a real API server and real pods: an agent beside the nodes, as on node-1."""

from __future__ import annotations

import json
import re
import socket
import time
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import IMAGE, Cluster, Pod, host_pids, run_pod
from tests.cluster.trace_client import Stream, TraceObject, ask
from tests.command import Command, calls
from tests.images import wait_for
from tests.processes import task_status, traced_or_stopped
from tests.worker import WORKER, known_calls, tell

pytestmark = pytest.mark.usefixtures("trace_objects")

BUSY = "while :; do kill -0 4194305 2>/dev/null; read -t 0.01 x </dev/null; done"
PROGRAMS = {"worker": WORKER, "sidecar": WORKER}


@dataclass(frozen=True)
class Agent:
    command: Command
    api: int
    metrics: int

    def says(self, pattern: str) -> None:
        wait_for(lambda: re.search(pattern, self.command.err) is not None, what=pattern, seconds=20)


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


@pytest.fixture(scope="module")
def agent(readable: Path, namespace: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    """It monitors the pods of the namespace that are called monitored=yes."""
    api, metrics = free_port(), free_port()
    file = tmp_path_factory.mktemp("agent") / "stracelet.yaml"
    settings = {
        "monitor": {"include": [{"namespaces": [namespace], "labels": "monitored=yes"}]},
        "metrics": {"listen": f"127.0.0.1:{metrics}"},
        "api": {"listen": f"127.0.0.1:{api}"},
        "limits": {"containers": 3, "traces": 4, "traces_per_user": 3, "duration": "60s", "records_per_second": 50000},
        "sources": {"kubernetes": str(readable), "node": "node-1", "cri": "off", "docker": "off", "podman": "off"},
        "log": {"format": "json"},
    }
    file.write_text(json.dumps(settings))
    with Command("agent", "--config", str(file)) as command:
        command.says("the trace API listens")
        yield Agent(command, api, metrics)
        command.interrupt()


@pytest.fixture(scope="module")
def pod(cluster: Cluster, namespace: str) -> Iterator[Pod]:
    made = run_pod(cluster, namespace, PROGRAMS, node="node-1")
    yield made
    cluster.kubectl("delete", "pod", "-n", namespace, made.name, "--now")


@pytest.fixture(scope="module")
def neighbour(cluster: Cluster, namespace: str) -> Iterator[Pod]:
    """Busy, in the same namespace and on the same node."""
    made = run_pod(cluster, namespace, {"worker": BUSY}, node="node-1")
    yield made
    cluster.kubectl("delete", "pod", "-n", namespace, made.name, "--now")


@pytest.fixture
def known(agent: Agent, cluster: Cluster, pod: Pod) -> None:
    """The agent knows the pod."""
    with TraceObject(cluster, pod.namespace, target={"pods": [pod.name]}) as trace:
        names = lambda: {each["container"] for each in listed(agent, trace)}  # noqa: E731
        wait_for(lambda: names() == set(PROGRAMS), what="the agent knows the pod", seconds=20)


def listed(agent: Agent, trace: TraceObject) -> list[Mapping[str, Any]]:
    """What GET /v1/containers says."""
    status, answer = ask(agent.api, "GET", "/v1/containers", trace.headers)
    assert status == 200, answer
    return list(answer["containers"])


def work(pod: Pod, container: str, count: int) -> None:
    tell(partial(pod.exec, container), count)


def kills(stream: Stream, container: str) -> list[str]:
    return [line for line in stream.lines if f"/{container} |" in line and "kill(4194305, 0)" in line]


def pids(pod: Pod) -> set[int]:
    return set().union(*(host_pids(f"{pod.marker}-{container}") for container in PROGRAMS))


def untraced(pod: Pod) -> bool:
    """A task that sleeps is let go when it wakes."""
    for container in PROGRAMS:
        work(pod, container, 1)
    return all(status["TracerPid"] == "0" for pid in pids(pod) for status in task_status(pid).values())


def unharmed(pod: Pod) -> None:
    wait_for(lambda: untraced(pod), what="nothing is traced any more", seconds=10)
    assert traced_or_stopped(pids(pod)) == []


@pytest.mark.usefixtures("known", "neighbour")
def test_the_pods_that_are_named_and_no_others(agent: Agent, cluster: Cluster, pod: Pod) -> None:
    target = {"pods": [pod.name], "containers": ["worker"]}
    with TraceObject(cluster, pod.namespace, target=target, filter=["-e", "trace=kill"]) as trace:
        with Stream(agent.api, trace) as stream:
            stream.until(lambda: bool(stream.of("container")), "it is attached")
            work(pod, "worker", 100)
            work(pod, "sidecar", 10)
            stream.until(lambda: len(kills(stream, "worker")) == 100, "the lines")
            stream.until(lambda: bool(stream.of("heartbeat")), "a heartbeat")
            stream.end()
        assert all(line.startswith(f"{pod.name}/worker | ") for line in stream.lines)
        assert [line for line in stream.lines if "kill(4194305, 0)" not in line and "+++ exited with" not in line] == []
        times = [int(when) for message in stream.of("lines") for when, _ in message["lines"]]
        assert times == sorted(times)
        assert [m["event"] for m in stream.of("container")] == ["attached"]
        assert stream.messages[-1]["type"] == "end"
        assert stream.messages[-1]["reason"] == "client"
        assert stream.position == len(stream.lines)
    agent.says(f'{trace.name}.*"trace ended"')
    unharmed(pod)


@pytest.mark.usefixtures("known")
def test_who_has_no_key_is_let_in_nowhere(agent: Agent, cluster: Cluster, pod: Pod) -> None:
    target = {"pods": [pod.name]}
    with (
        TraceObject(cluster, pod.namespace, target=target) as trace,
        TraceObject(cluster, "default", target={}) as other,
    ):
        right = trace.headers
        wrong = [
            {},
            {**right, "Authorization": f"Bearer {bytes(32).hex()}"},
            {**right, "Authorization": other.headers["Authorization"]},
            {**right, "Stracelet-Trace": other.headers["Stracelet-Trace"]},
            {**right, "Stracelet-Trace": f"default/{trace.name}"},
            {"Stracelet-Trace": right["Stracelet-Trace"]},
        ]
        for method, path in (
            ("GET", "/v1/containers"),
            ("GET", "/v1/stats"),
            ("POST", "/v1/traces"),
            ("POST", "/v1/traces/0123456789abcdef/ack"),
            ("POST", "/v1/traces/0123456789abcdef/end"),
        ):
            for headers in wrong:
                status, answer = ask(agent.api, method, path, headers)
                assert status == 401, (method, path, headers, answer)
                assert set(answer) == {"error", "help"}
        assert ask(agent.api, "GET", "/v1/containers", right)[0] == 200
        assert all(each["namespace"] == "default" for each in listed(agent, other))
        with Stream(agent.api, trace) as stream:
            assert ask(agent.api, "POST", f"/v1/traces/{stream.id}/end", other.headers)[0] == 404
    assert ask(agent.api, "GET", "/v1/nothing", {})[0] == 404


@pytest.mark.usefixtures("known")
def test_one_that_has_expired_is_over_and_is_deleted(agent: Agent, cluster: Cluster, pod: Pod) -> None:
    with TraceObject(cluster, pod.namespace, seconds=4, target={"pods": [pod.name]}) as trace:
        with Stream(agent.api, trace) as stream:
            stream.until(lambda: bool(stream.of("end")), "the end", 10)
        assert stream.of("end")[0]["reason"] == "expired"
        assert ask(agent.api, "GET", "/v1/containers", trace.headers)[0] == 401
        wait_for(lambda: not trace.there, what="the object is deleted", seconds=10)
    unharmed(pod)


@pytest.mark.usefixtures("known")
def test_one_that_is_deleted_is_over(agent: Agent, cluster: Cluster, pod: Pod) -> None:
    with TraceObject(cluster, pod.namespace, target={"pods": [pod.name]}) as trace, Stream(agent.api, trace) as stream:
        trace.__exit__()
        stream.until(lambda: bool(stream.of("end")), "the end", 10)
        assert stream.of("end")[0]["reason"] == "deleted"
    unharmed(pod)


@pytest.mark.usefixtures("known")
def test_a_client_that_is_killed_lets_go_within_a_second(agent: Agent, cluster: Cluster, pod: Pod) -> None:
    with TraceObject(cluster, pod.namespace, target={"pods": [pod.name]}) as trace, Stream(agent.api, trace) as stream:
        stream.until(lambda: len(stream.of("container")) == 2, "both are attached")
        assert not untraced(pod)
        before = time.monotonic()
        stream.hang_up()
        agent.says(f'{trace.name}.*"outcome": "client".*"trace ended"')
        assert time.monotonic() - before < 1
    unharmed(pod)


@pytest.mark.usefixtures("known")
def test_a_client_that_acknowledges_nothing_is_ended(agent: Agent, cluster: Cluster, pod: Pod) -> None:
    with TraceObject(cluster, pod.namespace, target={"pods": [pod.name]}) as trace:
        with Stream(agent.api, trace, acknowledges=False) as stream:
            began = time.monotonic()
            stream.until(lambda: bool(stream.of("end")), "the end", 25)
            assert 14 < time.monotonic() - began < 18
        assert stream.of("end")[0]["reason"] == "unacknowledged"
    unharmed(pod)


@pytest.mark.usefixtures("known")
def test_a_slow_client_loses_what_is_old_and_holds_up_nobody(
    agent: Agent, cluster: Cluster, pod: Pod, neighbour: Pod
) -> None:
    lines = {"filter": ["-e", "trace=kill,read,poll", "-v", "-s", "4096"]}
    with (
        TraceObject(cluster, pod.namespace, target={"pods": [neighbour.name]}, **lines) as slow_trace,
        TraceObject(cluster, pod.namespace, target={"pods": [pod.name]}, filter=["-e", "trace=kill"]) as trace,
        Stream(agent.api, slow_trace, reads=False) as slow,
        Stream(agent.api, trace) as stream,
    ):
        stream.until(lambda: bool(stream.of("container")), "it is attached")
        for _ in range(3):
            work(pod, "worker", 2000)
            slow.acknowledge(0)
        stream.until(lambda: len(kills(stream, "worker")) == 6000, "the other one's lines")
        assert not stream.of("dropped")
        slow.read_on()
        slow.until(lambda: len(slow.lines) > 100, "it gets lines again")


@pytest.mark.usefixtures("known")
def test_limits_are_said_and_nothing_runs_beyond_them(agent: Agent, cluster: Cluster, pod: Pod) -> None:
    with TraceObject(cluster, pod.namespace, target={"pods": [pod.name]}) as trace:
        with Stream(agent.api, trace), Stream(agent.api, trace), Stream(agent.api, trace):
            status, answer = ask(agent.api, "POST", "/v1/traces", trace.headers)
            assert status == 429
            assert "limits.traces_per_user" in answer["error"]
        bad = TraceObject(cluster, pod.namespace, target={"pods": [pod.name]}, filter=["-o", "/etc/passwd"])
        with bad:
            status, answer = ask(agent.api, "POST", "/v1/traces", bad.headers)
            assert status == 400
            assert "-o" in answer["error"]
    unharmed(pod)


@pytest.mark.usefixtures("known")
def test_a_table_has_what_was_called_during_the_trace(agent: Agent, cluster: Cluster, pod: Pod) -> None:
    target = {"pods": [pod.name], "containers": ["worker"]}
    for _ in range(2):  # what was counted for the first is not counted for the second
        with TraceObject(cluster, pod.namespace, target=target, filter=["-c", "-e", "trace=kill"]) as trace:
            with Stream(agent.api, trace) as stream:
                stream.until(lambda: bool(stream.of("container")), "it is attached")
                work(pod, "worker", 50)
                stream.end()
            (summary,) = stream.of("summary")
            assert calls(summary["text"])["kill"] == (50, 50)
            assert not stream.lines
    unharmed(pod)


def test_one_attachment_is_enough_for_monitoring_and_many_traces(
    agent: Agent, cluster: Cluster, namespace: str
) -> None:
    """What is monitored is counted once, whoever traces it besides; the traces end, and it is monitored on."""
    name = f"monitored-{uuid.uuid4().hex[:8]}"
    _create(cluster, namespace, name, WORKER, {"app": name, "monitored": "yes"})
    cluster.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "-n", namespace, "--timeout=60s")
    pod = Pod(cluster, namespace, name, name)
    with (
        TraceObject(cluster, namespace, target={"selector": f"app={name}"}, filter=["-e", "trace=kill"]) as one,
        TraceObject(cluster, namespace, target={"pods": [name]}, filter=["-y", "-e", "trace=write"]) as other,
    ):
        with Stream(agent.api, one) as kill_lines, Stream(agent.api, other) as write_lines:
            for stream in (kill_lines, write_lines):
                stream.until(lambda stream=stream: bool(stream.of("container")), "it is attached")  # type: ignore[misc]
            work(pod, "only", 40)
            kill_lines.until(lambda: len(kills(kill_lines, "only")) == 40, "its lines")
            write_lines.until(lambda: any("</tmp/done>" in line for line in write_lines.lines), "the other's")
            assert not any("write(" in line for line in kill_lines.lines)
            assert not any("kill(" in line for line in write_lines.lines)
        work(pod, "only", 2)
        counted = lambda: {  # noqa: E731
            call["syscall"]: (call["calls"], call["errors"])
            for each in ask(agent.api, "GET", "/v1/stats", one.headers)[1]["containers"]
            for call in each["calls"]
        }
        wait_for(lambda: counted()["kill"] == (42, 42), what="42 calls", seconds=10)
    cluster.kubectl("delete", "pod", "-n", namespace, name, "--now")


def test_a_pod_that_comes_is_traced_from_its_first_exec(agent: Agent, cluster: Cluster, namespace: str) -> None:
    name = f"short-{uuid.uuid4().hex[:8]}"
    filter_ = ["-e", "trace=execve,kill"]
    asked = TraceObject(cluster, namespace, target={"selector": f"app={name}"}, filter=filter_)
    with asked as trace, Stream(agent.api, trace) as stream:
        _create(cluster, namespace, name, known_calls(20), {"app": name})
        stream.until(lambda: any("exited with 0" in line for line in stream.lines), "its last line")
        stream.until(lambda: any(message["event"] == "ended" for message in stream.of("container")), "its end")
        stream.end()
    assert sum("kill(4194305, 0)" in line for line in stream.lines) == 20
    first = next(line for line in stream.lines if "execve(" in line)
    assert f"{name}/only |" in first
    assert {m["event"] for m in stream.of("container")} == {"attached", "ended"}
    cluster.kubectl("delete", "pod", "-n", namespace, name, "--now")


def test_a_trace_of_many_has_as_many_containers_as_there_may_be(
    agent: Agent, cluster: Cluster, pod: Pod, neighbour: Pod, namespace: str
) -> None:
    name = f"more-{uuid.uuid4().hex[:8]}"
    _create(cluster, namespace, name, WORKER, {"app": name})
    cluster.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "-n", namespace, "--timeout=60s")
    with TraceObject(cluster, namespace, target={}, filter=["-c"]) as trace, Stream(agent.api, trace) as stream:
        stream.until(lambda: any(m["event"] == "failed" for m in stream.of("container")), "one is refused")
        refused = [m["text"] for m in stream.of("container") if m["event"] == "failed"]
        assert all("limits.containers" in text for text in refused)
        wait_for(
            lambda: (
                sum(bool(c["refused"]) for c in ask(agent.api, "GET", "/v1/containers", trace.headers)[1]["containers"])
                >= 1
            ),
            what="it is said of it",
            seconds=10,
        )
        assert len([m for m in stream.of("container") if m["event"] == "attached"]) <= 3
    cluster.kubectl("delete", "pod", "-n", namespace, name, "--now")


def test_many_requests_at_once_keep_nobody_out(agent: Agent, cluster: Cluster, namespace: str) -> None:
    with TraceObject(cluster, namespace, target={}) as trace, ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda _: ask(agent.api, "GET", "/v1/containers", trace.headers)[0], range(200)))
    assert set(statuses) == {200}


def _create(cluster: Cluster, namespace: str, name: str, program: str, labels: dict[str, str]) -> None:
    container = {
        "name": "only",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/bin/sh", "-c", program.replace("$", "$$"), f"{name}-only"],
    }
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "nodeName": "node-1",
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "containers": [container],
        },
    }
    cluster.kubectl("create", "-f", "-", data=json.dumps(manifest))

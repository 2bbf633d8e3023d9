# SPDX-License-Identifier: Apache-2.0
"""The pods of a node, watched through a real API server: that stops, freezes, and forgets."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from stracelet.containers.cgroups import pod_of_path
from stracelet.containers.kubernetes import api, source
from stracelet.containers.model import Container, Pod, SourceState, Workload
from stracelet.containers.sources import Change, Listing, keep
from stracelet.errors import SourceError
from tests.cluster.conftest import IMAGE, Cluster, host_pids, run_pod
from tests.command import Command, calls
from tests.images import wait_for

NODES = ["node-1", "node-2"]
DEADLINE = 60.0
CALLS = 100


class Watched:
    """What a source has told of a node, as it is now."""

    def __init__(self, cluster: Cluster, node: str) -> None:
        self.containers: Mapping[str, Container] = {}
        self.pods: Mapping[str, Pod] = {}
        self.states: list[SourceState] = []
        self.source = source(name="kubernetes", node=node, kubeconfig=str(cluster.kubeconfig))
        self._keeping = asyncio.create_task(keep(self.source, self._apply, lambda _, state: self.states.append(state)))

    def _apply(self, _: str, change: Change) -> None:
        assert isinstance(change, Listing)
        self.containers = {container.id: container for container in change.containers}
        self.pods = {pod.name: pod for pod in change.pods}

    def of(self, pod: str) -> dict[str, Container]:
        """The containers of a pod, by name."""
        return {each.name: each for each in self.containers.values() if each.pod and each.pod.name == pod}

    async def until(self, true: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(DEADLINE):
                while not true():
                    assert not self._keeping.done(), self._keeping.result()
                    await asyncio.sleep(0.02)
        except TimeoutError:
            pytest.fail(f"not within {DEADLINE:g} s: {what}; {self.states[-3:]}; {[*self.pods]}")

    async def until_up(self) -> None:
        await self.until(lambda: bool(self.states) and self.states[-1].up, "it is up")

    async def end(self) -> None:
        self._keeping.cancel()
        await asyncio.gather(self._keeping, return_exceptions=True)


@pytest_asyncio.fixture
async def watched(cluster: Cluster) -> AsyncIterator[Mapping[str, Watched]]:
    nodes = {node: Watched(cluster, node) for node in NODES}
    for each in nodes.values():
        await each.until_up()
    yield nodes
    for each in nodes.values():
        await each.end()


def _cgroups(pid: int) -> list[str]:
    """Its path in each hierarchy."""
    return [line.split(":", 2)[2] for line in Path(f"/proc/{pid}/cgroup").read_text(encoding="ascii").splitlines()]


def _deployment(name: str, namespace: str, node: str, program: str) -> Mapping[str, object]:
    container = {
        "name": "web",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/bin/sh", "-c", program.replace("$", "$$")],
    }
    template = {
        "metadata": {"labels": {"app": name}, "annotations": {"stracelet.io/monitor": "true", "other": "x"}},
        "spec": {"nodeName": node, "terminationGracePeriodSeconds": 0, "containers": [container]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": template},
    }


def _delete(cluster: Cluster, namespace: str, what: str) -> None:
    cluster.kubectl("delete", "-n", namespace, what, "--wait=false", "--grace-period=0")


async def test_a_pods_containers_are_those_of_its_node(
    cluster: Cluster, namespace: str, watched: Mapping[str, Watched]
) -> None:
    pod = await asyncio.to_thread(
        run_pod, cluster, namespace, {"web": "sleep 1000000 & wait", "log": "sleep 1000000 & wait"}, node="node-1"
    )
    here, there = watched["node-1"], watched["node-2"]
    await here.until(lambda: set(here.of(pod.name)) == {"web", "log"}, "both containers are named")
    for name, container in here.of(pod.name).items():
        (pid,) = host_pids(f"{pod.marker}-{name}")
        paths = _cgroups(pid)
        assert container.id in paths[0]
        assert container.image == IMAGE
        assert container.runtime == "containerd"
        assert container.pod == here.pods[pod.name]
        assert container.pod.labels == {"app": pod.name}
        assert container.pod.cgroup_uid in map(pod_of_path, paths)
    assert pod.name not in there.pods
    await asyncio.to_thread(_delete, cluster, namespace, f"pod/{pod.name}")
    await here.until(lambda: pod.name not in here.pods, "it is gone")
    assert not here.of(pod.name)


async def test_a_deployments_pods_are_its_own(cluster: Cluster, namespace: str, watched: Mapping[str, Watched]) -> None:
    name = f"web-{uuid.uuid4().hex[:8]}"
    deployment = _deployment(name, namespace, "node-2", "sleep 1000000 & wait")
    await asyncio.to_thread(cluster.kubectl, "create", "-f", "-", data=json.dumps(deployment))
    node = watched["node-2"]
    ours = lambda: [pod for pod in node.pods.values() if pod.workload == Workload("Deployment", name)]  # noqa: E731
    await node.until(lambda: any(node.of(pod.name) for pod in ours()), "its pod's container is named")
    assert [pod.annotations for pod in ours()] == [{"stracelet.io/monitor": "true"}]
    await asyncio.to_thread(_delete, cluster, namespace, f"deployment/{name}")
    await node.until(lambda: not ours(), "its pods are gone")


def test_a_deployment_is_traced_by_its_name(cluster: Cluster, namespace: str, readable: Path, tmp_path: Path) -> None:
    """With no runtime's socket: from the first exec on, of a pod that comes while it is traced."""
    name = f"counts-{uuid.uuid4().hex[:8]}"
    last = str(1_000_000 + uuid.uuid4().int % 1_000_000)
    program = f"i=0; while [ $i -lt {CALLS} ]; do kill -0 4194305 2>/dev/null; i=$((i + 1)); done; sleep {last} & wait"
    file = tmp_path / "stracelet.yaml"
    sources = f"{{kubernetes: {readable}, node: node-1, cri: off, docker: off, podman: off}}"
    file.write_text(f"sources: {sources}\n")
    with Command("trace", "-c", "--wait", "--config", str(file), f"deploy/{name}", "-n", namespace) as trace:
        trace.says("waiting")
        cluster.kubectl("create", "-f", "-", data=json.dumps(_deployment(name, namespace, "node-1", program)))
        wait_for(lambda: host_pids(last), what="all calls are made", seconds=60)
        trace.says("tracing")
        assert trace.interrupt() == 0, trace.err
        found = calls(trace.out)
    cluster.kubectl("delete", "-n", namespace, f"deployment/{name}", "--wait=false")
    assert found["kill"] == (CALLS, CALLS)
    assert found["execve"][0] >= 1


@pytest.fixture
def static_pod(cluster: Cluster) -> Iterator[str]:
    """A static pod of node-1, which no API object has made; the marker of its process."""
    name, marker = f"static-{uuid.uuid4().hex[:8]}", f"marker-{uuid.uuid4().hex}"
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": "only",
                    "image": IMAGE,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["sh", "-c", "sleep 1000000 & wait", marker],
                }
            ],
        },
    }
    file = cluster.kubeconfig.parent / "node-1/static-pods" / f"{name}.json"
    file.write_text(json.dumps(manifest))
    try:
        yield f"{name}-node-1 {marker}"
    finally:
        file.unlink()
        cluster.kubectl("wait", "--for=delete", f"pod/{name}-node-1", "-n", "default", "--timeout=60s")


async def test_a_static_pods_cgroup_is_known_by_its_hash(static_pod: str, watched: Mapping[str, Watched]) -> None:
    name, marker = static_pod.split()
    node = watched["node-1"]
    await node.until(lambda: "only" in node.of(name), "its container is named")
    (pid,) = host_pids(marker)
    pod = node.pods[name]
    assert pod.cgroup_uid != pod.uid
    assert pod.cgroup_uid in map(pod_of_path, _cgroups(pid))


@pytest.mark.parametrize(
    ("account", "said"), [(False, "Unauthorized"), (True, 'pods is forbidden: User ".*" cannot list resource "pods"')]
)
async def test_who_may_not_is_told_what_is_missing(
    cluster: Cluster, namespace: str, tmp_path: Path, account: bool, said: str
) -> None:
    kubeconfig = json.loads(cluster.kubectl("config", "view", "--raw", "-o", "json"))
    token = cluster.kubectl("create", "token", "default", "-n", namespace).strip() if account else "wrong"
    kubeconfig["users"][0]["user"] = {"token": token}
    (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig))
    with pytest.raises(SourceError, match=said) as caught:
        await source(name="kubernetes", node="node-1", kubeconfig=str(tmp_path / "kubeconfig")).list()
    assert "\n" not in str(caught.value)
    assert caught.value.help_text


async def test_it_comes_back_with_a_server_that_was_stopped(
    cluster: Cluster, namespace: str, watched: Mapping[str, Watched]
) -> None:
    node = watched["node-1"]
    before = set(node.containers)
    await asyncio.to_thread(cluster.server, "stop")
    try:
        await node.until(lambda: not node.states[-1].up, "it is said to be down")
        assert node.states[-1].present
        assert "Kubernetes API" in node.states[-1].error
        assert set(node.containers) == before, "what was known is known as long as nobody says otherwise"
    finally:
        await asyncio.to_thread(cluster.server, "start")
    await node.until_up()
    pod = await asyncio.to_thread(run_pod, cluster, namespace, {"web": "sleep 1000000 & wait"}, node="node-1")
    await node.until(lambda: "web" in node.of(pod.name), "a pod that came later is named")
    await asyncio.to_thread(_delete, cluster, namespace, f"pod/{pod.name}")


async def test_one_that_is_frozen_is_given_up(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "QUIET_SECONDS", 3.0)
    node = Watched(cluster, "node-1")
    try:
        await node.until_up()
        await asyncio.to_thread(cluster.server, "freeze")
        try:
            await node.until(lambda: not node.states[-1].up, "it is said to be down")
            assert "timed out" in node.states[-1].error.lower()
        finally:
            await asyncio.to_thread(cluster.server, "thaw")
        await node.until_up()
    finally:
        await node.end()


async def test_what_the_server_has_forgotten_is_listed_again(
    cluster: Cluster, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Its watch cache begins anew as it starts, and etcd has forgotten what was before."""
    caplog.set_level(logging.INFO)
    node = Watched(cluster, "node-1")
    try:
        await node.until_up()
        pod = await asyncio.to_thread(run_pod, cluster, namespace, {"web": "sleep 1000000 & wait"}, node="node-1")
        await node.until(lambda: "web" in node.of(pod.name), "it is named")
        await node.end()
        await asyncio.to_thread(_delete, cluster, namespace, f"pod/{pod.name}")
        for _ in range(3):
            await asyncio.to_thread(
                cluster.kubectl, "annotate", "namespace", namespace, f"x={uuid.uuid4()}", "--overwrite"
            )
        await asyncio.to_thread(cluster.server, "stop")
        try:
            await asyncio.to_thread(cluster.server, "compact")
        finally:
            await asyncio.to_thread(cluster.server, "start")
        async with asyncio.timeout(DEADLINE):
            await _until_forgotten(node, pod.name)
    finally:
        await node.end()
    assert "listed again" in caplog.text


async def _until_forgotten(node: Watched, pod: str) -> None:
    changes = node.source.watch()
    try:
        async for change in changes:
            assert isinstance(change, Listing)
            if pod not in {each.name for each in change.pods}:
                return
    finally:
        await changes.aclose()  # type: ignore[attr-defined]

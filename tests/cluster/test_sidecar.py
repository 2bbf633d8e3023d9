# SPDX-License-Identifier: Apache-2.0
"""manifests/sidecar.yaml: a pod that is traced from within, with no agent on the node."""

from __future__ import annotations

import copy
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.charts import ROOT, asked
from tests.cluster.conftest import IMAGE, Cluster, host_pids
from tests.images import wait_for
from tests.processes import task_status

pytestmark = pytest.mark.timeout(1800)  # the first one builds the image

CLIENT = Path(sys.executable).with_name("kubectl-strace")
SECONDS = 30.0
OWN, NEIGHBOURS, LATER = 4194305, 4194304, 4194303  # no PIDs
LOOP = "while :; do kill -0 {} 2>/dev/null; sleep 0.1; done"


def manifest(image: str, name: str, number: int) -> dict[str, Any]:
    """As it is in the repository, but for names and images; its program asks for a process of that number."""
    pod: dict[str, Any] = yaml.safe_load((ROOT / "manifests/sidecar.yaml").read_text())
    app, sidecar = pod["spec"]["containers"]
    assert sidecar["name"] == "stracelet"
    pod["metadata"]["name"] = name
    pod["spec"] |= {"nodeName": "node-1", "terminationGracePeriodSeconds": 1}
    app |= {"image": IMAGE, "imagePullPolicy": "IfNotPresent", "command": ["sh", "-c", LOOP.format(number)]}
    sidecar["image"] = image
    return pod


def without_metrics(pod: Mapping[str, Any]) -> dict[str, Any]:
    """As the manifest says that it is to be changed."""
    changed: dict[str, Any] = copy.deepcopy(dict(pod))
    sidecar = changed["spec"]["containers"][1]
    for key in ("args", "ports", "readinessProbe"):
        del sidecar[key]
    sidecar["command"] = ["sleep", "infinity"]
    return changed


def before_the_others(pod: Mapping[str, Any]) -> dict[str, Any]:
    """As the manifest says that it may as well be."""
    changed: dict[str, Any] = copy.deepcopy(dict(pod))
    sidecar = changed["spec"]["containers"].pop()
    changed["spec"]["initContainers"] = [{**sidecar, "restartPolicy": "Always"}]
    return changed


@pytest.fixture(scope="module")
def pods(cluster: Cluster, image: str, namespace: str) -> Iterator[tuple[str, str]]:
    """A pod that serves metrics and one that waits for traces, on one node: each other's neighbour."""
    counting, waiting = f"counting-{uuid.uuid4().hex[:6]}", f"waiting-{uuid.uuid4().hex[:6]}"
    documents = [manifest(image, counting, OWN), without_metrics(manifest(image, waiting, NEIGHBOURS))]
    for each in documents:
        done = asked(cluster, "create", "-n", namespace, "-f", "-", data=json.dumps(each))
        assert done.returncode == 0, done.stderr
    names = (f"pod/{counting}", f"pod/{waiting}")
    cluster.kubectl("wait", "--for=condition=Ready", *names, "-n", namespace, "--timeout=60s")
    yield counting, waiting
    cluster.kubectl("delete", "-n", namespace, *names, "--grace-period=1")


def address(cluster: Cluster, namespace: str, pod: str) -> str:
    return cluster.kubectl("get", "pod", pod, "-n", namespace, "-o", "jsonpath={.status.podIP}")


def page(cluster: Cluster, namespace: str, pod: str) -> str:
    """Of its metrics."""
    where = f"http://{address(cluster, namespace, pod)}:9477/metrics"
    with urllib.request.urlopen(where, timeout=5) as answer:
        text: str = answer.read().decode()
        return text


def counted(cluster: Cluster, namespace: str, pod: str) -> float:
    """How often its program has asked, by its metrics."""
    found = re.findall(
        r'^stracelet_syscalls_total{.*container="app".*syscall="kill"} (\S+)',
        page(cluster, namespace, pod),
        re.MULTILINE,
    )
    return sum(map(float, found))


def monitored(cluster: Cluster, namespace: str, pod: str) -> list[str]:
    """The PIDs of the first processes."""
    return re.findall(
        r'^stracelet_container_info{.*container_id="pid:(\d+)".* 1$', page(cluster, namespace, pod), re.MULTILINE
    )


def test_its_metrics_are_of_its_own_pod_alone(cluster: Cluster, namespace: str, pods: tuple[str, str]) -> None:
    wait_for(lambda: counted(cluster, namespace, pods[0]) > 0, what="kill is counted", seconds=SECONDS)
    names = re.findall(
        r'^stracelet_container_info{.*container="(.*?)"', page(cluster, namespace, pods[0]), re.MULTILINE
    )
    assert names == ["app"]


def test_it_has_no_trace_api(cluster: Cluster, namespace: str, pods: tuple[str, str]) -> None:
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(f"http://{address(cluster, namespace, pods[0])}:9478/v1/containers", timeout=5)
    ask = "import socket; print(socket.socket().connect_ex(('127.0.0.1', 9478)))"
    said = cluster.kubectl("exec", pods[0], "-n", namespace, "-c", "stracelet", "--", "python3", "-c", ask)
    assert said.strip() == "111"  # ECONNREFUSED


@pytest.mark.parametrize("counting", [True, False], ids=["beside metrics", "alone"])
@pytest.mark.parametrize("how", ["exec", "client"])
def test_a_trace_is_of_its_own_pod_alone(
    cluster: Cluster, namespace: str, pods: tuple[str, str], how: str, counting: bool
) -> None:
    """A process has one tracer: where metrics are served, that is the agent's."""
    pod, own, others = (pods[0], OWN, NEIGHBOURS) if counting else (pods[1], NEIGHBOURS, OWN)
    flags = ("-e", "trace=kill,execve", "--duration", "2s")
    before = counted(cluster, namespace, pods[0])
    if how == "exec":
        done = asked(cluster, "exec", pod, "-n", namespace, "-c", "stracelet", "--", "stracelet", "trace", *flags)
    else:
        done = strace(cluster, "--sidecar", f"pod/{pod}/app", "-n", namespace, *flags)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(f"kill({own}, 0)") >= 5, done.stdout
    assert str(others) not in done.stdout
    assert "python" not in done.stdout
    assert ("tracing container/app: " in done.stderr) == counting
    wait_for(lambda: counted(cluster, namespace, pods[0]) > before + 5, what="it goes on counting", seconds=SECONDS)


def test_what_enters_a_container_is_its_own_too(cluster: Cluster, namespace: str, pods: tuple[str, str]) -> None:
    within = ("exec", pods[0], "-n", namespace, "-c")
    entered = ("app", "--", "sh", "-c", f"echo $$; {LOOP.format(LATER)}")
    command = [cluster.tools / "kubectl", "--kubeconfig", cluster.kubeconfig, *within, *entered]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            pid = process.stdout.readline().strip()
            wait_for(lambda: pid in monitored(cluster, namespace, pods[0]), what="it is known", seconds=SECONDS)
            series = re.findall(r"^(stracelet_.*) \S+$", page(cluster, namespace, pods[0]), re.MULTILINE)
            assert len(series) == len({*series})
            trace = (*within, "stracelet", "--", "stracelet", "trace", "-e", "trace=kill", "--duration", "1s")
            done = asked(cluster, *trace)
            assert done.returncode == 0, done.stderr
            assert f"kill({OWN}, 0)" in done.stdout
            assert f"kill({LATER}, 0)" in done.stdout
            done = asked(cluster, *trace, f"pid/{pid}")
            assert done.returncode == 0, done.stderr
            assert f"kill({LATER}, 0)" in done.stdout
            assert str(OWN) not in done.stdout
        finally:
            cluster.kubectl(*within, "app", "--", "kill", pid)
            process.wait(SECONDS)


def test_a_container_that_is_started_again_is_counted_on(
    cluster: Cluster, namespace: str, pods: tuple[str, str]
) -> None:
    """Nobody in the agent may look at it then."""
    (pid,) = host_pids(LOOP.format(OWN))
    os.kill(pid, signal.SIGKILL)
    (again,) = wait_for(lambda: host_pids(LOOP.format(OWN)) - {pid}, what="it is started again", seconds=SECONDS)
    before = counted(cluster, namespace, pods[0])
    wait_for(lambda: counted(cluster, namespace, pods[0]) > before + 20, what="it is counted on", seconds=SECONDS)
    assert task_status(again)[again]["TracerPid"] != "0"
    names = re.findall(
        r'^stracelet_container_info{.*container="(.*?)"', page(cluster, namespace, pods[0]), re.MULTILINE
    )
    assert {*names} == {"app"}


def test_it_may_be_there_before_the_others(cluster: Cluster, image: str, namespace: str) -> None:
    name = f"before-{uuid.uuid4().hex[:6]}"
    document = before_the_others(manifest(image, name, NEIGHBOURS))
    done = asked(cluster, "create", "-n", namespace, "-f", "-", data=json.dumps(document))
    assert done.returncode == 0, done.stderr
    try:
        cluster.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "-n", namespace, "--timeout=60s")
        wait_for(lambda: counted(cluster, namespace, name) > 0, what="kill is counted", seconds=SECONDS)
        done = strace(cluster, "--sidecar", f"pod/{name}/app", "-n", namespace, "-e", "trace=kill", "--duration", "1s")
        assert done.returncode == 0, done.stderr
        assert f"kill({NEIGHBOURS}, 0)" in done.stdout
    finally:
        cluster.kubectl("delete", "pod", name, "-n", namespace, "--grace-period=1")


def lookers() -> set[int]:
    """Who looks for containers in the first pod, whose processes share their PIDs."""
    (own,) = (namespace_of(pid) for pid in host_pids(LOOP.format(OWN)))
    return {pid for pid in host_pids("stracelet.containers.own_pod") if namespace_of(pid) == own}


def namespace_of(pid: int) -> str:
    """Of PIDs; empty when it has gone."""
    try:
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    except (FileNotFoundError, ProcessLookupError):
        return ""


def test_who_looks_for_containers_is_missed(cluster: Cluster, namespace: str, pods: tuple[str, str]) -> None:
    """The agent may not look itself, and ends; the kubelet starts the sidecar again."""
    (looking,) = lookers()
    os.kill(looking, signal.SIGKILL)
    (again,) = wait_for(lambda: lookers() - {looking}, what="it is started again", seconds=SECONDS)
    previous = ("logs", pods[0], "-n", namespace, "-c", "stracelet", "--previous")
    assert "who looks for the pod's containers has ended" in cluster.kubectl(*previous).splitlines()[-1]
    ready = (f"pod/{pods[0]}", "-n", namespace, "--timeout=60s")
    cluster.kubectl("wait", "--for=condition=Ready", *ready)
    wait_for(lambda: counted(cluster, namespace, pods[0]) > 0, what="kill is counted", seconds=SECONDS)
    assert again in lookers()


def test_a_container_that_it_has_not_is_named(cluster: Cluster, namespace: str, pods: tuple[str, str]) -> None:
    done = strace(cluster, "--sidecar", f"pod/{pods[1]}/db", "-n", namespace)
    assert done.returncode == 3
    assert "db: no container of this pod" in done.stderr
    assert "There are: app." in done.stderr


def strace(cluster: Cluster, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`kubectl strace ARGUMENTS`."""
    with tempfile.TemporaryDirectory() as home:  # for kubectl's cache
        return subprocess.run(
            [CLIENT, *arguments, "--kubeconfig", cluster.kubeconfig],
            env={"PATH": f"{cluster.tools}:/usr/bin:/bin", "HOME": home},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.mark.parametrize(
    ("level", "why"),
    [
        ("privileged", None),
        ("baseline", r"SYS_PTRACE"),
        ("restricted", r"SYS_PTRACE.*runAsUser=0|runAsUser=0.*SYS_PTRACE"),
    ],
)
def test_pod_security_says_what_the_manifest_says(cluster: Cluster, image: str, level: str, why: str | None) -> None:
    namespace = f"stracelet-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", namespace)
    try:
        cluster.kubectl("label", "namespace", namespace, f"pod-security.kubernetes.io/enforce={level}")
        account = ("get", "serviceaccount", "default", "-n", namespace, "--ignore-not-found", "-o", "name")
        wait_for(lambda: cluster.kubectl(*account), what="the namespace's service account", seconds=SECONDS)
        pod = json.dumps(manifest(image, "web", OWN))
        done = asked(cluster, "create", "-n", namespace, "--dry-run=server", "-f", "-", data=pod)
        assert (done.returncode == 0) == (why is None), done.stderr
        if why:
            assert f'violates PodSecurity "{level}' in done.stderr
            assert re.search(why, done.stderr), done.stderr
    finally:
        cluster.kubectl("delete", "namespace", namespace, "--wait=false")

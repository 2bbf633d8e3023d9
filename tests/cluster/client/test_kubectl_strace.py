# SPDX-License-Identifier: Apache-2.0
"""`kubectl strace` from end to end: the client, the cluster, and the agents that the chart has installed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import pytest

from tests.cluster.charts import Release
from tests.cluster.conftest import IMAGE, Cluster
from tests.images import wait_for
from tests.worker import known_calls

pytestmark = pytest.mark.timeout(1800)  # the first one builds the image

COMMAND = Path(sys.executable).with_name("kubectl-strace")
DEADLINE = 60.0
# Every tenth of a second; a path, a failure, and a call of a number that no other program makes.
WEB = "while :; do kill -0 4194305 2>/dev/null; sleep 0.1; done"
BUSY = "while :; do kill -0 4194304 2>/dev/null; sleep 0.02; done"
ENDING = "trap 'exit 7' TERM; while :; do kill -0 4194305 2>/dev/null; sleep 0.1; done"
COUNT = 30
RESTRICTED = {
    "pod": {"runAsNonRoot": True, "runAsUser": 1234, "seccompProfile": {"type": "RuntimeDefault"}},
    "container": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
}
ROOT: Mapping[str, Mapping[str, Any]] = {"pod": {}, "container": {}}


class Client:
    """A running `kubectl strace`; ended by Ctrl-C on exit."""

    def __init__(self, agents: Release, namespace: str, *arguments: str, kubeconfig: Path | None = None) -> None:
        where = ["--kubeconfig", str(kubeconfig or agents.cluster.kubeconfig), "--agent-namespace", agents.namespace]
        self._tools = agents.cluster.tools
        inside = [] if "-A" in arguments else ["-n", namespace]
        self._arguments = [COMMAND, *arguments, *inside, *where]
        self._texts: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._home = tempfile.TemporaryDirectory(prefix="stracelet-home-")  # where kubectl keeps what it has found out
        self._files = {name: tempfile.TemporaryFile() for name in ("out", "err")}  # noqa: SIM115 - closed at the end
        self.process = subprocess.Popen(
            self._arguments,
            stdin=subprocess.DEVNULL,
            stdout=self._files["out"],
            stderr=self._files["err"],
            env={"PATH": f"{self._tools}:/usr/bin:/bin", "HOME": self._home.name},
        )
        return self

    def __exit__(self, *failure: object) -> None:
        if self.process.poll() is None:
            self.end()
        if failure[0] is not None:
            print(f"{self.out[-3000:]}\n{self.err[-3000:]}")
        self._texts = {name: self._text(name) for name in self._files}
        for file in self._files.values():
            file.close()
        self._home.cleanup()

    def _text(self, name: str) -> str:
        if name in self._texts:
            return self._texts[name]
        descriptor = self._files[name].fileno()
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode(errors="replace")

    @property
    def out(self) -> str:
        return self._text("out")

    @property
    def err(self) -> str:
        return self._text("err")

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    def shows(self, pattern: str, *, times: int = 1) -> None:
        """Waits until so many lines of its output match."""

        def look() -> bool:
            found = sum(re.search(pattern, line) is not None for line in self.lines)
            assert found >= times or self.process.poll() is None, f"it has ended: {self.err}"
            return found >= times

        wait_for(look, what=f"{times} lines with {pattern}", seconds=DEADLINE)

    def says(self, pattern: str) -> None:
        """Waits for it on its standard error."""
        wait_for(lambda: re.search(pattern, self.err) is not None, what=pattern, seconds=DEADLINE)

    def end(self) -> int:
        """Its exit status after Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)

    def wait(self) -> int:
        """Its exit status."""
        return self.process.wait(DEADLINE)


def run(agents: Release, namespace: str, *arguments: str, kubeconfig: Path | None = None) -> tuple[int, str, str]:
    """Its exit status, output and errors, once it has ended by itself."""
    with Client(agents, namespace, *arguments, kubeconfig=kubeconfig) as client:
        return client.wait(), client.out, client.err


def deployment(
    cluster: Cluster,
    namespace: str,
    name: str,
    programs: Mapping[str, str],
    *,
    rights: Mapping[str, Mapping[str, Any]] = ROOT,
    replicas: int = 2,
    nodes: Sequence[str] = ("node-1", "node-2"),
    grace: int = 5,
) -> None:
    """A pod on each node, and all of them ready."""
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": name}},
    }
    on = [{"key": "kubernetes.io/hostname", "operator": "In", "values": list(nodes)}]
    pod = {
        "terminationGracePeriodSeconds": grace,
        "automountServiceAccountToken": False,
        "topologySpreadConstraints": [spread],
        "tolerations": [{"operator": "Exists"}],
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": on}]}
            }
        },
        "securityContext": rights["pod"],
        "containers": [
            {
                "name": container,
                "image": IMAGE,
                "imagePullPolicy": "IfNotPresent",
                "command": ["/bin/sh", "-c", program.replace("$", "$$")],
                "securityContext": rights["container"],
            }
            for container, program in programs.items()
        ],
    }
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    document = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}
    cluster.kubectl("create", "-n", namespace, "-f", "-", data=json.dumps(document))
    cluster.kubectl("rollout", "status", f"deploy/{name}", "-n", namespace, "--timeout=80s")


def names(cluster: Cluster, namespace: str, app: str) -> list[str]:
    """Of its pods."""
    get = ("get", "pods", "-n", namespace, "-l", f"app={app}", "-o", "jsonpath={.items[*].metadata.name}")
    return cluster.kubectl(*get).split()


def prefixes(lines: Sequence[str]) -> set[str]:
    """Which containers lines are of."""
    return {line.partition(" | ")[0] for line in lines if " | " in line}


@pytest.fixture(scope="module", params=["root", "restricted"])
def web(request: pytest.FixtureRequest, cluster: Cluster, namespace: str, agents: Release) -> Iterator[str]:
    """A deployment on both nodes, of root or of nobody without a right; with a busy neighbour on both."""
    name = f"web-{uuid.uuid4().hex[:6]}"
    deployment(cluster, namespace, f"{name}-other", {"web": BUSY}, rights=ROOT)
    deployment(
        cluster, namespace, name, {"web": WEB, "log": WEB}, rights=RESTRICTED if request.param == "restricted" else ROOT
    )
    yield name
    cluster.kubectl("delete", "deployment", "-n", namespace, name, f"{name}-other", "--grace-period=0")


def test_a_pod_by_its_name(agents: Release, cluster: Cluster, namespace: str, web: str) -> None:
    pod = names(cluster, namespace, web)[0]
    with Client(agents, namespace, f"pod/{pod}", "-y", "-e", "trace=write,kill") as client:
        client.shows(r"write\(2</dev/null>", times=5)
        client.shows(r"kill\(4194305, 0\) += -1 ESRCH", times=5)
        assert client.end() == 0
    assert prefixes(client.lines) == {f"{pod}/web", f"{pod}/log"}
    assert "4194304" not in client.out


def test_one_container_of_it(agents: Release, cluster: Cluster, namespace: str, web: str) -> None:
    pod = names(cluster, namespace, web)[0]
    for arguments in ([f"pod/{pod}/log"], [pod, "--container", "log"]):
        with Client(agents, namespace, *arguments, "-e", "trace=kill") as client:
            client.shows(r"kill\(4194305", times=3)
        assert prefixes(client.lines) == {f"{pod}/log"}


@pytest.mark.parametrize("how", ["deploy", "selector", "everywhere"])
def test_a_workload_and_a_selector_on_both_nodes(
    agents: Release, cluster: Cluster, namespace: str, web: str, how: str
) -> None:
    pods = names(cluster, namespace, web)
    assert len(pods) == 2
    target = {"deploy": [f"deploy/{web}"], "selector": ["-l", f"app={web}"], "everywhere": ["-A", "-l", f"app={web}"]}
    with Client(agents, namespace, *target[how], "--container", "web", "-ttt", "-e", "trace=kill") as client:
        for pod in pods:
            client.shows(rf"^{pod}/web .*kill\(4194305", times=5)
        assert client.end() == 0
    assert prefixes(client.lines) == {f"{pod}/web" for pod in pods}
    times = [float(found[1]) for line in client.lines if (found := re.search(r" (\d{10}\.\d{6}) kill", line))]
    assert len(times) >= 10
    assert times == sorted(times)


def test_tables(agents: Release, cluster: Cluster, namespace: str, web: str) -> None:
    status, out, err = run(agents, namespace, "-c", "-l", f"app={web}", "--duration", "2s", "-e", "trace=kill")
    assert status == 0, err
    for pod in names(cluster, namespace, web):
        assert f"{namespace}/{pod}/web:" in out
    assert len(re.findall(r" kill$", out, re.MULTILINE)) >= 4
    assert "4194304" not in out


@pytest.mark.parametrize("rights", [ROOT, RESTRICTED], ids=["root", "restricted"])
def test_a_rollout_is_followed(
    agents: Release, cluster: Cluster, namespace: str, rights: Mapping[str, Mapping[str, Any]]
) -> None:
    name = f"roll-{uuid.uuid4().hex[:6]}"
    deployment(cluster, namespace, name, {"web": ENDING}, rights=rights)
    old = names(cluster, namespace, name)
    with Client(agents, namespace, f"deploy/{name}", "-e", "trace=execve,kill") as client:
        for pod in old:
            client.shows(rf"^{pod}/web .*kill\(4194305", times=2)
        cluster.kubectl("rollout", "restart", f"deploy/{name}", "-n", namespace)
        cluster.kubectl("rollout", "status", f"deploy/{name}", "-n", namespace, "--timeout=80s")
        new = [pod for pod in names(cluster, namespace, name) if pod not in old]
        assert len(new) == 2
        for pod in new:
            client.shows(rf'^{pod}/web .*execve\("/bin/sh"')
        for pod in old:
            client.shows(rf"^{pod}/web .*\+\+\+ exited with 7 \+\+\+")
        assert client.end() == 0
    cluster.kubectl("delete", "deployment", "-n", namespace, name)


def test_a_short_pod_is_traced_from_its_first_exec(agents: Release, cluster: Cluster, namespace: str) -> None:
    name = f"short-{uuid.uuid4().hex[:6]}"
    with Client(agents, namespace, "--wait", "-l", f"app={name}", "-e", "trace=execve,kill") as client:
        client.says("waiting")
        job(cluster, namespace, name, known_calls(COUNT))
        client.shows(r"\+\+\+ exited with 0 \+\+\+")
        assert client.end() == 0
    assert sum("kill(4194305, 0)" in line for line in client.lines) == COUNT
    assert any('execve("/bin/sh"' in line for line in client.lines)
    cluster.kubectl("delete", "pod", "-n", namespace, name, "--now")


def test_who_is_not_permitted_is_told_what_is_missing(
    agents: Release, cluster: Cluster, namespace: str, web: str, tmp_path: Path
) -> None:
    account = f"user-{uuid.uuid4().hex[:6]}"
    cluster.kubectl("create", "serviceaccount", account, "-n", namespace)
    kubeconfig = tmp_path / "kubeconfig"
    settings = json.loads(cluster.kubectl("config", "view", "--raw", "-o", "json"))
    settings["users"][0]["user"] = {"token": cluster.kubectl("create", "token", account, "-n", namespace).strip()}
    kubeconfig.write_text(json.dumps(settings))
    pod = names(cluster, namespace, web)[0]

    status, out, err = run(agents, namespace, f"pod/{pod}", kubeconfig=kubeconfig)
    assert (status, out) == (4, "")
    assert 'cannot get resource "pods"' in err or "get pods" in err
    assert "stracelet-tracer" in err
    assert "Traceback" not in err

    who = f"--serviceaccount={namespace}:{account}"
    cluster.kubectl("create", "rolebinding", account, "-n", namespace, "--clusterrole=stracelet-tracer", who)
    cluster.kubectl("create", "rolebinding", account, "-n", agents.namespace, "--role=stracelet-portforward", who)
    with Client(agents, namespace, f"pod/{pod}", "-e", "trace=kill", kubeconfig=kubeconfig) as client:
        client.shows(r"kill\(4194305", times=3)
        assert client.end() == 0
    status, out, err = run(agents, "default", "-l", "a=b", "--duration", "1s", kubeconfig=kubeconfig)
    assert status == 4
    assert "default" in err


def test_ps_and_doctor(agents: Release, cluster: Cluster, namespace: str, web: str) -> None:
    status, out, err = run(agents, namespace, "ps")
    assert status == 0, err
    for pod in names(cluster, namespace, web):
        assert pod in out
    status, out, err = run(agents, namespace, "doctor")
    assert status == 0, out + err


def job(cluster: Cluster, namespace: str, name: str, program: str, labels: Mapping[str, str] | None = None) -> None:
    """A pod that runs once."""
    container = {
        "name": "only",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/bin/sh", "-c", program.replace("$", "$$")],
    }
    spec = {
        "nodeName": "node-2",
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
        "containers": [container],
    }
    metadata = {"name": name, "labels": {"app": name, **(labels or {})}}
    document = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    cluster.kubectl("create", "-n", namespace, "-f", "-", data=json.dumps(document))

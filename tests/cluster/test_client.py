# SPDX-License-Identifier: Apache-2.0
"""`kubectl strace` through a real API server, with real port-forwards, to servers that speak the agents' API."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kubectl_strace.endings import NewNodes
from kubectl_strace.kubectl import Kubectl
from kubectl_strace.resolution import Group
from tests.client import agent as server
from tests.cluster.conftest import IMAGE, Cluster
from tests.images import wait_for
from tests.processes import descendants

COMMAND = Path(sys.executable).with_name("kubectl-strace")
NODES = ("node-1", "node-2")
DEADLINE = 60.0
LABELS = {"app.kubernetes.io/name": "stracelet", "app.kubernetes.io/component": "agent"}
STRING = {"type": "string"}
STRINGS = {"type": "array", "items": STRING}
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "traces.stracelet.io"},
    "spec": {
        "group": "stracelet.io",
        "scope": "Namespaced",
        "names": {"kind": "Trace", "plural": "traces", "singular": "trace"},
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "required": ["spec"],
                        "properties": {
                            "spec": {
                                "type": "object",
                                "required": ["user", "target", "expires", "keyHash"],
                                "properties": {
                                    "user": {**STRING, "minLength": 1},
                                    "target": {
                                        "type": "object",
                                        "properties": {
                                            "pods": STRINGS,
                                            "selector": STRING,
                                            "containers": STRINGS,
                                            "workload": {
                                                "type": "object",
                                                "required": ["kind", "name"],
                                                "properties": {"kind": STRING, "name": STRING},
                                            },
                                        },
                                    },
                                    "filter": STRINGS,
                                    "expires": {**STRING, "format": "date-time"},
                                    "keyHash": {**STRING, "pattern": "^[0-9a-f]{64}$"},
                                },
                            }
                        },
                    }
                },
            }
        ],
    },
}
ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "Role",
    "metadata": {"name": "tracer"},
    "rules": [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]},
        {"apiGroups": ["stracelet.io"], "resources": ["traces"], "verbs": ["create", "get", "delete"]},
    ],
}


def pod_manifest(name: str, node: str | None, command: Sequence[str], **more: Any) -> dict[str, Any]:
    container = {
        "name": "web",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": [part.replace("$", "$$") for part in command],
        **more.pop("container", {}),
    }
    spec = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
        "containers": [container],
        **({"nodeName": node} if node else {}),
        **more.pop("spec", {}),
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **more}, "spec": spec}


@dataclass
class Agents:
    """Pods that look like agents: each runs the server with the node's own Python, on its own loopback."""

    cluster: Cluster
    namespace: str
    names: list[str] = field(default_factory=list)

    def start(self, node: str, **play: Any) -> str:
        """Its pod's name, once it listens."""
        name = f"agent-{uuid.uuid4().hex[:6]}"
        program = Path(server.__file__).read_text()
        command = ["/bin/busybox", "chroot", "/node", sys.executable, "-c", program, "--port", "9478"]
        manifest = pod_manifest(
            name,
            node,
            [*command, json.dumps({"node": node, **play})],
            labels=LABELS,
            container={"volumeMounts": [{"name": "node", "mountPath": "/node"}]},
            spec={"volumes": [{"name": "node", "hostPath": {"path": "/"}}]},
        )
        self.cluster.kubectl("create", "-n", self.namespace, "-f", "-", data=json.dumps(manifest))
        self.names.append(name)
        self.cluster.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "-n", self.namespace, "--timeout=60s")
        wait_for(lambda: self.said(name), what="the server listens", seconds=DEADLINE)
        return name

    def said(self, name: str) -> list[dict[str, Any]]:
        """What it has printed; of a log that is being written a line may be there in part."""
        lines = self.cluster.kubectl("logs", name, "-n", self.namespace).splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def happened(self, name: str, what: str) -> list[dict[str, Any]]:
        return [event for event in self.said(name)[1:] if event["what"] == what]

    def stop(self) -> None:
        said = [self.cluster.kubectl("logs", name, "-n", self.namespace) for name in self.names]
        self.cluster.kubectl("delete", "pod", *self.names, "-n", self.namespace, "--now")
        wrong = [
            line for text in said for line in text.splitlines() if '"refused"' in line and '"status": 429' not in line
        ]
        assert wrong == [], "the client keeps to the contract"


@pytest.fixture(scope="module")
def web(cluster: Cluster, namespace: str) -> str:
    """A deployment's pod on each node, and one that runs nowhere; and rights of bob in this namespace alone."""
    for at, node in enumerate(NODES):
        manifest = pod_manifest(f"web-{at}", node, ["/bin/sleep", "1000000"], labels={"app": "web"})
        cluster.kubectl("create", "-n", namespace, "-f", "-", data=json.dumps(manifest))
    pending = pod_manifest("pending", None, ["/bin/true"], spec={"nodeSelector": {"nowhere": "true"}})
    cluster.kubectl("create", "-n", namespace, "-f", "-", data=json.dumps(pending))
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": IMAGE}]},
            },
        },
    }
    cluster.kubectl("create", "-n", namespace, "-f", "-", data=json.dumps(deployment))
    cluster.kubectl("create", "-n", namespace, "-f", "-", data=json.dumps(ROLE))
    cluster.kubectl("create", "rolebinding", "bob", "--role=tracer", "--user=bob", "-n", namespace)
    cluster.kubectl("wait", "--for=condition=Ready", "pod", "-l", "app=web", "-n", namespace, "--timeout=60s")
    return namespace


@pytest.fixture(scope="module")
def installed(cluster: Cluster) -> Iterator[None]:
    cluster.kubectl("create", "-f", "-", data=json.dumps(CRD))
    cluster.kubectl("wait", "--for=condition=Established", "crd/traces.stracelet.io", "--timeout=60s")
    try:
        yield
    finally:
        cluster.kubectl("delete", "crd", "traces.stracelet.io")


@pytest.fixture
def agents(cluster: Cluster, web: str, installed: None) -> Iterator[Agents]:
    """In the namespace of the pods that are traced: it has to be deleted once only."""
    made = Agents(cluster, web)
    yield made
    made.stop()


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(cluster: Cluster, web: str) -> Iterator[Start]:
    """`kubectl-strace ARGUMENTS` in the namespace of the pods; what is left of it at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: str, **options: Any) -> subprocess.Popen[str]:
        environment = {
            **os.environ, "KUBECONFIG": str(cluster.kubeconfig), "PATH": f"{cluster.tools}:{os.environ['PATH']}"
        }  # fmt: skip
        started.append(
            subprocess.Popen(
                [COMMAND, *arguments, "-n", web, "--agent-namespace", web],
                stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                **{"env": environment, "stdout": subprocess.PIPE, **options},
            )
        )
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=DEADLINE)
    return process.returncode, out or "", err


def traces(cluster: Cluster, namespace: str) -> list[dict[str, Any]]:
    document = json.loads(cluster.kubectl("get", "--raw", f"/apis/stracelet.io/v1alpha1/namespaces/{namespace}/traces"))
    items: list[dict[str, Any]] = document["items"]
    return items


def attached(pod: str, event: str = "attached") -> dict[str, Any]:
    names = {"namespace": "shop", "pod": pod, "container": "web", "container_id": f"{pod}-id"}
    return {"container": {"event": event, **names}}


def test_a_cluster_without_stracelet_says_so(start: Start, web: str, cluster: Cluster) -> None:
    """Before anything of it is installed."""
    status, out, err = ended(start("pod/web-0"))
    assert (status, out) == (1, "")
    assert err.startswith(f"kubectl-strace: no agent in the namespace {web}")
    assert len(err.splitlines()) == 1
    status, out, err = ended(start("doctor"))
    assert status == 1
    assert "FAILED  Trace " in out
    assert "get pods in" in out


def test_a_cluster_that_knows_no_trace_says_so(start: Start, web: str, cluster: Cluster) -> None:
    there = Agents(cluster, web)
    there.start("node-1")
    try:
        status, _, err = ended(start("pod/web-0"))
    finally:
        there.stop()
    assert (status, len(err.splitlines())) == (1, 1)
    assert "does not know traces.stracelet.io" in err


def test_a_pod_is_traced_until_ctrl_c(start: Start, agents: Agents, cluster: Cluster, web: str) -> None:
    name = agents.start(
        "node-1",
        steps=[attached("web-0"), {"lines": [[0, "read(0) = 1"], [0, "\x1b[31mwrite(1) = 2"]]}],
        last=[[0, "close(3) = 0"]],
        summary={"text": "% time\n", "containers": 1},
    )
    other = agents.start("node-2")
    process = start("pod/web-0", "-e", "trace=network", "-C", "--as", "bob", "--as-group", "system:masters")
    assert process.stdout is not None
    assert process.stdout.readline() == "read(0) = 1\n"
    assert process.stdout.readline() == "\\x1b[31mwrite(1) = 2\n", "nothing steers the terminal"
    (trace,) = traces(cluster, web)
    wait_for(lambda: agents.happened(name, "acknowledged"), what="an acknowledgement", seconds=DEADLINE)
    process.send_signal(signal.SIGINT)
    status, out, err = ended(process)
    assert (status, out) == (0, "close(3) = 0\n% time\n")
    assert err == "kubectl-strace: shop/web-0/web: attached (node-1)\n"
    assert traces(cluster, web) == []
    spec = trace["spec"]
    assert (spec["user"], spec["target"], spec["filter"]) == ("bob", {"pods": ["web-0"]}, ["-e", "trace=network", "-C"])
    requests = agents.happened(name, "request")
    assert {hashlib.sha256(bytes.fromhex(event["key"])).hexdigest() for event in requests} == {spec["keyHash"]}
    assert {event["trace"] for event in requests} == {f"{web}/{trace['metadata']['name']}"}
    assert agents.happened(name, "acknowledged")[-1]["position"] == 2
    assert agents.happened(other, "request") == [], "whose node has no such pod is asked nothing"


def test_lines_of_two_nodes_come_in_the_order_of_time(start: Start, agents: Agents) -> None:
    for at, node in enumerate(NODES):
        odd = [[1000 * n, f"line {n}"] for n in range(10) if n % 2 == at]
        # The second node's come later, though what they tell of is as old.
        agents.start(node, steps=[attached(f"web-{at}"), {"wait": 0.5 * at}, {"lines": odd}])
    process = start("deploy/web", "--limit", "10")
    status, out, err = ended(process)
    assert (status, out.splitlines()) == (0, [f"line {n}" for n in range(10)])
    assert sorted(err.splitlines()) == [f"kubectl-strace: shop/web-{at}/web: attached (node-{at + 1})" for at in (0, 1)]


def test_tables_of_all_nodes_are_shown(start: Start, agents: Agents, tmp_path: Path) -> None:
    for node in NODES:
        agents.start(node, steps=[{"container": attached("web-0")["container"]}],
                     summary={"text": f"table of {node}\n", "containers": 1})  # fmt: skip
    status, out, _ = ended(start("-l", "app=web", "-c", "--duration", "2s", "-q", "-o", str(tmp_path / "table")))
    assert (status, out) == (0, "")
    assert (tmp_path / "table").read_text() == "node-1:\ntable of node-1\n\nnode-2:\ntable of node-2\n"


def test_records_are_json_in_a_file_here(start: Start, agents: Agents, tmp_path: Path, cluster: Cluster) -> None:
    line = json.dumps({"type": "syscall", "text": "\u200b\x85"}, ensure_ascii=False)
    name = agents.start("node-1", steps=[{"lines": [[0, line]]}, {"dropped": 3}, {"wait": 0.5}, {"end": ["limit", ""]}])
    status, out, err = ended(start("record", "-w", str(tmp_path / "web.json"), "web-0"))
    assert (status, out) == (0, "")
    assert json.loads((tmp_path / "web.json").read_text()) == json.loads(line)
    assert "3 lines are missing here" in err
    over = wait_for(lambda: agents.happened(name, "over"), what="the server sees the end", seconds=DEADLINE)
    assert over[0]["position"] == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_other_signals_end_it_as_well(start: Start, agents: Agents, number: signal.Signals, cluster: Cluster) -> None:
    agents.start("node-1", steps=[{"lines": [[0, "one"]]}])
    process = start("web-0")
    assert process.stdout is not None
    assert process.stdout.readline() == "one\n"
    process.send_signal(number)
    assert ended(process)[0] == 0
    assert traces(cluster, agents.namespace) == []


def test_a_reader_that_goes_ends_it_quietly(start: Start, agents: Agents, cluster: Cluster) -> None:
    agents.start("node-1", steps=[{"lines": [[0, "one"], [0, "two"]]}])
    process = start("web-0", "-q")
    assert process.stdout is not None
    assert process.stdout.readline() == "one\n"
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(DEADLINE) == 0
    assert traces(cluster, agents.namespace) == []


def test_nothing_is_left_of_one_that_is_killed(start: Start, agents: Agents, cluster: Cluster) -> None:
    name = agents.start("node-1", steps=[{"lines": [[0, "one"]]}])
    process = start("web-0")
    assert process.stdout is not None
    assert process.stdout.readline() == "one\n"
    assert "kubectl" in {each.name for each in descendants(process.pid)}
    process.kill()
    process.wait()
    wait_for(lambda: not [each for each in descendants(os.getpid()) if each.name == "kubectl"], what="no kubectl")
    wait_for(lambda: agents.happened(name, "hung up"), what="the server notices", seconds=DEADLINE)
    cluster.kubectl("delete", "traces.stracelet.io", "--all", "-n", agents.namespace)


def test_the_second_ctrl_c_ends_at_once(start: Start, agents: Agents, cluster: Cluster) -> None:
    """Here the output takes nothing, so that the first one has to wait."""
    agents.start("node-1", steps=[{"lines": [[0, "x" * 4000]] * 25}])
    process = start("web-0", "-q")
    wait_for(lambda: traces(cluster, agents.namespace), what="a trace", seconds=DEADLINE)
    assert process.stdout is not None
    process.stdout.read(10)
    begun = time.monotonic()

    def pressed() -> bool:
        """Again and again: two that come at the same moment are one."""
        process.send_signal(signal.SIGINT)
        return process.poll() is not None

    wait_for(pressed, what="the end")
    assert process.returncode == 130
    assert time.monotonic() - begun < 1.5
    wait_for(lambda: not traces(cluster, agents.namespace), what="the trace is deleted behind us", seconds=DEADLINE)


def test_what_an_agent_refuses_is_said(start: Start, agents: Agents, cluster: Cluster) -> None:
    for node in NODES:
        agents.start(node, refuse=[429, "bob has 5 traces already", "End one of them."])
    status, out, err = ended(start("deploy/web"))
    assert (status, out) == (1, "")
    assert err in {f"kubectl-strace: {node}: bob has 5 traces already (End one of them)\n" for node in NODES}
    assert traces(cluster, agents.namespace) == []


def test_a_pod_that_is_not_there_yet_is_waited_for(start: Start, agents: Agents, web: str, cluster: Cluster) -> None:
    name = agents.start("node-2", steps=[{"wait": 3}, {"lines": [[0, "execve() = 0"]]}])
    process = start("later", "--wait", "--limit", "1")
    assert process.stderr is not None
    assert process.stderr.readline() == "kubectl-strace: waiting for containers of pod/later\n"
    status, out, _ = ended(process)
    assert (status, out) == (0, "execve() = 0\n")
    wait_for(lambda: agents.happened(name, "over"), what="the server sees the end", seconds=DEADLINE)


def test_the_end_of_a_pod_is_the_end_of_its_trace(start: Start, agents: Agents, web: str, cluster: Cluster) -> None:
    cluster.kubectl("create", "-n", web, "-f", "-",
                    data=json.dumps(pod_manifest("short", "node-1", ["/bin/sleep", "1000000"])))  # fmt: skip
    cluster.kubectl("wait", "--for=condition=Ready", "pod/short", "-n", web, "--timeout=60s")
    agents.start("node-1", steps=[attached("short"), {"wait": 2}, attached("short", "ended")])
    process = start("short")
    assert process.stderr is not None
    assert process.stderr.readline() == "kubectl-strace: shop/short/web: attached (node-1)\n"
    assert process.stderr.readline() == "kubectl-strace: shop/short/web: ended (node-1)\n"
    assert process.poll() is None, "a container may come back in its pod"
    cluster.kubectl("delete", "pod", "short", "-n", web, "--now")
    assert ended(process)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["wep-0"], "pod/wep-0: there is none in the namespace NAMESPACE: did you mean web-0"),
        (["deploy/wep"], "deploy/wep: there is none in the namespace NAMESPACE: did you mean web?"),
        (["pod/web-0/nginx"], "pod/web-0 has no container nginx: it has web"),
        (["-l", "app=web", "--container", "nginx"], "-l app=web: none of its pods has a container nginx"),
        (["pending"], "pod/pending does not run yet (not scheduled: 0/2 nodes are available"),
        (["web-1"], "web-1: no agent on node-2"),
        (["-l", "app="], "-l app=: it has no pods now: --wait waits for them"),
        (["-l", "!!"], "kubectl get pods: Unable to find"),
        (["web-0", "--context", "nowhere"], 'context "nowhere" does not exist'),
        (["web-0", "--as", "eve"], "eve may not get pods in the namespace NAMESPACE: the role stracelet-tracer"),
        (
            ["web-0", "--as", "bob"],
            "bob may not create pods/portforward in the namespace NAMESPACE: the role stracelet-portforward",
        ),
        (["web-0", "--server", "https://127.0.0.1:1"], "no answer from the API server"),
        (["web-0", "-o", "/nowhere/file"], "-o /nowhere/file: it cannot be written: No such file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_one_line(start: Start, one_agent: Agents, arguments: list[str], said: str) -> None:
    status, out, err = ended(start(*arguments))
    assert (status, out) == (1, "")
    assert said.replace("NAMESPACE", one_agent.namespace) in err
    assert len(err.splitlines()) == 1
    assert traces(one_agent.cluster, one_agent.namespace) == []


@pytest.fixture(scope="module")
def one_agent(cluster: Cluster, web: str, installed: None) -> Iterator[Agents]:
    """It stays to the end: what has `agents` of its own stands above."""
    container = {"namespace": web, "pod": "web-0", "container": "web", "container_id": "0123456789abcdef", "image": "i",
                 "runtime": "containerd", "status": "running", "labels": {}, "monitored": False, "refused": "",
                 "workload": {"kind": "Deployment", "name": "web"}}  # fmt: skip
    made = Agents(cluster, web)
    made.start("node-1", containers=[container])
    yield made
    made.stop()


def test_without_the_right_to_trace_its_role_is_named(start: Start, one_agent: Agents, web: str) -> None:
    one_agent.cluster.kubectl("create", "rolebinding", "carol", "--clusterrole=view", "--user=carol", "-n", web)
    status, _, err = ended(start("web-0", "--as", "carol"))
    assert (status, len(err.splitlines())) == (1, 1)
    assert f"carol may not create traces.stracelet.io in the namespace {web}: the role stracelet-tracer" in err


def test_ps_shows_what_the_agents_see(start: Start, one_agent: Agents) -> None:
    status, out, err = ended(start("ps", "web-0"))
    assert (status, err) == (0, "")
    assert [line.split() for line in out.splitlines()] == [
        ["POD", "CONTAINER", "NODE", "STATUS", "WORKLOAD", "ID"],
        ["web-0", "web", "node-1", "running", "Deployment/web", "0123456789ab"],
    ]
    status, out, err = ended(start("ps", "-o", "json"))
    assert status == 1
    assert "web-1: no agent on node-2" in err, "the others are shown all the same"
    assert [each["node"] for each in json.loads(out)["containers"]] == ["node-1"]


def test_the_doctor_finds_what_is_missing(start: Start, one_agent: Agents) -> None:
    status, out, _ = ended(start("doctor"))
    assert status == 0, out
    assert "ok      connection      the agent on node-1 answers; it sees 1 containers" in out
    status, out, _ = ended(start("doctor", "--as", "bob", "-o", "json"))
    assert status == 1
    failed = [each for each in json.loads(out)["findings"] if each["state"] == "failed"]
    assert {each["found"] for each in failed if each["check"] == "permission"} == {
        f"bob may not {verb} pods/portforward in {one_agent.namespace}" for verb in ("get", "create")
    }
    assert all("rolebinding" in each["mend"] for each in failed if each["check"] == "permission")


def test_a_sidecar_is_run_in_its_pod(start: Start, web: str, cluster: Cluster, tmp_path: Path) -> None:
    script = (
        """printf '#!/bin/sh\nfor each; do echo "[$each]"; done; exit 3' >/bin/stracelet; chmod +x /bin/stracelet"""
    )
    manifest = pod_manifest("aside", "node-1", ["/bin/sh", "-c", f"{script}; exec sleep 1000000"])
    manifest["spec"]["containers"][0]["name"] = "stracelet"
    cluster.kubectl("create", "-n", web, "-f", "-", data=json.dumps(manifest))
    cluster.kubectl("wait", "--for=condition=Ready", "pod/aside", "-n", web, "--timeout=60s")
    look = ("exec", "aside", "-n", web, "--", "/bin/sh", "-c", "test ! -x /bin/stracelet || echo there")
    wait_for(lambda: cluster.kubectl(*look), what="the program", seconds=DEADLINE)
    status, out, _ = ended(start("--sidecar", "pod/aside/web", "-e", "trace=%file", "-y"))
    assert (status, out.split()) == (3, ["[trace]", "[-e]", "[trace=%file]", "[-y]", "[--container]", "[web]"])
    status, out, _ = ended(start("--sidecar", "aside", "-o", str(tmp_path / "lines")))
    assert (status, out, (tmp_path / "lines").read_text()) == (3, "", "[trace]\n")


def test_a_node_that_gets_a_pod_is_told(web: str, cluster: Cluster) -> None:
    kubectl = Kubectl(str(cluster.tools / "kubectl"), (f"--kubeconfig={cluster.kubeconfig}",))
    nodes = NewNodes(kubectl, Group(web, "-l late=yes", selector="late=yes"))
    try:
        manifest = pod_manifest("late", "node-2", ["/bin/sleep", "1000000"], labels={"late": "yes"})
        cluster.kubectl("create", "-n", web, "-f", "-", data=json.dumps(manifest))
        assert wait_for(lambda: list(nodes.take()), what="its node", seconds=DEADLINE) == ["node-2"]
    finally:
        nodes.close()


def test_completion_asks_the_cluster(cluster: Cluster, web: str) -> None:
    environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig), "PATH": f"{cluster.tools}:/usr/bin:/bin"}
    command = [COMMAND.with_name("kubectl_complete-strace"), "-n", web, "deploy/"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=DEADLINE, check=True)
    assert done.stdout == "deploy/web\n:4\n"


def test_kubectl_finds_it_as_its_own(cluster: Cluster) -> None:
    path = f"{COMMAND.parent}:{cluster.tools}:/usr/bin:/bin"
    done = subprocess.run(
        [cluster.tools / "kubectl", "strace", "--version"], env={**os.environ, "PATH": path}, capture_output=True,
        text=True, timeout=DEADLINE, check=True,
    )  # fmt: skip
    assert done.stdout.startswith("kubectl-strace ")

# SPDX-License-Identifier: Apache-2.0
"""A real Kubernetes of two nodes, started by the script that the machine has for it; stopped again if it was not
running before."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.image import build_image
from tests.images import shared_folder, wait_for
from tests.machine import run_script
from tests.native.harness import proc

IMAGE = "local/busybox:1"
MANIFESTS = Path(__file__).resolve().parents[2] / "manifests/stracelet.yaml"
BRIDGE = Path("/sys/class/net/k8s-br")
LOGS = Path("/var/log/pods")
DEADLINE = 90.0


@dataclass(frozen=True)
class Cluster:
    """A running cluster; `folder` holds `node-N/containerd.sock`, `tools` holds kubectl."""

    kubeconfig: Path
    tools: Path

    @property
    def sockets(self) -> Sequence[str]:
        return sorted(map(str, self.kubeconfig.parent.glob("node-*/containerd.sock")))

    def kubectl(self, *arguments: str, data: str = "") -> str:
        """`kubectl ARGUMENTS`; its standard output. Fails with what it said."""
        done = subprocess.run(
            [self.tools / "kubectl", "--kubeconfig", self.kubeconfig, *arguments],
            input=data,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr.strip()}"
        return done.stdout

    def remove(self, namespace: str) -> None:
        """With all that is in it. Pods first, and without their time to end: the server looks again only after half of
        it."""
        of = ("-n", namespace, "--all", f"--timeout={int(DEADLINE) - 5}s")
        self.kubectl("delete", "deployments,replicasets,daemonsets,statefulsets,jobs", "--cascade=orphan", *of)
        self.kubectl("delete", "pods", "--now", *of)
        self.kubectl("delete", "namespace", namespace, f"--timeout={int(DEADLINE) - 5}s")

    def server(self, what: str) -> None:
        """Stops, starts, freezes or thaws the API server, or makes it forget; where that cannot be done, skips."""
        run_script(shared_folder() / "cluster/apiserver", what)


@dataclass(frozen=True)
class Pod:
    """A running pod; what runs in it has `marker` among its arguments."""

    cluster: Cluster
    namespace: str
    name: str
    marker: str

    def exec(self, container: str, *command: str) -> str:
        return self.cluster.kubectl("exec", "-n", self.namespace, self.name, "-c", container, "--", *command)

    def read(self) -> Mapping[str, Any]:
        """What the API server has of it."""
        found: Mapping[str, Any] = json.loads(
            self.cluster.kubectl("get", "pod", "-n", self.namespace, self.name, "-o", "json")
        )
        return found


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    scripts = shared_folder() / "cluster"
    ours = not BRIDGE.exists()
    try:
        kubeconfig = Path(run_script(scripts / "up", "2").splitlines()[-1])
        with _logs_of_their_own(kubeconfig.parent):
            yield Cluster(kubeconfig=kubeconfig, tools=unpacked())
    finally:
        if ours:
            run_script(scripts / "down")


@contextmanager
def _logs_of_their_own(folder: Path) -> Iterator[None]:
    """The nodes share a disk, and a kubelet removes each minute the logs of the pods that it does not know."""
    with ExitStack() as unmounts:
        for file in sorted(folder.glob("pid/node-*")):
            (node,) = proc.children(int(file.read_text()))
            if f" {LOGS} " in Path(f"/proc/{node}/mountinfo").read_text():
                continue
            on_node = ["nsenter", f"--target={node}", "--mount", "--pid", "--"]
            LOGS.mkdir(parents=True, exist_ok=True)
            subprocess.run([*on_node, "mount", "-t", "tmpfs", "tmpfs", LOGS], check=True, timeout=DEADLINE)
            unmounts.callback(subprocess.run, [*on_node, "umount", "--lazy", LOGS], check=True, timeout=DEADLINE)
        yield


def unpacked() -> Path:
    """The folder of helm, kubectl and what else Debian lacks."""
    return Path(run_script(shared_folder() / "tools/unpack").splitlines()[-1])


@pytest.fixture(scope="session")
def image(cluster: Cluster) -> str:
    """Ours, on both nodes."""
    run_script(shared_folder() / "runtimes/up")
    name = build_image()
    with subprocess.Popen(["docker", "save", name], stdout=subprocess.PIPE) as saved:
        put = [shared_folder() / "cluster/image"]
        subprocess.run(put, stdin=saved.stdout, check=True, capture_output=True, timeout=300)
    return name


@pytest.fixture
def config(cluster: Cluster, tmp_path: Path) -> str:
    """A configuration that knows the nodes' sockets."""
    file = tmp_path / "stracelet.yaml"
    cri = ", ".join(cluster.sockets)
    file.write_text(f"sources: {{cri: [{cri}], cgroup: auto, docker: off, podman: off}}\n")
    return str(file)


@pytest.fixture(scope="session")
def readable(cluster: Cluster) -> Iterator[Path]:
    """The kubeconfig, where an agent without any right can read it."""
    with tempfile.TemporaryDirectory(prefix="stracelet-kubeconfig-") as folder:
        copy = Path(folder, "kubeconfig")
        copy.write_bytes(cluster.kubeconfig.read_bytes())
        copy.chmod(0o644)
        Path(folder).chmod(0o755)
        yield copy


@pytest.fixture(scope="session")
def trace_objects(cluster: Cluster) -> Iterator[None]:
    """The cluster knows Trace objects, as the chart defines them."""
    documents = yaml.safe_load_all(MANIFESTS.read_text(encoding="utf-8"))
    (definition,) = [each for each in documents if each and each["kind"] == "CustomResourceDefinition"]
    there = cluster.kubectl("get", "crd", "traces.stracelet.io", "--ignore-not-found", "-o", "name")
    cluster.kubectl("apply", "-f", "-", data=json.dumps(definition))
    cluster.kubectl("wait", "--for=condition=Established", "crd/traces.stracelet.io", "--timeout=60s")
    yield
    if not there:
        cluster.kubectl("delete", "crd", "traces.stracelet.io")


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of the tests' own; it is removed with all that is in it."""
    name = f"stracelet-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", name)
    try:
        get = ("get", "serviceaccount", "default", "-n", name, "--ignore-not-found", "-o", "name")
        wait_for(lambda: cluster.kubectl(*get), what="the namespace's service account", seconds=DEADLINE)
        yield name
    finally:
        cluster.remove(name)


def run_pod(cluster: Cluster, namespace: str, programs: Mapping[str, str], *, node: str) -> Pod:
    """Runs a pod on that node with a container for each shell program, by container name, and waits until all run."""
    marker = f"marker-{uuid.uuid4().hex}"
    name = f"known-{uuid.uuid4().hex[:8]}"
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {
            "nodeName": node,
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": container,
                    "image": IMAGE,
                    "imagePullPolicy": "IfNotPresent",
                    # Kubernetes makes $ of $$ (Container v1, command), so this is the program as it is written.
                    "command": ["/bin/sh", "-c", program.replace("$", "$$"), f"{marker}-{container}"],
                }
                for container, program in programs.items()
            ],
        },
    }
    cluster.kubectl("create", "-f", "-", data=json.dumps(manifest))
    ready = ("wait", "--for=condition=Ready", f"pod/{name}", "-n", namespace, f"--timeout={int(DEADLINE) - 5}s")
    cluster.kubectl(*ready)
    return Pod(cluster, namespace, name, marker)


def host_pids(argument: str) -> set[int]:
    """The machine's processes that have this argument, as procfs itself shows it."""
    found: set[int] = set()
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            arguments = Path("/proc", entry, "cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if argument.encode() in arguments:
            found.add(int(entry))
    return found

# SPDX-License-Identifier: Apache-2.0
"""The sidecar's manifest: a pod that is traced from within, by PIDs that its containers share."""

from __future__ import annotations

import json
import re
import urllib.request
import uuid
from collections.abc import Iterator

import pytest
import yaml

from tests.cluster.charts import ROOT, asked
from tests.cluster.conftest import IMAGE, Cluster
from tests.images import wait_for

pytestmark = pytest.mark.timeout(1800)  # the first one builds the image

MANIFEST = ROOT / "manifests/sidecar.yaml"


def pod(image: str) -> str:
    """The manifest, with images that the cluster has."""
    made = yaml.safe_load(MANIFEST.read_text())
    for container, own in zip(made["spec"]["containers"], (IMAGE, image), strict=True):
        container |= {"image": own, "imagePullPolicy": "IfNotPresent"}
    made["spec"]["terminationGracePeriodSeconds"] = 1
    return json.dumps(made)


@pytest.fixture
def address(cluster: Cluster, image: str, namespace: str) -> Iterator[str]:
    """Where the sidecar's metrics are."""
    cluster.kubectl("create", "-n", namespace, "-f", "-", data=pod(image))
    cluster.kubectl("wait", "-n", namespace, "--for=condition=Ready", "pod/web", "--timeout=60s")
    yield cluster.kubectl("get", "pod", "web", "-n", namespace, "-o", "jsonpath={.status.podIP}")
    cluster.kubectl("delete", "pod", "web", "-n", namespace, "--now")


def test_it_counts_what_the_other_container_calls(cluster: Cluster, namespace: str, address: str) -> None:
    pids: set[str] = set()

    def counted() -> dict[str, int]:
        with urllib.request.urlopen(f"http://{address}:9477/metrics", timeout=10) as answer:
            text = answer.read().decode()
        found = re.findall(r'stracelet_syscalls_total\{.*container="pid/(\d+)",syscall="(\w+)"\} (\d+)', text)
        pids.update(pid for pid, _, _ in found)
        return {syscall: int(calls) for _, syscall, calls in found}

    wait_for(lambda: counted().get("execve", 0) >= 4, what="it runs date and sleep every second", seconds=20)
    (pid,) = pids
    line = cluster.kubectl("exec", "-n", namespace, "web", "-c", "stracelet", "--", "cat", f"/proc/{pid}/cmdline")
    assert "while :" in line


@pytest.mark.parametrize("level", ["baseline", "restricted"])
def test_pod_security_refuses_it(cluster: Cluster, image: str, level: str) -> None:
    """As the manifest says of itself."""
    name = f"strict-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", name)
    try:
        cluster.kubectl("label", "namespace", name, f"pod-security.kubernetes.io/enforce={level}")
        done = asked(cluster, "create", "-n", name, "--dry-run=server", "-f", "-", data=pod(image))
        assert f'violates PodSecurity "{level}' in done.stderr
        assert "SYS_PTRACE" in done.stderr
    finally:
        cluster.kubectl("delete", "namespace", name, "--wait=false")

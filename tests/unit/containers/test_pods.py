# SPDX-License-Identifier: Apache-2.0
"""What is kept of a pod as the API server has it."""

from __future__ import annotations

from typing import Any

import pytest

from stracelet.containers.kubernetes.pods import LONGEST, parse_pod
from stracelet.containers.model import CREATED, EXITED, RUNNING, Workload

UID = "11111111-2222-3333-4444-555555555555"
A, B, C, D = (letter * 64 for letter in "abcd")


def _pod(**changes: Any) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "shop", "name": "web-0", "uid": UID, "labels": {"app": "web"}, **changes},
        "spec": {"containers": [{"name": "web", "image": "registry/web:1"}]},
        "status": {
            "containerStatuses": [
                {
                    "name": "web",
                    "image": "sha256:0",
                    "containerID": f"containerd://{A}",
                    "state": {"running": {}},
                }
            ]
        },
    }


def test_a_container_has_its_pods_names() -> None:
    entry = parse_pod(_pod(), "kubernetes")
    (web,) = entry.containers
    assert (web.id, web.runtime, web.name, web.image, web.status) == (A, "containerd", "web", "registry/web:1", RUNNING)
    assert web.pod is entry.pod
    assert (entry.pod.namespace, entry.pod.name, entry.pod.uid, entry.pod.cgroup_uid) == ("shop", "web-0", UID, UID)
    assert entry.pod.labels == {"app": "web"}
    assert entry.pod.workload is None


def test_init_and_ephemeral_containers_too_and_what_has_ended() -> None:
    pod = _pod()
    pod["spec"]["initContainers"] = [{"name": "sidecar", "image": "proxy:1"}, {"name": "setup", "image": "setup:1"}]
    pod["spec"]["ephemeralContainers"] = [{"name": "debugger", "image": "busybox"}]
    pod["status"]["initContainerStatuses"] = [
        {"name": "sidecar", "containerID": f"cri-o://{B}", "state": {"running": {}}},
        {"name": "setup", "containerID": f"cri-o://{C}", "state": {"terminated": {"exitCode": 0}}},
    ]
    pod["status"]["ephemeralContainerStatuses"] = [
        {"name": "debugger", "containerID": f"cri-o://{D}", "state": {"waiting": {}}}
    ]
    found = {each.name: (each.id, each.image, each.status) for each in parse_pod(pod, "kubernetes").containers}
    assert found == {
        "sidecar": (B, "proxy:1", RUNNING),
        "setup": (C, "setup:1", EXITED),
        "web": (A, "registry/web:1", RUNNING),
        "debugger": (D, "busybox", CREATED),
    }


def test_one_that_waits_to_be_started_again_has_ended() -> None:
    pod = _pod()
    ended = {"terminated": {"exitCode": 1, "containerID": f"containerd://{A}"}}
    pod["status"]["containerStatuses"][0] |= {"state": {"waiting": {}}, "lastState": ended}
    found = lambda: [(each.id, each.status) for each in parse_pod(pod, "kubernetes").containers]  # noqa: E731
    assert found() == [(A, EXITED)]
    pod["status"]["containerStatuses"][0] |= {"containerID": f"containerd://{B}"}
    assert found() == [(B, CREATED), (A, EXITED)]
    pod["status"]["containerStatuses"][0] |= {"state": {"running": {}}}
    assert found() == [(B, RUNNING), (A, EXITED)]


def test_one_without_an_id_is_none_yet() -> None:
    pod = _pod()
    del pod["status"]["containerStatuses"][0]["containerID"]
    assert parse_pod(pod, "kubernetes").containers == ()
    assert parse_pod({**pod, "status": None}, "kubernetes").containers == ()


def test_a_static_pods_cgroup_has_its_configurations_hash() -> None:
    digest = "0123456789abcdef" * 2
    pod = _pod(annotations={"kubernetes.io/config.mirror": digest, "kubernetes.io/config.source": "file"})
    entry = parse_pod(pod, "kubernetes")
    assert (entry.pod.uid, entry.pod.cgroup_uid) == (UID, digest)
    assert entry.pod.annotations == {}


@pytest.mark.parametrize("claimed", ["22222222-2222-3333-4444-555555555555", "../../x", "0123"])
def test_no_annotation_claims_another_pods_cgroup(claimed: str) -> None:
    pod = _pod(annotations={"kubernetes.io/config.mirror": claimed, "kubernetes.io/config.hash": claimed})
    assert parse_pod(pod, "kubernetes").pod.cgroup_uid == UID


def test_of_the_annotations_ours_alone_are_kept() -> None:
    pod = _pod(annotations={"stracelet.io/monitor": "true", "example.com/password": "x" * 1000})
    assert parse_pod(pod, "kubernetes").pod.annotations == {"stracelet.io/monitor": "true"}
    pod = _pod(annotations={"stracelet.io/unknown": "x", "stracelet.io/syscalls": "x" * 250_000})
    assert {key: len(value) for key, value in parse_pod(pod, "kubernetes").pod.annotations.items()} == {
        "stracelet.io/syscalls": LONGEST
    }


@pytest.mark.parametrize(
    ("kind", "name", "labels", "workload"),
    [
        ("ReplicaSet", "web-5d9c7", {"pod-template-hash": "5d9c7"}, Workload("Deployment", "web")),
        ("ReplicaSet", "web-5d9c7", {}, Workload("ReplicaSet", "web-5d9c7")),
        ("ReplicaSet", "web-5d9c7", {"pod-template-hash": "other"}, Workload("ReplicaSet", "web-5d9c7")),
        ("ReplicaSet", "-5d9c7", {"pod-template-hash": "5d9c7"}, Workload("ReplicaSet", "-5d9c7")),
        ("StatefulSet", "db", {}, Workload("StatefulSet", "db")),
        ("DaemonSet", "logs", {}, Workload("DaemonSet", "logs")),
        ("Job", "backup-29", {}, Workload("Job", "backup-29")),
        ("Node", "node-1", {}, None),
    ],
)
def test_workloads(kind: str, name: str, labels: dict[str, str], workload: Workload | None) -> None:
    owners = [
        {"kind": "Job", "name": "not the controller"},
        {"kind": kind, "name": name, "controller": True},
    ]
    assert parse_pod(_pod(labels=labels, ownerReferences=owners), "kubernetes").pod.workload == workload


@pytest.mark.parametrize("pod", [{}, {"metadata": None}, {"metadata": {"name": "web"}}, {"metadata": []}])
def test_what_is_no_pod_is_refused(pod: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="without name"):
        parse_pod(pod, "kubernetes")


@pytest.mark.parametrize(
    "status",
    [
        {"containerStatuses": "no list"},
        {"containerStatuses": ["no mapping", {}]},
        {"containerStatuses": [{"name": "web", "containerID": "containerd://short", "state": []}]},
        {"containerStatuses": [{"name": "web", "containerID": 7}]},
    ],
)
def test_a_status_that_makes_no_sense_has_no_containers(status: dict[str, Any]) -> None:
    assert parse_pod({**_pod(), "status": status}, "kubernetes").containers == ()

# SPDX-License-Identifier: Apache-2.0
"""What the API server says of a pod, read. Of a pod no more is kept than what names it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from stracelet.containers.model import CREATED, EXITED, RUNNING, Container, Pod, Workload

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Object = Mapping[str, Any]

OURS = tuple(f"stracelet.io/{name}" for name in ("monitor", "syscalls", "engine"))
LONGEST = 1025
"""Of an annotation's value: one character more than what may be said. Its author may write 256 kB."""
MIRROR = "kubernetes.io/config.mirror"
TEMPLATE_HASH = "pod-template-hash"
KINDS = ("ReplicaSet", "StatefulSet", "DaemonSet", "Job")
_CONTAINER_ID = re.compile(r"(?P<runtime>[a-z0-9-]+)://(?P<id>[0-9a-f]{64})", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{32}", re.ASCII)
_STATUSES = (
    ("initContainers", "initContainerStatuses"),
    ("containers", "containerStatuses"),
    ("ephemeralContainers", "ephemeralContainerStatuses"),
)


class PodEntry(NamedTuple):
    """A pod and those of its containers that have an ID. What lives shortly is seen when it has ended, not before."""

    pod: Pod
    containers: tuple[Container, ...]


def parse_pod(pod: Object, source: str) -> PodEntry:
    """From a Pod object. Raises ValueError where it is none."""
    metadata = _mapping(pod, "metadata")
    if not (metadata.get("name") and metadata.get("namespace") and metadata.get("uid")):
        raise ValueError("a pod without name, namespace or UID")
    annotations = _texts(metadata, "annotations")
    labels = _texts(metadata, "labels")
    known = Pod(
        namespace=str(metadata["namespace"]),
        name=str(metadata["name"]),
        uid=str(metadata["uid"]),
        labels=labels,
        annotations={key: annotations[key][:LONGEST] for key in OURS if key in annotations},
        workload=_workload(metadata, labels),
        cgroup_uid=_mirrored(annotations) or str(metadata["uid"]),
    )
    return PodEntry(known, tuple(_containers(pod, known, source)))


def reduced(entry: PodEntry) -> Object:
    """A Pod object, with no more in it than what parse_pod() makes this entry of again."""
    pod = entry.pod
    mirror = {MIRROR: pod.cgroup_uid} if pod.cgroup_uid != pod.uid else {}
    return {
        "metadata": {
            "namespace": pod.namespace,
            "name": pod.name,
            "uid": pod.uid,
            "labels": dict(pod.labels),
            "annotations": {**pod.annotations, **mirror},
            "ownerReferences": [_owner(pod.workload, pod.labels)] if pod.workload else [],
        },
        "status": {
            "containerStatuses": [
                {
                    "name": each.name,
                    "image": each.image,
                    "containerID": f"{each.runtime}://{each.id}",
                    "state": {"terminated" if each.status == EXITED else each.status: {}},
                }
                for each in entry.containers
            ]
        },
    }


def _owner(workload: Workload, labels: Mapping[str, str]) -> Object:
    if workload.kind == "Deployment":
        return {"kind": "ReplicaSet", "name": f"{workload.name}-{labels[TEMPLATE_HASH]}", "controller": True}
    return {"kind": workload.kind, "name": workload.name, "controller": True}


def _mirrored(annotations: Mapping[str, str]) -> str:
    """A static pod's cgroup carries the hash of its configuration, not the UID of its mirror, which is what we see.

    Annotations are the author's to write: a hash is never another pod's UID, and the kubelet ends a false mirror.
    """
    found = annotations.get(MIRROR, "")
    return found if _HASH.fullmatch(found) else ""


def _workload(metadata: Object, labels: Mapping[str, str]) -> Workload | None:
    """Its controller; of a ReplicaSet that a Deployment made, the Deployment, whose hash ends the ReplicaSet's name."""
    for owner in _list(metadata, "ownerReferences"):
        kind, name = str(owner.get("kind", "")), str(owner.get("name", ""))
        if owner.get("controller") is not True or kind not in KINDS or not name:
            continue
        suffix = f"-{labels[TEMPLATE_HASH]}" if labels.get(TEMPLATE_HASH) else ""
        if kind == "ReplicaSet" and suffix and name.endswith(suffix) and name != suffix:
            return Workload("Deployment", name.removesuffix(suffix))
        return Workload(kind, name)
    return None


def _containers(pod: Object, known: Pod, source: str) -> Iterator[Container]:
    spec, status = _mapping(pod, "spec"), _mapping(pod, "status")
    for in_spec, in_status in _STATUSES:
        images = {str(each.get("name", "")): str(each.get("image", "")) for each in _list(spec, in_spec)}
        for each in _list(status, in_status):
            name = str(each.get("name", ""))
            for container_id, state in _states(each):
                if (found := _CONTAINER_ID.fullmatch(container_id)) is not None:
                    yield Container(
                        id=found["id"],
                        runtime=found["runtime"],
                        name=name,
                        image=images.get(name) or str(each.get("image", "")),
                        pod=known,
                        status=state,
                        sources=(source,),
                    )


def _states(status: Object) -> Iterator[tuple[str, str]]:
    """The IDs of the container and of the one before it. One that waits to be started again has the ended one's ID."""
    state = _mapping(status, "state")
    container_id = str(status.get("containerID", ""))
    last = str(_mapping(_mapping(status, "lastState"), "terminated").get("containerID", ""))
    ended = "terminated" in state or last == container_id
    yield container_id, RUNNING if "running" in state else EXITED if ended else CREATED
    if last != container_id:
        yield last, EXITED


def _mapping(of: Object, key: str) -> Object:
    found = of.get(key)
    return found if isinstance(found, dict) else {}


def _texts(of: Object, key: str) -> dict[str, str]:
    return {str(name): str(value) for name, value in _mapping(of, key).items()}


def _list(of: Object, key: str) -> list[Object]:
    found = of.get(key)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []

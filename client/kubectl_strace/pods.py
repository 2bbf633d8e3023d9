# SPDX-License-Identifier: Apache-2.0
"""What of a pod matters here, read from the API's JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FINISHED = ("Succeeded", "Failed")
KINDS = (
    ("containers", "containerStatuses"),
    ("initContainers", "initContainerStatuses"),
    ("ephemeralContainers", "ephemeralContainerStatuses"),
)


@dataclass(frozen=True)
class Pod:
    """`node` is empty until it is scheduled; `running`: at least one of its containers is.

    `why`: what its status gives as the reason that nothing of it runs.
    """

    namespace: str
    name: str
    node: str
    phase: str
    containers: tuple[str, ...]
    running: bool
    why: str

    @property
    def finished(self) -> bool:
        return self.phase in FINISHED


def pod_of(item: Mapping[str, Any]) -> Pod:
    """Of an object of kind Pod."""
    metadata, spec, status = item.get("metadata", {}), item.get("spec", {}), item.get("status", {})
    states = [each for _, key in KINDS for each in status.get(key) or []]
    return Pod(
        namespace=str(metadata.get("namespace", "")),
        name=str(metadata.get("name", "")),
        node=str(spec.get("nodeName") or ""),
        phase=str(status.get("phase", "Unknown")),
        containers=tuple(str(each.get("name")) for key, _ in KINDS for each in spec.get(key) or []),
        running=any("running" in (each.get("state") or {}) for each in states),
        why=_why(status, states),
    )


def _why(status: Mapping[str, Any], states: Sequence[Mapping[str, Any]]) -> str:
    """The most telling of: a container's state, a condition, the pod's own reason."""
    for each in states:
        state = each.get("state") or {}
        of = state.get("waiting") or state.get("terminated") or {}
        if of.get("reason") and of["reason"] not in ("Completed", "PodInitializing", "ContainerCreating"):
            return f"container {each.get('name')}: {_joined(of.get('reason'), of.get('message'))}"
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return f"not scheduled: {condition.get('message') or condition.get('reason') or 'no reason is given'}"
    if status.get("reason") or status.get("message"):
        return _joined(status.get("reason"), status.get("message"))
    creating = any((each.get("state") or {}).get("waiting") for each in states)
    return "its containers are being created" if creating else ""


def _joined(*parts: object) -> str:
    return ": ".join(str(part) for part in parts if part)

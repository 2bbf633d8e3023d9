# SPDX-License-Identifier: Apache-2.0
"""What is known of a container. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PROCESS = "pid:"
"""Before its PID: the ID of a process that is named by that, and is a container as far as we are concerned."""
CREATED, RUNNING, PAUSED, EXITED = "created", "running", "paused", "exited"
"""A container's status. `running` is also what a container is whose cgroup alone is known."""


@dataclass(frozen=True)
class Workload:
    """What owns pods: a Deployment, StatefulSet, DaemonSet, Job or ReplicaSet, by its kind and name."""

    kind: str
    name: str


@dataclass(frozen=True)
class Pod:
    """A Kubernetes pod. Annotations and workload are known to its API alone."""

    namespace: str
    name: str
    uid: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    """Those that are meant for us, `stracelet.io/...`, and no others."""
    workload: Workload | None = None
    cgroup_uid: str = ""
    """What its cgroup's path has in the UID's place; empty: not known."""


@dataclass(frozen=True)
class Container:
    """A container, as far as the sources together know it; what none of them knows is empty."""

    id: str
    """64 hex digits, or `pid:N`."""
    runtime: str = ""
    """`docker`, `podman`, `containerd`, `cri-o`, or what the CRI server calls itself."""
    name: str = ""
    image: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    pod: Pod | None = None
    compose_project: str = ""
    compose_service: str = ""
    status: str = RUNNING
    cgroups: tuple[str, ...] = ()
    """Absolute paths of its cgroup directories, one in each hierarchy that is read; empty when it has none now."""
    sources: tuple[str, ...] = ()
    """Names of the sources that know it."""
    sandbox: bool = False
    """A pod's pause container."""

    @property
    def nameless(self) -> bool:
        """Whether its pod is all that is known: it may be any container of that, or the pause container."""
        return self.pod is not None and not self.name


@dataclass(frozen=True)
class SourceState:
    """How a source is: up (its last answer was good), or why not. One that is not present is no failure."""

    up: bool
    present: bool
    error: str = ""

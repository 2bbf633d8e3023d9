# SPDX-License-Identifier: Apache-2.0
"""What several sources know of one container, as one container."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from stracelet.containers.cgroups import name_of_path
from stracelet.containers.model import CREATED, EXITED, RUNNING, Container

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stracelet.containers.model import Pod

CGROUP = "cgroup"


def merge(
    container_id: str, records: Sequence[Container], cgroups: tuple[str, ...], pod: Pod | None = None
) -> Container | None:
    """The container, or None if nobody knows it.

    What the first record says counts before the second's; what it does not say the second may. A container that has a
    cgroup runs, for a runtime says so only when the start is over. A pause container is not shown, so no source may
    call one so that another has as a container with a name: Docker itself says it of those that CRI has through it.
    `pod`: the one on its cgroup's path, which may be all that is known of it.
    """
    if not records and not cgroups:
        return None
    name = next(filter(None, map(name_of_path, cgroups)), "")
    first = records[0] if records else Container(container_id, name=name, pod=pod)
    names = [name for record in records for name in record.sources] + ([CGROUP] if cgroups else [])
    status = RUNNING if cgroups and first.status in (CREATED, EXITED) else first.status
    merged = replace(
        first,
        cgroups=cgroups,
        sources=tuple(dict.fromkeys(names)),
        status=status,
        sandbox=any(r.sandbox for r in records) and all(r.sandbox for r in records if r.name),
    )
    for other in records[1:]:
        merged = replace(
            merged,
            runtime=merged.runtime or other.runtime,
            name=merged.name or other.name,
            image=merged.image or other.image,
            labels={**other.labels, **merged.labels},
            pod=_joined(merged.pod, other.pod),
            compose_project=merged.compose_project or other.compose_project,
            compose_service=merged.compose_service or other.compose_service,
        )
    return replace(merged, pod=_joined(merged.pod, pod))


def _joined(one: Pod | None, other: Pod | None) -> Pod | None:
    """Of the same pod, what the API server alone knows is kept. A static pod's UID is not the same everywhere."""
    if one is None or other is None or (one.namespace, one.name) != (other.namespace, other.name):
        return one or other
    return replace(
        one,
        labels={**other.labels, **one.labels},
        annotations=one.annotations or other.annotations,
        workload=one.workload or other.workload,
        cgroup_uid=one.cgroup_uid or other.cgroup_uid,
    )

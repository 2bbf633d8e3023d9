# SPDX-License-Identifier: Apache-2.0
"""Which labels a container's series have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stracelet.containers.model import PROCESS
from stracelet.metrics.series import Identity, Labels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stracelet.containers.model import Container
    from stracelet.records.shown import Shown
    from stracelet.tracing.selection import Kept

SHORT_ID = 12


def labels(container: Container) -> Labels:
    """A pod's container has all three; any other one the last alone, its name or the start of its ID, or `pid/N`."""
    name = container.name or container.id.replace(PROCESS, "pid/")[:SHORT_ID]
    return Labels(container.pod.namespace, container.pod.name, name) if container.pod else Labels("", "", name)


def identity(kept: Kept, shown: Callable[[Container | None], Shown]) -> Identity:
    """Who it is; a process by its PID is `pid/N`."""
    container = kept.container
    if container is None:
        labels_of_pid = Labels("", "", kept.id.replace(PROCESS, "pid/"))
        return Identity(labels_of_pid, "", "", kept.seen_ns, shown=shown(None))
    workload = container.pod.workload if container.pod else None
    return Identity(
        labels(container),
        container.image,
        container.runtime,
        kept.seen_ns,
        workload_kind=workload.kind if workload else "",
        workload=workload.name if workload else "",
        shown=shown(container),
    )


def identities(
    kept: Callable[[str], Kept | None], ids: Iterable[str], shown: Callable[[Container | None], Shown]
) -> dict[str, Identity]:
    """The identities of those that are kept; `shown`: which of its syscalls the metrics show."""
    found = ((container_id, kept(container_id)) for container_id in ids)
    return {container_id: identity(who, shown) for container_id, who in found if who is not None}

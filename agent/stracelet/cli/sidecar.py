# SPDX-License-Identifier: Apache-2.0
"""In a pod that shares one PID namespace: what is meant where no target is named is the pod's other containers."""

from __future__ import annotations

import sys
from pathlib import Path

from stracelet.containers.own_pod import first_processes
from stracelet.containers.processes import OwnPod
from stracelet.errors import TargetNotFound


def pod_targets(container: str | None, proc: Path = Path("/proc")) -> list[str]:
    """`pid/N` for each of them, or for those of that name; none where PIDs are not shared. TargetNotFound."""
    found = first_processes(proc)
    meant = [f"pid/{each.pid}" for each in found if container in (None, each.container)]
    if found and not meant:
        names = ", ".join(sorted({each.container or f"pid/{each.pid}" for each in found}))
        raise TargetNotFound(f"{container}: no container of this pod", help_text=f"There are: {names}.")
    return meant


def own_pod(proc: Path = Path("/proc")) -> OwnPod:
    """Its other containers, as they come and go."""
    if not first_processes(proc):
        print(
            "stracelet: no other container's process is here yet; this pod has to have shareProcessNamespace: true",
            file=sys.stderr,
        )
    return OwnPod()

# SPDX-License-Identifier: Apache-2.0
"""In a pod that shares one PID namespace: what is meant where no target is named is the pod's other containers."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from stracelet.containers.own_pod import first_processes
from stracelet.errors import TargetNotFound

LOOK_SECONDS = 0.2


def pod_targets(container: str | None, proc: Path = Path("/proc")) -> list[str]:
    """`pid/N` for each of them, or for those of that name; none where PIDs are not shared. TargetNotFound."""
    found = first_processes(proc)
    meant = [f"pid/{each.pid}" for each in found if container in (None, each.container)]
    if found and not meant:
        names = ", ".join(sorted({each.container or f"pid/{each.pid}" for each in found}))
        raise TargetNotFound(f"{container}: no container of this pod", help_text=f"There are: {names}.")
    return meant


def await_own_pod(proc: Path = Path("/proc")) -> dict[int, str]:
    """Their containers' names by PID, once there are some: a pod's containers are started one after another."""
    said = False
    while not (found := dict(first_processes(proc))):
        if not said:
            print("stracelet: no other container's process is here yet; this pod has to have "
                  "shareProcessNamespace: true", file=sys.stderr)  # fmt: skip
            said = True
        time.sleep(LOOK_SECONDS)
    return found

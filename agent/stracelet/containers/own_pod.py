# SPDX-License-Identifier: Apache-2.0
"""The other containers of our own pod, where it shares one PID namespace (`shareProcessNamespace`): a sidecar has no
node's cgroup tree, and knows them by their processes alone."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from stracelet.containers.procfs import Procfs

if TYPE_CHECKING:
    from pathlib import Path

PAUSE = 1
# The kubelet mounts a container's termination log, and mountinfo says from where.
_NAME = re.compile(r"/pods/[0-9a-f-]+/containers/([a-z0-9-]+)/", re.ASCII)


class FirstProcess(NamedTuple):
    """What a container began with, or what entered it (`kubectl exec`); `container`: empty where it cannot be told."""

    pid: int
    container: str


def first_processes(proc: Path) -> list[FirstProcess]:
    """Those of the pod's other containers, by PID; none where PIDs are not shared.

    In a shared namespace PID 1 is the pause container's, which is none of them; who began a container, or entered it,
    has no parent there. Of a whole host's PIDs that is the kernel's threads alone, which have the mounts of PID 1.
    """
    procfs = Procfs(proc)
    own, pause = _mounts(proc, "self"), _mounts(proc, PAUSE)
    if own is None or pause in (None, own):
        return []
    pids = sorted(int(name) for name in os.listdir(proc) if name.isascii() and name.isdecimal())
    found = (pid for pid in pids if pid != PAUSE and (stat := procfs.stat(pid)) and stat.parent == 0)
    return [FirstProcess(pid, _name(procfs, pid)) for pid in found if _mounts(proc, pid) not in (None, own, pause)]


def _mounts(proc: Path, pid: int | str) -> str | None:
    """Its mount namespace; None: it has gone, is the kernel's, or may not be looked at."""
    try:
        return str((proc / str(pid) / "ns/mnt").readlink())
    except OSError:
        return None


def _name(procfs: Procfs, pid: int) -> str:
    found = _NAME.search(procfs.read(pid, "mountinfo") or "")
    return found[1] if found else ""

# SPDX-License-Identifier: Apache-2.0
"""The other containers of our own pod, where it shares one PID namespace (`shareProcessNamespace`): a sidecar has no
node's cgroup tree, and knows them by their processes alone.

As a program it looks for whoever has given up the right to: it prints them, as JSON, each time that they are others,
and now and then besides.
"""

from __future__ import annotations

import json
import os
import re
import select
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from stracelet.containers.procfs import Procfs, parse_status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stracelet.containers.procfs import Stat

PAUSE = 1
LOOK_SECONDS, SAYS_SECONDS = 0.2, 5.0
SETUP_SECONDS = 2.0
MOST = 256
# The kubelet mounts a container's termination log, and mountinfo says from where.
_NAME = re.compile(r"/pods/[0-9a-f-]+/containers/([a-z0-9-]+)/", re.ASCII)


class FirstProcess(NamedTuple):
    """What a container began with, or what entered it (`kubectl exec`); `container`: empty where it cannot be told."""

    pid: int
    container: str


class OtherContainers:
    """What is seen of them at each look.

    `traced`: also who is traced when it is seen first. Where all first processes are traced from their first sight on,
    that is a descendant of one of them, and theirs: CLONE_PARENT leaves it without a parent here too (clone(2)).
    """

    def __init__(self, proc: Path, *, traced: bool = True) -> None:
        self._proc, self._procfs, self._traced = proc, Procfs(proc), traced
        self._found: dict[int, FirstProcess] = {}
        self._others: set[int] = set()

    def look(self) -> list[FirstProcess]:
        """The first processes of the pod's other containers, by PID; none where PIDs are not shared.

        In a shared namespace PID 1 is the pause container's, which is none of them; who began a container, or entered
        it, has no parent there. Of a whole host's PIDs that is the kernel's threads alone, which have the mounts of PID
        1. Before its first exec it is still the runtime's, unless that takes long: not every container begins with one.
        Only who is new since the last look is looked at, and no more than MOST are found.
        """
        own, pause = self._mounts("self"), self._mounts(PAUSE)
        if own is None or pause in (None, own):
            return []
        pids = {int(name) for name in os.listdir(self._proc) if name.isascii() and name.isdecimal()}
        self._others &= pids
        self._found = {pid: found for pid, found in self._found.items() if pid in pids}
        for pid in pids - self._others - self._found.keys() - {PAUSE}:
            stat = self._procfs.stat(pid)
            if stat and stat.parent != 0:
                self._others.add(pid)
            elif stat and (stat.has_execed or _age(stat) > SETUP_SECONDS):
                self._take(pid, (own, pause))
        return sorted(self._found.values())

    def _take(self, pid: int, no_containers: Sequence[str | None]) -> None:
        mounts = self._mounts(pid)
        if mounts in no_containers or len(self._found) >= MOST or self._is_theirs(pid):
            self._others.add(pid)
        elif mounts:  # else it may be looked at later, perhaps
            self._found[pid] = FirstProcess(pid, self._name(pid))

    def _mounts(self, pid: int | str) -> str | None:
        """Its mount namespace; None: it has gone, is the kernel's, or may not be looked at."""
        try:
            return str((self._proc / str(pid) / "ns/mnt").readlink())
        except OSError:
            return None

    def _is_theirs(self, pid: int) -> bool:
        return not self._traced and parse_status(self._procfs.read(pid, "status") or "").get("TracerPid", "0") != "0"

    def _name(self, pid: int) -> str:
        found = _NAME.search(self._procfs.read(pid, "mountinfo") or "")
        return found[1] if found else ""


def _age(stat: Stat) -> float:
    """Seconds since its start."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - stat.start / os.sysconf("SC_CLK_TCK")


def first_processes(proc: Path) -> list[FirstProcess]:
    """OtherContainers.look(), once."""
    return OtherContainers(proc).look()


def main() -> None:
    """Until standard input ends, or nobody reads."""
    containers, before, due = OtherContainers(Path("/proc"), traced=False), None, 0.0
    while True:
        found, now = containers.look(), time.monotonic()
        if found != before or now >= due:
            try:
                os.write(sys.stdout.fileno(), f"{json.dumps(found)}\n".encode())
            except BrokenPipeError:
                return
            before, due = found, now + SAYS_SECONDS
        if select.select([sys.stdin], [], [], LOOK_SECONDS)[0]:
            return


if __name__ == "__main__":
    main()

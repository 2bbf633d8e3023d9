# SPDX-License-Identifier: Apache-2.0
"""Deployments of known programs in one namespace, and `kubectl strace` for them."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.cluster.charts import Release
from tests.cluster.client.test_kubectl_strace import COMMAND, ROOT, Client, deployment, names, run
from tests.cluster.conftest import IMAGE, Cluster, host_pids
from tests.images import wait_for
from tests.processes import descendants, task_status, traced_or_stopped

SECONDS = 30.0


@dataclass(frozen=True)
class Shop:
    """What runs in the namespace: deployments of two pods, one on each node, and busy neighbours of theirs.

    `programs`: of each deployment, which the marker makes unique. `home`: where kubectl keeps what it has found out.
    """

    agents: Release
    namespace: str
    marker: str
    programs: dict[str, set[str]]
    home: Path

    @property
    def cluster(self) -> Cluster:
        return self.agents.cluster

    def pods(self, app: str) -> list[str]:
        return names(self.cluster, self.namespace, app)

    def client(self, *arguments: str) -> Client:
        return Client(self.agents, self.namespace, *arguments)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        return run(self.agents, self.namespace, *arguments)

    def command(self, *arguments: str) -> list[str]:
        """The arguments are the last, so that of flags that come twice theirs count."""
        where = ["--kubeconfig", str(self.cluster.kubeconfig), "--agent-namespace", self.agents.namespace]
        return [str(COMMAND), "-n", self.namespace, *where, *arguments]

    def refused(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """What is said of a command that makes no sense, or is not to be had."""
        return subprocess.run(
            self.command(*arguments), env=self.environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": f"{self.cluster.tools}:{COMMAND.parent}:/usr/bin:/bin", "HOME": str(self.home)}

    def traces(self) -> list[str]:
        """The Trace objects that there are."""
        return self.cluster.kubectl("get", "traces.stracelet.io", "-n", self.namespace, "-o", "name").split()

    def deploy(self, name: str, programs: Mapping[str, str], *, rights: Any = ROOT, replicas: int = 2) -> None:
        marked = {each: f": {self.marker}-{name}; {text}" for each, text in programs.items()}
        self.programs[name] = set(marked.values())
        deployment(self.cluster, self.namespace, name, marked, rights=rights, replicas=replicas, grace=2)

    def tracers(self, app: str) -> set[str]:
        """Who traces the tasks of that deployment."""
        pids = self.pids(app)
        return {status["TracerPid"] for pid in pids for status in task_status(pid).values()}

    def let_go(self, app: str, *, within: float) -> None:
        wait_for(lambda: self.tracers(app) == {"0"}, what="nobody traces them any more", seconds=within)
        assert traced_or_stopped(self.pids(app)) == []

    def pids(self, app: str) -> set[int]:
        """Their shells."""
        return {pid for text in self.programs[app] for pid in host_pids(text)}

    def goes_on(self, app: str) -> bool:
        """Whether its shells have begun other children than those of now."""
        before = self._children(app)
        wait_for(lambda: not before & self._children(app), what="other children", seconds=SECONDS)
        return True

    def _children(self, app: str) -> set[tuple[int, int]]:
        return {child.key for pid in self.pids(app) for child in descendants(pid)}


def moment(record: Mapping[str, Any]) -> int:
    """When it was written, in ns since the epoch: a call's `time` is its entry, and it is written at its exit."""
    whole, _, rest = record["time"].removesuffix("Z").partition(".")
    begun = int(datetime.fromisoformat(f"{whole}+00:00").timestamp()) * 10**9 + int(rest)
    return begun + round(record.get("duration", 0) * 1e9)


def program(name: str, text: str) -> Mapping[str, Any]:
    """A container that runs it."""
    return {"name": name, "image": IMAGE, "imagePullPolicy": "IfNotPresent", "command": ["/bin/sh", "-c", text]}

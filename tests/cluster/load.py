# SPDX-License-Identifier: Apache-2.0
"""Pods whose programs check themselves: calls that end with EINTR, signals that get lost, children, progress."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self, cast

from tests.cluster.conftest import IMAGE, Cluster, host_pids
from tests.images import wait_for
from tests.native.harness import proc
from tests.native.harness.signal_queue import Queue
from tests.native.harness.tracee import Programs, Tracee
from tests.native.harness.waits import KINDS, Waits

if TYPE_CHECKING:
    import subprocess

FOLDER = "/load"
NOBODY = {
    "runAsUser": 65534,
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


@dataclass(frozen=True)
class Piped:
    """What a Tracee needs of a process that others have started: two FIFOs, and its PID once it runs."""

    args: Sequence[str]
    stdin: BinaryIO
    stdout: BinaryIO
    pid: int


class Load:
    """A pod on that node: `waits`, `rtqueue` and `storm churn` in one container, and another one, `again`, that
    may be killed. A context manager that ends them, and says what was done to them.

    `nobody`: without any right, under the runtime's default seccomp filter.
    """

    def __init__(self, cluster: Cluster, namespace: str, node: str, *, nobody: bool = False) -> None:
        self._cluster, self.namespace, self.node, self._nobody = cluster, namespace, node, nobody
        self.name = f"load-{uuid.uuid4().hex[:8]}"
        self._ends = contextlib.ExitStack()
        self._tracees: dict[str, Tracee] = {}
        self.pids: dict[str, int] = {}

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as ends:
            self._folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="stracelet-load-")))
            self._folder.chmod(0o755)
            self._programs = Programs(self._folder)
            commands = {
                "waits": ("waits", ",".join(KINDS), "-1", "10000"),
                "rtqueue": ("rtqueue",),
                "churn": ("storm", "churn"),
            }
            pipes = {name: self._pipes(name, ends) for name in commands}
            self._create(commands)
            ends.callback(self._delete)
            for name, (stdin, stdout) in pipes.items():
                self.pids[name] = wait_for(partial(self._pid, name), what=f"{name} runs", seconds=proc.PATIENCE)
                piped = Piped((self._marker(name),), stdin, stdout, self.pids[name])
                self._tracees[name] = Tracee(cast("subprocess.Popen[bytes]", piped), None)
                self._tracees[name].expect("ready")
            self._queue = Queue(self._tracees["rtqueue"], self._programs)
            ends.callback(self._queue.finish)
            self._waits = Waits(self._tracees["waits"])
            self._ends = ends.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def signals(self, number: int = 200) -> None:
        """Sends so many more to it, from outside."""
        self._queue.send(number)

    def again(self) -> int:
        """The PID of the container `again`, as it is now; 0: there is none."""
        return next(iter(host_pids(self._marker("again"))), 0)

    def _pid(self, name: str) -> int:
        """Of a program, which its shell has begun; its own children have the same arguments. 0: there is none."""
        shells = host_pids(self._marker("programs"))
        ours = host_pids(self._marker(name))
        return next((pid for shell in shells for pid in proc.children(shell) if pid in ours), 0)

    async def assert_unharmed(self, *, traced: bool) -> None:
        """All run and move on, are not stopped or, unless `traced`, traced, and nothing of theirs was lost."""
        self._waits.signal(signal.SIGUSR1)
        self._waits.signal(signal.SIGUSR2)
        self._waits.assert_undisturbed()
        await self._queue.all_received()
        churn = self._tracees["churn"]
        made, wrong = churn.ask()
        assert wrong == "wrong 0"
        await proc.until(lambda: churn.ask()[0] != made, "children are made and end")
        pids = [*self.pids.values()]
        assert all(map(proc.running, pids)), "some have ended"
        if not traced:
            await proc.until(lambda: not proc.tracers_of(pids), "nobody traces them")
            await proc.until(lambda: not proc.stopped(pids), "none is stopped")

    def _marker(self, container: str) -> str:
        return f"{self.name}-{container}"

    def _pipes(self, name: str, ends: contextlib.ExitStack) -> tuple[BinaryIO, BinaryIO]:
        """The FIFOs that are its stdin and stdout; they have two ends from the start, so that nobody waits for one."""
        made = []
        for end in ("in", "out"):
            path = self._folder / f"{name}.{end}"
            os.mkfifo(path)
            path.chmod(0o666)
            made.append(ends.enter_context(path.open("r+b", buffering=0)))
        return cast("BinaryIO", made[0]), cast("BinaryIO", made[1])

    def _create(self, commands: Mapping[str, Sequence[str]]) -> None:
        programs = []
        for name, (program, *arguments) in commands.items():
            file = self._programs.path(program, static=True).name
            words = " ".join((f"{FOLDER}/{file}", *arguments, self._marker(name)))
            programs.append(f"{words} <{FOLDER}/{name}.in >{FOLDER}/{name}.out &")
        containers = [
            # Each dies with its parent's thread: a shell is one thread, which a runtime's shim is not.
            self._container("programs", " ".join((*programs, "wait"))),
            self._container("again", "while :; do sleep 0.1; done"),
        ]
        spec = {
            "nodeName": self.node,
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "containers": containers,
            "volumes": [{"name": "load", "hostPath": {"path": str(self._folder), "type": "Directory"}}],
        }
        metadata = {"name": self.name, "namespace": self.namespace, "labels": {"app": self.name}}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        self._cluster.kubectl("create", "-f", "-", data=json.dumps(pod))
        self._cluster.kubectl(
            "wait", "--for=condition=Ready", f"pod/{self.name}", "-n", self.namespace, "--timeout=60s"
        )

    def _container(self, name: str, program: str) -> Mapping[str, object]:
        return {
            "name": name,
            "image": IMAGE,
            "imagePullPolicy": "IfNotPresent",
            "command": ["/bin/sh", "-c", program, self._marker(name)],
            "volumeMounts": [{"name": "load", "mountPath": FOLDER}],
            # The nodes share two CPUs with the API server, which is to answer all the while.
            "resources": {"limits": {"cpu": "200m"}},
            "securityContext": NOBODY if self._nobody else {},
        }

    def _delete(self) -> None:
        self._cluster.kubectl("delete", "pod", self.name, "-n", self.namespace, "--grace-period=0", "--timeout=60s")

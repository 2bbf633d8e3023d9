# SPDX-License-Identifier: Apache-2.0
"""The way to an agent: `kubectl port-forward`, a child that ends with us however we end."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from kubectl_strace.errors import AgentError
from kubectl_strace.refusals import error_of

if TYPE_CHECKING:
    from kubectl_strace.agents import Agent
    from kubectl_strace.kubectl import Kubectl

PORT = 9478
READY = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+) -> ")
SECONDS = 30.0
END_SECONDS = 2.0
# A shell between us that reads a pipe of which we have the other end: it ends when we do, by SIGKILL too, and ends
# kubectl. (Linux's PDEATHSIG would be of the thread that forks, and is Linux's alone.)
GUARD = '"$@" </dev/null & child=$!; exec >/dev/null 2>&1; read -r _; kill "$child"; wait'


class Forward:
    """One port of ours that leads to an agent."""

    def __init__(self, kubectl: Kubectl, agent: Agent) -> None:
        self._agent = agent
        self._said: deque[str] = deque(maxlen=20)
        self._known = threading.Event()
        self._port = 0
        command = kubectl.lasting.command(
            "port-forward", f"pod/{agent.name}", f":{PORT}", "-n", agent.namespace, "--address=127.0.0.1"
        )
        # A group of its own: a terminal's Ctrl-C is for us, and the last lines still have to come this way.
        own: dict[str, Any] = {"process_group": 0}
        if os.name == "posix":
            command = ["/bin/sh", "-c", GUARD, "kubectl-strace", *command]
        else:
            own = {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
            errors="replace", **own,
        )  # fmt: skip
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - a pipe
        with self._process.stdout as lines:
            for line in lines:
                if found := READY.match(line):
                    self._port = int(found[1])
                    self._known.set()
                elif not line.startswith("Handling connection"):
                    self._said.append(line)
        self._known.set()

    def port(self) -> int:
        """When it is there. AgentError; KubectlError: what kubectl said."""
        if not self._known.wait(SECONDS):
            raise AgentError(f"{self._agent.node}: kubectl port-forward is not ready after {SECONDS:g} s")
        if not self._port:
            raise error_of("".join(self._said), doing=f"{self._agent.node}: kubectl port-forward", of_agents=True)
        return self._port

    def said(self) -> str:
        """The last that kubectl complained of, empty if of nothing."""
        return self._said[-1].strip() if self._said else ""

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        if os.name != "posix":
            self._process.terminate()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

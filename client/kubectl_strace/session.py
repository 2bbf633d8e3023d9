# SPDX-License-Identifier: Apache-2.0
"""What a command makes in the cluster and on this machine, and unmakes however it ends."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Self

from kubectl_strace.agents import find_agents
from kubectl_strace.api import AgentApi
from kubectl_strace.errors import ClientError
from kubectl_strace.forwarding import Forward
from kubectl_strace.parallel import Later, each
from kubectl_strace.signals import Signals
from kubectl_strace.text import say
from kubectl_strace.traces import Trace

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from kubectl_strace.agents import Agent
    from kubectl_strace.kubectl import Kubectl
    from kubectl_strace.resolution import Group, Resolver


class Session:
    """Traces and forwards; its exit deletes and closes them. `signals` are caught from its entry on."""

    def __init__(self, kubectl: Kubectl) -> None:
        self.kubectl = kubectl
        self.signals = Signals(self._leave_at_once)
        self._lock = threading.Lock()
        self._traces: dict[Group, Trace] = {}
        self._forwards: dict[str, Forward] = {}

    def __enter__(self) -> Self:
        self.signals.install()
        return self

    def __exit__(self, *_: object) -> None:
        self.signals.in_order()
        traces = list(self._traces.values())
        deleting = Later(lambda: each(lambda trace: trace.delete(self.kubectl), traces))
        each(lambda forward: forward.close(), list(self._forwards.values()))
        for trace, result in zip(traces, deleting.result(), strict=True):
            if isinstance(result, Exception):
                say(f"the Trace {trace.reference} could not be deleted: {result} (the agents do so after it expires)")

    def _leave_at_once(self) -> None:
        for trace in list(self._traces.values()):
            with contextlib.suppress(OSError):  # the agents delete it then
                trace.delete_behind(self.kubectl)

    def look(self, args: argparse.Namespace, *, wait: bool) -> tuple[list[Group], list[Agent], str]:
        """What the targets mean, the agents, and who we are. ClientError, that of the targets first."""
        agents = Later(lambda: find_agents(self.kubectl, args.agent_namespace))
        user = Later(self.kubectl.user)
        return self._resolver(args, wait=wait).groups(), agents.result(), user.result()

    def _resolver(self, args: argparse.Namespace, *, wait: bool) -> Resolver:
        from kubectl_strace.resolution import Resolver  # a sidecar needs none of it

        return Resolver(self.kubectl, args, wait=wait)

    def allow(
        self, groups: Sequence[Group], *, user: str, filter_: Sequence[str], seconds: float | None, some: bool = False
    ) -> dict[Group, ClientError]:
        """Creates a Trace for each. With `some`, those that may not be made, and why. ClientError: none may be, or,
        without it, one may not."""

        def create(group: Group) -> None:
            trace = Trace(group)
            self._traces[group] = trace  # before it is there, since we may be ended meanwhile
            try:
                trace.create(self.kubectl, user=user, filter_=filter_, seconds=seconds)
            except ClientError:
                del self._traces[group]
                raise

        results = zip(groups, each(create, groups), strict=True)
        failed = {group: result for group, result in results if isinstance(result, Exception)}
        refused = {group: error for group, error in failed.items() if isinstance(error, ClientError)}
        for error in failed.values():
            if not some or len(refused) in (0, len(groups)) or not isinstance(error, ClientError):
                raise error
        return refused

    def forward(self, agent: Agent) -> Forward:
        """The one to that agent; it may not be ready yet. Of any thread."""
        with self._lock:
            if agent.name not in self._forwards:
                self._forwards[agent.name] = Forward(self.kubectl, agent)
            return self._forwards[agent.name]

    def api(self, group: Group, agent: Agent) -> AgentApi:
        """Of any thread."""
        return AgentApi(agent, self.forward(agent), self._traces[group])

# SPDX-License-Identifier: Apache-2.0
"""The agents: who there is, and whom a group of pods needs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kubectl_strace.errors import NoAgent
from kubectl_strace.pods import pod_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_strace.kubectl import Kubectl
    from kubectl_strace.resolution import Group

LABELS = "app.kubernetes.io/name=stracelet,app.kubernetes.io/component=agent"
MOST = 64  # at once: each is a kubectl of its own


@dataclass(frozen=True)
class Agent:
    """A pod of the DaemonSet. `why`: the reason that it is not ready, empty if it is."""

    namespace: str
    name: str
    node: str
    why: str = ""


@dataclass(frozen=True)
class Plan:
    """`agents`: whom to ask. `notes`: what the user should know. `watch`: further nodes may get pods of the group."""

    agents: tuple[Agent, ...]
    notes: tuple[str, ...] = ()
    watch: bool = False


def find_agents(kubectl: Kubectl, namespace: str) -> list[Agent]:
    """By node; one that is ready before one that is not. NoAgent; KubectlError."""
    items = replace(kubectl, of_agents=True).items("get", "pods", "-n", namespace, "-l", LABELS)
    agents = sorted((agent_of(item) for item in items), key=lambda agent: (agent.node, bool(agent.why), agent.name))
    if not agents:
        raise NoAgent(
            f"no agent in the namespace {namespace}: stracelet is not installed there (helm install stracelet), "
            "or --agent-namespace names another"
        )
    return agents


def agent_of(item: Mapping[str, Any]) -> Agent:
    pod = pod_of(item)
    conditions = item.get("status", {}).get("conditions") or []
    ready = any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)
    why = "" if ready else pod.why or f"{pod.phase}, not ready"
    if item.get("metadata", {}).get("deletionTimestamp"):
        why = "it is being deleted"
    return Agent(pod.namespace, pod.name, pod.node, why)


def on_node(agents: Sequence[Agent], node: str) -> Agent:
    """The agent of that node. NoAgent."""
    here = [agent for agent in agents if agent.node == node]
    for agent in here:
        if not agent.why:
            return agent
    if here:
        raise NoAgent(f"the agent on {node} (pod {here[0].name}) is not ready: {here[0].why}")
    raise NoAgent(f"no agent on {node}: the DaemonSet does not reach it (its tolerations, node selector or affinity)")


def plan(group: Group, agents: Sequence[Agent], *, endless: bool, most: int = MOST) -> Plan:
    """`endless`: pods may still come, so all agents are asked beforehand if they are `most` at most. NoAgent."""
    ready = list({agent.node: agent for agent in agents if not agent.why and agent.node}.values())
    needed, notes = _of_nodes(group, agents)
    if not endless:
        return Plan(tuple(needed), tuple(notes))
    if not ready:
        raise NoAgent(f"none of the {len(agents)} agents is ready ({agents[0].name}: {agents[0].why})")
    if len(ready) <= most:
        return Plan(tuple(ready), tuple(notes))
    notes.append(
        f"{len(ready)} nodes are more than {most}: those alone are asked that have pods of {group.text}, and the first "
        "exec of a pod on another may be missed"
    )
    return Plan(tuple(needed), tuple(notes), watch=True)


def _of_nodes(group: Group, agents: Sequence[Agent]) -> tuple[list[Agent], list[str]]:
    """Those of the nodes that have pods of the group now. NoAgent: a pod was named, or no pod has one."""
    found, errors = [], []
    for node in sorted(group.nodes):
        try:
            found.append(on_node(agents, node))
        except NoAgent as error:
            pods = ", ".join(pod.name for pod in group.found if pod.node == node)
            errors.append(f"{pods}: {error}")
    if errors and (group.pods or not found):
        raise NoAgent(errors[0])
    return found, [f"not traced: {error}" for error in errors]

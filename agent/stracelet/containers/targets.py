# SPDX-License-Identifier: Apache-2.0
"""What a user names on the command line, and which containers that is: `[KIND/]NAME[/CONTAINER]`."""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stracelet.containers.model import PROCESS
from stracelet.containers.rules import labels_of
from stracelet.errors import AmbiguousTarget, TargetNotFound, UsageError
from stracelet.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stracelet.containers.model import Container, Pod
    from stracelet.containers.selectors import Selector

KINDS = {
    **dict.fromkeys(("pod", "pods", "po"), "pod"),
    **dict.fromkeys(("deploy", "deployment", "deployments"), "deploy"),
    **dict.fromkeys(("sts", "statefulset", "statefulsets"), "sts"),
    **dict.fromkeys(("ds", "daemonset", "daemonsets"), "ds"),
    **dict.fromkeys(("job", "jobs"), "job"),
    **{kind: kind for kind in ("docker", "podman", "container", "compose", "pid")},
}
WORKLOADS = {"deploy": "Deployment", "sts": "StatefulSet", "ds": "DaemonSet", "job": "Job"}
OF_WORKLOADS = (
    "Workloads are known to the Kubernetes API alone (sources.kubernetes), pods to CRI too: by their names (pod/NAME) "
    "or labels (-l)."
)
SHORTEST_ID = 4
LONGEST_ID = 64
LISTED = 10
SHORT_ID = 12


@dataclass(frozen=True)
class Target:
    """`kind` None: whatever has that name. `text` is what the user wrote."""

    kind: str | None
    name: str
    container: str | None
    text: str

    @property
    def pid(self) -> int | None:
        """The process that `pid/N` names; an inventory knows it only if it was told to."""
        return int(self.name) if self.kind == "pid" else None

    @property
    def endless(self) -> bool:
        """Whether it may name further containers later, so that it does not end with those of now."""
        return self.kind == "compose" or self.kind in WORKLOADS


def parse_target(text: str) -> Target:
    """Raises UsageError."""
    parts = text.split("/")
    kind = KINDS.get(parts[0]) if len(parts) > 1 else None
    rest = parts[1:] if kind else parts
    if not all(rest):
        raise _unreadable(text, "a name is empty")
    if len(rest) > 2:
        raise _unreadable(text, f"{parts[0]!r} is no kind" if kind is None else "too many parts")
    if len(rest) > 1 and kind in ("docker", "podman", "container", "pid"):
        raise _unreadable(text, f"{kind}/{rest[0]} has no parts")
    if kind == "pid" and not (rest[0].isascii() and rest[0].isdecimal() and len(rest[0]) < 8 and int(rest[0]) > 0):
        raise _unreadable(text, f"{rest[0]!r} is no PID")
    return Target(kind, rest[0], rest[1] if len(rest) > 1 else None, text)


def _unreadable(text: str, why: str) -> UsageError:
    return UsageError(
        f"target {text!r}: {why}",
        help_text="Targets are [KIND/]NAME[/CONTAINER]; kinds are pod, deploy, sts, ds, job, docker, podman, "
        "container, compose and pid.",
    )


def _is_id(name: str) -> bool:
    return SHORTEST_ID <= len(name) <= LONGEST_ID and set(name) <= set(string.hexdigits.lower())


def _has_id(target: Target, container: Container) -> bool:
    return target.container is None and _is_id(target.name) and container.id.startswith(target.name)


def _things(target: Target, container: Container) -> Iterable[str]:
    """Of the things that this target can mean, those the container belongs to, each by its unambiguous name."""
    kind, pod = target.kind, container.pod
    named = target.container is None and bool(container.name) and container.name == target.name
    if kind == "pid" and container.id == f"{PROCESS}{target.name}":
        yield describe(container)
    if kind in (None, "pod") and pod and pod.name == target.name and target.container in (None, container.name):
        yield f"pod/{pod.name} in {pod.namespace}"
    if kind in WORKLOADS and pod and _owns(target, pod) and target.container in (None, container.name):
        yield f"{kind}/{target.name} in {pod.namespace}"
    in_project = target.name == container.compose_project and target.container in (None, container.compose_service)
    if kind in (None, "compose") and in_project:
        yield f"compose/{target.text.removeprefix('compose/')}"
    if kind in (None, "container", container.runtime) and (named or _has_id(target, container)):
        yield describe(container)


def _owns(target: Target, pod: Pod) -> bool:
    workload = pod.workload
    return workload is not None and (workload.kind, workload.name) == (WORKLOADS.get(target.kind or ""), target.name)


def _members(target: Target, containers: Iterable[Container], namespace: str | None) -> dict[str, list[Container]]:
    """The containers of each thing that the target can mean; a thing that is part of another one is not told apart."""
    found: dict[str, list[Container]] = {}
    for container in containers:
        if namespace is not None and (container.pod is None or container.pod.namespace != namespace):
            continue
        for thing in _things(target, container):
            found.setdefault(thing, []).append(container)
    sets = {thing: {container.id for container in members} for thing, members in found.items()}
    kept: dict[str, list[Container]] = {}
    for thing, members in sorted(found.items(), key=lambda item: -len(item[1])):
        if not any(sets[thing] <= sets[other] for other in kept):
            kept[thing] = members
    return kept


def match(target: Target, containers: Iterable[Container], *, namespace: str | None = None) -> list[Container]:
    """All that the target could mean, ambiguous or not. `namespace`: pods of that one alone."""
    found = {c.id: c for members in _members(target, containers, namespace).values() for c in members}
    return list(found.values())


def could_match(target: Target, container_id: str, pod: Pod | None = None) -> bool:
    """Whether a container of which only the ID is known, or its pod besides, could still turn out to be it."""
    if target.kind == "pid":
        return False
    if pod and target.kind == "pod":
        return pod.name == target.name
    if pod and target.kind in WORKLOADS:
        return _owns(target, pod)
    whole = len(target.name) == LONGEST_ID and _is_id(target.name)
    return container_id == target.name if whole else True


def describe(container: Container) -> str:
    """One container, named so that a target of that text finds it."""
    if container.pod:
        return f"pod/{container.pod.name}/{container.name} in {container.pod.namespace}"
    if container.runtime in ("docker", "podman"):
        return f"{container.runtime}/{container.name} ({container.id[:12]})"
    if container.id.startswith(PROCESS) and not container.name:
        return container.id.replace(PROCESS, "pid/")
    return f"container/{container.name or container.id[:12]} ({container.id[:12]})"


def target_of(container: Container) -> str:
    """How to name it to `trace`."""
    if container.pod is not None:
        return printable(f"pod/{container.pod.name}/{container.name}")
    if container.runtime in ("docker", "podman"):
        return printable(f"{container.runtime}/{container.name}")
    if container.name:
        return printable(f"container/{container.name}")
    return container.id.replace(PROCESS, "pid/")[:SHORT_ID]


def resolve(
    targets: Sequence[Target],
    containers: Iterable[Container],
    *,
    namespace: str | None = None,
    selector: Selector | None = None,
    container: str | None = None,
    allow_many: bool = False,
) -> list[Container]:
    """The containers that targets and selector name, each once; a `pid` target adds none.

    Args:
        namespace: pods of this namespace alone (-n).
        selector: with targets it narrows them; without, it selects among all (-l).
        container: of these, those of that name alone (--container).
        allow_many: a target may mean several things, and takes them all.

    Raises:
        TargetNotFound: a target, or the selector, matches nothing.
        AmbiguousTarget: it means several things; the text lists them.
    """
    among = [
        each
        for each in containers
        if (selector is None or selector.matches(labels_of(each))) and container in (None, each.name)
    ]
    found: dict[str, Container] = {}
    for target in targets:
        if target.kind == "pid":
            continue
        things = _members(target, among, namespace)
        if not things:
            hint = OF_WORKLOADS if target.kind in WORKLOADS else None
            raise TargetNotFound(_nothing(target.text, namespace, container), help_text=hint)
        if len(things) > 1 and not allow_many:
            listed = sorted(things)
            more = f" and {len(listed) - LISTED} more" if len(listed) > LISTED else ""
            raise AmbiguousTarget(f"{target.text}: several things have that name: {', '.join(listed[:LISTED])}{more}")
        found |= {each.id: each for members in things.values() for each in members}
    if not targets and selector is not None:
        found = {c.id: c for c in among if namespace is None or (c.pod and c.pod.namespace == namespace)}
        if not found:
            raise TargetNotFound(_nothing("the label selector", namespace, container))
    return list(found.values())


def _nothing(text: str, namespace: str | None, container: str | None) -> str:
    where = f" in namespace {namespace}" if namespace is not None else ""
    what = f"container {container} of it" if container else "container"
    return f"{text}: no such {what} on this node{where}"

# SPDX-License-Identifier: Apache-2.0
"""What the targets mean in the cluster: one Group for each Trace object that has to be made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kubectl_strace.errors import ClientError, NotFound, NotPermitted, UsageError
from kubectl_strace.pods import Pod, pod_of
from kubectl_strace.targets import POD, Target, parse_target, selector_text

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from kubectl_strace.kubectl import Kubectl


@dataclass(frozen=True)
class Group:
    """What one Trace object allows: `pods` by name, or those of `selector`, or (neither) all of the namespace.

    `found`: those of now. `endless`: others may come to belong to it. `workload`: (kind, name), for the audit.
    """

    namespace: str
    text: str
    pods: tuple[str, ...] = ()
    selector: str = ""
    workload: tuple[str, str] | None = None
    containers: tuple[str, ...] = ()
    endless: bool = False
    found: tuple[Pod, ...] = ()

    @property
    def target(self) -> dict[str, Any]:
        """As a Trace's spec has it."""
        target: dict[str, Any] = {}
        if self.pods:
            target["pods"] = list(self.pods)
        if self.selector:
            target["selector"] = self.selector
        if self.workload:
            target["workload"] = {"kind": self.workload[0], "name": self.workload[1]}
        if self.containers:
            target["containers"] = list(self.containers)
        return target

    @property
    def nodes(self) -> frozenset[str]:
        return frozenset(pod.node for pod in self.found if pod.node and not pod.finished)

    @property
    def unscheduled(self) -> bool:
        """Whether a pod that is waited for has no node yet."""
        return len({pod.name for pod in self.found if pod.node}) < len(self.pods)


class Resolver:
    """`wait`: what does not run yet is no error."""

    def __init__(self, kubectl: Kubectl, args: argparse.Namespace, *, wait: bool) -> None:
        self._kubectl, self._wait = kubectl, wait
        self._namespace = args.namespace or ("" if args.all_namespaces else kubectl.namespace())
        self._selector: str | None = args.selector
        self._targets = [_with_container(parse_target(text), args.container) for text in args.targets]
        self._container: str = args.container or ""

    def groups(self) -> list[Group]:
        """Of all targets. ClientError."""
        if self._selector is not None:
            return self._of_selector(self._selector)
        if not self._targets:
            return self._of_everything()
        groups = [self._of_workload(target) for target in self._targets if target.kind != POD]
        return groups + _joined([self._of_pod(target) for target in self._targets if target.kind == POD])

    def _where(self) -> list[str]:
        return ["-n", self._namespace] if self._namespace else ["-A"]

    def _of_selector(self, selector: str) -> list[Group]:
        found = self._pods("-l", selector)
        text = f"-l {selector}"
        containers = (self._container,) if self._container else ()
        by_namespace: dict[str, list[Pod]] = {self._namespace: []} if self._namespace else {}
        for pod in found:
            by_namespace.setdefault(pod.namespace, []).append(pod)
        if not by_namespace:
            raise NotFound(f"{text}: no pod in any namespace has these labels")
        groups = [
            Group(namespace, text, selector=selector, containers=containers, endless=True, found=tuple(pods))
            for namespace, pods in by_namespace.items()
        ]
        self._check_some(text, found, self._container)
        return groups

    def _of_everything(self) -> list[Group]:
        found = self._pods()
        namespaces = [self._namespace] if self._namespace else sorted({pod.namespace for pod in found})
        return [
            Group(name, f"all pods of {name}", containers=(self._container,) if self._container else (), endless=True,
                  found=tuple(pod for pod in found if pod.namespace == name))
            for name in namespaces
        ]  # fmt: skip

    def _of_workload(self, target: Target) -> Group:
        item = self._one(target)
        namespace = str(item.get("metadata", {}).get("namespace", self._namespace))
        selector = selector_text(item.get("spec", {}).get("selector") or {}, of=target.text)
        found = [pod_of(each) for each in self._kubectl.items("get", "pods", "-n", namespace, "-l", selector)]
        self._check_some(target.text, found, target.container)
        return Group(
            namespace,
            target.text,
            selector=selector,
            workload=(str(item.get("kind", "")), target.name),
            containers=(target.container,) if target.container else (),
            endless=True,
            found=tuple(found),
        )

    def _of_pod(self, target: Target) -> Group:
        try:
            pod = pod_of(self._one(target))
        except NotFound:
            if not self._wait or not self._namespace:
                raise
            return Group(self._namespace, target.text, (target.name,), containers=_names(target.container))
        self._check_pod(target, pod)
        return Group(pod.namespace, target.text, (pod.name,), containers=_names(target.container), found=(pod,))

    def _one(self, target: Target) -> dict[str, Any]:
        """The object of that name. NotFound, with the names that are near; UsageError: there are several."""
        if self._namespace:
            found = self._kubectl.items(
                "get", target.resource, target.name, "-n", self._namespace, "--ignore-not-found"
            )
        else:
            found = self._kubectl.items("get", target.resource, "-A", f"--field-selector=metadata.name={target.name}")
        if len(found) > 1:
            namespaces = ", ".join(sorted(str(each["metadata"]["namespace"]) for each in found))
            raise UsageError(f"{target.text} is in several namespaces: {namespaces}; name one with -n")
        if not found:
            raise NotFound(self._missing(target))
        return found[0]

    def _missing(self, target: Target) -> str:
        from difflib import get_close_matches  # for an error alone

        where = f"in the namespace {self._namespace}" if self._namespace else "in any namespace"
        try:
            listed = self._kubectl.run("get", target.resource, *self._where(), "-o", "name").split()
        except NotPermitted:  # of workloads the role lets one be read that is named, and no list
            listed = []
        names = [name.partition("/")[2] for name in listed]
        near = get_close_matches(target.name, names, n=3) or [n for n in names if n.startswith(target.name)][:3]
        hint = f": did you mean {', '.join(near)}?" if near else ""
        return f"{target.kind}/{target.name}: there is none {where}{hint}"

    def _pods(self, *which: str) -> list[Pod]:
        return [pod_of(item) for item in self._kubectl.items("get", "pods", *self._where(), *which)]

    def _check_pod(self, target: Target, pod: Pod) -> None:
        if target.container and target.container not in pod.containers:
            raise NotFound(f"pod/{pod.name} has no container {target.container}: it has {', '.join(pod.containers)}")
        if self._wait and not pod.finished:
            return
        if pod.finished:
            raise ClientError(f"pod/{pod.name} has ended ({pod.phase}{f', {pod.why}' if pod.why else ''})")
        if not pod.running:
            raise ClientError(f"pod/{pod.name} does not run yet ({pod.why or pod.phase}): --wait waits for it")

    def _check_some(self, text: str, found: Sequence[Pod], container: str) -> None:
        """ClientError: of what may have many pods, none is as it has to be."""
        having = sorted({name for pod in found for name in pod.containers})
        if container and found and container not in having:
            raise NotFound(f"{text}: none of its pods has a container {container}: they have {', '.join(having)}")
        live = [pod for pod in found if not pod.finished]
        if self._wait or any(pod.running for pod in live):
            return
        if not live:
            raise NotFound(f"{text}: it has no pods now: --wait waits for them")
        raise ClientError(
            f"{text}: none of its pods runs yet (pod/{live[0].name}: {live[0].why or live[0].phase}): --wait waits"
        )


def _names(container: str) -> tuple[str, ...]:
    return (container,) if container else ()


def _with_container(target: Target, container: str | None) -> Target:
    if container is None or container == target.container:
        return target
    if target.container:
        raise UsageError(f"{target.text} and --container {container} name different containers")
    return replace(target, container=container)


def _joined(groups: Sequence[Group]) -> list[Group]:
    """Pods of one namespace whose containers are the same need one Trace alone."""
    joined: dict[tuple[str, tuple[str, ...]], Group] = {}
    for group in groups:
        key = (group.namespace, group.containers)
        if before := joined.get(key):
            new = tuple(pod for pod in group.pods if pod not in before.pods)
            found = before.found if not new else before.found + group.found
            joined[key] = replace(before, pods=before.pods + new, found=found, text=f"{before.text}, {group.text}")
        else:
            joined[key] = group
    return list(joined.values())

# SPDX-License-Identifier: Apache-2.0
"""Which containers a trace is of: those that its targets mean now, and where it has no end also those to come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stracelet.containers.rules import labels_of
from stracelet.containers.selectors import Selector, parse_selector
from stracelet.containers.targets import could_match, match, parse_target, resolve
from stracelet.errors import AmbiguousTarget, TargetNotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stracelet.containers.model import Container, Pod
    from stracelet.containers.targets import Target


@dataclass(frozen=True)
class Request:
    """What somebody names, read but not looked up. `selector` None: no -l."""

    targets: tuple[Target, ...]
    selector: Selector | None = None
    namespace: str | None = None
    container: str | None = None
    wait: bool = False

    @classmethod
    def of(
        cls,
        targets: Iterable[str],
        *,
        selector: str | None = None,
        namespace: str | None = None,
        container: str | None = None,
        wait: bool = False,
    ) -> Request:
        """Raises UsageError."""
        return cls(
            targets=tuple(parse_target(text) for text in targets),
            selector=parse_selector(selector) if selector is not None else None,
            namespace=namespace,
            container=container,
            wait=wait,
        )

    @property
    def endless(self) -> bool:
        """Whether further containers can come to belong to it, so that it does not end with those of now."""
        return self.wait or self.selector is not None or any(target.endless for target in self.targets)

    @property
    def several(self) -> bool:
        """Whether it may mean more than one container, so that it has to be said whose a line is."""
        return self.endless or len(self.targets) > 1

    @property
    def of_docker_alone(self) -> bool:
        """Whether all the containers that it can mean are Docker's or Podman's, of now."""
        kinds = {target.kind for target in self.targets if target.pid is None}
        return not self.endless and kinds <= {"docker", "podman"}

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(target.pid for target in self.targets if target.pid is not None)

    @property
    def names_containers(self) -> bool:
        return self.selector is not None or any(target.pid is None for target in self.targets)

    def resolve(self, containers: Iterable[Container]) -> list[Container]:
        """The live containers that it means now. TargetNotFound: one target means none, and nobody waits for it."""
        live = list(containers)
        found: dict[str, Container] = {}
        groups: list[tuple[Target, ...]] = [(target,) for target in self.targets] or [()]
        for target in groups:
            try:
                meant = self._resolve(target, live)
            except TargetNotFound as error:
                if isinstance(error, AmbiguousTarget) or not self.wait:
                    raise
                continue
            found |= {each.id: each for each in meant}
        return list(found.values())

    def _resolve(self, targets: tuple[Target, ...], among: list[Container]) -> list[Container]:
        return resolve(targets, among, namespace=self.namespace, selector=self.selector, container=self.container)

    def means(self, container: Container) -> bool:
        """Whether a container that came later belongs to it."""
        if self.container not in (None, container.name):
            return False
        if self.selector is not None and not self.selector.matches(labels_of(container)):
            return False
        if any(match(target, [container], namespace=self.namespace) for target in self.targets):
            return True
        in_namespace = self.namespace is None or (container.pod and container.pod.namespace == self.namespace)
        return not self.targets and self.selector is not None and bool(in_namespace)

    def could_mean(self, container_id: str, pod: Pod | None) -> bool:
        """Whether a container of which only the ID is known, or its pod besides, could turn out to belong to it."""
        if pod and self.namespace not in (None, pod.namespace):
            return False
        if pod and self.selector is not None and not self.selector.could_match(pod.labels):
            return False
        if any(could_match(target, container_id, pod) for target in self.targets):
            return True
        return not self.targets and self.selector is not None


@dataclass(frozen=True)
class Meant:
    """A request whose containers of now are known, by their IDs."""

    request: Request
    ids: frozenset[str]

    def means(self, container: Container) -> bool:
        """Whether it is one of these, or belongs to what has no end."""
        return container.id in self.ids or (self.request.endless and self.request.means(container))

    def could_mean(self, container_id: str, pod: Pod | None) -> bool:
        """Whether a container of which only the ID is known, or its pod besides, could turn out to belong to it."""
        return self.request.endless and self.request.could_mean(container_id, pod)

    @property
    def expected(self) -> frozenset[str] | None:
        """The containers with whose end it is over; None: it has no end."""
        return None if self.request.endless else self.ids

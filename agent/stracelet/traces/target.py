# SPDX-License-Identifier: Apache-2.0
"""What a trace through the cluster is of: pods of one namespace, by name or label, with all containers or some."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stracelet.containers.selectors import Selector, parse_selector
from stracelet.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stracelet.containers.model import Container, Pod


@dataclass(frozen=True)
class PodTarget:
    """`pods` empty: those that the selector matches; that None too: all of the namespace. `containers` empty: all."""

    namespace: str
    pods: frozenset[str] = frozenset()
    selector: Selector | None = None
    containers: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, namespace: str, *, pods: Sequence[str] = (), selector: str = "", containers: Sequence[str] = ()
    ) -> PodTarget:
        """Raises UsageError: the selector cannot be read, or there are names and a selector."""
        if pods and selector:
            raise UsageError("a target names pods or has a selector, not both")
        parsed = parse_selector(selector) if selector else None
        return cls(namespace, frozenset(pods), parsed, frozenset(containers))

    @property
    def expected(self) -> None:
        """Others may come at any time."""

    def means_pod(self, pod: Pod) -> bool:
        """Whether the pod is one of these."""
        if pod.namespace != self.namespace or (self.pods and pod.name not in self.pods):
            return False
        return self.selector is None or self.selector.matches(pod.labels)

    def means(self, container: Container) -> bool:
        """Whether the container is one of these; one of no pod never is."""
        if container.pod is None or not self.means_pod(container.pod):
            return False
        return not self.containers or container.name in self.containers

    def could_mean(self, _: str, pod: Pod | None) -> bool:
        """Whether a container of which its pod is all that is known, or not even that, could turn out to be one."""
        return pod is None or self.means_pod(pod)

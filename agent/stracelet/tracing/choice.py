# SPDX-License-Identifier: Apache-2.0
"""Who asks for what: the targets of the command line and the rules of the configuration, as one answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stracelet.containers.rules import Rules
from stracelet.containers.targets import could_match, match

if TYPE_CHECKING:
    from stracelet.containers.model import Container, Pod
    from stracelet.containers.targets import Target


@dataclass(frozen=True)
class Choice:
    """Targets count always, and whatever one of `sources` knows; exclude wins over include, and `ourselves`, IDs of
    containers, never count."""

    targets: tuple[Target, ...] = ()
    rules: Rules = field(default_factory=Rules)
    ourselves: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()

    def wants(self, container: Container) -> bool:
        """Whether this container is to be traced."""
        if container.sandbox or container.nameless or container.id in self.ourselves:
            return False
        named = any(match(target, [container]) for target in self.targets)
        return named or not self.sources.isdisjoint(container.sources) or self.rules.select(container)

    def could_want(self, container_id: str, pod: Pod | None) -> bool:
        """Whether a container of which only the ID is known, or its pod besides, could still turn out to be wanted."""
        if container_id in self.ourselves:
            return False
        return self.rules.could_select(pod) or any(could_match(target, container_id, pod) for target in self.targets)

    def wants_new(self) -> bool:
        """Whether a container that there is not yet could turn out to be wanted."""
        return self.rules.could_select() or any(target.pid is None for target in self.targets)

    def counts(self, container: Container) -> bool:
        """All that is monitored is counted."""
        return self.wants(container)

    def records(self, _: Container) -> bool:
        """Monitoring records nothing."""
        return False

    def records_new(self) -> bool:
        """Nor of what is new."""
        return False

    def pids(self) -> tuple[int, ...]:
        """Processes that are named by their PID."""
        return tuple(target.pid for target in self.targets if target.pid is not None)

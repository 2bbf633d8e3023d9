# SPDX-License-Identifier: Apache-2.0
"""What `monitor.include`, `monitor.exclude` and `monitor.annotations` mean for a container."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stracelet.containers.selectors import Selector, parse_selector
from stracelet.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stracelet import config
    from stracelet.containers.model import Container, Pod


MONITOR = "stracelet.io/monitor"
SWITCHES = {"true": True, "false": False}


def labels_of(container: Container) -> dict[str, str]:
    """What a selector is matched with: the container's labels, and its pod's, which count before them."""
    return {**container.labels, **(container.pod.labels if container.pod else {})}


def _globs(patterns: Iterable[str]) -> re.Pattern[str] | None:
    """One expression for all; None without any. Letters count as they are written."""
    alternatives = "|".join(fnmatch.translate(pattern) for pattern in patterns)
    return re.compile(alternatives) if alternatives else None


@dataclass(frozen=True)
class Rule:
    """A rule, compiled. A key that is None or empty says nothing; all others have to match."""

    namespaces: re.Pattern[str] | None
    names: re.Pattern[str] | None
    images: re.Pattern[str] | None
    runtimes: re.Pattern[str] | None
    labels: Selector

    @classmethod
    def of(cls, rule: config.Rule) -> Rule:
        """Raises UsageError when its selector cannot be read."""
        return cls(
            namespaces=_globs(rule.namespaces),
            names=_globs(rule.names),
            images=_globs(rule.images),
            runtimes=_globs(rule.runtimes),
            labels=parse_selector(rule.labels),
        )

    def matches(self, container: Container) -> bool:
        pod = container.pod
        keys = (
            (self.namespaces, [pod.namespace] if pod else []),
            (self.names, [container.name, container.compose_service, pod.name if pod else ""]),
            (self.images, [container.image]),
            (self.runtimes, [container.runtime]),
        )
        return all(
            pattern is None or any(value and pattern.match(value) for value in values) for pattern, values in keys
        ) and self.labels.matches(labels_of(container))

    def could_match(self, pod: Pod) -> bool:
        """Whether a container of this pod could, of which no more is known: its own labels may be further ones."""
        return (self.namespaces is None or bool(self.namespaces.match(pod.namespace))) and self.labels.could_match(
            pod.labels
        )


@dataclass(frozen=True)
class Rules:
    """Include, exclude, and the namespaces whose pods may switch monitoring `on` or `off` by annotation.

    `exclude` wins over all. `include` wins over an annotation, but for one that says "false" where `off` permits that:
    there is nothing else that it could switch off.
    """

    include: tuple[Rule, ...] = ()
    exclude: tuple[Rule, ...] = ()
    on: re.Pattern[str] | None = None
    off: re.Pattern[str] | None = None

    @classmethod
    def of(cls, monitor: config.Monitor) -> Rules:
        """Raises ConfigError, which names the key."""
        return cls(
            _compile("include", monitor.include),
            _compile("exclude", monitor.exclude),
            _globs(monitor.annotations.on),
            _globs(monitor.annotations.off),
        )

    def select(self, container: Container) -> bool:
        """Whether the container is to be monitored."""
        switch = self.switch(container.pod)
        if switch is False or self.excludes(container):
            return False
        return switch is True or any(rule.matches(container) for rule in self.include)

    def excludes(self, container: Container) -> bool:
        """Whether a rule keeps it out, whoever asks for it."""
        return any(rule.matches(container) for rule in self.exclude)

    def could_select(self, pod: Pod | None = None) -> bool:
        """Whether a container of which only the ID is known, or its pod besides, could still be one of these."""
        if pod is None:
            return bool(self.include) or self.on is not None
        switch = self.switch(pod)
        return any(rule.could_match(pod) for rule in self.include) if switch is None else switch

    def switch(self, pod: Pod | None) -> bool | None:
        """What the pod's annotation says, if it says something that its namespace permits."""
        switch = SWITCHES.get(pod.annotations.get(MONITOR, "")) if pod else None
        return switch if pod and switch is not None and self.permits(pod, on=switch) else None

    def permits(self, pod: Pod, *, on: bool) -> bool:
        """Whether pods of its namespace may switch monitoring on, or off."""
        namespaces = self.on if on else self.off
        return namespaces is not None and bool(namespaces.match(pod.namespace))


def _compile(key: str, rules: Iterable[config.Rule]) -> tuple[Rule, ...]:
    compiled: list[Rule] = []
    for i, rule in enumerate(rules):
        try:
            compiled.append(Rule.of(rule))
        except UsageError as error:
            raise ConfigError(f"monitor.{key}[{i}].labels: {error}") from error
    return tuple(compiled)

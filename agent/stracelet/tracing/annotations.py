# SPDX-License-Identifier: Apache-2.0
"""What pods' annotations ask for beyond being monitored, and what of all that is refused: said, counted, and known."""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from stracelet.containers.rules import MONITOR, SWITCHES
from stracelet.containers.targets import describe
from stracelet.errors import ConfigError, UsageError
from stracelet.records.shown import Shown, parse_shown, parse_stated
from stracelet.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stracelet import config
    from stracelet.containers.model import Container, Pod
    from stracelet.tracing.choice import Choice

logger = logging.getLogger(__name__)

SYSCALLS = "stracelet.io/syscalls"
ENGINE = "stracelet.io/engine"
ENGINES = ("auto", "ptrace")
REASONS = ("namespace", "excluded", "ourselves", "target", "value")
MOST_REMEMBERED = 4096
LONGEST = 200


@dataclass(frozen=True)
class Refusal:
    """What an annotation asks for in vain. `reason`: one of REASONS; `text`: one line."""

    annotation: str
    reason: str
    text: str


def filter_of(monitor: config.Monitor) -> Shown:
    """Which syscalls the metrics are to show. ConfigError, which names the key."""
    try:
        return parse_shown(monitor.filter)
    except UsageError as error:
        raise ConfigError(f"monitor.filter: {error}") from error


class Annotations:
    """All calls from one thread. `filter`: the agent's own; `choice`: who is monitored now."""

    def __init__(self, *, filter: Shown, choice: Callable[[], Choice]) -> None:  # noqa: A002
        self.filter = filter
        self._choice = choice
        self._remembered: OrderedDict[tuple[str, Refusal], None] = OrderedDict()
        self.refused_by_reason = dict.fromkeys(REASONS, 0)

    def shown(self, container: Container | None) -> Shown:
        """Which syscalls the metrics show of a container, or of a process."""
        pod = container.pod if container else None
        if pod is None or not pod.annotations.get(SYSCALLS) or not self._choice().rules.permits(pod, on=True):
            return self.filter
        stated = _stated(pod.annotations[SYSCALLS])
        return self.filter.narrowed(stated) if isinstance(stated, Shown) else self.filter

    def refused(self, container: Container) -> str:
        """What its pod asks for in vain, and why, in one line; empty: nothing."""
        return "; ".join(refusal.text for refusal in self._refusals(container))

    def look(self, *containers: Container) -> None:
        """At those that may have changed: what is refused anew is counted, and said."""
        for container in containers:
            for pod, refusal in ((container.pod, each) for each in self._refusals(container)):
                if pod and self._is_new(pod.uid, refusal):
                    self.refused_by_reason[refusal.reason] += 1
                    # Who may not ask shall not fill the log either: of a namespace that is one line.
                    if refusal.reason != "namespace" or self._is_new(pod.namespace, refusal):
                        logger.warning("%s: %s", describe(container), refusal.text)

    def _is_new(self, who: str, refusal: Refusal) -> bool:
        key = who, refusal
        new = key not in self._remembered
        self._remembered[key] = None
        self._remembered.move_to_end(key)
        if len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        return new

    def _refusals(self, container: Container) -> Iterator[Refusal]:
        pod = container.pod
        if pod is None or not pod.annotations or container.sandbox or container.nameless:
            return
        choice = self._choice()
        monitored = choice.wants(container)
        yield from _of_monitor(container, pod, choice, monitored=monitored)
        if monitored:
            yield from _of_syscalls(pod, choice)
        if (engine := pod.annotations.get(ENGINE, ENGINES[0])) not in ENGINES:
            why = f"there is no engine '{engine}' (there are: {', '.join(ENGINES)})"
            yield _if_permitted(ENGINE, pod, choice, _refusal(ENGINE, "value", why))


def _of_monitor(container: Container, pod: Pod, choice: Choice, *, monitored: bool) -> Iterator[Refusal]:
    value = pod.annotations.get(MONITOR)
    if value is None:
        return
    switch = SWITCHES.get(value)
    if switch is not None and switch == monitored:
        return
    if container.id in choice.ourselves:
        yield _refusal(MONITOR, "ourselves", "the agent does not trace itself")
        return
    if switch is None:
        refusal = _refusal(MONITOR, "value", f"'{value}' is neither 'true' nor 'false'")
    elif switch:
        refusal = _refusal(MONITOR, "excluded", "a rule of monitor.exclude matches it")
    else:
        refusal = _refusal(MONITOR, "target", "it is a target of the agent's command line")
    yield _if_permitted(MONITOR, pod, choice, refusal, on=switch is not False)


def _of_syscalls(pod: Pod, choice: Choice) -> Iterator[Refusal]:
    if not (text := pod.annotations.get(SYSCALLS)):
        return
    stated = _stated(text)
    if isinstance(stated, str):
        yield _if_permitted(SYSCALLS, pod, choice, _refusal(SYSCALLS, "value", stated))
    elif not choice.rules.permits(pod, on=True):
        yield _not_permitted(SYSCALLS, pod)


@lru_cache(maxsize=256)
def _stated(text: str) -> Shown | str:
    """What a pod's filter shows, or what is wrong with it. It is asked at each scrape."""
    try:
        return parse_stated(text)
    except UsageError as error:
        return str(error)


def _if_permitted(annotation: str, pod: Pod, choice: Choice, refusal: Refusal, *, on: bool = True) -> Refusal:
    """What is wrong with an annotation is of no interest where it is not permitted."""
    return refusal if choice.rules.permits(pod, on=on) else _not_permitted(annotation, pod, on=on)


def _not_permitted(annotation: str, pod: Pod, *, on: bool = True) -> Refusal:
    key = "on" if on else "off"
    return _refusal(annotation, "namespace", f"not permitted in {pod.namespace} (monitor.annotations.{key})")


def _refusal(annotation: str, reason: str, why: str) -> Refusal:
    line = printable(why)
    return Refusal(annotation, reason, f"{annotation}: {line if len(line) <= LONGEST else line[:LONGEST] + '...'}")

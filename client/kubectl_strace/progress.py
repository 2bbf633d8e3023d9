# SPDX-License-Identifier: Apache-2.0
"""What is said beside the lines, and which containers are attached."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_strace.messages import Container

NOTES_SECONDS = 1.0
ATTACHED, ENDED, FAILED = "attached", "ended", "failed"


class Progress:
    """Each thing is said once. `quiet`: only failures are."""

    def __init__(self, say: Callable[[str], None], *, quiet: bool) -> None:
        self._say, self._quiet = say, quiet
        self._said: set[str] = set()
        self._states: dict[str, str] = {}
        self.dropped = 0
        self._gaps: dict[str, tuple[int, float]] = {}
        self.ever_attached = False

    def tell(self, text: str) -> None:
        if not self._quiet:
            self.complain(text)

    def complain(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._say(text)

    def note(self, text: str) -> None:
        """What may be said again."""
        if not self._quiet:
            self._say(text)

    def missing(self, count: int, node: str) -> str:
        """What is to be said where so many lines are missing; empty soon after the last time, since there would be more
        notes than lines."""
        self.dropped += count
        gap, said = self._gaps.get(node, (0, -math.inf))
        now, gap = time.monotonic(), gap + count
        if now - said < NOTES_SECONDS:
            self._gaps[node] = gap, said
            return ""
        self._gaps[node] = 0, now
        return f"{node}: {gap} lines are missing here (they were not taken in time)"

    def see(self, container: Container, node: str) -> None:
        self._states[container.id] = container.event
        self.ever_attached |= container.event == ATTACHED
        text = self._sentence(container, node)
        if container.event == FAILED:
            self.complain(text)
        elif not self._quiet and (key := f"{container.event} {container.id}") not in self._said:
            self._said.add(key)  # a restarted container has another ID, and is news
            self._say(text)

    @staticmethod
    def _sentence(container: Container, node: str) -> str:
        """The agent's, or ours where it does not say of what it speaks."""
        if container.pod in container.text:
            return f"{container.text} ({node})"
        name = f"{container.namespace}/{container.pod}/{container.name}"
        return f"{name}: {container.text or container.event} ({node})"

    @property
    def attached(self) -> bool:
        return ATTACHED in self._states.values()

    @property
    def ended(self) -> int:
        """How many have ended or failed."""
        return len(self._states) - sum(state == ATTACHED for state in self._states.values())

    @property
    def all_failed(self) -> bool:
        return bool(self._states) and not self.ever_attached and set(self._states.values()) == {FAILED}

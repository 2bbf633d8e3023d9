# SPDX-License-Identifier: Apache-2.0
"""What is said beside the lines, and which containers are attached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_strace.text import say

if TYPE_CHECKING:
    from kubectl_strace.messages import Container

ATTACHED, ENDED, FAILED = "attached", "ended", "failed"


class Progress:
    """Each thing is said once. `quiet`: only failures are."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._said: set[str] = set()
        self._states: dict[str, str] = {}
        self.dropped = 0
        self.ever_attached = False

    def tell(self, text: str) -> None:
        if not self._quiet:
            self.complain(text)

    def complain(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            say(text)

    def note(self, text: str) -> None:
        """What may be said again."""
        if not self._quiet:
            say(text)

    def see(self, container: Container, node: str) -> None:
        self._states[container.id] = container.event
        name = f"{container.namespace}/{container.pod}/{container.name}"
        match container.event:
            case "attached":
                self.ever_attached = True
                # A restarted container has another ID, and is news.
                self._once(container, f"tracing {name} on {node}", container.text)
            case "ended":
                self._once(container, f"{name} has ended", "")
            case "failed":
                self.complain(f"{name} on {node}: {container.text or 'it cannot be traced'}")

    def _once(self, container: Container, what: str, more: str) -> None:
        key = f"{container.event} {container.id}"
        if key not in self._said and not self._quiet:
            self._said.add(key)
            say(f"{what}: {more}" if more else what)

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

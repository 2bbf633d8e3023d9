# SPDX-License-Identifier: Apache-2.0
"""What a trace says on stderr while it runs, and what it remembers of its events."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from stracelet.cli.listing import missing
from stracelet.errors import NotPermitted
from stracelet.metrics.families import FAILURE_REASONS
from stracelet.native import SLOT_ENDED
from stracelet.tracing import protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from stracelet.containers.model import SourceState
    from stracelet.containers.procfs import Procfs
    from stracelet.tracing.selection import Slot

FAIL_TRACED = FAILURE_REASONS.index("traced")
FAIL_PERMISSION = FAILURE_REASONS.index("permission")


class Progress:
    """`name` gives a container's name for its ID. Each thing is said once."""

    def __init__(self, name: Callable[[str], str], procfs: Procfs, *, quiet: bool) -> None:
        self._name, self._procfs, self._quiet = name, procfs, quiet
        self._expected: frozenset[str] = frozenset()
        self._waiting_for: Sequence[str] = ()
        self._attached: set[str] = set()
        self._ended: set[str] = set()
        self._refused: dict[str, str] = {}
        self._said: set[str] = set()

    def expect(self, ids: frozenset[str], waiting_for: Sequence[str]) -> None:
        """What is to be traced; where that is nothing yet, what is waited for."""
        self._expected, self._waiting_for = ids, waiting_for

    def say(self, text: str) -> None:
        if not self._quiet and text not in self._said:
            self._said.add(text)
            print(f"stracelet: {text}", file=sys.stderr, flush=True)

    def sources(self, states: Mapping[str, SourceState]) -> None:
        """Names may be missing: say whose."""
        for line in missing(states):
            self.say(line)

    def see(self, event: protocol.Event) -> None:
        """An event of the session, after the selection has acted on it."""
        match event:
            case protocol.Hello():
                if not self._expected:
                    self.say(f"waiting for {', '.join(self._waiting_for)}")
            case protocol.Attached():
                if event.id not in self._attached and (event.tasks or event.pending):
                    self._attached.add(event.id)
                    tasks = f"{event.tasks} task{'s' if event.tasks != 1 else ''}"
                    later = f", {event.pending} more as soon as they move" if event.pending else ""
                    self.say(f"tracing {self._name(event.id)}: {tasks}{later}")
            case protocol.Ended() | protocol.Gone():
                if event.id not in self._ended and (event.id in self._expected or event.id in self._attached):
                    self.say(f"{self._name(event.id)} has ended")
                self._ended.add(event.id)
            case protocol.Failed():
                self._failed(event)
            case protocol.Refused():
                self._refused[event.id] = str(event)
                self.say(f"{self._name(event.id)}: {event}")
            case protocol.TracerEnded() if event.reason != protocol.END_EXITED:
                self.say("the tracer ended unexpectedly; another one goes on, what happened in between is not counted")

    def _failed(self, event: protocol.Failed) -> None:
        by = self._procfs.stat(event.detail) if event.reason == FAIL_TRACED else None
        who = f" ({by.comm})" if by else ""
        self.say(f"{self._name(event.id)}: {event}{who}")
        if event.reason == FAIL_PERMISSION:
            self._refused[event.id] = str(event)

    def all_ended(self, slots: Iterable[Slot]) -> bool:
        """Whether none of what is expected has a task left, or it was refused."""
        over = {slot.id for slot in slots if slot.state == SLOT_ENDED} | self._ended
        return self._expected <= over | (self._refused.keys() - self._attached)

    def check_rights(self) -> None:
        """Raises NotPermitted when nothing at all could be traced."""
        if self._refused and not self._attached:
            id_, why = next(iter(self._refused.items()))
            raise NotPermitted(f"{self._name(id_)}: {why}", help_text="`stracelet doctor TARGET` says what is missing.")

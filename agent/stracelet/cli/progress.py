# SPDX-License-Identifier: Apache-2.0
"""What a trace says on stderr while it runs, and what it remembers of its events."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from stracelet.cli.listing import missing
from stracelet.errors import NotPermitted
from stracelet.metrics.families import FAILURE_REASONS
from stracelet.native import SLOT_ENDED
from stracelet.text import printable
from stracelet.tracing import protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from stracelet.arena import Slot
    from stracelet.containers.model import SourceState
    from stracelet.containers.procfs import Procfs

FAIL_TRACED = FAILURE_REASONS.index("traced")
FAIL_PERMISSION = FAILURE_REASONS.index("permission")


class Progress:
    """Says each thing once, and only of what is wanted: a new container is nobody's until its name is known.

    `name` gives a container's name for its ID; `wanted` says whether an ID is among what is traced for good.
    """

    def __init__(
        self, name: Callable[[str], str], wanted: Callable[[str], bool], procfs: Procfs, *, quiet: bool
    ) -> None:
        self._name, self._wanted, self._procfs, self._quiet = name, wanted, procfs, quiet
        self._expected: frozenset[str] = frozenset()
        self._waiting_for: Sequence[str] = ()
        self._attached: dict[str, protocol.Attached] = {}
        self._ended: set[str] = set()
        self._failed: dict[tuple[str, int], str] = {}
        self._refused: dict[str, str] = {}
        self._said: set[tuple[str, str]] = set()

    def expect(self, ids: frozenset[str], waiting_for: Sequence[str]) -> None:
        """What is to be traced; where that is nothing yet, what is waited for."""
        self._expected, self._waiting_for = ids, waiting_for

    def _say(self, text: str, what: str, of: str = "") -> None:
        if not self._quiet and (what, of) not in self._said:
            self._said.add((what, of))
            print(f"stracelet: {printable(text)}", file=sys.stderr, flush=True)

    def sources(self, states: Mapping[str, SourceState]) -> None:
        """Names may be missing: say whose."""
        for line in missing(states):
            self._say(line, line)

    def wait(self) -> None:
        """From now on nothing is missed that starts: say so where there is nothing to trace yet."""
        if not self._expected:
            self._say(f"waiting for {', '.join(self._waiting_for)}", "waiting")

    def see(self, event: protocol.Event) -> None:
        """An event of the session, after the selection has acted on it."""
        match event:
            case protocol.Attached():
                if event.tasks or event.pending:
                    self._attached.setdefault(event.id, event)
            case protocol.Ended() | protocol.Gone():
                if event.id in self._expected or self._wanted(event.id):
                    self._ended.add(event.id)
            case protocol.Failed():
                self._failed.setdefault((event.id, event.reason), self._why(event))
            case protocol.Refused():
                self._refused[event.id] = str(event)
            case protocol.Unwatched() if event.error:
                self._say(str(event), "unwatched")
            case protocol.TracerEnded() if event.reason != protocol.END_EXITED:
                self._say("the tracer ended unexpectedly; another one goes on", f"tracer {event.pid}")
        self.tell()

    def _why(self, event: protocol.Failed) -> str:
        tracer = self._procfs.stat(event.detail) if event.reason == FAIL_TRACED else None
        return f"{event} ({tracer.comm})" if tracer else str(event)

    def tell(self) -> None:
        """Says what there is to say; also called as time goes by, for names come later than events."""
        for id_, event in self._attached.items():
            if self._wanted(id_):
                tasks = f"{event.tasks} task{'s' if event.tasks != 1 else ''}"
                later = f", {event.pending} more as soon as they move" if event.pending else ""
                self._say(f"tracing {self._name(id_)}: {tasks}{later}", "tracing", id_)
        for (id_, reason), why in self._failed.items():
            if self._wanted(id_):
                self._say(f"{self._name(id_)}: {why}", f"failed {reason}", id_)
        for id_, why in self._refused.items():
            if self._wanted(id_):
                self._say(f"{self._name(id_)}: {why}", "refused", id_)
        for id_ in self._ended - (self._failed_ids() - self._attached.keys()):
            if self._wanted(id_):
                self._say(f"{self._name(id_)} has ended", "ended", id_)

    def _failed_ids(self) -> set[str]:
        """Of those with a task that is not traced."""
        return {id_ for id_, reason in self._failed if reason not in protocol.TRACED_NEVERTHELESS}

    def look(self, slots: Iterable[Slot]) -> None:
        """The arena's word, for events may be lost; and what it does not know of any more is forgotten here too."""
        states = {slot.id: slot.state for slot in slots}
        self._ended |= {id_ for id_, state in states.items() if state == SLOT_ENDED}
        for remembered in (self._attached, self._refused):
            for id_ in remembered.keys() - states.keys() - self._expected:
                del remembered[id_]
        self._failed = {key: why for key, why in self._failed.items() if key[0] in states or key[0] in self._expected}
        self.tell()

    def all_ended(self) -> bool:
        """Whether none of what is expected has a task left, or it was refused."""
        return self._expected <= self._ended | (self._refused.keys() - self._attached.keys())

    def _asked(self, id_: str) -> bool:
        """A new container is provisional until its name is known: what becomes of it is no news if nobody asked."""
        return id_ in self._expected or self._wanted(id_)

    def failed(self) -> bool:
        """Whether nothing of what is wanted could be traced, as was said."""
        return any(map(self._asked, self._failed_ids())) and not any(map(self._asked, self._attached))

    def check_rights(self) -> None:
        """Raises NotPermitted when nothing of what is wanted could be traced for want of a right."""
        denied = {id_: why for (id_, reason), why in self._failed.items() if reason == FAIL_PERMISSION}
        denied = {id_: why for id_, why in denied.items() if self._asked(id_)}
        if denied and not any(map(self._asked, self._attached)):
            id_, why = next(iter(denied.items()))
            raise NotPermitted(f"{self._name(id_)}: {why}", help_text="`stracelet doctor TARGET` says what is missing.")

# SPDX-License-Identifier: Apache-2.0
"""A session whose events somebody else sees too."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from stracelet.tracing import protocol
    from stracelet.tracing.session import Session


class Observed:
    """What a Selection asks of a session; `see` gets each event once its reader is through with it."""

    def __init__(self, session: Session, see: Callable[[protocol.Event], None]) -> None:
        self._session, self._see = session, see
        self.trace, self.trace_pid, self.drop = session.trace, session.trace_pid, session.drop
        self.forget, self.release, self.policy = session.forget, session.release, session.policy

    async def events(self) -> AsyncIterator[protocol.Event]:
        async for event in self._session.events():
            yield event
            self._see(event)

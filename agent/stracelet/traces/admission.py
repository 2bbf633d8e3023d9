# SPDX-License-Identifier: Apache-2.0
"""Who is let in to an agent's traces, to see what; the gates themselves stand elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from stracelet.errors import StraceletError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stracelet.traces.target import PodTarget


class Denied(StraceletError):
    """`status`: as of HTTP, 400, 401, 403, 404 or 503."""

    def __init__(self, status: int, message: str, *, help_text: str | None = None) -> None:
        super().__init__(message, help_text=help_text)
        self.status = status


@dataclass(frozen=True)
class Admission:
    """What somebody may see. `name`: of the object that permits it; `uid`: that very object; `flags`: of `trace`;
    `expires`: seconds since the epoch; `described`: the target, for the audit."""

    name: str
    uid: str
    user: str
    target: PodTarget
    flags: Sequence[str]
    expires: float
    described: str


class Gate(Protocol):
    """Lets in."""

    async def admit(self, trace: str, authorization: str) -> Admission:
        """By what a request says of itself. Denied; SourceError: it cannot be found out."""

    async def withdrawn(self, admission: Admission) -> str:
        """`deleted` or `expired` once it does not hold any more, else empty."""

    def ended(self, admission: Admission, reason: str) -> None:
        """A trace that it was for has ended here."""

# SPDX-License-Identifier: Apache-2.0
"""Who is let in to an agent's traces, to see what; the gates themselves stand elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from stracelet.errors import StraceletError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stracelet.traces.running import Meaning


class Denied(StraceletError):
    """`status`: as of HTTP, 400, 401, 403, 404 or 503."""

    def __init__(self, status: int, message: str, *, help_text: str | None = None) -> None:
        super().__init__(message, help_text=help_text)
        self.status = status


@dataclass(frozen=True)
class Peer:
    """The process at the other end of a Unix socket."""

    pid: int
    uid: int


@dataclass(frozen=True)
class Claim:
    """What a request says of itself. `trace`: the object that permits it; `peer`: who sent it, as far as that is known;
    `wanted`: its query or its body; `begins`: it is to begin a trace."""

    trace: str = ""
    authorization: str = ""
    peer: Peer | None = None
    wanted: Mapping[str, Any] = field(default_factory=dict)
    begins: bool = False


@dataclass(frozen=True)
class Admission:
    """What somebody may see. `name`: of the object that permits it; `uid`: that very object; `flags`: of `trace`;
    `expires`: seconds since the epoch; `described`: the target, for the audit; `lines`: print flags of each line;
    `host`: who asks may do anything on this host."""

    name: str
    uid: str
    user: str
    target: Meaning
    flags: Sequence[str]
    expires: float
    described: str
    lines: Mapping[str, bool] = field(default_factory=lambda: {"container": True})
    host: bool = False


class Gate(Protocol):
    """Lets in."""

    async def admit(self, claim: Claim) -> Admission:
        """By what a request says of itself. Denied, UsageError; SourceError: it cannot be found out."""

    async def withdrawn(self, admission: Admission) -> str:
        """`deleted` or `expired` once it does not hold any more, else empty."""

    def ended(self, admission: Admission, reason: str) -> None:
        """A trace that it was for has ended here."""

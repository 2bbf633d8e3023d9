# SPDX-License-Identifier: Apache-2.0
"""The agent of this host, seen from a command: the trace API (docs/openapi.yaml) over its Unix socket."""

from __future__ import annotations

import http.client
import json
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from stracelet.containers.model import PROCESS
from stracelet.errors import LimitReached, NotPermitted, StraceletError, TargetNotFound, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from typing import Self

    from stracelet.cli.arguments import Wanted
    from stracelet.config import Config

VARIABLE = "STRACELET_AGENT"
SECONDS = 15.0  # for an answer to begin; and to end, where that is known
POST_SECONDS = 5.0
LISTENING_SECONDS = 1.0
LONGEST = 8 << 20  # bytes of a document, or of a line
ERRORS: Mapping[int, type[StraceletError]] = {
    400: UsageError,
    403: NotPermitted,
    404: TargetNotFound,
    429: LimitReached,
}


class AgentLost(StraceletError):
    """The agent has gone, or says what no agent says."""


def add_agent(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--agent",
        metavar="SOCKET",
        help=f"the socket of this host's agent, which traces for all; `off`: trace without it ({VARIABLE}, or "
        "api.socket of the configuration)",
    )


@dataclass(frozen=True)
class HostAgent:
    """`path`: of its socket; `named`: it is what the user named, and no other will do; `ours`: who owns it is who we
    are."""

    path: str
    named: bool
    ours: bool

    @classmethod
    def find(cls, given: str | None, config: Config) -> HostAgent | None:
        """The one that listens here; None: none does, or none is wanted.

        StraceletError: none does where one was named; NotPermitted: its socket is not for us.
        """
        named = given or os.environ.get(VARIABLE, "")
        path = named or config.api.socket
        if path == "off":
            return None
        with socket.socket(socket.AF_UNIX) as trying:
            trying.settimeout(LISTENING_SECONDS)
            try:
                trying.connect(path)
                owner = os.stat(path).st_uid  # noqa: PTH116
            except (FileNotFoundError, ConnectionRefusedError) as error:
                if named:
                    raise StraceletError(f"{path}: no agent listens there") from error
                return None
            except PermissionError as error:
                raise NotPermitted(
                    f"{path}: the socket of this host's agent is its owner's alone",
                    help_text="Run it with sudo.",
                ) from error
            except OSError as error:
                raise StraceletError(f"{path}: the agent cannot be reached: {error}") from error
        return cls(path, bool(named), owner == os.geteuid())

    def containers(self, wanted: Mapping[str, Any], *, seconds: float = SECONDS) -> Sequence[Mapping[str, Any]]:
        """Those that are meant (wanted_of; of nothing, all), as the agent knows them. StraceletError."""
        with Asking(self, seconds=seconds) as asking:
            asking.begin("GET", f"/v1/containers?{urlencode(wanted, doseq=True)}")
            return list(asking.document().get("containers", ()))

    def has_any(self, pids: Collection[int], *, seconds: float) -> bool:
        """Whether one of these is among its containers. StraceletError: also where it does not say so in time."""
        has = {each.get("container_id") for each in self.containers({}, seconds=seconds)}
        return any(f"{PROCESS}{pid}" in has for pid in pids)

    def post(self, place: str, body: Mapping[str, Any] | None = None) -> None:
        """StraceletError: it is refused, or there is nobody."""
        with Asking(self, seconds=POST_SECONDS) as asking:
            asking.begin("POST", place, body)

    def lost(self) -> AgentLost:
        return AgentLost(f"the agent at {self.path} has gone, and the trace with it; what it traced goes on")


class Asking:
    """A request, and its answer as far as it has come. Another thread may hang_up()."""

    def __init__(self, agent: HostAgent, *, seconds: float = SECONDS) -> None:
        """Connects. AgentLost."""
        self._agent, self._seconds = agent, seconds
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(LISTENING_SECONDS)
        try:
            self._socket.connect(agent.path)
        except OSError as error:
            self._socket.close()
            raise agent.lost() from error
        self._http = http.client.HTTPConnection("localhost")
        self._http.sock = self._socket  # http.client makes those of TCP alone

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        self._socket.close()

    def hang_up(self) -> None:
        """Who waits for the answer is told that the agent has gone."""
        with suppress(OSError):  # it has gone
            self._socket.shutdown(socket.SHUT_RDWR)

    def begin(self, method: str, place: str, body: Mapping[str, Any] | None = None) -> None:
        """StraceletError: as the agent says it; AgentLost."""
        self._socket.settimeout(self._seconds)
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Connection": "close"}
        try:
            self._http.request(method, place, data, headers)
            self._answer = self._http.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise self._agent.lost() from error
        if self._answer.status >= 300:
            raise self._refusal()

    def lines(self) -> Iterator[bytes]:
        """For as long as they come. AgentLost: also where none does, though an agent says that it is there."""
        try:
            while line := self._answer.readline(LONGEST):
                if not line.endswith(b"\n"):
                    raise self._agent.lost()
                yield line
        except (OSError, http.client.HTTPException) as error:
            raise self._agent.lost() from error

    def document(self) -> Mapping[str, Any]:
        """A JSON object. AgentLost."""
        try:
            content = json.loads(self._answer.read(LONGEST))
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise self._agent.lost() from error
        if not isinstance(content, dict):
            raise self._agent.lost()
        return content

    def _refusal(self) -> StraceletError:
        """What the agent says of a request that it refuses."""
        kind = ERRORS.get(self._answer.status, StraceletError)
        try:
            content = self.document()
        except AgentLost:  # who answers is the HTTP server, which knows of no JSON
            return kind(f"the agent at {self._agent.path} refuses it: {self._answer.status} {self._answer.reason}")
        return kind(str(content.get("error", self._answer.status)), help_text=str(content.get("help", "")))


def wanted_of(wanted: Wanted) -> dict[str, Any]:
    """Which containers, as the API has it."""
    said = {
        "targets": list(wanted.targets) or None,
        "selector": wanted.selector,
        "namespace": None if wanted.all_namespaces else wanted.namespace,
        "container": wanted.container,
    }
    return {key: value for key, value in said.items() if value is not None}

# SPDX-License-Identifier: Apache-2.0
"""The agent of this host, seen from a command: the trace API (docs/openapi.yaml) over its Unix socket."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from stracelet.errors import LimitReached, NotPermitted, StraceletError, TargetNotFound, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator, Mapping, Sequence

    from stracelet.cli.arguments import Wanted
    from stracelet.config import Config

VARIABLE = "STRACELET_AGENT"
SECONDS = 15.0  # for an answer to begin; and to end, where that is known
LISTENING_SECONDS = 1.0
LONGEST = 8 << 20
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

    async def containers(self, wanted: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """Those that are meant (wanted_of; of nothing, all), as the agent knows them. StraceletError."""
        query = urlencode(wanted, doseq=True)
        async with self.asking("GET", f"/v1/containers?{query}") as answer:
            found = await answer.document()
        return list(found.get("containers", ()))

    async def post(self, place: str, body: Mapping[str, Any] | None = None) -> None:
        """StraceletError: it is refused, or there is nobody."""
        async with self.asking("POST", place, body):
            """That it was taken is all that there is to know."""

    @asynccontextmanager
    async def asking(self, method: str, place: str, body: Mapping[str, Any] | None = None) -> AsyncIterator[Answer]:
        """The answer's beginning. StraceletError: as the agent says it; AgentLost."""
        writer: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(SECONDS):
                reader, writer = await asyncio.open_unix_connection(self.path)
                data = b"" if body is None else json.dumps(body).encode()
                head = f"{method} {place} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n"
                writer.write(f"{head}Content-Type: application/json\r\nConnection: close\r\n\r\n".encode() + data)
                answer = await Answer.begin(self, reader)
                if answer.status >= 300:
                    raise await answer.refusal()
            yield answer
        except (OSError, EOFError, ValueError) as error:
            raise self.lost() from error
        finally:
            if writer is not None:
                writer.close()

    def lost(self) -> AgentLost:
        return AgentLost(f"the agent at {self.path} has gone, and the trace with it; what it traced goes on")


class Answer:
    """An HTTP/1.1 answer, as far as it has come."""

    def __init__(self, agent: HostAgent, reader: asyncio.StreamReader, status: int, headers: Mapping[str, str]) -> None:
        self._agent, self._reader, self.status, self._headers = agent, reader, status, headers

    @classmethod
    async def begin(cls, agent: HostAgent, reader: asyncio.StreamReader) -> Answer:
        """EOFError, ValueError, OSError."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").split("\r\n")
        lines = (line.partition(":") for line in head[1:] if line)
        return cls(agent, reader, int(head[0].split()[1]), {name.lower(): value.strip() for name, _, value in lines})

    async def lines(self) -> AsyncIterator[bytes]:
        """Of a body that comes in chunks (RFC 9112, 7.1), to its end. EOFError, ValueError, OSError."""
        rest = b""
        while size := int((await self._reader.readuntil(b"\r\n")).split(b";")[0], 16):
            *whole, rest = (rest + await self._reader.readexactly(size)).split(b"\n")
            await self._reader.readexactly(2)
            for line in whole:
                yield line
            if len(rest) > LONGEST:
                raise ValueError("a line without an end")

    async def document(self) -> Mapping[str, Any]:
        """A JSON object. AgentLost."""
        try:
            async with asyncio.timeout(SECONDS):
                content = json.loads(await self._reader.readexactly(int(self._headers.get("content-length", "0"))))
        except (OSError, EOFError, ValueError) as error:
            raise self._agent.lost() from error
        if not isinstance(content, dict):
            raise self._agent.lost()
        return content

    async def refusal(self) -> StraceletError:
        """What the agent says of a request that it refuses."""
        content = await self.document()
        kind = ERRORS.get(self.status, StraceletError)
        return kind(str(content.get("error", self.status)), help_text=str(content.get("help", "")))


def wanted_of(wanted: Wanted) -> dict[str, Any]:
    """Which containers, as the API has it."""
    said = {
        "targets": list(wanted.targets) or None,
        "selector": wanted.selector,
        "namespace": None if wanted.all_namespaces else wanted.namespace,
        "container": wanted.container,
    }
    return {key: value for key, value in said.items() if value is not None}

# SPDX-License-Identifier: Apache-2.0
"""The list of a Docker API, once, without the SDK, whose import takes longer than all else that a trace begins with."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from stracelet.containers.docker_names import parse_container, runtime_of
from stracelet.containers.sockets import explain
from stracelet.containers.sources import Listing
from stracelet.errors import SourceError, StraceletError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from stracelet.containers.sockets import Connect
    from stracelet.containers.sources import Change, Place

LONGEST_ANSWER = 64 << 20


class DockerList:
    """Knows the containers of now, and hears of no others."""

    def __init__(self, place: Place, connect: Connect, timeout: float) -> None:
        self.name = place.name
        self._path, self._connect, self._timeout = place.path, connect, timeout

    def poke(self) -> None:
        """There is nothing else to be told."""

    async def list(self) -> Listing:
        version, entries = await asyncio.gather(self._get("/version"), self._get("/containers/json?all=1"))
        if not isinstance(version, dict) or not isinstance(entries, list):
            raise SourceError(f"{self._path}: not the Docker API")
        runtime = runtime_of(version)
        parsed = (parse_container(entry, runtime, self.name) for entry in entries if isinstance(entry, dict))
        return Listing(tuple(container for container in parsed if container is not None))

    async def watch(self) -> AsyncIterator[Change]:
        yield await self.list()
        await asyncio.Event().wait()

    async def _get(self, path: str) -> Any:
        try:
            async with asyncio.timeout(self._timeout):
                return json.loads(await self._body(path))
        except TimeoutError:
            raise SourceError(f"{self._path}: does not answer within {self._timeout:g} s") from None
        except OSError as error:
            raise explain(self._path, error) from error
        except StraceletError as error:  # whoever connects for us could not
            raise SourceError(f"{self._path}: {error}") from error
        except ValueError as error:
            raise SourceError(f"{self._path}: not the Docker API: {error}") from error

    async def _body(self, path: str) -> bytes:
        """Of an answer in HTTP/1.0, which ends with its connection (RFC 1945, 7.2.2)."""
        reader, writer = await asyncio.open_unix_connection(sock=await self._connect(self._path), limit=LONGEST_ANSWER)
        try:
            writer.write(f"GET {path} HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            status = await reader.readline()
            if status.split()[1:2] != [b"200"]:
                raise ValueError(f"it answers {status[:80]!r}")
            while (await reader.readline()).strip():
                pass
            body = await reader.read(LONGEST_ANSWER)
            while (more := await reader.read(LONGEST_ANSWER)) and len(body) < LONGEST_ANSWER:
                body += more
            return body
        finally:
            writer.close()

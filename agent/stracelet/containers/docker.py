# SPDX-License-Identifier: Apache-2.0
"""Names from the Docker API, which Podman has too.

A container is never inspected: that call waits until its start is over. The list answers within milliseconds, and the
`create` event brings name, image and labels before there is a cgroup.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

import docker
import requests
import urllib3
from docker.constants import DEFAULT_DOCKER_API_VERSION, MINIMUM_DOCKER_API_VERSION
from docker.errors import DockerException

from stracelet.containers.docker_names import follow, parse_container, runtime_of
from stracelet.containers.sources import Change, Forgotten, Known, Listing
from stracelet.containers.unix_http import Transport
from stracelet.errors import SourceError, StraceletError

if TYPE_CHECKING:
    import builtins
    import socket
    from collections.abc import AsyncIterator, Callable, Mapping

    from stracelet.containers.model import Container
    from stracelet.containers.sockets import Connect

logger = logging.getLogger(__name__)

BASE = "http://localhost:2375"
LONGEST_QUEUE = 4096
Answer = TypeVar("Answer")
Event: TypeAlias = "Mapping[str, Any] | Exception | None"


class _Session:
    """One client, its thread-made calls with a deadline, and their end."""

    def __init__(self, path: str, connect: Connect, timeout: float) -> None:
        self._path = path
        self._timeout = timeout
        loop = asyncio.get_running_loop()

        def open_socket() -> socket.socket:
            return asyncio.run_coroutine_threadsafe(_opened(connect, path), loop).result(timeout)

        self.transport = Transport(open_socket)

    async def call(self, ask: Callable[[], Answer]) -> Answer:
        """Runs a call of the SDK in a thread. Raises SourceError. What is given up ends as the transport is aborted."""
        thread = asyncio.ensure_future(asyncio.to_thread(ask))
        try:
            async with asyncio.timeout(self._timeout):
                return await asyncio.shield(thread)
        except TimeoutError:
            raise SourceError(f"{self._path}: does not answer within {self._timeout:g} s") from None
        except (DockerException, requests.RequestException, urllib3.exceptions.HTTPError) as error:
            if "timed out" in str(error):
                raise SourceError(f"{self._path}: does not answer within {self._timeout:g} s") from error
            raise SourceError(f"{self._path}: {_one_line(error)}") from error
        except StraceletError as error:  # whoever connects for us could not
            raise SourceError(f"{self._path}: {error}") from error
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise SourceError(f"{self._path}: not the Docker API: {_one_line(error)}") from error
        finally:
            if not thread.done():
                thread.add_done_callback(_noted)

    async def open(self) -> tuple[docker.APIClient, str]:
        """The client, of a version that both speak, and the runtime's name."""
        version = await self.call(lambda: self._client(MINIMUM_DOCKER_API_VERSION).version(api_version=False))
        theirs = str(version["ApiVersion"]) if "ApiVersion" in version else ""
        if not theirs:
            raise SourceError(f"{self._path}: not the Docker API: /version has no ApiVersion")
        spoken = min(theirs, DEFAULT_DOCKER_API_VERSION, key=_numbers)
        return await self.call(lambda: self._client(spoken)), runtime_of(version)

    def _client(self, version: str) -> docker.APIClient:
        client = docker.APIClient(base_url=BASE, version=version, timeout=int(self._timeout) or 1)
        client.trust_env = False  # a proxy of the environment is not for a Unix socket
        client.mount(BASE, self.transport)
        return client


async def _opened(connect: Connect, path: str) -> socket.socket:
    return await connect(path)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:256] or type(error).__name__


def _noted(done: asyncio.Future[Any]) -> None:
    if not done.cancelled() and (error := done.exception()) is not None:
        logger.debug("a call that was given up ended: %s", error)


class DockerSource:
    """A Docker or Podman behind a socket."""

    def __init__(self, *, name: str, path: str, connect: Connect, timeout: float) -> None:
        self.name = name
        self._path = path
        self._connect = connect
        self._timeout = timeout
        self._poked = asyncio.Event()

    def poke(self) -> None:
        """Docker tells of a container before its cgroup is made; Podman's events may come after it."""
        self._poked.set()

    async def list(self) -> Listing:
        session = _Session(self._path, self._connect, self._timeout)
        try:
            client, runtime = await session.open()
            return Listing(tuple(await self._list(session, client, runtime)))
        finally:
            session.transport.abort()
            session.transport.close()

    async def _list(self, session: _Session, client: docker.APIClient, runtime: str) -> builtins.list[Container]:
        return await session.call(
            lambda: [
                container
                for entry in client.containers(all=True)
                if (container := parse_container(entry, runtime, self.name)) is not None
            ]
        )

    async def watch(self) -> AsyncIterator[Change]:
        """The events begin before the list is made, so that nothing between them is missed."""
        session = _Session(self._path, self._connect, self._timeout)
        queue: asyncio.Queue[Event] = asyncio.Queue()
        reading: asyncio.Future[None] | None = None
        try:
            client, runtime = await session.open()
            stream = await session.call(lambda: client.events(decode=True, filters={"type": "container"}))
            loop = asyncio.get_running_loop()
            reading = asyncio.ensure_future(asyncio.to_thread(_read, stream, loop, queue))
            known = {container.id: container for container in await self._list(session, client, runtime)}
            yield Listing(tuple(known.values()))
            while (event := await self._next(queue)) is not None:
                if isinstance(event, Exception):
                    raise SourceError(f"{self._path}: {_one_line(event)}") from event
                if queue.qsize() > LONGEST_QUEUE:
                    raise SourceError(f"{self._path}: events come faster than they are taken")
                change = follow(event, known, runtime, self.name) if event else None
                if not event:
                    known = {container.id: container for container in await self._list(session, client, runtime)}
                    change = Listing(tuple(known.values()))
                if isinstance(change, Known):
                    known[change.container.id] = change.container
                elif isinstance(change, Forgotten):
                    known.pop(change.container_id, None)
                if change is not None:
                    yield change
        finally:
            session.transport.abort()
            if reading is not None:
                await asyncio.wait([reading], timeout=self._timeout)
            session.transport.close()

    async def _next(self, queue: asyncio.Queue[Event]) -> Event:
        """The next event, None at the end of the stream, or an empty one when a list is wanted."""
        if queue.empty():
            waits = [asyncio.ensure_future(queue.get()), asyncio.ensure_future(self._poked.wait())]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                if waits[0].done():
                    return cast("Event", waits[0].result())
            finally:
                for wait in waits:
                    wait.cancel()
            self._poked.clear()
            return {}
        return queue.get_nowait()


def _read(stream: Any, loop: asyncio.AbstractEventLoop, queue: asyncio.Queue[Any]) -> None:
    """In a thread: the events, then None or the exception that ended them."""
    end: Exception | None = None
    try:
        for event in stream:
            if isinstance(event, dict):
                loop.call_soon_threadsafe(queue.put_nowait, event)
    except (DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        end = error
    except AttributeError as error:  # urllib3's reader, when the response is closed under it
        end = error
    if not loop.is_closed():
        loop.call_soon_threadsafe(queue.put_nowait, end)

# SPDX-License-Identifier: Apache-2.0
"""Real servers behind Unix sockets, in this process: the Docker API, a CRI, and servers that do not answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import grpc
import grpc.aio

from stracelet.containers.cri import api_pb2 as api

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path


async def until(look: Callable[[], bool], seconds: float = 5.0) -> None:
    """Waits until `look` says so; TimeoutError after `seconds`."""
    async with asyncio.timeout(seconds):
        while not look():  # noqa: ASYNC110 what is looked at has no event
            await asyncio.sleep(0.005)


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def serving(path: Path, handle: Handler) -> AsyncIterator[None]:
    """A server; at its end all clients have closed their connections, within 5 s, or the test fails."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await handle(reader, writer)
        finally:
            writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Noted before it runs: one that is cancelled before that closes nothing.
        tasks.add(asyncio.create_task(serve(reader, writer)))

    server = await asyncio.start_unix_server(accept, path=str(path))
    try:
        yield
    finally:
        # In Python 3.11 what was accepted just before the server is closed is never closed itself (Server._attach()).
        for listening in server.sockets:
            asyncio.get_running_loop().remove_reader(listening.fileno())
        for _ in range(10):  # of the event loop: what was connected just now comes to accept()
            await asyncio.sleep(0)
        server.close()
        _, left = await asyncio.wait(tasks, timeout=5) if tasks else ((), ())
        for task in left:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert not left, f"{len(left)} connections were not closed"


@contextlib.asynccontextmanager
async def silent(path: Path) -> AsyncIterator[None]:
    """Takes connections and what comes over them, and never says a word."""

    async def listen(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            pass

    async with serving(path, listen):
        yield


class DockerServer:
    """What of the Docker API is asked of it: /version, /containers/json and /events, as Docker 20.10 answers them."""

    def __init__(self, version: dict[str, Any] | None = None) -> None:
        self.version = version or {"ApiVersion": "1.41", "MinAPIVersion": "1.12", "Components": [{"Name": "Engine"}]}
        self.containers: list[dict[str, Any]] = []
        self.streams: list[asyncio.StreamWriter] = []
        self.silent_paths: set[str] = set()
        self.raw: bytes | None = None
        self.asked: list[str] = []

    @contextlib.asynccontextmanager
    async def at(self, path: Path) -> AsyncIterator[DockerServer]:
        async with serving(path, self._serve):
            yield self

    def hang_up(self) -> None:
        for stream in self.streams:
            stream.close()
        self.streams.clear()

    def tell(self, action: str, container_id: str, **attributes: str) -> None:
        """Sends an event to all that listen."""
        event = {"Type": "container", "Action": action, "Actor": {"ID": container_id, "Attributes": attributes}}
        line = json.dumps(event).encode() + b"\n"
        for stream in self.streams:
            stream.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = urlsplit(head.split()[1]).path
            name = "/" + path.split("/", 2)[2] if path.startswith("/v1.") else path
            self.asked.append(path)
            if name in self.silent_paths:
                await reader.read()
                break
            if self.raw is not None:
                writer.write(self.raw)
                break
            if name == "/events":
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                self.streams.append(writer)
                await reader.read()
                break
            body = json.dumps({"/version": self.version, "/containers/json": self.containers}[name]).encode()
            length = f"Content-Length: {len(body)}\r\n".encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + length + b"\r\n" + body)


class CriServer:
    """A gRPC server of a CRI's methods; `service` is the version that it speaks."""

    def __init__(self, service: str = "runtime.v1.RuntimeService", *, events: bool = False) -> None:
        self.service = service
        self.sandboxes: list[api.PodSandbox] = []
        self.containers: list[api.Container] = []
        self.lists = 0
        self._events = events
        self._happened = asyncio.Event()

    def happen(self) -> None:
        """Tells whoever listens for events that one happened."""
        self._happened.set()

    @contextlib.asynccontextmanager
    async def at(self, path: Path) -> AsyncIterator[CriServer]:
        server = grpc.aio.server()
        methods: dict[str, Any] = {
            "Version": (api.VersionRequest, self._version),
            "ListPodSandbox": (api.ListPodSandboxRequest, self._list_sandboxes),
            "ListContainers": (api.ListContainersRequest, self._list_containers),
        }
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(
                method, request_deserializer=request.FromString, response_serializer=lambda m: m.SerializeToString()
            )
            for name, (request, method) in methods.items()
        }
        if self._events:
            handlers["GetContainerEvents"] = grpc.unary_stream_rpc_method_handler(
                self._stream,
                request_deserializer=api.GetEventsRequest.FromString,
                response_serializer=lambda m: m.SerializeToString(),
            )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(self.service, handlers),))
        server.add_insecure_port(f"unix:{path}")
        await server.start()
        try:
            yield self
        finally:
            await server.stop(None)

    async def _version(self, *_: object) -> api.VersionResponse:
        return api.VersionResponse(runtime_name="containerd", runtime_version="2", runtime_api_version="v1")

    async def _list_sandboxes(self, *_: object) -> api.ListPodSandboxResponse:
        return api.ListPodSandboxResponse(items=self.sandboxes)

    async def _list_containers(self, *_: object) -> api.ListContainersResponse:
        self.lists += 1
        return api.ListContainersResponse(containers=self.containers)

    async def _stream(self, *_: object) -> AsyncIterator[api.ContainerEventResponse]:
        while True:
            await self._happened.wait()
            self._happened.clear()
            yield api.ContainerEventResponse(container_id="x")


def pod(pod_id: str, name: str, namespace: str, labels: Sequence[tuple[str, str]] = ()) -> api.PodSandbox:
    """A sandbox as a kubelet makes it."""
    kubelet = {"io.kubernetes.pod.name": name, "io.kubernetes.pod.namespace": namespace, "io.kubernetes.pod.uid": "u-1"}
    metadata = api.PodSandboxMetadata(name=name, namespace=namespace, uid="u-1")
    return api.PodSandbox(id=pod_id, metadata=metadata, labels={**kubelet, **dict(labels)})


def container(container_id: str, name: str, sandbox: api.PodSandbox, state: int = 1) -> api.Container:
    """A container as a kubelet makes it in that sandbox."""
    labels = {key: value for key, value in sandbox.labels.items() if key.startswith("io.kubernetes.pod.")}
    return api.Container(
        id=container_id,
        pod_sandbox_id=sandbox.id,
        metadata=api.ContainerMetadata(name=name),
        image=api.ImageSpec(image="sha256:0123", user_specified_image="local/web:1"),
        state=state,  # type: ignore[arg-type]
        labels={**labels, "io.kubernetes.container.name": name},
    )

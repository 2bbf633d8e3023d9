# SPDX-License-Identifier: Apache-2.0
"""The CRI as a source: two lists, made again when the server tells of a change, when poked, and every few seconds."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any, Self

import grpc
import grpc.aio

from stracelet.containers.cri import api_pb2 as api
from stracelet.containers.model import CREATED, EXITED, RUNNING, Container, Pod
from stracelet.containers.sockets import Connect, Relay, SocketAbsent
from stracelet.containers.sources import Change, Listing
from stracelet.errors import SourceError

if TYPE_CHECKING:
    import builtins
    from collections.abc import AsyncIterator, Iterable, Mapping

    from google.protobuf.message import Message

logger = logging.getLogger(__name__)

SERVICE = "runtime.v1.RuntimeService"
OLD_SERVICE = "runtime.v1alpha2.RuntimeService"
LARGEST_ANSWER = 16 << 20
"""Bytes; the same as the kubelet's."""
POLL_SECONDS = 5.0
POLL_SECONDS_WITH_EVENTS = 60.0
SHORTEST_PAUSE = 0.05
"""Seconds between two lists, however many changes there are."""
STATES = {api.CONTAINER_CREATED: CREATED, api.CONTAINER_RUNNING: RUNNING, api.CONTAINER_EXITED: EXITED}
POD_NAME, POD_NAMESPACE, POD_UID = "io.kubernetes.pod.name", "io.kubernetes.pod.namespace", "io.kubernetes.pod.uid"
CONTAINER_NAME = "io.kubernetes.container.name"


def parse_lists(
    sandboxes: Iterable[api.PodSandbox], containers: Iterable[api.Container], runtime: str, source: str
) -> list[Container]:
    """Containers and sandboxes, those that have ended left out. A container's pod may have gone from the other list."""
    by_id = {sandbox.id: sandbox for sandbox in sandboxes if sandbox.id}
    parsed = [
        Container(
            id=sandbox.id,
            runtime=runtime,
            labels=dict(sandbox.labels),
            pod=_pod(sandbox, sandbox.labels),
            status=RUNNING if sandbox.state == api.SANDBOX_READY else EXITED,
            sources=(source,),
            sandbox=True,
        )
        for sandbox in by_id.values()
    ]
    parsed += [
        Container(
            id=container.id,
            runtime=runtime,
            name=container.labels.get(CONTAINER_NAME) or container.metadata.name,
            image=container.image.user_specified_image or container.image.image or container.image_ref,
            labels=dict(container.labels),
            pod=_pod(by_id.get(container.pod_sandbox_id), container.labels),
            status=STATES.get(container.state, RUNNING),
            sources=(source,),
        )
        for container in containers
        if container.id
    ]
    return [container for container in parsed if container.status != EXITED]


def _pod(sandbox: api.PodSandbox | None, labels: Mapping[str, str]) -> Pod | None:
    """By the labels that a kubelet sets; whoever else uses CRI (crictl) sets the sandbox's metadata alone."""
    metadata = sandbox.metadata if sandbox is not None else api.PodSandboxMetadata()
    name = labels.get(POD_NAME) or metadata.name
    if not name:
        return None
    return Pod(
        namespace=labels.get(POD_NAMESPACE) or metadata.namespace,
        name=name,
        uid=labels.get(POD_UID) or metadata.uid,
        labels=dict(sandbox.labels) if sandbox is not None else {},
    )


class _Client:
    """A channel to a socket. Every call has a deadline and raises SourceError or SocketAbsent."""

    def __init__(self, path: str, connect: Connect, timeout: float) -> None:
        self._path = path
        self._timeout = timeout
        self._relay = Relay(connect, path)
        self._channel: grpc.aio.Channel | None = None

    async def __aenter__(self) -> Self:
        address = await self._relay.start()
        self._channel = grpc.aio.insecure_channel(
            f"unix-abstract:{address}",
            options=[
                ("grpc.default_authority", "localhost"),
                ("grpc.max_receive_message_length", LARGEST_ANSWER),
                ("grpc.enable_http_proxy", 0),
            ],
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._channel is not None:
            await self._channel.close(None)
        await self._relay.close()

    def _method(self, kind: str, service: str, method: str, answer: type[Message]) -> Any:
        return getattr(self._channel, kind)(
            f"/{service}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )

    async def call(self, method: str, request: Message, answer: type[Message]) -> Any:
        try:
            return await self._method("unary_unary", SERVICE, method, answer)(request, timeout=self._timeout)
        except grpc.aio.AioRpcError as error:
            raise await self._explain(error) from error

    def events(self) -> Any:
        """The stream of container events; reading it raises AioRpcError."""
        return self._method("unary_stream", SERVICE, "GetContainerEvents", api.ContainerEventResponse)(
            api.GetEventsRequest()
        )

    async def _explain(self, error: grpc.aio.AioRpcError) -> SourceError:
        code, details = error.code(), " ".join((error.details() or "").split())[:256]
        if code == grpc.StatusCode.DEADLINE_EXCEEDED:
            return SourceError(f"{self._path}: does not answer within {self._timeout:g} s")
        if code == grpc.StatusCode.UNIMPLEMENTED:
            return await self._unimplemented(details)
        return SourceError(f"{self._path}: CRI failed: {code.name}: {details}")

    async def _unimplemented(self, details: str) -> SourceError:
        ask = self._method("unary_unary", OLD_SERVICE, "Version", api.VersionResponse)
        try:
            await ask(api.VersionRequest(), timeout=self._timeout)
        except grpc.aio.AioRpcError as error:
            if error.code() != grpc.StatusCode.UNIMPLEMENTED:
                return SourceError(f"{self._path}: CRI failed: {error.code().name}: {error.details()}")
            # containerd without its CRI plugin, as Docker's packages set it up: it is no source, and nothing is wrong.
            return SocketAbsent(f"{self._path}: serves no CRI (is its CRI plugin disabled?): {details}")
        return SourceError(
            f"{self._path}: speaks only CRI v1alpha2, and v1 is needed",
            help_text="containerd has v1 since 1.6, CRI-O since 1.23.",
        )


class CriSource:
    """A CRI server behind a socket."""

    def __init__(self, *, name: str, path: str, connect: Connect, timeout: float) -> None:
        self.name = name
        self._path = path
        self._connect = connect
        self._timeout = timeout
        self._changed = asyncio.Event()

    def poke(self) -> None:
        self._changed.set()

    async def list(self) -> Listing:
        async with _Client(self._path, self._connect, self._timeout) as client:
            return Listing(tuple(await self._list(client, await self._runtime(client))))

    async def _runtime(self, client: _Client) -> str:
        version = await client.call("Version", api.VersionRequest(), api.VersionResponse)
        return str(version.runtime_name) or "cri"

    async def _list(self, client: _Client, runtime: str) -> builtins.list[Container]:
        sandboxes, containers = await asyncio.gather(
            client.call("ListPodSandbox", api.ListPodSandboxRequest(), api.ListPodSandboxResponse),
            client.call("ListContainers", api.ListContainersRequest(), api.ListContainersResponse),
        )
        return parse_lists(sandboxes.items, containers.containers, runtime, self.name)

    async def watch(self) -> AsyncIterator[Change]:
        async with _Client(self._path, self._connect, self._timeout) as client:
            runtime = await self._runtime(client)
            events = asyncio.ensure_future(self._follow(client))
            try:
                while True:
                    self._changed.clear()
                    yield Listing(tuple(await self._list(client, runtime)))
                    await asyncio.sleep(SHORTEST_PAUSE)
                    pause = POLL_SECONDS if events.done() else POLL_SECONDS_WITH_EVENTS
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(pause):
                            await self._changed.wait()
            finally:
                events.cancel()
                await asyncio.gather(events, return_exceptions=True)

    async def _follow(self, client: _Client) -> None:
        """Ends where the server has no events (containerd before 1.7, CRI-O unless set), or stops sending them."""
        try:
            async for _ in client.events():
                self._changed.set()
        except grpc.aio.AioRpcError as error:
            logger.debug("%s: no events, so it is asked every %g s: %s", self._path, POLL_SECONDS, error.code().name)
        self._changed.set()

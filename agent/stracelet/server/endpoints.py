# SPDX-License-Identifier: Apache-2.0
"""Where the trace API is served: in a cluster on a port, for who has a Trace's key; on a host on a Unix socket."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from stracelet.errors import ServerError
from stracelet.server.api import TraceApi
from stracelet.server.http import bind
from stracelet.server.unix import UnixSocket
from stracelet.traces.host import HostGate

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Coroutine, Sequence
    from typing import Any

    from stracelet.cluster import TraceGate
    from stracelet.config import Config
    from stracelet.server.api import Node
    from stracelet.traces.host import Known
    from stracelet.traces.hub import Hub

logger = logging.getLogger(__name__)


class Endpoints:
    """Listens from the start, when there still is a right to; answers from start() to stop()."""

    def __init__(self, settings: Config, *, in_cluster: bool, group: int) -> None:
        """`group`: of the agent, once it is not root any more. ServerError: an address is taken, or not to be had."""
        self._settings = settings
        self._unix: UnixSocket | None = None
        self._apis: list[TraceApi] = []
        self._gate: TraceGate | None = None
        self._sockets: Sequence[socket.socket] = ()
        if in_cluster and settings.api.listen != "off":
            self._sockets = bind(settings.api.listen, "api.listen")
        try:
            self._unix = _unix(settings, in_cluster=in_cluster, group=group)
        except ServerError:
            self.close()
            raise

    async def start(
        self, hub: Hub, node: Node, settings: Callable[[], Config], inventory: Known, kubeconfig: str
    ) -> None:
        """Begins to answer."""
        if self._sockets:
            from stracelet import cluster  # noqa: PLC0415 - its library takes 33 MB, which a host has no use for

            self._gate = cluster.trace_gate(kubeconfig)
            api = TraceApi(hub=hub, gate=self._gate, node=node, settings=settings, sockets=self._sockets)
            await self._start(api, self._settings.api.listen)
        if self._unix:
            gate, sockets = HostGate(inventory), [self._unix.socket]
            api = TraceApi(hub=hub, gate=gate, node=node, settings=settings, sockets=sockets)
            await self._start(api, self._unix.path)

    async def _start(self, api: TraceApi, where: str) -> None:
        await api.start()
        self._apis.append(api)
        logger.info("the trace API listens at %s", where)

    def work(self) -> Sequence[Coroutine[Any, Any, None]]:
        """What is to run besides."""
        return [self._gate.sweep_for_ever()] if self._gate else []

    async def stop(self) -> None:
        """Tells the clients of all traces that there is an end to them."""
        await asyncio.gather(*(api.stop() for api in self._apis))
        if self._gate:
            await self._gate.close()

    def close(self) -> None:
        """Nothing listens any more."""
        for listening in self._sockets:
            listening.close()
        if self._unix:
            self._unix.close()


def _unix(settings: Config, *, in_cluster: bool, group: int) -> UnixSocket | None:
    """None: none is wanted, or none can be made where nobody has asked for one. ServerError."""
    path, asked_for = settings.api.socket, "socket" in settings.api.model_fields_set
    in_pod = in_cluster or settings.tracer_socket  # whose file system is not the host's
    if path == "off" or (in_pod and not asked_for):
        return None
    try:
        return UnixSocket.bind(path, group=group)
    except OSError as error:
        text = f"api.socket: {path} cannot be made: {error.strerror}"
        if asked_for:
            raise ServerError(text, help_text="Name another place, or `off`: then `trace` cannot share.") from error
        logger.warning("%s; `stracelet trace` cannot ask this agent", text)
        return None

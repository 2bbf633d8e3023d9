# SPDX-License-Identifier: Apache-2.0
"""The trace API (docs/openapi.yaml): who is let in may list containers, and have them traced."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from aiohttp import web

from stracelet.errors import UsageError
from stracelet.native import syscall_name
from stracelet.server.answers import claim_of, document, nothing, refusal, refused
from stracelet.server.listener import ANSWER_SECONDS, Listener, Route
from stracelet.traces.admission import Denied
from stracelet.traces.running import Asked, heading_in_cluster, heading_on_host
from stracelet.traces.served import served

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from stracelet.config import Config
    from stracelet.containers.model import Container
    from stracelet.native import Cell
    from stracelet.traces.admission import Admission, Gate
    from stracelet.traces.hub import Hub
    from stracelet.traces.running import RunningTrace

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
    Answer = Callable[[web.Request, Admission], Awaitable[web.StreamResponse]]

logger = logging.getLogger(__name__)
audit = logging.getLogger("stracelet.audit")

HEARTBEAT_SECONDS = 0.2
ACKNOWLEDGE_SECONDS = 15.0
CHECK_SECONDS = 5.0
FAREWELL_SECONDS = 1.0
FINISHING_SECONDS = 0.02
MOST_CONNECTIONS = 256
ADMIT_SECONDS = 15.0
LONGEST_BODY = 64 << 10


class Node(Protocol):
    """What the agent knows."""

    @property
    def name(self) -> str: ...
    def containers(self) -> Sequence[Container]: ...
    def monitored(self, container: Container) -> bool: ...
    def refused(self, container: Container) -> str: ...
    def traced(self) -> frozenset[str]: ...
    async def cells(self, container_ids: Collection[str]) -> Mapping[str, Sequence[Cell]]: ...
    def unready(self) -> str: ...


@dataclass
class _Stream:
    """A trace and what its client has said of it. `deadline` and `acknowledged`: of the loop's clock; `limited`: what
    is said when it is over; `authorization`: of the request that began it; `lines`: sent."""

    trace: RunningTrace
    admission: Admission
    authorization: str
    deadline: float
    limited: str
    acknowledged: float
    position: int = 0
    lines: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)
    finishing: asyncio.Task[None] | None = None


class TraceApi:
    """Serves until stop()."""

    def __init__(
        self, *, hub: Hub, gate: Gate, node: Node, settings: Callable[[], Config], sockets: Sequence[socket.socket]
    ) -> None:
        self._hub, self._gate, self._node, self._settings = hub, gate, node, settings
        self._streams: dict[str, _Stream] = {}
        self._listener = Listener(
            routes=[
                Route("GET", "/v1/containers", self._admitted(self._containers)),
                Route("GET", "/v1/stats", self._admitted(self._stats)),
                Route("POST", "/v1/traces", self._admitted(self._trace), streams=True),
                Route("POST", "/v1/traces/{id}/ack", self._answered(self._acknowledge)),
                Route("POST", "/v1/traces/{id}/end", self._answered(self._end)),
                Route("*", "/{path:.*}", nothing),
            ],
            sockets=sockets,
            max_connections=MOST_CONNECTIONS,
            longest_body=LONGEST_BODY,
            answer_seconds=ADMIT_SECONDS + ANSWER_SECONDS,  # or who waits in vain to be let in would not be told so
        )
        self.start = self._listener.start

    @property
    def port(self) -> int:
        """Of the first socket."""
        return self._listener.port

    async def stop(self) -> None:
        """Tells the clients of all traces that there is an end to them."""
        self._hub.close("shutdown")
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                await asyncio.gather(*(stream.over.wait() for stream in self._streams.values()))
        await self._listener.stop()

    def _answered(self, answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                return await answer(request)
            except Exception as error:  # noqa: BLE001 - whatever a request brings about, it is answered
                return refusal(error)

        return handle

    def _admitted(self, answer: Answer) -> Handler:
        async def admitted(request: web.Request) -> web.StreamResponse:
            return await answer(request, await self._admit(request))

        return self._answered(admitted)

    async def _admit(self, request: web.Request) -> Admission:
        async with asyncio.timeout(ADMIT_SECONDS):
            return await self._gate.admit(await claim_of(request))

    async def _containers(self, _: web.Request, admission: Admission) -> web.StreamResponse:
        return document({"node": self._node.name, "containers": self._described(self._meant(admission))})

    async def _stats(self, _: web.Request, admission: Admission) -> web.StreamResponse:
        meant = self._meant(admission)
        cells = await self._node.cells([container.id for container in meant])
        found = [
            {**each, "calls": [_calls(cell) for cell in cells.get(each["container_id"], ())]}
            for each in self._described(meant)
        ]
        return document({"node": self._node.name, "containers": found})

    def _meant(self, admission: Admission) -> list[Container]:
        return [each for each in self._node.containers() if not each.sandbox and admission.target.means(each)]

    def _described(self, containers: Sequence[Container]) -> list[dict[str, Any]]:
        refused = {id_: why for trace in self._hub.running.values() for id_, why in trace.refused.items()}
        traced = self._node.traced()
        return [
            {
                **_identity(container),
                "image": container.image,
                "status": container.status,
                "labels": dict(container.pod.labels if container.pod else container.labels),
                "workload": _workload(container),
                "monitored": self._node.monitored(container),
                "traced": container.id in traced,
                "refused": "; ".join(filter(None, (refused.get(container.id), self._node.refused(container)))),
            }
            for container in containers
        ]

    async def _acknowledge(self, request: web.Request) -> web.StreamResponse:
        stream = await self._stream(request)
        try:
            position = (await request.json())["position"]
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise UsageError('expected {"position": N}') from error
        if not isinstance(position, int) or isinstance(position, bool) or position < 0:
            raise UsageError('expected {"position": N}')
        stream.position = max(stream.position, position)
        stream.acknowledged = asyncio.get_running_loop().time()
        return web.Response(status=204)

    async def _end(self, request: web.Request) -> web.StreamResponse:
        (await self._stream(request)).trace.end("client")
        return web.Response(status=204)

    async def _stream(self, request: web.Request) -> _Stream:
        """Whose key began it, which the API server need not be asked for again: it may be away, or be asked by many."""
        stream = self._streams.get(request.match_info["id"])
        key = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if stream and hmac.compare_digest(key, stream.authorization.encode("utf-8", "surrogateescape")):
            return stream
        await self._admit(request)
        raise Denied(404, "no such trace runs here")

    async def _trace(self, request: web.Request, admission: Admission) -> web.StreamResponse:
        if reason := self._node.unready():
            return refused(503, reason, "")
        self._hub.check_room(admission.user)
        wanted = served(
            admission.flags, self._settings(), node=self._node.name, lines=admission.lines, host=admission.host
        )
        loop = asyncio.get_running_loop()
        longest = self._hub.limits.duration / 1e9
        own = longest if wanted.duration is None else wanted.duration
        seconds = min(own, longest, admission.expires - time.time())
        limited = "" if own < longest else f"an agent traces for {longest:g} s at most (limits.duration)"
        heading = heading_on_host if admission.host else heading_in_cluster
        asked = Asked(secrets.token_hex(8), admission.user, admission.name, admission.target, wanted.wish, heading)
        trace = await self._hub.start(asked)
        key = request.headers.get("Authorization", "")
        stream = _Stream(trace, admission, key, loop.time() + max(seconds, 0), limited, loop.time())
        self._streams[asked.id] = stream
        audit.info("trace begun", extra=_audited(stream))
        try:
            response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson", "Cache-Control": "no-store"})
            response.force_close()
            await response.prepare(request)
            await _Sender(response, self._hub, self._gate, self._node.name, stream).run()
        except (ConnectionError, TimeoutError):
            trace.end("client")
            if request.transport:
                request.transport.abort()
            return response
        else:
            return response
        finally:
            trace.end("client")
            # Who waits is cancelled as soon as the connection has gone (handler_cancellation), so also by abort().
            stream.finishing = asyncio.create_task(self._finish(stream))
            await asyncio.shield(stream.finishing)

    async def _finish(self, stream: _Stream) -> None:
        trace = stream.trace
        try:
            await self._hub.finish(trace)
        finally:
            del self._streams[trace.asked.id]
            seconds = round(asyncio.get_running_loop().time() - trace.started, 3)
            how = {"outcome": trace.ended, "seconds": seconds, "lines": stream.lines}
            audit.info("trace ended", extra={**_audited(stream), **how})
            stream.over.set()
            self._gate.ended(stream.admission, trace.ended or "client")


class _Sender:
    """What a trace's client is sent, until its end."""

    def __init__(self, response: web.StreamResponse, hub: Hub, gate: Gate, node: str, stream: _Stream) -> None:
        self._response, self._hub, self._gate, self._node, self._stream = response, hub, gate, node, stream
        self._loop = asyncio.get_running_loop()
        self._trace = stream.trace
        self._sent_at = 0.0

    async def run(self) -> None:
        """ConnectionError, TimeoutError: the client has gone, or takes nothing."""
        started = {"id": self._trace.asked.id, "node": self._node, "containers": len(self._trace.taken)}
        await self._send({"type": "started", **started, "time": str(self._trace.started_ns)})
        checking = asyncio.create_task(self._check_for_ever())
        try:
            while self._trace.ended is None:
                settled_ns = self._hub.settled_ns()  # before it is seen that there is nothing
                if not await self._send_some():
                    if self._loop.time() - self._sent_at >= HEARTBEAT_SECONDS:
                        await self._send({"type": "heartbeat", "time": str(settled_ns)})
                    await self._wait()
                self._look_at_time()
        finally:
            checking.cancel()
        finishing = asyncio.ensure_future(self._hub.finish(self._trace))
        while not finishing.done():  # which what is on the backlog must not grow old meanwhile
            await self._send_some()
            await asyncio.wait({finishing}, timeout=FINISHING_SECONDS)
        await finishing
        while await self._send_some():
            """What there is left."""
        if self._trace.asked.wish.counts:
            text = self._hub.table(self._trace)
            await self._send({"type": "summary", "text": text, "containers": len(self._trace.all())})
        await self._send({"type": "end", "reason": self._trace.ended, "text": self._trace.failure})
        async with asyncio.timeout(ACKNOWLEDGE_SECONDS):
            await self._response.write_eof()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                await self._trace.news.wait()
        except TimeoutError:
            return
        self._trace.news.clear()

    async def _send_some(self) -> bool:
        """Whether there was anything. No more at once than leaves time to look at the clock."""
        news = self._trace.container_news()
        for each in news:
            message = {"type": "container", "event": each.event, **_identity(each.container)}
            await self._send({**message, "text": each.text, "tasks": each.tasks, "time": str(each.time_ns)})
        lines, dropped = self._trace.backlog.take()
        if dropped:
            for reason, count in dropped.items():
                self._hub.dropped[reason] += count
            when = str(lines[0].time_ns if lines else self._hub.settled_ns())
            await self._send({"type": "dropped", "count": sum(dropped.values()), "time": when})
        if lines:
            self._stream.lines += len(lines)
            rows = [[str(line.time_ns), line.text] for line in lines]
            await self._send({"type": "lines", "position": self._stream.lines, "lines": rows})
        return bool(news or dropped or lines)

    def _look_at_time(self) -> None:
        now = self._loop.time()
        if now >= self._stream.deadline:
            expired = time.time() >= self._stream.admission.expires
            self._trace.end(*("expired",) if expired else ("duration", self._stream.limited))
        elif now - self._stream.acknowledged > ACKNOWLEDGE_SECONDS:
            self._trace.end("unacknowledged")
        elif self._trace.lines is not None and self._trace.lines.done:
            self._trace.end("limit")
        elif self._trace.all_ended():
            self._trace.end("ended")
        elif failure := self._hub.failure():
            self._trace.end("failed", failure)

    async def _check_for_ever(self) -> None:
        """Whether it is still permitted, every few seconds."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                reason = await self._gate.withdrawn(self._stream.admission)
            except Exception as error:  # noqa: BLE001 - it is looked again
                logger.warning("the Trace %s cannot be looked at: %s", self._stream.admission.name, error)
                continue
            if reason:
                self._trace.end(reason)

    async def _send(self, message: Mapping[str, Any]) -> None:
        data = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
        try:
            async with asyncio.timeout(ACKNOWLEDGE_SECONDS):
                await self._response.write(data + b"\n")
        except TimeoutError:
            self._trace.end("unacknowledged")
            raise
        self._sent_at = self._loop.time()


def _identity(container: Container) -> dict[str, str]:
    pod = container.pod
    return {
        "namespace": pod.namespace if pod else "",
        "pod": pod.name if pod else "",
        "container": container.name,
        "container_id": container.id,
        "runtime": container.runtime,
    }


def _workload(container: Container) -> dict[str, str] | None:
    workload = container.pod.workload if container.pod else None
    return {"kind": workload.kind, "name": workload.name} if workload else None


def _calls(cell: Cell) -> dict[str, Any]:
    name = syscall_name(cell.abi, cell.number) or "unknown"
    return {"syscall": name, "abi": cell.abi, "calls": cell.calls, "errors": cell.errors, "seconds": cell.sum_ns / 1e9}


def _audited(stream: _Stream) -> dict[str, object]:
    asked = stream.trace.asked
    return {
        "trace": asked.name,
        "user": asked.user,
        "target": stream.admission.described,
        "flags": " ".join(stream.admission.flags),
        "containers": sorted(stream.trace.all()),
    }

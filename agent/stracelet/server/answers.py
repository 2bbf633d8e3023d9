# SPDX-License-Identifier: Apache-2.0
"""What the trace API answers, and what it is asked: JSON, and refusals in one line."""

from __future__ import annotations

import json
import logging
import socket
import struct
from typing import TYPE_CHECKING, Any

from aiohttp import web

from stracelet.errors import LimitReached, StraceletError, UsageError
from stracelet.traces.admission import Claim, Denied, Peer

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

_CREDENTIALS = struct.Struct("3i")  # struct ucred: unix(7), SO_PEERCRED
LISTS = ("targets", "flags")
STATUS = ((LimitReached, 429), (UsageError, 400))


async def claim_of(request: web.Request) -> Claim:
    """What a request says. What it wants is read of a Unix socket alone: elsewhere an object says it. UsageError."""
    trace, authorization = request.headers.get("Stracelet-Trace", ""), request.headers.get("Authorization", "")
    peer = _peer(request)
    if peer is None:
        return Claim(trace, authorization)
    if request.method == "GET":
        return Claim(trace, authorization, peer, _query(request))
    if "id" in request.match_info:
        return Claim(trace, authorization, peer)
    return Claim(trace, authorization, peer, await _body(request), begins=True)


def _peer(request: web.Request) -> Peer | None:
    connection = request.transport.get_extra_info("socket") if request.transport else None
    if connection is None or connection.family != socket.AF_UNIX:
        return None
    pid, uid, _ = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return Peer(pid, uid)


def _query(request: web.Request) -> Mapping[str, Any]:
    return {key: request.query.getall(key) if key in LISTS else request.query[key] for key in request.query}


async def _body(request: web.Request) -> Mapping[str, Any]:
    try:
        body = json.loads(await request.read() or b"{}")
    except (ValueError, RecursionError) as error:
        raise UsageError("the body is no JSON") from error
    if not isinstance(body, dict):
        raise UsageError("the body is no JSON object")
    return body


def document(content: Mapping[str, Any]) -> web.Response:
    text = json.dumps(content, ensure_ascii=False).encode("utf-8", "backslashreplace")
    return web.Response(body=text, content_type="application/json")


async def nothing(request: web.Request) -> web.StreamResponse:
    """Answers what there is no route for."""
    return refused(404, f"there is nothing at {request.path[:80]}", "docs/openapi.yaml has what there is.")


def refusal(error: Exception) -> web.Response:
    """In one line."""
    if isinstance(error, TimeoutError):
        return refused(503, "it could not be found out in time who may do this", "")
    if isinstance(error, web.HTTPException):
        return refused(error.status, error.reason, "")
    if not isinstance(error, StraceletError):
        logger.error("a request of the trace API failed", exc_info=error)
        return refused(500, "a bug of the agent's; its log says which", "")
    status = (
        error.status if isinstance(error, Denied) else next((n for kind, n in STATUS if isinstance(error, kind)), 503)
    )
    return refused(status, str(error), error.help_text)


def refused(status: int, text: str, help_text: str) -> web.Response:
    body = json.dumps({"error": text, "help": help_text}).encode()
    return web.Response(status=status, body=body, content_type="application/json")

# SPDX-License-Identifier: Apache-2.0
"""What a request says of itself, over TCP and over a Unix socket; and how it is refused."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from stracelet.errors import LimitReached, SourceError, TargetNotFound
from stracelet.server.answers import claim_of, document, refusal
from stracelet.server.http import bind
from stracelet.server.listener import Listener, Route
from stracelet.server.unix import UnixSocket
from stracelet.traces.admission import Denied

HEADERS = {"Stracelet-Trace": "shop/t", "Authorization": "Bearer 00"}


async def said(request: web.Request) -> web.StreamResponse:
    try:
        claim = await claim_of(request)
    except Exception as error:  # noqa: BLE001 - as the API does
        return refusal(error)
    peer = [claim.peer.pid, claim.peer.uid] if claim.peer else None
    return document(
        {"who": [claim.trace, claim.authorization], "peer": peer, "wanted": claim.wanted, "begins": claim.begins}
    )


ROUTES = [
    Route("GET", "/v1/containers", said),
    Route("POST", "/v1/traces", said),
    Route("POST", "/v1/traces/{id}/ack", said),
]


@asynccontextmanager
async def over_unix(folder: Path) -> AsyncIterator[aiohttp.ClientSession]:
    made = UnixSocket.bind(str(folder / "agent.sock"), group=os.getegid())
    listener = Listener(routes=ROUTES, sockets=[made.socket], longest_body=1000)
    await listener.start()
    async with aiohttp.ClientSession(
        connector=aiohttp.UnixConnector(made.path), base_url="http://localhost"
    ) as session:
        yield session
    await listener.stop()
    made.close()


async def test_over_tcp_its_headers_say_all() -> None:
    listener = Listener(routes=ROUTES, sockets=bind("127.0.0.1:0"))
    await listener.start()
    async with aiohttp.ClientSession(base_url=f"http://127.0.0.1:{listener.port}", headers=HEADERS) as session:
        for method, path in (("GET", "/v1/containers?targets=x"), ("POST", "/v1/traces")):
            async with session.request(method, path, data="no JSON") as answer:
                found = await answer.json()
            assert found == {"who": ["shop/t", "Bearer 00"], "peer": None, "wanted": {}, "begins": False}
    await listener.stop()


async def test_over_a_unix_socket_its_sender_is_known_and_what_it_wants_is_read(tmp_path: Path) -> None:
    async with over_unix(tmp_path) as session:
        async with session.get("/v1/containers?targets=a&targets=b&selector=") as answer:
            assert await answer.json() == {
                "who": ["", ""],
                "peer": [os.getpid(), os.getuid()],
                "wanted": {"targets": ["a", "b"], "selector": ""},
                "begins": False,
            }
        async with session.post("/v1/traces", json={"targets": ["a"]}) as answer:
            found = await answer.json()
            assert (found["wanted"], found["begins"]) == ({"targets": ["a"]}, True)
        async with session.post("/v1/traces/1/ack", json={"position": 1}) as answer:
            found = await answer.json()
            assert (found["wanted"], found["begins"]) == ({}, False)


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[]", 400), (b"\xff", 400), (b"[" * 900, 400), (json.dumps(["x" * 2000]).encode(), 413)],
)
async def test_what_cannot_be_read_is_refused_in_a_line(tmp_path: Path, body: bytes, status: int) -> None:
    async with over_unix(tmp_path) as session, session.post("/v1/traces", data=body) as answer:
        assert answer.status == status
        assert set(await answer.json()) == {"error", "help"}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Denied(401, "no"), 401),
        (LimitReached("too many"), 429),
        (SourceError("away"), 503),
        (TargetNotFound("none"), 503),
        (TimeoutError(), 503),
        (web.HTTPRequestEntityTooLarge(1, 2), 413),
        (ValueError("a bug"), 500),
    ],
    ids=lambda each: type(each).__name__,
)
def test_an_error_has_its_status(error: Exception, status: int) -> None:
    assert refusal(error).status == status

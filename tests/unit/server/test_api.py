# SPDX-License-Identifier: Apache-2.0
"""However a trace's client goes, its end is done with and on record."""

from __future__ import annotations

import asyncio
import logging
import math
import socket
from pathlib import Path
from typing import Any, Self

import pytest

from stracelet.config import Config
from stracelet.native import SLOT_TRACED
from stracelet.server import api
from stracelet.traces.admission import Admission, Claim
from stracelet.traces.target import PodTarget
from tests.unit.traces.test_hub import World, container

ASK = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\n\r\n"
FULL = "x" * (8 << 20)
"""More than a socket and what is before it hold."""


class Gate:
    """Lets everybody in, and notes why it was over."""

    def __init__(self) -> None:
        self.over: asyncio.Queue[str] = asyncio.Queue()

    async def admit(self, _: Claim) -> Admission:
        return Admission("shop/t", "", "alice", PodTarget("shop"), (), math.inf, "all")

    async def withdrawn(self, _: Admission) -> None:
        return None

    def ended(self, _: Admission, reason: str) -> None:
        self.over.put_nowait(reason)


class Node:
    name = "n"

    def unready(self) -> str:
        return ""


class Served:
    """A trace that is being sent to a client that has read its first message."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self.world, self.gate = World(), Gate()
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(self._path)
        listening.listen()
        listening.setblocking(False)  # noqa: FBT003 - its only parameter
        node: Any = Node()
        sockets = [listening]
        self._api = api.TraceApi(hub=self.world.hub, gate=self.gate, node=node, settings=Config, sockets=sockets)
        self.client = socket.socket(socket.AF_UNIX)
        self.client.setblocking(False)  # noqa: FBT003 - its only parameter

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        await self._api.start()
        await loop.sock_connect(self.client, self._path)
        await loop.sock_sendall(self.client, ASK)
        got = b""
        while b'"started"' not in got:
            got += await loop.sock_recv(self.client, 4096)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.client.close()
        await self._api.stop()

    async def over(self) -> str:
        """Why; fails after 10 s."""
        async with asyncio.timeout(10):
            return await self.gate.over.get()


def ends(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [getattr(record, "outcome", "") for record in caplog.records if record.message == "trace ended"]


async def test_one_that_goes_as_it_is_sent_something(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "stracelet.audit")
    async with Served(tmp_path / "s") as served:
        served.world.decide(container("a"))
        served.world.session.put(1, "a", SLOT_TRACED, tracees=1)
        served.client.close()
        served.world.hub.tell_names()  # just before it is seen that the client has gone
        assert await served.over() == "client"
        assert not served.world.hub.running
    assert served.gate.over.empty()
    assert ends(caplog) == ["client"]


async def test_one_that_takes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, "stracelet.audit")
    monkeypatch.setattr(api, "ACKNOWLEDGE_SECONDS", 0.3)
    async with Served(tmp_path / "s") as served:
        next(iter(served.world.hub.running.values())).tell("failed", container("a"), FULL)
        assert await served.over() == "unacknowledged"
        assert not served.world.hub.running
    assert served.gate.over.empty()
    assert ends(caplog) == ["unacknowledged"]

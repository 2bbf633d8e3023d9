# SPDX-License-Identifier: Apache-2.0
"""The metrics for those alone who may read them, over real sockets."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from stracelet import config
from stracelet.containers import sources
from stracelet.errors import ConfigError, SourceError
from stracelet.server import access
from stracelet.server.http import MAX_SCRAPES
from stracelet.traces.admission import Denied
from tests.unit.server.test_http import Pages, get, serving

if TYPE_CHECKING:
    from pathlib import Path


class Gate:
    """Lets `Bearer good` in, and holds others back as long as it is told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self.news = asyncio.Semaphore(0)
        self.go = asyncio.Event()
        self.go.set()
        self.error: Exception | None = None

    async def admit(self, path: str, authorization: str, peer: str) -> None:
        self.asked.append((path, authorization, peer))
        self.news.release()
        if authorization == "Bearer good":
            return
        await self.go.wait()
        if self.error:
            raise self.error
        raise Denied(401, "no bearer token\nis given")


GOOD = {"Authorization": "Bearer good"}


async def test_who_is_not_admitted_is_told_so_in_a_line_and_sees_nothing() -> None:
    gate, pages = Gate(), Pages()
    async with serving(pages, readers=gate) as server:
        status, text, headers = await get(server, "/metrics")
        assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")
        assert text == "no bearer token\\x0ais given\n"
        gate.error = Denied(403, "alice may not get /metrics")
        assert (await get(server, "/metrics"))[:2] == (403, "alice may not get /metrics\n")
        assert (await get(server, "/metrics", method="HEAD"))[0] == 403
        gate.error = SourceError("User system:serviceaccount:stracelet:stracelet may not")
        status, text, headers = await get(server, "/metrics")
        assert (status, headers["Retry-After"]) == (503, "5")
        assert "serviceaccount" not in text
        assert text.count("\n") == 1
        assert pages.accepts == []
        assert (await get(server, "/metrics", headers=GOOD))[:2] == (200, "up 1\n")
    assert gate.asked[-1] == ("/metrics", "Bearer good", "127.0.0.1")


async def test_probes_are_open_to_all() -> None:
    gate = Gate()
    async with serving(Pages(), readers=gate) as server:
        for path in ("/healthz", "/readyz", "/"):
            assert (await get(server, path))[0] == 200
    assert gate.asked == []


async def test_those_who_are_asked_about_take_no_scrapers_place() -> None:
    gate = Gate()
    gate.go.clear()
    async with serving(Pages(), readers=gate) as server:
        waiting = [asyncio.create_task(get(server, "/metrics")) for _ in range(MAX_SCRAPES + 4)]
        async with asyncio.timeout(10):
            for _ in waiting:
                await gate.news.acquire()
            assert (await get(server, "/metrics", headers=GOOD))[0] == 200
        gate.go.set()
        assert {status for status, _, _ in await asyncio.gather(*waiting)} == {401}


def test_outside_of_a_cluster_there_is_nobody_to_ask(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = config.load("metrics: {auth: kubernetes}")
    with pytest.raises(ConfigError, match=r"metrics\.auth: kubernetes: there is no Kubernetes API"):
        access.check(settings)
    access.check(config.load("sources: {kubernetes: /etc/kubeconfig}\nmetrics: {auth: kubernetes}"))
    access.check(config.load(""))
    (tmp_path / "token").write_text("a.b.c")
    monkeypatch.setattr(sources, "ACCOUNT", tmp_path / "token")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    access.check(settings)
    access.check(config.load("sources: {kubernetes: off}\nmetrics: {auth: kubernetes}"))

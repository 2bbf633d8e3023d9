# SPDX-License-Identifier: Apache-2.0
"""Who may read the metrics by a token, and what it costs the API server that others try."""

from __future__ import annotations

import asyncio
import gc
import logging
import types
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from stracelet.cluster import readers as module
from stracelet.cluster.readers import Readers
from stracelet.errors import SourceError
from stracelet.traces.admission import Denied


class Reviews:
    """An API server's: who has which token, and who may read."""

    def __init__(self) -> None:
        self.users = {"token-of-prometheus": "prometheus", "token-of-alice": "alice"}
        self.may = {"prometheus"}
        self.asked = 0
        self.failure: SourceError | None = None
        self.go = asyncio.Event()
        self.go.set()

    async def user(self, token: str) -> Mapping[str, Any] | None:
        self.asked += 1
        await self.go.wait()
        if self.failure:
            raise self.failure
        name = self.users.get(token)
        return {"username": name, "groups": ["system:authenticated"]} if name else None

    async def may_get(self, user: Mapping[str, Any], path: str) -> bool:
        return path == "/metrics" and user["username"] in self.may


class Made:
    """Readers, and the clock that they see."""

    def __init__(self) -> None:
        self.now = 0.0
        self.reviews = Reviews()
        self.readers = Readers(self.reviews, ticks=lambda: self.now)

    async def status(self, token: str, *, peer: str = "10.0.0.1", path: str = "/metrics") -> int:
        try:
            await self.readers.admit(path, f"Bearer {token}", peer)
        except Denied as denied:
            return denied.status
        return 200

    def trying(self, token: str, **how: Any) -> asyncio.Task[int]:
        return asyncio.create_task(self.status(token, **how))


async def turns() -> None:
    """All that can go on has gone on."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_token_that_may_read_is_let_in_and_no_other() -> None:
    made = Made()
    assert await made.status("token-of-prometheus") == 200
    assert await made.status("token-of-prometheus", path="/other") == 403
    with pytest.raises(Denied, match="alice may not get /metrics") as refused:
        await made.readers.admit("/metrics", "bearer token-of-alice", "10.0.0.1")
    assert refused.value.status == 403
    assert await made.status("token-of-nobody") == 401


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer a b", "Bearer \x00", "Bearer ä"]
)
async def test_what_is_no_token_costs_nothing(authorization: str) -> None:
    made = Made()
    with pytest.raises(Denied) as refused:
        await made.readers.admit("/metrics", authorization, "10.0.0.1")
    assert (refused.value.status, made.reviews.asked) == (401, 0)


async def test_a_verdict_holds_for_ten_seconds() -> None:
    made = Made()
    for _ in range(50):
        assert await made.status("token-of-prometheus") == 200
        assert await made.status("token-of-alice") == 403
    assert made.reviews.asked == 2
    made.reviews.may = {"alice"}
    made.now = 9.9
    assert await made.status("token-of-prometheus") == 200
    made.now = 10.1
    assert await made.status("token-of-prometheus") == 403
    assert await made.status("token-of-alice") == 200


async def test_those_who_bring_the_same_token_at_once_cost_one_review() -> None:
    made = Made()
    made.reviews.go.clear()
    tried = [made.trying("token-of-prometheus") for _ in range(module.MOST_WAITING)]
    await turns()
    tried[0].cancel()  # whose client has hung up
    made.reviews.go.set()
    assert await asyncio.gather(*tried[1:]) == [200] * (module.MOST_WAITING - 1)
    assert made.reviews.asked == 1


async def test_a_flood_of_tokens_is_cut_and_keeps_no_reader_out(caplog: pytest.LogCaptureFixture) -> None:
    made = Made()
    assert await made.status("token-of-prometheus") == 200
    for i in range(1000):  # for a hundred seconds
        made.now += 0.1
        status = await made.status(f"flood-{i}", peer="10.0.0.66")
        assert status in (401, 503)
        assert await made.status("token-of-prometheus") == 200
    assert made.reviews.asked <= 100 * module.PEER_PER_SECOND + module.PEER_BURST + 11
    assert [record.message for record in caplog.records] == [
        "metrics.auth: more tokens are tried than are asked about, the last from 10.0.0.66"
    ] * 2, "once a minute"
    made.reviews.users["new"] = "prometheus"
    assert await made.status("new", peer="10.0.0.2") == 200, "another address has a budget of its own"


async def test_a_flood_from_everywhere_costs_the_server_little() -> None:
    made = Made()
    for i in range(5000):
        made.now += 0.01
        await made.status(f"flood-{i}", peer=f"10.0.{i // 250}.{i % 250}")
    assert made.reviews.asked <= 50 * module.STRANGERS_PER_SECOND + module.STRANGERS_BURST
    for table in (made.readers._known, made.readers._peers, made.readers._good, made.readers._under_way):
        assert len(table) <= 256


async def test_while_the_server_is_slow_strangers_leave_room_for_readers() -> None:
    made = Made()
    assert await made.status("token-of-prometheus") == 200
    made.now = 20
    made.reviews.go.clear()
    strangers = [made.trying(f"flood-{i}", peer=f"10.0.0.{i}") for i in range(50)]
    same = [made.trying("flood-0") for _ in range(50)]
    await turns()
    assert sum(not each.done() for each in (*strangers, *same)) <= module.MOST_WAITING
    reader = made.trying("token-of-prometheus")
    await turns()
    assert not reader.done()
    made.reviews.go.set()
    assert await reader == 200
    assert set(await asyncio.gather(*strangers, *same)) == {401, 503}


async def test_a_server_that_fails_lets_nobody_new_in_and_that_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    made = Made()
    assert await made.status("token-of-prometheus") == 200
    made.reviews.failure = SourceError("the Kubernetes API does not answer: refused")
    made.now = 5
    assert await made.status("token-of-prometheus") == 200
    made.now = 11
    with caplog.at_level(logging.WARNING):
        for token in ("token-of-prometheus", "token-of-alice"):
            with pytest.raises(SourceError):
                await made.status(token)
    assert [record.message for record in caplog.records] == [
        "metrics.auth: nobody new is let in: the Kubernetes API does not answer: refused"
    ]
    made.reviews.failure = None
    assert await made.status("token-of-prometheus") == 200, "a failure is no verdict"


async def test_a_server_that_never_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.05)
    made = Made()
    made.reviews.go.clear()
    with pytest.raises(SourceError, match="does not answer within"):
        await made.status("token-of-prometheus")
    await made.readers.close()


def texts(root: object) -> Iterator[str | bytes]:
    """All text that an object holds, however deep."""
    waiting, seen = [root], {id(root)}
    while waiting:
        each = waiting.pop()
        if isinstance(each, str | bytes):
            yield each
        keys = each if isinstance(each, dict) else ()  # which the collector leaves out where all are text
        for found in (*gc.get_referents(each), *keys):
            if id(found) not in seen and not isinstance(found, type | types.ModuleType | types.FunctionType | Reviews):
                seen.add(id(found))
                waiting.append(found)


async def test_no_token_is_kept() -> None:
    made = Made()
    for token in made.reviews.users:
        await made.status(token, peer="10.1.2.3")
    held = list(texts(made.readers))
    assert "10.1.2.3" in held, "what is kept is found"
    assert not [each for each in held for token in made.reviews.users if each in (token, token.encode())]
    assert not [each for each in held if isinstance(each, str) and "token-of" in each]
